"""Text of an assessment made safe to show: nothing invisible, nothing that turns the line around, nothing endless."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

__all__ = ["MAX_TEXT", "visible", "visible_tree", "written"]

MAX_TEXT = 2000
"""Characters of one text that a report shows; all of it stands in the assessment JSON."""

_PLAIN = re.compile(r"[\x20-\x7e]*")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """`text` with control, format, direction and unassigned characters spelled out as ‹U+202E›, and cut if endless.

    Line ends and tabs become one space: a report never shows a line break that evidence asked for.
    """
    shown = text[:MAX_TEXT]
    if not _PLAIN.fullmatch(shown):
        shown = "".join(_shown(char) for char in shown)
    if len(text) > MAX_TEXT:
        shown += f" … ({len(text) - MAX_TEXT} more characters in the assessment JSON)"
    return shown


def _shown(char: str) -> str:
    if char in "\n\t":
        return " "
    return f"‹U+{ord(char):04X}›" if unicodedata.category(char) in _HIDDEN else char


def visible_tree(value: Any) -> Any:
    """`value` with every text in it, keys too, made visible, and keys in order: where it came from leaves no trace."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): visible_tree(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [visible_tree(item) for item in value]
    return value


def written(value: Any) -> str:
    """A JSON value as people read it: text as it is, lists with commas, the rest as compact JSON."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return ", ".join(written(item) for item in value) or "none"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)
