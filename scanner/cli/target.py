"""`assay target`: what an image contains and what of it is assessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import shared

if TYPE_CHECKING:
    from scanner.target.contents import Part

app = typer.Typer(name="target", help="What an image contains.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """What an image contains."""


@app.command("show", epilog="Example: assay target show device.img")
def show(
    image: Annotated[Path, typer.Argument(help="Disk or file system image.")],
    slot: Annotated[str, typer.Option("--slot", help="Of several systems in the image, the one to assess.")] = "",
    json: shared.JsonOption = False,
) -> None:
    """Container, partitions, file systems and slots as a tree; which one is assessed, and why."""
    from scanner.model.canonical import canonical
    from scanner.target.image import ImageTarget

    opened = ImageTarget(image, slot=slot or None)
    try:
        layout = opened.layout()
        if json:
            shared.echo(canonical({"schema": "assay/target/v1", "kind": opened.kind, **layout}).decode() + "\n")
            return
        lines = list(_tree(opened.contents, ""))
        lines.append("")
        for one in opened.slots:
            mark = "->" if one is opened.slot else "  "
            lines.append(f"{mark} {one.name}  ({one.role}; on {one.part.name}): {one.why}")
        if opened.mounts:
            lines.append(f"   over it: {', '.join(sorted(opened.mounts))}")
        shared.echo("\n".join(lines) + "\n")
    finally:
        opened.close()


def _tree(part: Part, lead: str) -> Iterator[str]:
    from scanner.outputs.table import clean

    words = [part.kind]
    if part.type:
        words.append(f"type {part.type}")
    if part.label:
        words.append(f"“{clean(part.label)}”")
    words.append(_size(part.device.size))
    if part.state != "read":
        words.append(part.state.upper())
    yield f"{lead}{part.name}  {'  '.join(words)}"
    for note in part.notes:
        yield f"{lead}    {clean(note)}"
    for child in part.children:
        yield from _tree(child, lead + "  ")


def _size(size: int) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size} {unit}"
        size //= 1024
    return f"{size} B"
