"""`assay report`: every other format, later, from the assessment."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("report", epilog="Example: assay report assessment.json -o html=report.html -o pdf=report.pdf")(report)


def report(
    assessment: Annotated[str, typer.Argument(help="Assessment file; - is standard input.")],
    out: shared.OutputOption = None,
    show: shared.ShowOption = "failures",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
    texts: Annotated[
        str, typer.Option("--texts", metavar="DIR", help="Official texts that `assay controls import` wrote.")
    ] = "",
) -> None:
    """Render an assessment; without -o, print the summary."""
    document = shared.read_assessment(assessment)
    taken = shared.write_outputs(out, document, texts)
    if json and not taken:
        shared.print_json(document)
    elif not out and not quiet and not taken:
        shared.print_text(document, show)
