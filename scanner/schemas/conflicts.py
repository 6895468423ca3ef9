"""The schema of what `assay controls conflicts --json` says, from its model."""

from __future__ import annotations

from typing import Any

from scanner.frameworks.conflicts import CONFLICTS_SCHEMA, OPERATORS, VERDICTS
from scanner.schemas.forms import TEXT, TEXTS, list_of, object_of

__all__ = ["conflicts"]


def conflicts() -> dict[str, Any]:
    """`assay controls conflicts --json`."""
    wish = object_of(
        {
            "framework": TEXT,
            "rule": TEXT,
            "operator": {"enum": list(OPERATORS)},
            "value": True,
            "controls": TEXTS,
            "none_will_do": {"type": "boolean"},
        }
    )
    conflict = object_of(
        {
            "question": TEXT,
            "wishes": {**list_of(wish), "minItems": 2},
            "verdict": {"enum": list(VERDICTS)},
            "satisfied_by": TEXT,
        }
    )
    return object_of({"schema": {"const": CONFLICTS_SCHEMA}, "conflicts": list_of(conflict)})
