"""Facility.priority selectors of syslog daemons: which messages they choose.

Source: rsyslog.conf(5), SELECTORS; rsyslog, runtime/conf.c (DecodePRIFilter). Parts are applied from left to right;
each adds priorities to its facilities or takes some away. A set of messages is one bit mask of priorities (bit 0 =
emerg … bit 7 = debug) for each facility number.
"""

from __future__ import annotations

from typing import TypeAlias

from scanner.model.errors import ParseError

__all__ = ["ALL", "EVERYTHING", "FACILITIES", "Masks", "decode", "whole"]

ALL = 0xFF
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
_OTHER_NAMES = {"security": 4, "console": 14}
_PRIORITIES = {
    **{"emerg": 0, "panic": 0, "alert": 1, "crit": 2, "critical": 2, "err": 3, "error": 3},
    **{"warning": 4, "warn": 4, "notice": 5, "info": 6, "debug": 7},
}

Masks: TypeAlias = tuple[int, ...]
EVERYTHING: Masks = (ALL,) * len(FACILITIES)


def decode(selector: str) -> Masks:
    """The messages that a selector chooses. Raises ParseError for a name that rsyslogd does not know."""
    masks = [0] * len(FACILITIES)
    for part in (part for part in selector.lower().split(";") if part):
        names, _, level = part.rpartition(".")
        for number in _facilities(names):
            masks[number] = _changed(masks[number], level)
    return tuple(masks)


def whole(masks: Masks) -> list[str]:
    """Names of the facilities all of whose messages are in the set."""
    return [name for name, mask in zip(FACILITIES, masks, strict=True) if mask == ALL]


def _facilities(names: str) -> list[int]:
    found: list[int] = []
    for name in names.split(","):
        if name == "*":
            found.extend(range(len(FACILITIES)))
        elif name in FACILITIES:
            found.append(FACILITIES.index(name))
        elif name in _OTHER_NAMES:
            found.append(_OTHER_NAMES[name])
        elif name.isdecimal() and int(name) < len(FACILITIES):
            found.append(int(name))
        elif name != "mark":  # messages that rsyslogd makes for itself
            raise ParseError(f"no facility is called {name!r}")
    return found


def _changed(mask: int, level: str) -> int:
    takes_away = level.startswith("!")
    level = level.removeprefix("!")
    only_one = level.startswith("=")
    level = level.removeprefix("=")
    if level == "none":
        return mask if takes_away else 0
    if level == "*":
        return 0 if takes_away else ALL
    number = int(level) if level.isdecimal() and int(level) < 8 else _PRIORITIES.get(level)
    if number is None:
        raise ParseError(f"no priority is called {level!r}")
    bits = 1 << number if only_one else (2 << number) - 1
    return mask & ~bits if takes_away else mask | bits
