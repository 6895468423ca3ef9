"""One rpm header blob as the rpm database stores it: an index of typed tags over a data area.

Layout (all numbers big endian): index count, data length, then per entry {tag, type, offset, count}, then the data.
Entries behind the immutable region replace those inside it, so of a repeated tag the last one counts. Every entry is
bounded before it is used; nothing is decoded until it is asked for.
Source: rpm, lib/header.cc (limits: HEADER_TAGS_MAX, HEADER_DATA_MAX) and include/rpm/rpmtag.h.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Header", "Tag", "parse"]

_MAX_ENTRIES = 0xFFFF
_MAX_DATA = 0x0FFFFFFF
_ENTRY = struct.Struct(">IIiI")
_NUMBERS = {2: "B", 3: "H", 4: "I", 5: "Q"}
_TEXTS = frozenset({6, 8, 9})
_BINARY = 7
# Bytes of one item. A string takes at least its NUL byte, so the count bounds the loop that reads it.
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, _BINARY: 1, **dict.fromkeys(_TEXTS, 1)}
_REGIONS = (61, 63)
"""First and last of the tags that bound regions."""


class Tag:
    """Numbers of the tags that are used here (include/rpm/rpmtag.h)."""

    DSA_HEADER = 267
    PUBLIC_KEYS = 266
    RSA_HEADER = 268
    NAME, VERSION, RELEASE, EPOCH = 1000, 1001, 1002, 1003
    SUMMARY = 1004
    VENDOR = 1011
    ARCH = 1022
    SOURCE_RPM = 1044
    SIGNATURES = 278


@dataclass(frozen=True, slots=True)
class Header:
    """A checked header; values are decoded on demand. A tag that is not there is None.

    `entries`: tag -> (type, offset, count). Tuples, for a database has a hundred thousand of them.
    """

    entries: Mapping[int, tuple[int, int, int]]
    data: bytes

    def text(self, tag: int) -> str | None:
        """The first string of a string tag (undecodable bytes as surrogates)."""
        texts = self.texts(tag, 1)
        return texts[0] if texts else None

    def texts(self, tag: int, limit: int | None = None) -> list[str] | None:
        """All strings of a string tag, or the first `limit`. Raises ParseError when the tag is of another type."""
        entry = self._of_type(tag, _TEXTS)
        if entry is None:
            return None
        found: list[str] = []
        _, position, count = entry
        for _ in range(count if limit is None else min(count, limit)):
            end = self.data.find(b"\0", position)
            if end < 0:
                raise ParseError(f"a string of tag {tag} does not end", offset=position)
            found.append(self.data[position:end].decode("utf-8", "surrogateescape"))
            position = end + 1
        return found

    def numbers(self, tag: int) -> list[int] | None:
        """All numbers of an integer tag. Raises ParseError when the tag is of another type."""
        entry = self._of_type(tag, frozenset(_NUMBERS))
        if entry is None:
            return None
        kind, offset, count = entry
        return list(struct.unpack_from(f">{count}{_NUMBERS[kind]}", self.data, offset))

    def binary(self, tag: int) -> bytes | None:
        """The bytes of a binary tag. Raises ParseError when the tag is of another type."""
        entry = self._of_type(tag, frozenset({_BINARY}))
        if entry is None:
            return None
        _, offset, count = entry
        return self.data[offset : offset + count]

    def _of_type(self, tag: int, types: frozenset[int]) -> tuple[int, int, int] | None:
        entry = self.entries.get(tag)
        if entry is not None and entry[0] not in types:
            raise ParseError(f"tag {tag} has type {entry[0]}")
        return entry


def parse(blob: bytes) -> Header:
    """Check the index of `blob` and return the header. Raises ParseError."""
    if len(blob) < 8:
        raise ParseError("an rpm header has at least 8 bytes", offset=0)
    count, length = struct.unpack_from(">II", blob)
    if not 0 < count <= _MAX_ENTRIES:
        raise ParseError(f"an rpm header cannot have {count} entries", offset=0)
    if length > _MAX_DATA or 8 + count * _ENTRY.size + length > len(blob):
        raise ParseError(f"an rpm header of {count} entries and {length} bytes does not fit", offset=4)
    start = 8 + count * _ENTRY.size
    entries: dict[int, tuple[int, int, int]] = {}
    for number, (tag, kind, offset, items) in enumerate(_ENTRY.iter_unpack(blob[8:start])):
        if _REGIONS[0] <= tag <= _REGIONS[1]:
            continue
        width = _WIDTHS.get(kind)
        if width is None:
            raise ParseError(f"tag {tag} has the unknown type {kind}", offset=8 + number * _ENTRY.size)
        if offset < 0 or items < 1 or offset + items * width > length:
            raise ParseError(f"tag {tag} lies outside the header's data", offset=8 + number * _ENTRY.size)
        entries[tag] = (kind, offset, items)
    return Header(entries, blob[start : start + length])
