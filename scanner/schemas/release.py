"""The schema of what `assay release --json` says, from its parts."""

from __future__ import annotations

from typing import Any

from scanner.schemas.forms import TEXTS, object_of
from scanner.schemas.sbom_diff import origin, sbom_diff
from scanner.schemas.verification import verification
from scanner.supply_chain.signing.result import RELEASE_SCHEMA

__all__ = ["release"]


def release() -> dict[str, Any]:
    """`assay release --json`."""
    none = {"type": "null"}
    side = object_of({"image": verification(), "sbom": verification(), "origin": {"anyOf": [none, origin()]}})
    return object_of(
        {
            "schema": {"const": RELEASE_SCHEMA},
            "links": TEXTS,
            "ok": {"type": "boolean"},
            "old": side,
            "new": side,
            "diff": {"anyOf": [none, sbom_diff()]},
        }
    )
