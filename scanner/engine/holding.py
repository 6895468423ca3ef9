"""For what and until when a statement of a person holds: what waivers and answers have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["is_day", "is_meant"]

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def is_day(text: str) -> bool:
    """Whether `text` is a day as 2027-01-31, one that the calendar has."""
    try:
        return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def is_meant(pattern: str, identity: Mapping[str, Any]) -> bool:
    """Whether a `target` pattern (shell style, case counts) matches the target's host name or system id."""
    names = [str(identity[key]) for key in ("host_name", "os_id") if identity.get(key)] or [""]
    return any(fnmatchcase(name, pattern) for name in names)
