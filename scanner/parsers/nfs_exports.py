"""exports(5): directories that the NFS server gives away, and to whom.

Words are separated by blanks, `"` quotes, a backslash before the line end joins lines, `#` begins a comment where a
word could begin. `-options` before clients are defaults of the line. Source: exports(5); nfs-utils,
support/nfs/exports.c.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Export", "parse"]

_WORD = re.compile(r'(?:"(?:\\.|[^"\\\n])*"|\\.|[^\s"\\])+', re.DOTALL)
_CLIENT = re.compile(r"([^(]*)(?:\((.*)\))?\Z", re.DOTALL)
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Export:
    """A directory for one client (`*` when none is named). `security`: flavours of the last sec=, sys without one."""

    path: str
    client: str
    options: tuple[str, ...]
    security: tuple[str, ...]
    line: int


def parse(text: str) -> list[Export]:
    """Every pair of directory and client. Raises ParseError for an open quote or bracket."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    found: list[Export] = []
    held, first = "", 1
    for number, raw in enumerate(text.split("\n"), 1):
        first = first if held else number
        if raw.endswith("\\"):
            held += raw[:-1] + " "
            continue
        found += _line(held + raw.rstrip("\r"), first)
        held = ""
    return found + (_line(held, first) if held else [])


def _line(text: str, number: int) -> list[Export]:
    words = _words(text, number)
    if not words:
        return []
    path, clients = _plain(words[0]), words[1:]
    defaults: tuple[str, ...] = ()
    found = []
    for word in clients:
        if word.startswith("-"):
            defaults = _options(word[1:])
            continue
        match = _CLIENT.match(word)
        if match is None or (match[2] is None and "(" in word):
            raise ParseError("a bracket is not closed", line=number)
        options = (*defaults, *_options(match[2] or ""))
        found.append(Export(path, _plain(match[1]) or "*", options, _security(options), number))
    return found or [Export(path, "*", defaults, _security(defaults), number)]


def _words(text: str, number: int) -> list[str]:
    words: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \t\v\f":
            at += 1
        if at >= len(text) or text[at] == "#":
            return words
        match = _WORD.match(text, at)
        if match is None:
            raise ParseError("a quote is not closed", line=number)
        words.append(match[0])
        at = match.end()


def _options(text: str) -> tuple[str, ...]:
    return tuple(option.strip() for option in text.split(",") if option.strip())


def _plain(word: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), word.replace('"', ""))


def _security(options: tuple[str, ...]) -> tuple[str, ...]:
    """All flavours that the options allow: every sec= opens its own group of options."""
    named = [flavour for option in options if option.startswith("sec=") for flavour in option[4:].split(":")]
    return tuple(dict.fromkeys(named)) or ("sys",)
