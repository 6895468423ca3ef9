"""Package sources of apt: one-line `.list` files and deb822 `.sources` files.

Source: sources.list(5); apt, apt-pkg/sourcelist.cc (comments, options) and apt-pkg/contrib/strutl.cc (truth words).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["AptSource", "parse_list", "parse_sources"]

_TRUE = frozenset({"1", "yes", "true", "with", "on", "enable"})
_FALSE = frozenset({"0", "no", "false", "without", "off", "disable"})
_LINE = re.compile(r"(deb|deb-src)[ \t]+(?:\[([^\]]*)\][ \t]*)?([^\s\[]\S*)[ \t]+(\S+)(?:[ \t]+(.*))?\Z")
_FIELD = re.compile(r"([!-9;-~]+):(.*)\Z", re.DOTALL)
_TYPES = frozenset({"deb", "deb-src"})
# Options that let packages in although nobody vouched for the index that names them.
_UNCHECKED = ("trusted", "allow-insecure")
_MOST = 10_000  # sources of one file: the three lists of a stanza multiply


@dataclass(frozen=True, slots=True)
class AptSource:
    """One source. `authenticated` is False where options waive the check of signatures; `signed_by` holds the paths
    and fingerprints that are accepted, `embedded key` for a key written into the file."""

    kind: str
    uri: str
    suite: str
    enabled: bool
    authenticated: bool
    signed_by: tuple[str, ...]
    line: int


def parse_list(text: str) -> list[AptSource]:
    """The sources of a one-line file. Raises ParseError for a line that apt would refuse."""
    found: list[AptSource] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = _without_comment(raw).strip(" \t\r")
        if not line:
            continue
        match = _LINE.match(line)
        if match is None:
            raise ParseError("expected a type, an address and a suite", line=number)
        options = _options(match[2] or "", number)
        found.append(_source(match[1], match[3], match[4], True, options, number))
    return found


def parse_sources(text: str) -> list[AptSource]:
    """The sources of a deb822 file, one for each type, address and suite. Raises ParseError."""
    found: list[AptSource] = []
    for fields, line in _stanzas(text):
        missing = [name for name in ("types", "uris", "suites") if not fields.get(name, "").split()]
        if missing:
            raise ParseError(f"a source without {missing[0]}", line=line)
        kinds = fields["types"].split()
        if not _TYPES.issuperset(kinds):
            raise ParseError("a source of an unknown type", line=line)
        enabled = _truth(fields.get("enabled"), default=True)
        for kind in kinds:
            for uri in fields["uris"].split():
                for suite in fields["suites"].split():
                    found.append(_source(kind, uri, suite, enabled, fields, line))
                    if len(found) > _MOST:
                        raise ParseError("more sources than one file can sensibly hold", line=line)
    return found


def _source(kind: str, uri: str, suite: str, enabled: bool, options: Mapping[str, str], line: int) -> AptSource:
    checked = not any(_truth(options.get(name), default=False) for name in _UNCHECKED)
    return AptSource(kind, uri, suite, enabled, checked, _signers(options.get("signed-by", "")), line)


def _signers(text: str) -> tuple[str, ...]:
    if "BEGIN PGP" in text:
        return ("embedded key",)
    return tuple(text.replace(",", " ").split())


def _truth(value: str | None, *, default: bool) -> bool:
    word = (value or "").strip(" \t\r").lower()
    return True if word in _TRUE else False if word in _FALSE else default


def _without_comment(line: str) -> str:
    """The line up to a `#` that does not stand inside the brackets of the options."""
    position = 0
    while position < len(line):
        if line[position] == "#":
            return line[:position]
        if line[position] == "[":
            end = line.find("]", position)
            if end < 0:
                return line
            position = end
        position += 1
    return line


def _options(text: str, line: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals:
            raise ParseError("expected option=value", line=line)
        # "+=" and "-=" change a list; for what is read here the value is what matters.
        found[name.rstrip("+-").lower()] = value
    return found


def _stanzas(text: str) -> Iterator[tuple[dict[str, str], int]]:
    fields: dict[str, list[str]] = {}
    current: list[str] | None = None
    first = 0
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.startswith("#"):
            continue
        if not line.strip(" \t\r"):
            if fields:
                yield {name: "\n".join(lines) for name, lines in fields.items()}, first
            fields, current = {}, None
        elif line[0] in " \t":
            if current is None:
                raise ParseError("a continuation line without a field", line=number)
            current.append(line)
        else:
            match = _FIELD.match(line)
            if match is None:
                raise ParseError("expected Field: value", line=number)
            if not fields:
                first = number
            # As in apt, the first of a repeated field counts; refusing is safer than choosing.
            if match[1].lower() in fields:
                raise ParseError(f"the field {match[1][:60]} is given twice", line=number)
            current = fields.setdefault(match[1].lower(), [])
            current.append(match[2])
