"""The few forms that our JSON schemas are made of."""

from __future__ import annotations

from typing import Any

__all__ = ["COUNT", "TEXT", "TEXTS", "list_of", "map_of", "object_of"]

TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}


def object_of(
    required: dict[str, Any], optional: dict[str, Any] | None = None, *, closed: bool = False
) -> dict[str, Any]:
    """An object with these members; `closed`: and no others."""
    out: dict[str, Any] = {
        "type": "object",
        "required": sorted(required),
        "properties": {**required, **(optional or {})},
    }
    if closed:
        out["additionalProperties"] = False
    return out


def list_of(items: Any) -> dict[str, Any]:
    """An array whose items have this form."""
    return {"type": "array", "items": items}


def map_of(values: Any) -> dict[str, Any]:
    """An object with any member names and values of this form."""
    return {"type": "object", "additionalProperties": values}
