"""Postfix's main.cf and master.cf, and alias files.

Format: postconf(5) (logical lines: one that starts with a blank goes on with the line before it, comments and empty
lines do not end it; the last assignment of a name counts; `$name`, `${name}`, `$(name)` are put in), master(5),
aliases(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Alias", "Service", "Setting", "aliases", "expand", "main_cf", "master_cf"]

MAX_DEPTH = 20
MAX_EXPANDED = 100_000
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\}|\((\w+)\))", re.ASCII)
_CONDITION = re.compile(r"\$[{(]\s*(?:\w+\s*[?:]|\{)", re.ASCII)
_OVERRIDE = re.compile(r"-o\s*(?:\{\s*)?([A-Za-z0-9_.-]+)\s*=\s*([^\s}]*)")


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as written, with its line (1-based)."""

    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Service:
    """One service of master.cf. `overrides`: main.cf names that its command line sets (-o)."""

    name: str
    type: str
    command: str
    overrides: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True)
class Alias:
    """One alias: its name in lower case and what it stands for."""

    name: str
    targets: tuple[str, ...]
    line: int


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines without comments, with the line each begins at."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    parts: list[str] = []
    first = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip(" \t\r")
        if not line.strip() or line.lstrip(" \t").startswith("#"):
            continue
        if line[0] in " \t":
            if not parts:
                raise ParseError("a line that continues nothing", line=number)
            parts.append(line.strip())
            continue
        if parts:
            yield first, " ".join(parts)
        parts, first = [line], number
    if parts:
        yield first, " ".join(parts)


def main_cf(text: str) -> dict[str, Setting]:
    """Settings by name; the last one counts. Raises ParseError for a line without `=`."""
    found: dict[str, Setting] = {}
    for number, line in _logical(text):
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise ParseError("expected name = value", line=number)
        found[name.strip()] = Setting(value.strip(), number)
    return found


def expand(value: str, values: Mapping[str, str]) -> str | None:
    """`value` with references put in; None when it holds a condition or refers to what is not known here."""
    for _ in range(MAX_DEPTH):
        if "$" not in value.replace("$$", ""):
            return value.replace("$$", "$")
        if _CONDITION.search(value):
            return None
        names = [match[1] or match[2] or match[3] for match in _REFERENCE.finditer(value) if match[0] != "$$"]
        if not names or any(name not in values for name in names):
            return None
        value = _REFERENCE.sub(lambda match: _referred(match, values), value)
        if len(value) > MAX_EXPANDED:
            return None
    return None


def _referred(match: re.Match[str], values: Mapping[str, str]) -> str:
    return match[0] if match[0] == "$$" else values[match[1] or match[2] or match[3]]


def master_cf(text: str) -> list[Service]:
    """The services in order. Raises ParseError for a line of fewer than eight words."""
    found = []
    for number, line in _logical(text):
        words = line.split(None, 7)
        if len(words) < 8:
            raise ParseError("a service has eight fields", line=number)
        overrides = {match[1]: match[2] for match in _OVERRIDE.finditer(words[7])}
        found.append(Service(words[0], words[1], words[7].split()[0], overrides, number))
    return found


def aliases(text: str) -> list[Alias]:
    """The aliases in order. Raises ParseError for a line without a colon."""
    found = []
    for number, line in _logical(text):
        match = re.match(r'\s*(?:"((?:\\.|[^"\\])*)"|([^":#]+?))\s*:\s*(.*)\Z', line, re.DOTALL)
        if match is None:
            raise ParseError("expected name: value, value", line=number)
        name = match[1] if match[1] is not None else match[2]
        found.append(Alias(name.strip().lower(), tuple(_targets(match[3])), number))
    return found


def _targets(text: str) -> list[str]:
    """What stands between commas outside of quotes."""
    items = re.findall(r'(?:"(?:\\.|[^"\\])*"|[^,"])+', text)
    return [item.strip().strip('"') for item in items if item.strip()]
