"""`assay sbom`: bills of materials. Each verb is a module with `register`."""

from __future__ import annotations

import typer

from scanner.cli.sbom import diff, timeline

__all__ = ["app"]

app = typer.Typer(name="sbom", help="Compare bills of materials.", no_args_is_help=True, rich_markup_mode=None)

for module in (diff, timeline):
    module.register(app)
