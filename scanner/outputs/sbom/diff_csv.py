"""One line a change, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.sbom._cells import written

__all__ = ["OUTPUT"]

_COLUMNS = ("materiality", "kind", "name", "identity", "before", "after", "reason", "rule", "matched_by")
_FACTS = ("ecosystem", "type", "reach", "scope", "license_class_before", "license_class", "severity")


def _rows(document: Mapping[str, Any]) -> Iterator[list[str]]:
    yield [*_COLUMNS, *_FACTS, "old_ref", "new_ref", "old_place", "new_place"]
    for change in document["changes"]:
        yield [
            *(change[name] for name in _COLUMNS),
            *(change["facts"].get(name, "") for name in _FACTS),
            change["old"]["ref"],
            change["new"]["ref"],
            change["old"]["place"],
            change["new"]["place"],
        ]


def _render(document: Mapping[str, Any]) -> bytes:
    return written(_rows(document))


OUTPUT = Output("csv", "One line a change, for spreadsheets.", ".csv", _render)
