"""A GVDB file, the compiled form of a dconf database: a hash table of paths to values, and the table of locks in it.

Layout (little endian; a file of the other order starts with the swapped signature): signature, version, options,
pointer to the root table. A table: bloom word count, bucket count, bloom words, buckets, then items {hash, parent, key
start, key size, type, pointer}; an item's name is that of its parent and its own key. Types: `v` value, `H` table, `L`
list.
Source: GNOME gvdb, gvdb-format.h and gvdb-reader.c.
"""

from __future__ import annotations

import struct

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import gvariant
from scanner.parsers.gvariant import Value

__all__ = ["Database", "parse"]

_SIGNATURE = b"GVariant"
_SWAPPED = b"raVGtnai"
_ITEM = 24
_MAX_ITEMS = 100_000
_MAX_NAME = 4096
_MAX_NAMES = 8_000_000
_MAX_TIMES = 4
_LOCKS = ".locks"


@dataclass(frozen=True, slots=True)
class Database:
    """`values`: path to (type, value). `locks`: paths that are locked."""

    values: dict[str, tuple[str, Value]]
    locks: frozenset[str]


def parse(data: bytes) -> Database:
    """The database in `data`. Raises ParseError."""
    if len(data) < 24 or data[:8] not in (_SIGNATURE, _SWAPPED):
        raise ParseError("not a GVDB file", offset=0)
    reader = _Reader(data, data[:8] == _SWAPPED)
    version, _ = reader.unpack("II", 8)
    if version != 0:
        raise ParseError(f"GVDB version {version}", offset=8)
    start, end = reader.unpack("II", 16)
    values: dict[str, tuple[str, Value]] = {}
    locks: frozenset[str] = frozenset()
    for name, kind, content in reader.table(start, end):
        if kind == "v":
            values[name] = gvariant.from_bytes(content, big_endian=reader.big_endian)
        elif kind == "H" and name == _LOCKS:
            first, last = struct.unpack(">II" if reader.big_endian else "<II", content)
            locks = frozenset(lock for lock, form, _ in reader.table(first, last) if form == "v")
    return Database(values, locks)


class _Reader:
    """Bounded access to the file."""

    def __init__(self, data: bytes, swapped: bool) -> None:
        self.data = data
        self.big_endian = swapped
        self._order = ">" if swapped else "<"
        # Pointers may overlap; all they mean together must not outgrow the file by much.
        self._left = len(data) * _MAX_TIMES + _MAX_NAME
        self._names_left = _MAX_NAMES

    def unpack(self, form: str, at: int) -> tuple[int, ...]:
        form = self._order + form
        if at < 0 or at + struct.calcsize(form) > len(self.data):
            raise ParseError("a pointer leaves the file", offset=at)
        return struct.unpack_from(form, self.data, at)

    def slice(self, start: int, end: int) -> bytes:
        if not 0 <= start <= end <= len(self.data):
            raise ParseError("a pointer leaves the file", offset=start)
        self._left -= end - start
        if self._left < 0:
            raise ParseError("more content than the file can hold", offset=start)
        return self.data[start:end]

    def table(self, start: int, end: int) -> list[tuple[str, str, bytes]]:
        """(name, type, content) of every item; for a table (`H`) the content is the pointer to it."""
        blooms, buckets = self.unpack("II", start)
        first = start + 8 + (blooms & 0x07FFFFFF) * 4 + buckets * 4
        if not first <= end <= len(self.data) or (end - first) % _ITEM:
            raise ParseError("a table whose size does not fit", offset=start)
        count = (end - first) // _ITEM
        if count > _MAX_ITEMS:
            raise ParseError(f"more than {_MAX_ITEMS} items", offset=start)
        items = [self._item(first + number * _ITEM) for number in range(count)]
        names: dict[int, str] = {}
        return [(self._name(number, items, names), kind, content) for number, (_, _, kind, content) in enumerate(items)]

    def _item(self, at: int) -> tuple[int, str, str, bytes]:
        _, parent, key, size, kind, _, start, end = self.unpack("IIIHBBII", at)
        text = self.slice(key, key + size).decode("utf-8", "surrogateescape")
        if chr(kind) == "H":
            return parent, text, "H", struct.pack(self._order + "II", start, end)
        return parent, text, chr(kind), self.slice(start, end) if chr(kind) == "v" else b""

    def _name(self, number: int, items: list[tuple[int, str, str, bytes]], names: dict[int, str]) -> str:
        """The whole name of an item: the keys of its parents and its own."""
        chain = []
        at = number
        while at not in names:
            chain.append(at)
            parent = items[at][0]
            if parent == 0xFFFFFFFF:
                break
            if parent >= len(items) or len(chain) > len(items):
                raise ParseError("an item whose parents lead nowhere")
            at = parent
        name = names.get(at, "")
        for one in reversed(chain):
            name += items[one][1]
            self._names_left -= len(name)
            if len(name) > _MAX_NAME or self._names_left < 0:
                raise ParseError("names longer than any that dconf writes")
            names[one] = name
        return name
