"""`assay sbom make`: the bill of materials of a device or image."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import shared
from scanner.model.errors import AssayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scanner.supply_chain.model import Bom

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("make", epilog="Example: assay sbom make disk.raw -o cyclonedx=sbom.cdx.json -o spdx=sbom.spdx.json")(
        make
    )


def make(
    target: Annotated[
        str | None, typer.Argument(help="Directory, disk image or archive; nothing = this machine.")
    ] = None,
    out: shared.OutputOption = None,
    files: Annotated[bool, typer.Option("--files", help="List every file of every package, with its digests.")] = False,
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    clock: Annotated[
        str,
        typer.Option(
            "--clock",
            metavar="INSTANT",
            help="Time to state (2026-01-31T00:00:00Z); with it the same target gives the same bytes.",
        ),
    ] = "",
    author: Annotated[
        str,
        typer.Option("--author", metavar="NAME", help="Organisation that makes the document: NAME, or 'NAME <mail>'."),
    ] = "",
    supplier: Annotated[
        str,
        typer.Option(
            "--supplier", metavar="NAME", help="Organisation that supplies the system: NAME, or 'NAME <mail>'."
        ),
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the document as CycloneDX.")] = False,
    quiet: shared.QuietOption = False,
) -> None:
    """List everything installed on a target. FORMATs: cyclonedx (1.6 JSON), spdx (2.3 JSON)."""
    from scanner.supply_chain.making.documents import make as make_bom
    from scanner.supply_chain.making.parties import Parties, party

    parties = Parties(party(author), party(supplier))
    requests = _requests([*(out or ()), *(["cyclonedx=-"] if json else [])])
    created = shared.now(clock)
    opened = shared.open_target(target, slot=slot or None, platform=platform or None, keys=luks_key)
    try:
        shared.say_slot(opened, quiet=quiet)
        progress = shared.Progress(quiet)
        bom = make_bom(opened, created, files=files, parties=parties, progress=progress)
        progress.done()
    finally:
        opened.close()
    _write(bom, requests)
    if not quiet and not any(path == "-" for _, path in requests):
        shared.echo(_summary(bom))
    for one in bom.dropped:
        shared.say(f"assay: incomplete: {one.what}: {one.why}" + (f": {one.place}" if one.place else ""))
    if bom.dropped:
        raise typer.Exit(3)


def _requests(wanted: Sequence[str]) -> list[tuple[str, str]]:
    from scanner.outputs.base import parse_request

    found = [parse_request(one) for one in wanted]
    for name, _ in found:
        if name not in ("cyclonedx", "spdx"):
            raise UsageError(f"there is no output format {name!r} for this", hint="known: cyclonedx, spdx")
    return found


def _write(bom: Bom, requests: Sequence[tuple[str, str]]) -> None:
    from scanner import files
    from scanner.supply_chain.making.cyclonedx_writer import to_cyclonedx
    from scanner.supply_chain.making.spdx_writer import to_spdx

    writers: dict[str, Callable[[Bom], bytes]] = {"cyclonedx": to_cyclonedx, "spdx": to_spdx}
    problems: list[AssayError] = []
    for name, path in requests:
        try:
            files.write_output(path, writers[name](bom))
        except AssayError as error:  # the other documents are still written
            problems.append(error)
    if problems:
        raise problems[0]


def _summary(bom: Bom) -> str:
    """How many components of each kind there are."""
    from scanner.outputs.table import clean
    from scanner.supply_chain.identity import ecosystem

    kinds = Counter(ecosystem(one) or one.type for one in bom.components if one.ref != bom.subject)
    loose = sum(one.properties.get("assay:claimed-by") == "nothing" for one in bom.components)
    words = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "none"
    lines = [f"{clean(bom.name) or 'unnamed system'}: {sum(kinds.values())} components ({words})"]
    if loose:
        lines.append(f"{loose} programs, libraries, modules or units belong to no package; they are listed as files")
    if not bom.authors:
        lines.append("nobody is named as author of the document: --author 'NAME <mail>' names somebody")
    return "\n".join(lines) + "\n"
