"""The schema of what `assay verify --json` says, from its model."""

from __future__ import annotations

from typing import Any

from scanner.schemas.forms import COUNT, TEXT, TEXTS, list_of, map_of, object_of
from scanner.supply_chain.signing.result import KINDS, STATES, VERIFY_SCHEMA

__all__ = ["verification"]

_STATE = {"enum": list(STATES)}
_DIGEST = {"type": "string", "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"}
_DIGEST_OR_NONE = {"type": "string", "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|)$"}


def verification() -> dict[str, Any]:
    """`assay verify --json`."""
    signer = object_of({}, dict.fromkeys(("key", "key_file", "identity", "issuer"), TEXT))
    finding = object_of(
        {
            "kind": {"enum": list(KINDS)},
            "state": _STATE,
            "ok": {"type": "boolean"},
            **dict.fromkeys(("place", "reason", "predicate_type", "verdict", "time", "time_source"), TEXT),
            "signer": {"anyOf": [{"type": "null"}, signer]},
            "subject": _DIGEST_OR_NONE,
            "statement": _DIGEST_OR_NONE,
            "details": map_of(TEXT),
        }
    )
    artifact = object_of(
        {
            "name": TEXT,
            "kind": {"enum": ["image", "index", "file"]},
            "digest": _DIGEST,
            "listed_by": list_of(_DIGEST),
            "platform": TEXT,
        }
    )
    return object_of(
        {
            "schema": {"const": VERIFY_SCHEMA},
            "artifact": artifact,
            "state": _STATE,
            "ok": {"type": "boolean"},
            "reason": TEXT,
            "counted": list_of(COUNT),
            "findings": list_of(finding),
            "notes": TEXTS,
        }
    )
