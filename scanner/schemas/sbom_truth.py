"""The schema of truth checks, from their model."""

from __future__ import annotations

from typing import Any

from scanner.schemas.forms import COUNT, TEXT, TEXTS, list_of, map_of, object_of
from scanner.supply_chain.truth.result import KINDS, TRUTH_SCHEMA

__all__ = ["sbom_truth"]

_NULL_TEXT = {"type": ["string", "null"]}


def sbom_truth() -> dict[str, Any]:
    """`assay sbom verify --json`."""
    kind = {"enum": list(KINDS)}
    difference = object_of(
        {
            "kind": kind,
            **dict.fromkeys(("ecosystem", "name", "says", "listed", "found", "ref", "place", "source"), TEXT),
        }
    )
    return object_of(
        {
            "schema": {"const": TRUTH_SCHEMA},
            "verdict": {"enum": ["true", "unknown", "untrue"]},
            "document": object_of(dict.fromkeys(("source", "format", "spec", "sha256", "name", "created"), TEXT)),
            "target": object_of({"kind": TEXT, "digest": _NULL_TEXT, "name": _NULL_TEXT}),
            "counts": object_of(
                dict.fromkeys(("listed", "listed_found", "installed", "installed_listed", "strays"), COUNT)
            ),
            "kinds": map_of(COUNT),
            "differences": list_of(difference),
            "unknown": list_of(object_of({"what": TEXT, "why": TEXT, "count": COUNT, "examples": TEXTS})),
            "notes": TEXTS,
        }
    )
