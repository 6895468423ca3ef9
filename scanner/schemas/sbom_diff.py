"""The schemas of SBOM comparisons and timelines, from their model."""

from __future__ import annotations

from typing import Any

from scanner.schemas.forms import COUNT, TEXT, TEXTS, list_of, map_of, object_of
from scanner.supply_chain.comparing.matching import MATCHED_BY
from scanner.supply_chain.comparing.result import DIFF_SCHEMA, KINDS, LEVELS
from scanner.supply_chain.comparing.series import TIMELINE_SCHEMA

__all__ = ["sbom_diff", "sbom_timeline"]

_LEVEL = {"enum": list(LEVELS)}
_KIND = {"enum": list(KINDS)}


def sbom_diff() -> dict[str, Any]:
    """`assay sbom diff --json`."""
    dropped = object_of({"what": TEXT, "why": TEXT, "place": TEXT, "count": COUNT})
    side = object_of(
        {
            **dict.fromkeys(("source", "format", "spec", "sha256", "name", "version", "created"), TEXT),
            **dict.fromkeys(("components", "relations", "statements"), COUNT),
            "quality": map_of({"type": "integer", "minimum": 0, "maximum": 1000}),
            "dropped": list_of(dropped),
        }
    )
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
    accounted = dict.fromkeys(("unchanged", "changed", "removed", "added", "relations_of_added_or_removed"), COUNT)
    return object_of(
        {
            "schema": {"const": DIFF_SCHEMA},
            "old": side,
            "new": side,
            "summary": {**TEXTS, "maxItems": 10},
            "worst": _LEVEL,
            "counts": object_of({"materiality": map_of(COUNT), "kinds": map_of(COUNT)}),
            "accounted": object_of(dict(accounted)),
            "notes": TEXTS,
            "incomplete": TEXTS,
            "policy": object_of({"id": TEXT, "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}}),
            "changes": list_of(change),
            "suggestions": list_of(suggestion),
        }
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
