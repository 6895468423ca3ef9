"""The schemas of a bundle's manifest and of the verdict on a bundle."""

from __future__ import annotations

from typing import Any

from scanner.bundle.manifest import BESIDE, FOLDERS, MANIFEST, MANIFEST_SCHEMA
from scanner.bundle.redaction import LEVELS, OPENINGS_SCHEMA
from scanner.bundle.verdict import BUNDLE_VERIFY_SCHEMA, LINK_STATES, LINKS
from scanner.schemas.forms import COUNT, TEXT, TEXTS, list_of, map_of, object_of

__all__ = ["bundle", "bundle_verify", "openings"]

_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_HEX = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_INSTANT = {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$"}
_NULL_TEXT = {"type": ["string", "null"]}
_TOOL = object_of({"name": {"const": "assay"}, "version": TEXT})
_PREVIOUS = {"anyOf": [{"type": "null"}, object_of({"manifest": _HEX, "created_at": _INSTANT}, closed=True)]}
_TARGET = object_of(
    {
        "kind": TEXT,
        "identity": {"type": "object"},
        "digest": _NULL_TEXT,
        "facts_digest": _DIGEST,
        "snapshot": TEXT,
        "assessment": TEXT,
        "collected_at": _NULL_TEXT,
        "clock": True,
        "limits": {"type": "object"},
        "taken": {**TEXTS, "uniqueItems": True},
    },
    closed=True,
)
_REDACTION = {"anyOf": [{"type": "null"}, object_of({"level": {"enum": list(LEVELS)}, "hidden": COUNT}, closed=True)]}
_FILE = object_of(
    {"path": TEXT, "size": COUNT, "sha256": _HEX, "media_type": TEXT, "role": {"enum": sorted(FOLDERS)}}, closed=True
)


def bundle() -> dict[str, Any]:
    """`manifest.json` of a bundle."""
    return object_of(
        {
            "schema": {"const": MANIFEST_SCHEMA},
            "tool": _TOOL,
            "created_at": _INSTANT,
            "clock": {"enum": ["given", "system"]},
            "companions": {**list_of({"enum": [name for name in BESIDE if name != MANIFEST]}), "uniqueItems": True},
            "chain": TEXT,
            "previous": _PREVIOUS,
            "redaction": _REDACTION,
            "content": object_of({"digest": _DIGEST, "overrides": TEXTS}, closed=True),
            "targets": {**list_of(_TARGET), "minItems": 1},
            "attachments": list_of(object_of({"path": TEXT, "framework": TEXT, "control": TEXT}, closed=True)),
            "files": {**list_of(_FILE), "minItems": 1},
        },
        closed=True,
    )


def openings() -> dict[str, Any]:
    """What `assay bundle create --openings` writes: the values that were hidden."""
    one = object_of({"digest": _HEX, "salt": _HEX, "value": TEXT}, closed=True)
    return object_of({"schema": {"const": OPENINGS_SCHEMA}, "manifest": _HEX, "openings": list_of(one)})


def bundle_verify() -> dict[str, Any]:
    """What `assay bundle verify --json` says."""
    link = object_of({"link": {"enum": list(LINKS)}, "state": {"enum": list(LINK_STATES)}, "detail": TEXT})
    names = {"changed": TEXTS, "added": TEXTS, "removed": TEXTS}
    content = object_of({"same": {"type": "boolean"}, "digest": _DIGEST, "sentence": TEXT, **names})
    manifest = object_of(
        {
            "tool": _TOOL,
            "created_at": _INSTANT,
            "clock": TEXT,
            "chain": TEXT,
            "previous": _PREVIOUS,
            "redaction": _REDACTION,
            "targets": list_of(_TARGET),
        }
    )
    counts = map_of(COUNT)
    profile = object_of(
        {"id": TEXT, "title": TEXT, "own": {"type": "boolean"}, "left_out": COUNT, "min_coverage": COUNT}
    )
    framework = object_of({"fit": TEXT, "counts": counts, "controls": COUNT, "catalog": COUNT})
    assessment = object_of(
        {
            "target": {"type": "object"},
            "evaluated_at": _INSTANT,
            "complete": {"type": "boolean"},
            "counts": counts,
            "taken": counts,
            "profiles": list_of(profile),
            **dict.fromkeys(("params", "waivers", "waivers_expired", "answers"), COUNT),
            "frameworks": map_of(framework),
        }
    )
    return object_of(
        {
            "schema": {"const": BUNDLE_VERIFY_SCHEMA},
            "decision": {"enum": ["verified", "failed"]},
            "links": list_of(link),
            "content": {"anyOf": [{"type": "null"}, content]},
            "manifest": {"anyOf": [{"type": "null"}, manifest]},
            "assessments": list_of(assessment),
        }
    )
