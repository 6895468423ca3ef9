"""The comparison on a terminal: the summary first, then changes by weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.table import Style, clean, wrapped
from scanner.supply_chain.comparing.result import KINDS, LEVELS

__all__ = ["OUTPUT", "text"]

SHOWN = 20
"""Changes of one weight that are listed on a terminal."""

_COLOURS = {"critical": "1;31", "high": "31", "medium": "33", "low": "36", "none": ""}


def text(document: Mapping[str, Any], style: Style | None = None, shown: int | None = None) -> str:
    """The comparison as text. `shown`: changes listed of each weight, and those of no weight left out; None = all."""
    style = style or Style()
    lines = [*_head(document, style)]
    for level in LEVELS if shown is None else LEVELS[:-1]:
        some = [change for change in document["changes"] if change["materiality"] == level]
        if some:
            lines += _group(level, some, style, shown)
    quiet = document["counts"]["materiality"]["none"]
    if quiet and shown is not None:
        lines += [f"{quiet} changes of no weight: -o table=PATH or -o json=PATH lists them.", ""]
    lines += _suggestions(document["suggestions"], shown)
    lines += _notes(list(dict.fromkeys([*document["notes"], *document["incomplete"]])), style, shown)
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def _head(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    for number, line in enumerate(document["summary"]):
        parts = wrapped(line, style.width, then="  ")
        yield from (style.paint(part, "1") if not number else part for part in parts)
    yield ""
    origins = document.get("origins") or {}
    for side in origins.values():
        if side["warning"]:
            yield style.paint(f"! {clean(side['argument'])}: {clean(side['warning'])}", "1;33")
    for name, side in origins.items():
        if side["kind"] != "document":
            yield f"{name}: {clean(side['argument'])}: {clean(side['says'])}"
        if side["others"]:
            yield f"  {len(side['others'])} more are attached; this one: {clean(side['rule'])}"
            yield from (
                clean(f"    {one['statement']}: {one['type']}, {one['components']} components, {one['created']}")
                for one in side["others"]
            )
    if any(side["kind"] != "document" for side in origins.values()):
        yield ""


def _group(level: str, changes: Sequence[Mapping[str, Any]], style: Style, shown: int | None) -> Iterator[str]:
    yield style.paint(f"{level.upper()}: {len(changes)}", _COLOURS[level] or "1")
    for change in changes[:shown]:
        yield f"  {clean(change['name'] or change['identity'])}  {_move(change)}"
        yield f"      {KINDS[change['kind']]}: {clean(change['reason'])}"
        if change["via"]:
            yield f"      comes with {clean(' > '.join(change['via']))}"
    if shown is not None and len(changes) > shown:
        yield f"  and {len(changes) - shown} more: -o table=PATH or -o json=PATH lists them"
    yield ""


def _move(change: Mapping[str, Any]) -> str:
    before, after = (_cut(clean(change[side])) for side in ("before", "after"))
    return f"{before or '–'} → {after or '–'}"


def _cut(value: str) -> str:
    return value if len(value) <= 90 else value[:89] + "…"


def _suggestions(given: Sequence[Mapping[str, Any]], shown: int | None) -> Iterator[str]:
    if not given:
        return
    yield "Perhaps the same under another name (not asserted; each is listed as removed and added):"
    for one in given[:shown]:
        old, new = (clean(", ".join(one[side])) for side in ("old", "new"))
        yield f"  {one['kind']}, {one['score']} of 100: {old} → {new} ({clean('; '.join(one['reasons']))})"
    if shown is not None and len(given) > shown:
        yield f"  and {len(given) - shown} more"
    yield ""


def _notes(notes: Sequence[str], style: Style, shown: int | None) -> Iterator[str]:
    if not notes:
        return
    yield style.paint("Not compared, or left out in reading:", "1;33")
    for note in notes[:shown]:
        yield f"  {clean(note)}"
    if shown is not None and len(notes) > shown:
        yield f"  and {len(notes) - shown} more"


def _render(document: Mapping[str, Any]) -> bytes:
    return text(document).encode("utf-8")


OUTPUT = Output("table", "Plain text with every change.", ".txt", _render)
