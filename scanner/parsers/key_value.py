"""`key = value` files of the PAM family: pwquality.conf, faillock.conf, pwhistory.conf.

Formats: pwquality.conf(5), faillock.conf(5), pwhistory.conf(5). The three readers share one lexer: everything from the
first `#` on is a comment, blanks around name and value do not count, the first `=` (or blanks) ends the name, a name
alone is a flag. Within a file the last line of a name wins; which file wins is stated where files are merged.
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Setting", "parse", "split_setting", "whole_number"]

_SPACE = " \t\n\r\v\f"


@dataclass(frozen=True, slots=True)
class Setting:
    """One name, its value (empty text for a flag), and the line (1-based)."""

    key: str
    value: str
    line: int


def parse(text: str) -> list[Setting]:
    """Every setting of a file, in order. Raises ParseError for binary input."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        content = line.partition("#")[0].strip(_SPACE)
        if content:
            key, value = split_setting(content)
            found.append(Setting(key, value, number))
    return found


def split_setting(content: str) -> tuple[str, str]:
    """Name and value of one stripped line: the name ends at the first blank or `=`."""
    end = next((index for index, char in enumerate(content) if char in _SPACE or char == "="), len(content))
    rest = content[end:].lstrip(_SPACE)
    return content[:end], rest.removeprefix("=").lstrip(_SPACE)


def whole_number(value: str) -> int | None:
    """`value` as a decimal number with an optional sign, or None."""
    digits = value[1:] if value[:1] in ("-", "+") else value
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 15:
        return None
    return int(value)
