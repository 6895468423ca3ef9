"""The specification of an installed Ruby gem, as RubyGems writes it.

Source: RubyGems, lib/rubygems/specification.rb (`to_ruby`): Ruby code of a fixed shape, one `s.NAME = VALUE` a line,
texts in double quotes or `%q<…>`, often followed by `.freeze`. Nothing is evaluated: other code is not understood.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Gem", "parse"]

_FIELD = re.compile(r"\s*(?:s|spec|gem)\.([a-z_]+)\s*=\s*(.+)")
_NEED = re.compile(r"\s*(?:s|spec|gem)\.add_(?:runtime_)?dependency\s*\(?\s*(.+)")
_TEXT = re.compile(r"%q<([^<>]*)>|\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")
_ESCAPE = re.compile(r"\\(.)")
_WANTED = frozenset({"name", "version", "platform", "licenses", "license", "authors", "author", "homepage", "summary"})
_MOST_LINES = 5000
_MOST_OF_A_LINE = 2000
_MOST_NEEDS = 1000
"""Texts are looked for in so much of a line, and in so many lines: the search is quadratic for what ends nowhere."""


@dataclass(frozen=True, slots=True)
class Gem:
    """One gem. `platform`: ruby, or the machine it was built for; `needs`: names of gems it needs to run."""

    name: str
    version: str
    platform: str
    licenses: tuple[str, ...]
    authors: tuple[str, ...]
    homepage: str
    summary: str
    needs: tuple[str, ...]


def parse(text: str) -> Gem:
    """The specification. Raises ParseError when name or version is not stated as a plain text."""
    fields: dict[str, tuple[str, ...]] = {}
    needs: list[str] = []
    for line in text.split("\n")[:_MOST_LINES]:
        part = line[:_MOST_OF_A_LINE]
        field, need = _FIELD.match(part), _NEED.match(part)
        if field is not None and field[1] in _WANTED and field[1] not in fields:
            fields[field[1]] = _texts(field[2])
        elif need is not None and len(needs) < _MOST_NEEDS:
            needs.extend(_texts(need[1][:200])[:1])
    name, version = (fields.get(key, ("",))[:1] for key in ("name", "version"))
    if not name or not version or not name[0] or not version[0]:
        raise ParseError("a gem specification without name or version")
    return Gem(
        name[0],
        version[0],
        _one(fields, "platform") or "ruby",
        fields.get("licenses") or fields.get("license", ()),
        fields.get("authors") or fields.get("author", ()),
        _one(fields, "homepage"),
        _one(fields, "summary"),
        tuple(dict.fromkeys(needs)),
    )


def _one(fields: dict[str, tuple[str, ...]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _texts(code: str) -> tuple[str, ...]:
    """The texts in a piece of Ruby; `Gem::Version.new("1.0")` holds one, too."""
    return tuple(
        found[1] if found[1] is not None else _ESCAPE.sub(r"\1", found[2] if found[2] is not None else found[3])
        for found in _TEXT.finditer(code)
    )
