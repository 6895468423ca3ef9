"""Boot Loader Specification type #1 entries (`loader/entries/*.conf`).

Source: uapi-group/specifications, specs/boot_loader_specification.md.
"""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import Any

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import uapi_version

__all__ = ["Entry", "Item", "file_identity", "menu_key", "parse"]

_MAX_LINES = 4096
_COUNTED = re.compile(r"(?P<id>.+?)\+(?P<left>\d{1,9})(?:-(?P<done>\d{1,9}))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Item:
    """One `key value` line."""

    key: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """The lines of an entry in order."""

    items: tuple[Item, ...]

    def first(self, key: str) -> str | None:
        """The value of the first line with this key, or None."""
        return next((item.value for item in self.items if item.key == key), None)

    def joined(self, key: str) -> str | None:
        """All values of a key that accumulates (`options`, `initrd`), joined by a space, or None."""
        values = [item.value for item in self.items if item.key == key]
        return " ".join(values) if values else None


def parse(text: str) -> Entry:
    """The entry in `text`. Blank lines and lines that begin with `#` do not count.

    Raises ParseError for a NUL or more lines than any entry has.
    """
    if "\0" in text:
        raise ParseError("a NUL in a boot loader entry", offset=text.index("\0"))
    lines = text.split("\n")
    if len(lines) > _MAX_LINES:
        raise ParseError("more lines than a boot loader entry can have", line=_MAX_LINES)
    items = []
    for number, line in enumerate(lines, 1):
        words = line.strip().split(None, 1)
        if words and not words[0].startswith("#"):
            items.append(Item(words[0], words[1] if len(words) > 1 else "", number))
    return Entry(tuple(items))


def file_identity(name: str) -> tuple[str, int | None, int | None]:
    """The id of an entry by its file name, with tries left and tries done: `a+2-1.conf` is ("a", 2, 1).

    Without a counter both are None. (`Automatic Boot Assessment` of the specification.)
    """
    stem = name.removesuffix(".conf")
    found = _COUNTED.fullmatch(stem)
    if found is None:
        return stem, None, None
    return found["id"], int(found["left"]), int(found["done"] or 0)


def menu_key(id_: str, sort_key: str, version: str, tries_left: int | None) -> Any:
    """A key that sorts entries as a menu shows them: those without tries left last, with a sort key first, by that key,
    and newer versions, then ids, first. (`Sorting` of the specification.)"""
    return _in_menu((id_, sort_key, version, tries_left))


def _order(a: tuple[str, str, str, int | None], b: tuple[str, str, str, int | None]) -> int:
    first, second = ((left == 0, not key, key) for _, key, _, left in (a, b))
    if first != second:
        return -1 if first < second else 1
    return -uapi_version.compare(a[2], b[2]) or -uapi_version.compare(a[0], b[0])


_in_menu = cmp_to_key(_order)
