"""The head of a compiled SELinux policy: version, unknown classes, types, permissive types, booleans.

Layout (all numbers little-endian): u32 0xf97cff8c, u32 8, "SE Linux", u32 version, u32 flags, u32 symbol tables, u32
object contexts; bitmap of policy capabilities; bitmap of permissive types; from version 35 a bitmap of never-audit
types; then the symbol tables commons, classes, roles, types, users, booleans. Later sections are not read.
Source: SELinuxProject/selinux libsepol/src/policydb.c (policydb_read and the readers it calls), ebitmap.c.
"""

from __future__ import annotations

import struct

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Policy", "parse"]

_MAGIC = 0xF97CFF8C
_NAME = b"SE Linux"
_OLDEST, _NEWEST = 24, 35
_MAP_BITS = 64
_NAMES = 5  # CEXPR_NAMES: the one kind of constraint term that carries bitmaps
_PRIMARY, _ATTRIBUTE = 1, 2
_MAX_NAME = 4096
_MAX_WORDS = 4096  # of a bitmap that is taken apart: 262,144 types
_UNKNOWN = {0: "deny", 2: "reject", 4: "allow"}


@dataclass(frozen=True, slots=True)
class Policy:
    """`handle_unknown`: deny, reject or allow. `types`: names of all types (no attributes or aliases).
    `permissive`: the types that are never enforced, sorted. `booleans`: name to the state the policy starts with."""

    version: int
    mls: bool
    handle_unknown: str
    types: frozenset[str]
    permissive: tuple[str, ...]
    booleans: dict[str, bool]


def parse(data: bytes) -> Policy:
    """Read a kernel policy up to its types. Raises ParseError (with the byte offset) for anything else."""
    reader = _Reader(data)
    magic, length = reader.numbers(2)
    if magic != _MAGIC:
        raise ParseError("no SELinux kernel policy", offset=0)
    if length != len(_NAME) or reader.take(length) != _NAME:
        raise ParseError("not a Linux policy", offset=8)
    version, flags, tables, _ = reader.numbers(4)
    if not _OLDEST <= version <= _NEWEST:
        raise ParseError(f"policy version {version} is not known", offset=16)
    if tables != 8:
        raise ParseError(f"{tables} symbol tables instead of 8", offset=24)
    handle_unknown = _UNKNOWN.get(flags & 6)
    if handle_unknown is None:
        raise ParseError("contradicting flags for unknown classes", offset=20)
    reader.skip_bitmap()
    permissive = reader.bitmap()
    if version >= 35:
        reader.skip_bitmap()
    for skip in (_common, _class, _role):
        for _ in range(reader.table()):
            skip(reader, version)
    names = _types(reader)
    unnamed = sorted(permissive - names.keys())
    if unnamed:
        raise ParseError(f"permissive type {unnamed[0]} has no name", offset=reader.at)
    for _ in range(reader.table()):
        _user(reader)
    return Policy(
        version,
        bool(flags & 1),
        handle_unknown,
        frozenset(names.values()),
        tuple(sorted(names[value] for value in permissive)),
        _booleans(reader),
    )


class _Reader:
    """Reads forward, never past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        if length > len(self._data) - self.at:
            raise ParseError("cut short", offset=self.at)
        self.at += length
        return self._data[self.at - length : self.at]

    def numbers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}I", self.take(4 * count))

    def number(self) -> int:
        return self.numbers(1)[0]

    def name(self, length: int) -> str:
        if not 0 < length <= _MAX_NAME:
            raise ParseError(f"a name of {length} bytes", offset=self.at)
        return self.take(length).decode("utf-8", "backslashreplace")

    def table(self) -> int:
        """Number of elements of a symbol table; each is at least eight bytes long."""
        _, count = self.numbers(2)
        if count > (len(self._data) - self.at) // 8:
            raise ParseError(f"{count} symbols do not fit", offset=self.at)
        return count

    def bitmap(self) -> set[int]:
        """Numbers of the bits that are set; the map of permissive types uses type values as bit numbers."""
        start = self.at
        size, high, count = self.numbers(3)
        if size != _MAP_BITS:
            raise ParseError(f"bitmap of {size}-bit words", offset=start)
        if high == 0:
            return set()
        if count > _MAX_WORDS:
            raise ParseError(f"bitmap of {count} words", offset=start)
        bits: set[int] = set()
        for _ in range(count):
            begin, word = struct.unpack("<IQ", self.take(12))
            bits.update(begin + bit for bit in range(_MAP_BITS) if word >> bit & 1)
        return bits

    def skip_bitmap(self) -> None:
        size, high, count = self.numbers(3)
        if size != _MAP_BITS:
            raise ParseError(f"bitmap of {size}-bit words", offset=self.at - 12)
        if high:
            self.take(12 * count)


def _permissions(reader: _Reader, count: int) -> None:
    for _ in range(count):
        length, _ = reader.numbers(2)
        reader.name(length)


def _common(reader: _Reader, version: int) -> None:
    length, _, _, permissions = reader.numbers(4)
    reader.name(length)
    _permissions(reader, permissions)


def _class(reader: _Reader, version: int) -> None:
    length, common, _, _, permissions, constraints = reader.numbers(6)
    reader.name(length)
    if common:
        reader.name(common)
    _permissions(reader, permissions)
    _constraints(reader, constraints, version)
    _constraints(reader, reader.number(), version)
    if version >= 27:
        reader.numbers(3)
    if version >= 28:
        reader.numbers(1)


def _constraints(reader: _Reader, count: int, version: int) -> None:
    for _ in range(count):
        _, terms = reader.numbers(2)
        for _ in range(terms):
            kind, _, _ = reader.numbers(3)
            if kind == _NAMES:
                reader.skip_bitmap()
                if version >= 29:
                    reader.skip_bitmap()
                    reader.skip_bitmap()
                    reader.number()


def _role(reader: _Reader, version: int) -> None:
    length, _, _ = reader.numbers(3)
    reader.name(length)
    reader.skip_bitmap()
    reader.skip_bitmap()


def _types(reader: _Reader) -> dict[int, str]:
    """Value to name of every primary type."""
    names: dict[int, str] = {}
    for _ in range(reader.table()):
        length, value, properties, _ = reader.numbers(4)
        name = reader.name(length)
        if properties & _PRIMARY and not properties & _ATTRIBUTE:
            names[value] = name
    return names


def _user(reader: _Reader) -> None:
    length, _, _ = reader.numbers(3)
    reader.name(length)
    reader.skip_bitmap()
    levels = reader.number()
    if levels > 2:
        raise ParseError(f"a range of {levels} levels", offset=reader.at)
    reader.numbers(levels)
    for _ in range(levels):
        reader.skip_bitmap()
    reader.number()
    reader.skip_bitmap()


def _booleans(reader: _Reader) -> dict[str, bool]:
    states: dict[str, bool] = {}
    for _ in range(reader.table()):
        _, state, length = reader.numbers(3)
        states[reader.name(length)] = state != 0
    return states
