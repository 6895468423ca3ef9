"""The installed-packages database of apk (`lib/apk/db/installed`): blocks of `X:value` lines, an empty line between.

Source: apk-tools, doc/apk-v2.5.scd and src/database.c (letters and the `f` flags).
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["ApkPackage", "packages"]

_WANTED = frozenset("PVAomfs")


@dataclass(frozen=True, slots=True)
class ApkPackage:
    """One installed package; `broken` when apk noted that files, scripts or attributes could not be written."""

    name: str
    version: str
    arch: str | None
    origin: str | None
    maintainer: str | None
    repository: str | None
    broken: bool
    line: int


def packages(text: str) -> list[ApkPackage]:
    """The packages in the order of the file. Raises ParseError."""
    found: list[ApkPackage] = []
    fields: dict[str, str] = {}
    first = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            if fields:
                found.append(_package(fields, first))
            fields = {}
            continue
        if len(line) < 2 or line[1] != ":" or not (line[0].isascii() and line[0].isalpha()):
            raise ParseError("expected X:value", line=number)
        letter, value = line[0], line[2:]
        if not fields:
            first = number
            fields[""] = ""
        if letter in _WANTED:
            if letter in fields:
                raise ParseError(f"the field {letter} is given twice", line=number)
            fields[letter] = value
    if fields:
        found.append(_package(fields, first))
    return found


def _package(fields: dict[str, str], line: int) -> ApkPackage:
    name, version = fields.get("P"), fields.get("V")
    if not name or not version:
        raise ParseError("a package without name or version", line=line)
    broken = bool(set(fields.get("f", "")) & set("fsx"))
    return ApkPackage(name, version, fields.get("A"), fields.get("o"), fields.get("m"), fields.get("s"), broken, line)
