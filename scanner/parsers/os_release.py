"""os-release files and their like: one shell-like assignment a line.

Source: os-release(5); the reading of quotes, escapes and repeated keys follows systemd, src/basic/env-file.c.
Nothing is expanded: `$` and backquotes are plain characters here, as they are for systemd.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Assignment", "parse"]

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LINES = re.compile(r"\r\n|\r|\n")
_ESCAPED_IN_DOUBLE = '"\\`$'


@dataclass(frozen=True, slots=True)
class Assignment:
    """A value without its quotes, and its line (1-based)."""

    value: str
    line: int


def parse(text: str) -> dict[str, Assignment]:
    """The assignments by key; of a repeated key the last one counts.

    Raises ParseError for a line that is neither empty, a comment nor an assignment, and for a quote that does not end
    on its line.
    """
    if "\0" in text:
        raise ParseError("holds a NUL byte, so it is no text", offset=text.index("\0"))
    found: dict[str, Assignment] = {}
    for number, raw in enumerate(_LINES.split(text), 1):
        line = raw.strip(" \t")
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        if not equals or not _KEY.match(key):
            raise ParseError("expected KEY=value", line=number)
        found[key] = Assignment(_unquote(value, number), number)
    return found


def _unquote(text: str, line: int) -> str:
    out: list[str] = []
    quote = ""
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if quote:
            if char == quote:
                quote = ""
                continue
            if char == "\\" and quote == '"' and position < len(text):
                # In double quotes a backslash is taken away only before the characters it can protect.
                if text[position] not in _ESCAPED_IN_DOUBLE:
                    out.append(char)
                char = text[position]
                position += 1
        elif char in "\"'":
            quote = char
            continue
        elif char == "\\":
            if position == len(text):
                raise ParseError("ends in a backslash", line=line)
            char = text[position]
            position += 1
        out.append(char)
    if quote:
        raise ParseError("a quoted value does not end", line=line)
    return "".join(out)
