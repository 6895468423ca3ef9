"""`assay sbom timeline`: components through a line of releases."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared
from scanner.cli.sbom import opening

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("timeline", epilog="Example: assay sbom timeline 1.0.json 1.1.json 1.2.json -o csv=timeline.csv")(
        timeline
    )


def timeline(
    documents: Annotated[list[str], typer.Argument(metavar="SBOM...", help="SBOMs of the releases, the oldest first.")],
    out: shared.OutputOption = None,
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Show which component is in which release, and in which versions."""
    from scanner.supply_chain.comparing import series

    boms = opening.open_boms(documents)
    document = series.timeline(boms).to_json()
    taken = opening.write_outputs("timeline", out, document)
    if json and not taken:
        shared.print_json(document)
    elif not quiet and not taken:
        from scanner.outputs.sbom.timeline_table import SHOWN, text

        shared.echo(text(document, SHOWN))
