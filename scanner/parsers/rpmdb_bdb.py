"""The Berkeley DB form of the rpm database (Packages, a hash file; RHEL 8 and older), in either byte order.

Walked as Berkeley DB itself does: bucket by bucket through the spares table, page by page through the chain of each,
large values through their overflow pages. A page is used at most once, so chains cannot loop.
Source: Berkeley DB, src/dbinc/db_page.h; rpm, lib/backend/bdb_ro.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import field

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["blobs", "is_hash_file"]

_HASH_MAGIC = 0x061561
_VERSIONS = (8, 9, 10)
_PAGE_HEADER = 26
_PAGE_HASH_UNSORTED, _PAGE_OVERFLOW, _PAGE_HASH = 2, 7, 13
_ITEM_HERE, _ITEM_OVERFLOW = 1, 3
_META_BYTES = 224
_KEY_BYTES = 4
_NO_INSTANCE = b"\0\0\0\0"


def is_hash_file(data: bytes) -> bool:
    """Whether these bytes begin a Berkeley DB hash file."""
    return len(data) >= 16 and _HASH_MAGIC in struct.unpack_from("<I", data, 12) + struct.unpack_from(">I", data, 12)


def blobs(data: bytes) -> Iterator[bytes]:
    """The header blobs in the order of the file. Raises ParseError.

    Key 0 holds rpm's counter of package numbers, not a header, and is left out.
    """
    for key, value in _File.open(data).pairs():
        if len(key) != _KEY_BYTES:
            raise ParseError("a key of the package table is no number")
        if key != _NO_INSTANCE:
            yield value


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    order: str
    page_size: int
    last_page: int
    last_bucket: int
    spares: tuple[int, ...]
    seen: set[int] = field(default_factory=set)

    @classmethod
    def open(cls, data: bytes) -> _File:
        if len(data) < _META_BYTES or not is_hash_file(data):
            raise ParseError("not a Berkeley DB hash file", offset=0)
        order = "<" if struct.unpack_from("<I", data, 12)[0] == _HASH_MAGIC else ">"
        version, page_size = struct.unpack_from(f"{order}II", data, 16)
        if version not in _VERSIONS:
            raise ParseError(f"hash version {version} is unknown", offset=16)
        if not 512 <= page_size <= 65536 or page_size & (page_size - 1):
            raise ParseError(f"a page cannot have {page_size} bytes", offset=20)
        if data[24]:
            raise ParseError("the database is encrypted", offset=24)
        (last_page,) = struct.unpack_from(f"{order}I", data, 32)
        if (last_page + 1) * page_size > len(data):
            raise ParseError("the file is cut off", offset=32)
        (last_bucket,) = struct.unpack_from(f"{order}I", data, 72)
        if last_bucket > last_page:
            raise ParseError("more buckets than pages", offset=72)
        return cls(data, order, page_size, last_page, last_bucket, struct.unpack_from(f"{order}32I", data, 96))

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values of every bucket."""
        for bucket in range(self.last_bucket + 1):
            page = bucket + self.spares[bucket.bit_length()]
            while page:
                yield from self._items(page)
                page = self._number(page * self.page_size + 16)

    def _items(self, page: int) -> Iterator[tuple[bytes, bytes]]:
        start = self._take(page, (_PAGE_HASH, _PAGE_HASH_UNSORTED))
        (count,) = struct.unpack_from(f"{self.order}H", self.data, start + 20)
        if count % 2 or _PAGE_HEADER + 2 * count > self.page_size:
            raise ParseError(f"page {page} has {count} items", offset=start + 20)
        offsets = struct.unpack_from(f"{self.order}{count}H", self.data, start + _PAGE_HEADER)
        # Items are stacked from the end of the page: each one ends where the one before it begins.
        end = self.page_size
        items: list[bytes] = []
        for offset in offsets:
            if not _PAGE_HEADER + 2 * count <= offset < end:
                raise ParseError(f"an item of page {page} lies outside it", offset=start)
            items.append(self._item(start + offset, end - offset))
            end = offset
        yield from zip(items[::2], items[1::2], strict=True)

    def _item(self, start: int, length: int) -> bytes:
        kind = self.data[start]
        if kind == _ITEM_HERE:
            return self.data[start + 1 : start + length]
        if kind != _ITEM_OVERFLOW or length != 12:
            raise ParseError(f"an item of the unknown type {kind}", offset=start)
        return self._overflow(self._number(start + 4), self._number(start + 8))

    def _overflow(self, page: int, length: int) -> bytes:
        if length > len(self.data):
            raise ParseError("a value is longer than the file")
        parts: list[bytes] = []
        while length:
            start = self._take(page, (_PAGE_OVERFLOW,))
            (here,) = struct.unpack_from(f"{self.order}H", self.data, start + 22)
            if not 0 < here <= min(length, self.page_size - _PAGE_HEADER):
                raise ParseError(f"overflow page {page} holds {here} bytes", offset=start + 22)
            parts.append(self.data[start + _PAGE_HEADER : start + _PAGE_HEADER + here])
            length -= here
            page = self._number(start + 16)
        return b"".join(parts)

    def _take(self, page: int, kinds: tuple[int, ...]) -> int:
        """Offset of `page`, which must be of one of these types, say its own number, and not have been used before."""
        start = page * self.page_size
        if not 0 < page <= self.last_page or page in self.seen:
            raise ParseError(f"page {page} lies outside the file or is used twice")
        self.seen.add(page)
        if self.data[start + 25] not in kinds or self._number(start + 8) != page:
            raise ParseError(f"page {page} is of another type", offset=start)
        return start

    def _number(self, offset: int) -> int:
        return int(struct.unpack_from(f"{self.order}I", self.data, offset)[0])
