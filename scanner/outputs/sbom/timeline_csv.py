"""One line a component, one column a release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.sbom._cells import written

__all__ = ["OUTPUT"]


def _rows(document: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["name", "identities", "ecosystem", *(one["version"] or one["source"] for one in document["documents"])]
    for row in document["rows"]:
        versions = [", ".join(version or "present" for version in one) for one in row["versions"]]
        yield [row["name"], " ".join(row["identities"]), row["ecosystem"], *versions]


def _render(document: Mapping[str, Any]) -> bytes:
    return written(_rows(document))


OUTPUT = Output("csv", "One line a component, one column a release.", ".csv", _render)
