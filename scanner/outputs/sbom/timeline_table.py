"""Components through a line of releases, as text: those that came, went or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.table import clean

__all__ = ["OUTPUT", "text"]

_WIDEST = 24
SHOWN = 60
"""Rows on a terminal."""


def text(document: Mapping[str, Any], shown: int | None = None) -> str:
    """The rows that are not the same in every release; `shown` of them, None = all."""
    return "\n".join(line.rstrip() for line in _lines(document, shown)) + "\n"


def _lines(document: Mapping[str, Any], shown: int | None) -> Iterator[str]:
    for number, (release, counts) in enumerate(zip(document["documents"], document["counts"], strict=True), 1):
        name = clean(" ".join(part for part in (release["name"] or release["source"], release["version"]) if part))
        yield (
            f"{number}  {name}: {counts['present']} components, {counts['came']} came, {counts['went']} went, "
            f"{counts['changed']} changed version"
        )
    moving = [row for row in document["rows"] if not row["steady"]]
    yield ""
    yield f"{len(document['rows']) - len(moving)} components are the same in every release; {len(moving)} are not:"
    width = max([len(clean(row["identities"][0])) for row in moving[:shown]], default=0)
    for row in moving[:shown]:
        cells = "  ".join(f"{_cell(versions):<{_WIDEST}}" for versions in row["versions"])
        yield f"  {clean(row['identities'][0]):<{min(width, 60)}}  {cells}"
    if shown is not None and len(moving) > shown:
        yield f"  and {len(moving) - shown} more: -o table=PATH lists them"


def _cell(versions: list[str]) -> str:
    shown = ", ".join(clean(version) or "present" for version in versions) if versions else "–"
    return shown if len(shown) <= _WIDEST else shown[: _WIDEST - 1] + "…"


def _render(document: Mapping[str, Any]) -> bytes:
    return text(document).encode("utf-8")


OUTPUT = Output("table", "Plain text with every component that is not the same throughout.", ".txt", _render)
