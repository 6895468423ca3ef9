"""What holds for every OSCAL document of ours: the reader's own models take it, and its references lead somewhere."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["check", "props", "ref", "values"]


def check(model: Any, data: bytes, folder: Path) -> dict[str, Any]:
    """Read by a compliance-trestle model; every UUID is one of version 5 and used once, every reference known."""
    file = folder / "oscal.json"
    file.write_bytes(data)
    model.oscal_read(file)
    (document,) = json.loads(data).values()
    own = [value for key, value in values(document) if key == "uuid"]
    assert len(set(own)) == len(own)
    assert {uuid.UUID(one).version for one in own} == {5}
    for key, value in values(document):
        if key.endswith("-uuid"):
            assert value in own, key
        if key in ("href", "source") and value.startswith("#"):
            assert value[1:] in own, key
    found: dict[str, Any] = document
    return found


def values(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a document with the member it stands in."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for one in value:
            yield from values(one, key)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from values(one, name)


def props(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The properties of a name, all of them in our namespace."""
    found = [one for one in holder.get("props", []) if one["name"] == name]
    assert all(one.get("ns") == "urn:assay:oscal" for one in found)
    return found


def ref(holder: dict[str, Any], name: str) -> str:
    """The one value of a property."""
    (one,) = props(holder, name)
    value: str = one["value"]
    return value
