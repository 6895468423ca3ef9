"""`assay sbom diff`: what changed between two bills of materials, and what of it matters."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import shared
from scanner.cli.sbom import opening
from scanner.model.errors import UsageError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("diff", epilog="Example: assay sbom diff 1.0.cdx.json 1.1.cdx.json -o html=diff.html --fail-on high")(
        diff
    )


def _level(value: str) -> str:
    if value:
        from scanner.supply_chain.comparing.result import LEVELS

        if value not in LEVELS[:-1]:
            raise UsageError(f"--fail-on is one of {', '.join(LEVELS[:-1])}, not {value!r}")
    return value


def _day(value: str) -> str:
    if value and not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        raise UsageError(f"--as-of wants a day as 2026-01-31, not {value!r}")
    return value


def diff(
    old: Annotated[str, typer.Argument(help="SBOM of the release before; - is standard input.")],
    new: Annotated[str, typer.Argument(help="SBOM of the new release.")],
    out: shared.OutputOption = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Rules of materiality in place of the shipped ones.")
    ] = None,
    vex: Annotated[
        list[str] | None,
        typer.Option("--vex", help="VEX document for the new release (OpenVEX, CSAF, CycloneDX); repeatable."),
    ] = None,
    vex_old: Annotated[
        list[str] | None, typer.Option("--vex-old", help="VEX document for the release before; repeatable.")
    ] = None,
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of", metavar="DAY", callback=_day, help="Day for which support is judged; else that of the document."
        ),
    ] = "",
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on", metavar="LEVEL", callback=_level, help="End 1 on a change of this materiality or above."
        ),
    ] = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Compare two SBOMs: summary for buyers first, then every change by how much it matters."""
    from scanner import files
    from scanner.supply_chain.comparing.compare import compare
    from scanner.supply_chain.comparing.materiality import load_policy, shipped_policy
    from scanner.supply_chain.comparing.result import LEVELS

    rules = load_policy(files.read_bytes(policy), str(policy)) if policy else shipped_policy()
    before, after = opening.open_boms((old, new))
    found = compare(
        before, after, rules, vex_old=opening.open_vex_files(vex_old), vex=opening.open_vex_files(vex), as_of=as_of
    )
    document = found.to_json()
    taken = opening.write_outputs("diff", out, document)
    if json and not taken:
        shared.print_json(document)
    elif not quiet and not taken:
        from scanner.outputs.sbom.diff_table import SHOWN, text
        from scanner.outputs.table import Style

        terminal = bool(sys.stdout and sys.stdout.isatty())
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        shared.echo(text(document, Style(colour, shutil.get_terminal_size((100, 24)).columns), SHOWN))
    for reason in found.incomplete:
        shared.say(f"assay: incomplete: {reason}")
    if fail_on and LEVELS.index(found.worst) <= LEVELS.index(fail_on):
        raise typer.Exit(1)
    if found.incomplete:
        raise typer.Exit(3)
