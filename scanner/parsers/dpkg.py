"""The package database of dpkg: `status` and its journal `updates/`, `status.d` of distroless images, md5sums lists.

Source: deb-control(5) and dpkg(1) (states); dpkg, lib/dpkg/parse.c and dbmodify.c (journal); Debian policy, 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["DpkgPackage", "md5sums", "packages"]

_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)\Z", re.DOTALL)
_PATH = re.compile(r"([0-9a-f]{32})  (.+)\Z", re.DOTALL)
_WANTED = frozenset({"package", "status", "version", "architecture", "source", "maintainer"})
_STATES = frozenset(
    {
        "not-installed",
        "config-files",
        "half-installed",
        "unpacked",
        "half-configured",
        "triggers-awaited",
        "triggers-pending",
        "installed",
    }
)


@dataclass(frozen=True, slots=True)
class DpkgPackage:
    """One stanza. `state` is dpkg's own word (`installed` where a stanza of status.d has none), `line` its first."""

    name: str
    version: str | None
    arch: str | None
    state: str
    source: str | None
    maintainer: str | None
    line: int


def packages(text: str, *, listed_means_installed: bool = False) -> list[DpkgPackage]:
    """The stanzas in the order of the file. Raises ParseError.

    `listed_means_installed`: a stanza without a Status field is an installed package (status.d), not an error.
    """
    return [_package(fields, line, listed_means_installed) for fields, line in _stanzas(text)]


def md5sums(text: str) -> list[tuple[str, str]]:
    """Digest (hex) and absolute path of every file in a `.md5sums` list. Raises ParseError."""
    found: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        match = _PATH.match(line)
        if match is None:
            raise ParseError("expected an MD5 digest, two spaces and a path", line=number)
        found.append((match[1], "/" + match[2].lstrip("/")))
    return found


def _stanzas(text: str) -> Iterator[tuple[dict[str, str], int]]:
    fields: dict[str, str] = {}
    seen: set[str] = set()
    first = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip(" \t\r"):
            if seen:
                yield fields, first
            fields, seen = {}, set()
        elif line[0] in " \t":
            # A continuation belongs to a field of many lines (Description, Conffiles); none of those is used here.
            if not seen:
                raise ParseError("a continuation line without a field", line=number)
        else:
            match = _FIELD.match(line)
            if match is None:
                raise ParseError("expected Field: value", line=number)
            name = match[1].lower()
            if name in seen:
                raise ParseError(f"the field {match[1][:60]} is given twice", line=number)
            if not seen:
                first = number
            seen.add(name)
            if name in _WANTED:
                fields[name] = match[2].strip(" \t\r")
    if seen:
        yield fields, first


def _package(fields: dict[str, str], line: int, listed_means_installed: bool) -> DpkgPackage:
    name = fields.get("package")
    if not name:
        raise ParseError("a stanza without Package", line=line)
    state = "installed"
    if "status" in fields or not listed_means_installed:
        words = fields.get("status", "").split()
        if len(words) != 3 or words[2] not in _STATES:
            raise ParseError("Status is not three words that dpkg knows", line=line)
        state = words[2]
    return DpkgPackage(
        name=name,
        version=fields.get("version"),
        arch=fields.get("architecture"),
        state=state,
        # The version in "Source: name (version)" is that of the source package.
        source=fields["source"].split(" ")[0] if fields.get("source") else None,
        maintainer=fields.get("maintainer"),
        line=line,
    )
