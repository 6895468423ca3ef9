"""`assay sbom verify`: does a bill of materials describe this device or image?"""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared
from scanner.cli.sbom import opening

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "verify",
        epilog="Exit codes: 0 true, 3 nothing is wrong but not all can be known, 4 untrue. "
        "Example: assay sbom verify vendor.cdx.json disk.raw -o json=truth.json",
    )(verify)


def verify(
    document: Annotated[str, typer.Argument(metavar="SBOM", help="The bill of materials; - is standard input.")],
    target: Annotated[
        str | None, typer.Argument(help="Directory, disk image or archive; nothing = this machine.")
    ] = None,
    out: shared.OutputOption = None,
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Hold an SBOM against a target: what it omits, what is not there, what differs. FORMATs: table, json."""
    from scanner.supply_chain import truth

    bom = opening.open_boms([document])[0]
    opened = shared.open_target(target, slot=slot or None, platform=platform or None, keys=luks_key)
    try:
        shared.say_slot(opened, quiet=quiet)
        progress = shared.Progress(quiet)
        found = truth.verify(bom, opened, progress)
        progress.done()
    finally:
        opened.close()
    result = found.to_json()
    taken = opening.write_outputs("truth", out, result)
    if json and not taken:
        shared.print_json(result)
    elif not quiet and not taken:
        from scanner.outputs.sbom.truth_table import SHOWN, text

        shared.echo(text(result, shared.terminal_style(), SHOWN))
    if found.differences:
        raise typer.Exit(4)
    if found.unknown:
        raise typer.Exit(3)
