"""Preset files of systemd: which units the vendor wants enabled at first boot.

Source: systemd.preset(5): directives `enable`, `disable`, `ignore` with a shell pattern; the first match wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Preset", "choice", "parse"]

_ACTIONS = ("enable", "disable", "ignore")


@dataclass(frozen=True, slots=True)
class Preset:
    """One directive: `action` is enable, disable or ignore; `matches` its pattern, ready to match a unit name."""

    action: str
    pattern: str
    line: int
    matches: re.Pattern[str]


def parse(text: str) -> list[Preset]:
    """Directives in order; other lines are ignored, as systemd does. Raises ParseError for an absurdly long pattern."""
    found: list[Preset] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        parts = raw.split(None, 2)
        if len(parts) < 2 or parts[0] not in _ACTIONS:
            continue
        pattern = parts[1]
        if len(pattern) > 256 or pattern.count("*") > 16:
            raise ParseError("pattern too long", line=number)
        found.append(Preset(parts[0], pattern, number, re.compile(translate(pattern))))
    return found


def choice(presets: Iterable[Preset], name: str) -> str | None:
    """The action for a unit: that of the first matching directive; None when there is none (systemd then enables)."""
    return next((preset.action for preset in presets if preset.matches.match(name)), None)
