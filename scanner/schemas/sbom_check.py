"""The schema of what `assay sbom check --json` says, from its model."""

from __future__ import annotations

from typing import Any

from scanner.schemas.forms import COUNT, TEXT, list_of, object_of
from scanner.supply_chain.checking.result import CHECK_SCHEMA

__all__ = ["sbom_check"]

_STATES = {"enum": ["met", "unknown_stated", "missing", "partly", "not_checked"]}
_GOOD = {"type": ["boolean", "null"]}


def sbom_check() -> dict[str, Any]:
    """`assay sbom check --json`."""
    validity = object_of(
        {
            "state": {"enum": ["valid", "invalid", "not_checked"]},
            "schema": TEXT,
            "reason": TEXT,
            "problems": list_of(object_of({"place": TEXT, "message": TEXT})),
            "count": COUNT,
            "more": {"type": "boolean"},
        }
    )
    field = object_of(
        {
            **dict.fromkeys(("id", "title", "reason"), TEXT),
            "scope": {"enum": ["document", "component"]},
            "level": {"enum": ["required", "if_it_exists", "beside"]},
            "state": _STATES,
            **dict.fromkeys(("present", "total", "unknown"), COUNT),
            "percent": {"type": "integer", "minimum": 0, "maximum": 100},
            "examples": list_of(object_of(dict.fromkeys(("ref", "name", "version", "place"), TEXT))),
        }
    )
    elements = object_of(
        {**dict.fromkeys(("id", "title", "edition"), TEXT), "state": _STATES, "fields": list_of(field)}
    )
    statement = object_of({"id": TEXT, "text": TEXT, "part": COUNT, "whole": COUNT, "good": _GOOD})
    return object_of(
        {
            "schema": {"const": CHECK_SCHEMA},
            **dict.fromkeys(("source", "format", "spec", "encoding", "sha256", "name"), TEXT),
            **dict.fromkeys(("components", "relations", "vulnerabilities"), COUNT),
            "validity": validity,
            "lists": list_of(elements),
            "quality": list_of(statement),
            "dropped": list_of(object_of({"what": TEXT, "why": TEXT, "place": TEXT, "count": COUNT})),
        }
    )
