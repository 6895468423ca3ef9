"""One line a change, one column a release, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.sbom._cells import written

__all__ = ["OUTPUT"]

_COLUMNS = ("materiality", "kind", "name", "identity", "before", "after", "reason")


def _rows(document: Mapping[str, Any]) -> Iterator[list[str]]:
    yield [*_COLUMNS, "variants", *(one["side"]["source"] for one in document["variants"])]
    for row in document["rows"]:
        cells = (cell["materiality"] if cell else "" for cell in row["cells"])
        yield [*(row[name] for name in _COLUMNS), str(row["variants"]), *cells]


def _render(document: Mapping[str, Any]) -> bytes:
    return written(_rows(document))


OUTPUT = Output("csv", "One line a change, one column a release.", ".csv", _render)
