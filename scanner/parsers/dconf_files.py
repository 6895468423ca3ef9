"""The text files of dconf: keyfiles, locks and profiles.

A keyfile is a GKeyFile whose groups are folders and whose values are GVariant texts; one line that is neither comment,
group nor pair makes `dconf update` refuse it. A locks file names one path a line. A profile names one source a line.
Source: dconf(7), PROFILES, KEY FILES, LOCKS; dconf, bin/dconf-update.vala and engine/dconf-engine-profile.c.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import gvariant
from scanner.parsers.gvariant import Value

__all__ = ["Setting", "Source", "keyfile", "locks", "profile"]

_MAX_LINE = 1_000_000
_GROUP = re.compile(r"\[([^\[\]\x00-\x1f]+)\]\Z")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value: its whole path, GVariant type (None: not said), value and line (1-based)."""

    path: str
    type: str | None
    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a profile: `kind` is user, system or file; `name` the database or the path."""

    kind: str
    name: str
    line: int


def keyfile(text: str) -> list[Setting]:
    """Every setting in order. Raises ParseError."""
    found: list[Setting] = []
    folder: str | None = None
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if len(raw) > _MAX_LINE:
            raise ParseError(f"longer than {_MAX_LINE} characters", line=number)
        line = raw.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            group = _GROUP.match(line)
            if group is None:
                raise ParseError("not a group", line=number)
            folder = "/" if group[1].strip("/") == "" else f"/{group[1]}/"
            continue
        key, equals, value = line.partition("=")
        if not equals or folder is None or not key.strip():
            raise ParseError("neither a group nor a pair inside a group", line=number)
        try:
            kind, content = gvariant.from_text(value.strip())
        except ParseError as error:
            raise ParseError(f"{key.strip()[:60]}: {error}", line=number) from error
        found.append(Setting(folder + key.strip(), kind, content, number))
    return found


def locks(text: str) -> list[tuple[str, int]]:
    """Paths that are locked, as they stand, with their lines."""
    found = []
    for number, raw in enumerate(text.split("\n"), 1):
        path = raw.removesuffix("\r")
        if path.startswith("/"):
            found.append((path, number))
    return found


def profile(text: str) -> list[Source]:
    """The sources of a profile, the one asked first at the front. Raises ParseError for a line of another form."""
    found = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.partition("#")[0].strip(" \t\r")
        if not line:
            continue
        kind, colon, name = line.partition(":")
        if kind not in ("user-db", "system-db", "file-db", "service-db") or not colon or not name:
            raise ParseError("neither user-db:, system-db: nor file-db:", line=number)
        found.append(Source(kind.removesuffix("-db"), name, number))
    return found
