"""The schemas of SBOM comparisons, matrices and timelines, from their model."""

from __future__ import annotations

from typing import Any

from scanner.schemas.forms import COUNT, TEXT, TEXTS, list_of, map_of, object_of
from scanner.supply_chain.comparing.matching import MATCHED_BY
from scanner.supply_chain.comparing.matrix import MATRIX_SCHEMA
from scanner.supply_chain.comparing.result import DIFF_SCHEMA, KINDS, LEVELS
from scanner.supply_chain.comparing.series import TIMELINE_SCHEMA
from scanner.supply_chain.inputs.origin import KINDS as ORIGINS
from scanner.supply_chain.inputs.origin import SIGNATURES

__all__ = ["origin", "sbom_diff", "sbom_matrix", "sbom_timeline"]

_LEVEL = {"enum": list(LEVELS)}
_KIND = {"enum": list(KINDS)}


_POLICY = object_of({"id": TEXT, "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}})
_COUNTS = object_of({"materiality": map_of(COUNT), "kinds": map_of(COUNT)})
_ACCOUNTED = object_of(
    dict.fromkeys(("unchanged", "changed", "removed", "added", "relations_of_added_or_removed"), COUNT)
)
_SUMMARY = {**TEXTS, "maxItems": 10}


def origin() -> dict[str, Any]:
    """Where the SBOM of one side came from."""
    texts = ("argument", "why", "image", "statement", "place", "rule", "says", "warning")
    other = object_of(
        {**dict.fromkeys(("statement", "state", "type", "place", "created", "problem"), TEXT), "components": COUNT}
    )
    return object_of(
        {
            **dict.fromkeys(texts, TEXT),
            "kind": {"enum": list(ORIGINS)},
            "signature": {"enum": list(SIGNATURES)},
            "signers": TEXTS,
            "others": list_of(other),
        }
    )


def _side() -> dict[str, Any]:
    dropped = object_of({"what": TEXT, "why": TEXT, "place": TEXT, "count": COUNT})
    return object_of(
        {
            **dict.fromkeys(("source", "format", "spec", "sha256", "name", "version", "created"), TEXT),
            **dict.fromkeys(("components", "relations", "statements"), COUNT),
            "quality": map_of({"type": "integer", "minimum": 0, "maximum": 1000}),
            "dropped": list_of(dropped),
        }
    )


def sbom_diff() -> dict[str, Any]:
    """`assay sbom diff --json`; `origins` stands in what the command writes."""
    side = _side()
    place = object_of({"ref": TEXT, "place": TEXT})
    change = object_of(
        {
            "kind": _KIND,
            **dict.fromkeys(("identity", "name", "before", "after", "reason", "rule"), TEXT),
            "facts": map_of(TEXT),
            "old": place,
            "new": place,
            "matched_by": {"enum": ["", *MATCHED_BY]},
            "via": TEXTS,
            "materiality": _LEVEL,
        }
    )
    suggestion = object_of(
        {
            "kind": {"enum": ["rename", "variant", "split", "merge"]},
            "old": TEXTS,
            "new": TEXTS,
            "score": {"type": "integer", "minimum": 0, "maximum": 100},
            "reasons": TEXTS,
        }
    )
    return object_of(
        {
            "schema": {"const": DIFF_SCHEMA},
            "old": side,
            "new": side,
            "summary": _SUMMARY,
            "worst": _LEVEL,
            "counts": _COUNTS,
            "accounted": _ACCOUNTED,
            "notes": TEXTS,
            "incomplete": TEXTS,
            "policy": _POLICY,
            "changes": list_of(change),
            "suggestions": list_of(suggestion),
        },
        {"origins": object_of({"old": origin(), "new": origin()})},
    )


def sbom_matrix() -> dict[str, Any]:
    """`assay sbom matrix --json`; `origins` (the base first) stands in what the command writes."""
    cell = {"anyOf": [{"type": "null"}, object_of({"materiality": _LEVEL, "changes": COUNT})]}
    row = object_of(
        {
            "kind": _KIND,
            **dict.fromkeys(("identity", "name", "before", "after", "reason"), TEXT),
            "materiality": _LEVEL,
            "variants": COUNT,
            "cells": list_of(cell),
        }
    )
    variant = object_of(
        {
            "side": _side(),
            "summary": _SUMMARY,
            "worst": _LEVEL,
            "counts": _COUNTS,
            "accounted": _ACCOUNTED,
            "notes": TEXTS,
            "incomplete": TEXTS,
            "own": COUNT,
        }
    )
    counts = object_of({**dict.fromkeys(("changes", "in_all", "in_one"), COUNT), "materiality": map_of(COUNT)})
    return object_of(
        {
            "schema": {"const": MATRIX_SCHEMA},
            "base": _side(),
            "variants": list_of(variant),
            "worst": _LEVEL,
            "counts": counts,
            "incomplete": TEXTS,
            "policy": _POLICY,
            "rows": list_of(row),
        },
        {"origins": list_of(origin())},
    )


def sbom_timeline() -> dict[str, Any]:
    """`assay sbom timeline --json`."""
    row = object_of(
        {
            "identities": TEXTS,
            "name": TEXT,
            "ecosystem": TEXT,
            "versions": list_of(TEXTS),
            "steady": {"type": "boolean"},
        }
    )
    counts = object_of(dict.fromkeys(("present", "came", "went", "changed"), COUNT))
    document = object_of(dict.fromkeys(("source", "sha256", "name", "version", "created"), TEXT))
    return object_of(
        {
            "schema": {"const": TIMELINE_SCHEMA},
            "documents": list_of(document),
            "counts": list_of(counts),
            "rows": list_of(row),
        }
    )
