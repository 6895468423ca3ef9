"""`assay target`: what an image contains and what of it is assessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import shared

if TYPE_CHECKING:
    from scanner.target.contents import Part
    from scanner.target.image import ImageTarget

app = typer.Typer(name="target", help="What an image contains.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """What an image contains."""


@app.command("show", epilog="Example: assay target show device.img")
def show(
    image: Annotated[str, typer.Argument(help="Disk image, archive or directory.")],
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    json: shared.JsonOption = False,
) -> None:
    """Container, partitions, file systems and slots as a tree; which one is assessed, and why.

    Ends 3 when no root of a system can be read.
    """
    from scanner.target.image import ImageTarget, NoRootError
    from scanner.target.unknown import UnknownTree

    try:
        opened = shared.open_target(image, slot=slot or None, platform=platform or None, keys=luks_key)
    except NoRootError as error:
        if json:
            shared.print_json({"schema": "assay/target/v1", "kind": ImageTarget.kind, **error.layout()})
        else:
            shared.echo("\n".join(_tree(error.contents, "")) + "\n")
        raise
    try:
        layout = opened.layout()
        if json:
            shared.print_json({"schema": "assay/target/v1", "kind": opened.kind, **layout})
        else:
            lines = _image(opened) if isinstance(opened, ImageTarget) else _plain(opened.kind, layout)
            shared.echo("\n".join(lines) + "\n")
        if isinstance(opened, ImageTarget) and type(opened.slot.tree) is UnknownTree:
            shared.say(f"assay: {layout['why']}")
            raise typer.Exit(3)
    finally:
        opened.close()


def _image(opened: ImageTarget) -> list[str]:
    from scanner.outputs.table import clean

    lines = [*_tree(opened.contents, ""), ""]
    for one in opened.slots:
        mark = "->" if one is opened.slot else "  "
        lines.append(clean(f"{mark} {one.name}  ({one.role}; on {one.part.name}): {one.why}"))
    mounts = opened.layout()["mounts"]
    assert isinstance(mounts, dict)
    if mounts:
        width = max(len(clean(place)) for place in mounts)
        lines.append("   mounted over it:")
        lines += [f"     {clean(place):<{width}}  {clean(what)}" for place, what in mounts.items()]
    return lines


def _plain(kind: str, layout: Mapping[str, object]) -> list[str]:
    from scanner.engine.conditions import show as words
    from scanner.outputs.table import clean

    said = {"tree": "a directory, assessed as the root of a system as it stands"}.get(kind, kind)
    return [said, *(f"  {key}: {clean(words(value))}" for key, value in layout.items() if value not in ([], {}))]


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
