"""XFS: the fork of an inode, which maps the blocks of a file, directory, link or attribute list to the device.

Sources: "XFS Filesystem Disk Structures", chapter Data Extents (extent list, B+tree extent list); kernel
fs/xfs/libxfs/xfs_format.h (xfs_bmbt_rec, xfs_bmdr_block, xfs_btree_block), xfs_bmap_btree.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from scanner.model.errors import DamagedError
from scanner.target.filesystems._xfs_super import Medium

__all__ = ["BTREE", "EXTENTS", "LOCAL", "Extent", "Fork"]

LOCAL = 1
EXTENTS = 2
BTREE = 3

_MAX_LEVEL = 12
_ALL = 1 << 54
_BLOCK_CRC = 64


class Extent(NamedTuple):
    """`blocks` blocks from `first` of the fork lie from file system block `block`; `unwritten` ones read as zeros."""

    first: int
    block: int
    blocks: int
    unwritten: bool


class Fork:
    """The extents of one fork, in order, looked up for a range so that a huge map costs nothing."""

    def __init__(self, medium: Medium, owner: int, form: int, data: bytes, count: int) -> None:
        self._medium = medium
        self._owner = owner
        self._form = form
        self._data = data
        self._count = count

    def extents(self, first: int = 0, end: int = _ALL) -> Iterator[Extent]:
        """Extents that hold blocks from `first` up to `end`. Each lies in the file system and none overlap."""
        if self._form == EXTENTS:
            if self._count * 16 > len(self._data):
                raise self._damage(f"{self._count} extents do not fit")
            yield from self._records(self._data, self._count, 0, _ALL, first, end)
        elif self._form == BTREE:
            yield from self._root(first, end)
        else:
            raise self._damage(f"fork has format {self._form}")

    def _damage(self, text: str) -> DamagedError:
        return DamagedError(f"{self._medium.device.name}: inode {self._owner}: {text}")

    def _records(self, data: bytes, count: int, low: int, high: int, first: int, end: int) -> Iterator[Extent]:
        """Extent records, each within [low, high) of the fork."""
        for one, two in struct.iter_unpack(">QQ", data[: count * 16]):
            start, blocks = one >> 9 & (_ALL - 1), two & 0x1FFFFF
            if start < low or not blocks or start + blocks > high:
                raise self._damage(f"extent of {blocks} blocks at block {start} out of order")
            low = start + blocks
            if low <= first:
                continue
            if start >= end:
                return
            block = (one & 0x1FF) << 43 | two >> 21
            self._medium.place(block, blocks)
            yield Extent(start, block, blocks, bool(one >> 63))

    def _root(self, first: int, end: int) -> Iterator[Extent]:
        """From the root of the tree, which lies in the inode."""
        if len(self._data) < 20:
            raise self._damage("extent tree has no room for its root")
        level, count = struct.unpack_from(">HH", self._data)
        if not 0 < level <= _MAX_LEVEL:
            raise self._damage(f"extent tree of {level} levels")
        yield from self._node(self._data[4:], count, level, 0, _ALL, first, end)

    def _node(
        self, data: bytes, count: int, level: int, low: int, high: int, first: int, end: int
    ) -> Iterator[Extent]:  # fmt: skip
        """Keys and pointers of a node. A child may hold only what lies between its key and the next one."""
        room = len(data) // 16
        if not 0 < count <= room:
            raise self._damage(f"node of the extent tree with {count} pointers")
        keys = struct.unpack_from(f">{count}Q", data)
        pointers = struct.unpack_from(f">{count}Q", data, room * 8)
        for number, key in enumerate(keys):
            upper = keys[number + 1] if number + 1 < count else high
            if not low <= key < upper <= high:
                raise self._damage(f"key {key} of the extent tree out of order")
            if upper > first and key < end:
                yield from self._block(pointers[number], level - 1, key, upper, first, end)

    def _block(self, block: int, level: int, low: int, high: int, first: int, end: int) -> Iterator[Extent]:
        medium = self._medium
        place = medium.place(block)
        data = medium.device.exact(place, medium.geometry.block_size)
        magic, found, count = data[:4], *struct.unpack_from(">HH", data, 4)
        newer = medium.geometry.version == 5
        if magic != (b"BMA3" if newer else b"BMAP") or found != level:
            raise self._damage(f"extent tree has no block of level {level} at offset {place}")
        header = 24
        if newer:
            header = 72
            medium.check(data, _BLOCK_CRC, place, "an extent tree block")
            own, owner = int.from_bytes(data[24:32], "big"), int.from_bytes(data[56:64], "big")
            if own * 512 != place or owner != self._owner:
                raise self._damage(f"extent tree block at offset {place} belongs elsewhere")
        if level:
            yield from self._node(data[header:], count, level, low, high, first, end)
        elif count * 16 > len(data) - header:
            raise self._damage(f"{count} extents do not fit at offset {place}")
        else:
            yield from self._records(data[header:], count, low, high, first, end)
