"""The schema of imported official texts, from their model."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from scanner.frameworks.texts import ALWAYS, TEXTS_SCHEMA, Text
from scanner.schemas.forms import TEXT, TEXTS, list_of, map_of, object_of

__all__ = ["texts"]

_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def texts() -> dict[str, Any]:
    """`assay controls import --output DIR`: DIR/<framework>.json."""
    forms = {one.name: TEXTS if "tuple" in str(one.type) else TEXT for one in fields(Text)}
    control = object_of(
        {name: forms[name] for name in ALWAYS},
        {name: form for name, form in forms.items() if name not in ALWAYS},
        closed=True,
    )
    profile = object_of({"source": TEXT, "sha256": _SHA256, "title": TEXT, "version": TEXT})
    check = {
        "ours": TEXT,
        "theirs": TEXT,
        "same": {"type": "boolean"},
        **dict.fromkeys(("new", "gone", "revised", "missing"), TEXTS),
    }
    return object_of(
        {
            "schema": {"const": TEXTS_SCHEMA},
            **dict.fromkeys(
                ("framework", "title", "benchmark", "version", "release", "description", "source", "member"), TEXT
            ),
            "sha256": _SHA256,
            "profiles": list_of(profile),
            "check": object_of(check),
            "controls": map_of(control),
        }
    )
