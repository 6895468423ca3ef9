"""The matrix on a terminal: the variants, then a line a change with a letter for each variant that has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.table import Style, clean
from scanner.supply_chain.comparing.result import KINDS, LEVELS

__all__ = ["OUTPUT", "SHOWN", "text"]

SHOWN = 60
"""Changes on a terminal."""

_COLOURS = {"critical": "1;31", "high": "31", "medium": "33", "low": "36", "none": ""}
_LETTERS = {"critical": "C", "high": "H", "medium": "M", "low": "L", "none": "·"}
_WIDEST = 60


def text(document: Mapping[str, Any], style: Style | None = None, shown: int | None = None) -> str:
    """The matrix as text; of the changes `shown`, and those of no weight left out; None = all."""
    return "\n".join(line.rstrip() for line in _lines(document, style or Style(), shown)) + "\n"


def _lines(document: Mapping[str, Any], style: Style, shown: int | None) -> Iterator[str]:
    counts = document["counts"]
    yield style.paint(
        f"{len(document['variants'])} releases compared with {_title(document['base'])}: {counts['changes']} different "
        f"changes, {counts['in_all']} of them in all, {counts['in_one']} in only one.",
        "1",
    )
    for warning in _warnings(document):
        yield style.paint(f"! {clean(warning)}", "1;33")
    yield ""
    for number, one in enumerate(document["variants"], 1):
        levels = one["counts"]["materiality"]
        said = ", ".join(f"{levels[level]} {level}" for level in LEVELS[:-1] if levels[level]) or "nothing of weight"
        yield f"{number:>3}  {_title(one['side'])} ({clean(one['side']['source'])}): {said}; {one['own']} nowhere else"
    yield ""
    rows = [row for row in document["rows"] if shown is None or row["materiality"] != "none"]
    if rows:
        numbers = " ".join(f"{number:>2}" for number in range(1, len(document["variants"]) + 1))
        yield f"{numbers}  (C critical, H high, M medium, L low, · of no weight, – not there)"
    for row in rows[:shown]:
        cells = " ".join(f" {_letter(cell, style)}" for cell in row["cells"])
        yield f"{cells}  {_cut(row['name'] or row['identity'])}  {_move(row)}  {KINDS[row['kind']]}"
    if shown is not None and len(rows) > shown:
        yield f"and {len(rows) - shown} more: -o table=PATH or -o json=PATH lists them"
    for reason in document["incomplete"]:
        yield style.paint(f"incomplete: {clean(reason)}", "1;33")


def _letter(cell: Mapping[str, Any] | None, style: Style) -> str:
    return style.paint(_LETTERS[cell["materiality"]], _COLOURS[cell["materiality"]]) if cell else "–"


def _title(side: Mapping[str, Any]) -> str:
    return clean(" ".join(part for part in (side["name"] or side["source"], side["version"]) if part))


def _move(row: Mapping[str, Any]) -> str:
    return f"{_cut(row['before']) or '–'} → {_cut(row['after']) or '–'}"


def _cut(value: str) -> str:
    shown = clean(value)
    return shown if len(shown) <= _WIDEST else shown[: _WIDEST - 1] + "…"


def _warnings(document: Mapping[str, Any]) -> Iterator[str]:
    for one in document.get("origins") or ():
        if one["warning"]:
            yield f"{one['argument']}: {one['warning']}"


def _render(document: Mapping[str, Any]) -> bytes:
    return text(document).encode("utf-8")


OUTPUT = Output("table", "Plain text with every change and who has it.", ".txt", _render)
