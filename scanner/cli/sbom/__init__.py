"""`assay sbom`: bills of materials. Each verb is a module with `register`."""

from __future__ import annotations

import typer

from scanner.cli.sbom import check, diff, make, matrix, timeline, verify

__all__ = ["app"]

app = typer.Typer(
    name="sbom", help="Make, check, compare and verify bills of materials.", no_args_is_help=True, rich_markup_mode=None
)

for module in (make, check, diff, matrix, timeline, verify):
    module.register(app)
