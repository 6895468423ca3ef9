"""The `ndb` form of the rpm database (Packages.db, used by SUSE): fixed slots that point at blobs of 16-byte blocks.

All numbers are little endian. Every slot page is read, so nothing but a damaged file can hide a package; each blob must
agree with its slot, with its own tail and with its Adler-32 sum.
Source: rpm, lib/backend/ndb/rpmpkg.c.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from scanner.model.errors import ParseError

__all__ = ["MAGIC", "blobs"]

MAGIC = b"RpmP"
_SLOT_MAGIC, _HEAD_MAGIC, _TAIL_MAGIC = b"Slot", b"BlbS", b"BlbE"
_PAGE, _BLOCK, _SLOT = 4096, 16, 16
_FILE_HEADER = 32
_HEAD, _TAIL = 16, 12


def blobs(data: bytes) -> Iterator[bytes]:
    """The header blobs, in the order of their package numbers. Raises ParseError."""
    if data[:4] != MAGIC or len(data) < _PAGE:
        raise ParseError("not an ndb package database", offset=0)
    version, _, pages = struct.unpack_from("<III", data, 4)
    if version != 0:
        raise ParseError(f"ndb version {version} is unknown", offset=4)
    first = pages * _PAGE
    if not 0 < first <= len(data):
        raise ParseError("the slot pages do not fit", offset=12)
    for index, start, length in sorted(_slots(data, first)):
        yield _blob(data, index, start, length)


def _slots(data: bytes, end: int) -> list[tuple[int, int, int]]:
    """Package number, offset and length in bytes of each used slot."""
    found: dict[int, tuple[int, int, int]] = {}
    reach = 0
    for offset in range(_FILE_HEADER, end, _SLOT):
        magic, index, block, count = struct.unpack_from("<4sIII", data, offset)
        if magic != _SLOT_MAGIC:
            raise ParseError("a slot has no magic", offset=offset)
        if not block:
            continue
        start, length = block * _BLOCK, count * _BLOCK
        if not index or not count or start < end or start + length > len(data):
            raise ParseError("a slot points outside the blobs", offset=offset)
        if index in found:
            raise ParseError(f"package number {index} is used twice", offset=offset)
        # Blobs do not overlap, so together they cannot be longer than the file.
        reach += length
        if reach > len(data):
            raise ParseError("blobs overlap", offset=offset)
        found[index] = (index, start, length)
    return list(found.values())


def _blob(data: bytes, index: int, start: int, length: int) -> bytes:
    magic, number, _, size = struct.unpack_from("<4sIII", data, start)
    if magic != _HEAD_MAGIC or number != index:
        raise ParseError(f"the blob of package number {index} has another head", offset=start)
    if length != -(-(_HEAD + size + _TAIL) // _BLOCK) * _BLOCK:
        raise ParseError("a blob does not fit its slot", offset=start)
    tail = start + length - _TAIL
    checksum, again, magic = struct.unpack_from("<II4s", data, tail)
    if magic != _TAIL_MAGIC or again != size:
        raise ParseError("a blob has a wrong tail", offset=tail)
    # The sum covers head, content and padding.
    if zlib.adler32(data[start:tail]) != checksum:
        raise ParseError("a blob has a wrong checksum", offset=start)
    return data[start + _HEAD : start + _HEAD + size]
