"""tmpfiles.d: lines that make, change or remove files at boot.

Format: tmpfiles.d(5): type (a letter and modifiers), path, mode, user, group, age, argument; words may be quoted, `-`
and a missing word mean the default.
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import quoted_words

__all__ = ["Line", "parse"]

_FIELDS = 7


@dataclass(frozen=True, slots=True)
class Line:
    """One line; None: the default. `modifiers` are the signs behind the letter, `only_if_missing` the mode's `:`."""

    type: str
    modifiers: str
    path: str
    mode: str | None
    user: str | None
    group: str | None
    age: str | None
    argument: str | None
    line: int


def parse(text: str) -> list[Line]:
    """Every line in order. Raises ParseError for a NUL, an open quote or a line without a path."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    found = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(" \t\r")
        if not line or line[0] in "#;":
            continue
        try:
            words = quoted_words.split(line)
        except ValueError as error:
            raise ParseError(f"cannot be split into words: {error}", line=number) from None
        if len(words) < 2 or not words[0]:
            raise ParseError("a line without a path", line=number)
        rest = [None if word == "-" else word for word in words[2 : _FIELDS - 1]]
        mode, user, group, age = (rest + [None] * 4)[:4]
        argument = " ".join(words[_FIELDS - 1 :]) or None
        found.append(
            Line(
                words[0][0],
                words[0][1:],
                words[1],
                mode,
                user,
                group,
                age,
                None if argument == "-" else argument,
                number,
            )
        )
    return found
