"""/etc/login.defs of shadow-utils, and /etc/default/useradd.

Formats: login.defs(5), useradd(8). login.defs: a name, white space, a value up to a double quote or the end of the
line; the last line of a name wins; a `#` after the value does not start a comment but is part of it (shadow-utils then
refuses the number and takes its default). useradd: `NAME=value` from the first column, the last one wins.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Definition", "number", "parse_login_defs", "parse_useradd"]

_SPACE = " \t\n\r\v\f"


@dataclass(frozen=True, slots=True)
class Definition:
    """One name and its value, with the line (1-based) it stands in."""

    key: str
    value: str
    line: int


def parse_login_defs(text: str) -> list[Definition]:
    """Every definition of a login.defs file, in order. Raises ParseError for binary input."""
    found = []
    for line, raw in _lines(text):
        stripped = raw.rstrip(_SPACE).lstrip(" \t")
        if not stripped or stripped.startswith("#"):
            continue
        key, rest = _first_word(stripped)
        if rest is None:
            continue
        found.append(Definition(key, rest.lstrip(' "\t').partition('"')[0], line))
    return found


def parse_useradd(text: str) -> list[Definition]:
    """Every `NAME=value` of /etc/default/useradd, in order. Raises ParseError for binary input."""
    found = []
    for line, raw in _lines(text):
        key, equals, value = raw.partition("=")
        if equals and key and key[0] not in "# \t":
            found.append(Definition(key, value.rstrip("\r"), line))
    return found


def number(value: str) -> int | None:
    """`value` as shadow-utils reads a number (strtol with base 0: decimal, 0 octal, 0x hexadecimal), or None."""
    text = value.lstrip(_SPACE)
    sign = -1 if text.startswith("-") else 1
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits or len(digits) > 20 or not (digits.isascii() and digits.isalnum()):
        return None
    if re.fullmatch(r"0[xX][0-9A-Fa-f]+", digits):
        return sign * int(digits[2:], 16)
    # int() takes prefixes of its own, such as 0o, which strtol does not know.
    if re.fullmatch(r"0[0-7]*", digits):
        return sign * int(digits, 8)
    return sign * int(digits) if re.fullmatch(r"[1-9][0-9]*", digits) else None


def _lines(text: str) -> list[tuple[int, str]]:
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    return list(enumerate(text.split("\n"), 1))


def _first_word(text: str) -> tuple[str, str | None]:
    for index, char in enumerate(text):
        if char in " \t":
            return text[:index], text[index + 1 :]
    return text, None
