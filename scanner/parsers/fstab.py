"""/etc/fstab. Source: fstab(5), getmntent(3)."""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.mount_options import split

__all__ = ["Line", "parse", "unescape"]

MAX_LINES = 10_000
_ESCAPE = re.compile(r"\\([0-3][0-7]{2})")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry. `target` is `none` or `swap` where nothing is mounted; options as written."""

    source: str
    target: str
    type: str
    options: tuple[str, ...]
    line: int


def unescape(field: str) -> str:
    """A field with \\040 and its like turned into the characters they stand for."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), field)


def parse(text: str) -> list[Line]:
    """Entries in order. Blank lines and lines that begin with # are left out; a missing option field means defaults.

    Raises ParseError for a line with less than source, target and type.
    """
    found: list[Line] = []
    for number, raw in enumerate(text.split("\n"), 1):
        fields = raw.strip(" \t\r").split(None, 6)
        if not fields or fields[0].startswith("#"):
            continue
        if "\0" in raw:
            raise ParseError("a NUL byte in fstab", line=number)
        if len(fields) < 3:
            raise ParseError("fstab entry with less than three fields", line=number)
        if len(found) >= MAX_LINES:
            raise ParseError(f"more than {MAX_LINES} entries", line=number)
        source, target, kind = (unescape(field) for field in fields[:3])
        options = tuple(split(unescape(fields[3]), line=number)) if len(fields) > 3 else ()
        found.append(Line(source, target, kind, options, number))
    return found
