"""ext2, ext3, ext4: which blocks hold the bytes of an inode, by extents or by the older indirect blocks.

Sources: kernel Documentation/filesystems/ext4/ifork.rst (direct and indirect map, extent tree and its tail),
fs/ext4/ext4_extents.h, fs/ext4/extents.c (what makes a node invalid).
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from scanner.model.errors import DamagedError
from scanner.parsers.crc32c import update
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._ext_inode import EXTENTS, Inode, Inodes
from scanner.target.filesystems._ext_super import Superblock

__all__ = ["BlockMap"]

_MAX_DEPTH = 5
_UNWRITTEN = 32768
_KEPT_BYTES = 1 << 20
_END = 1 << 32


class _Span(NamedTuple):
    """Part of an extent node: logical blocks [start, end) and where they, or the node below, are. 0 is a hole."""

    start: int
    end: int
    block: int


class BlockMap:
    """Bytes of inodes, by way of their block maps. Nodes of maps are kept for a while."""

    def __init__(self, device: CachedDevice, superblock: Superblock, inodes: Inodes) -> None:
        self._device = device
        self._super = superblock
        self._inodes = inodes
        self._size = superblock.block_size
        self._room = _KEPT_BYTES // superblock.block_size
        self._nodes: OrderedDict[tuple[int, int], list[_Span]] = OrderedDict()
        self._tables: OrderedDict[int, tuple[int, ...]] = OrderedDict()

    def read(self, inode: Inode, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`, holes as zeros. The caller keeps inside the inode's size."""
        size = self._size
        first = offset // size
        last = (offset + length - 1) // size
        parts: list[bytes] = []
        skip = offset - first * size
        for block, count in self.runs(inode, first, last - first + 1):
            wanted = min(count * size - skip, length)
            parts.append(self._device.exact(block * size + skip, wanted) if block else bytes(wanted))
            length -= wanted
            skip = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def runs(self, inode: Inode, first: int, count: int) -> Iterator[tuple[int, int]]:
        """(device block or 0 for a hole, how many) for `count` blocks of the inode from block `first`."""
        if inode.flags & EXTENTS:
            return self._by_extents(inode, first, count)
        return self._by_table(inode, first, count)

    # ---- extents -----------------------------------------------------------------------------------------------

    def _by_extents(self, inode: Inode, first: int, count: int) -> Iterator[tuple[int, int]]:
        end = first + count
        if end > _END:
            raise DamagedError(f"inode {inode.number}: block {end} is more than an extent can name")
        depth = struct.unpack_from("<H", inode.block, 6)[0]
        if depth > _MAX_DEPTH:
            raise DamagedError(f"inode {inode.number}: extent tree {depth} levels deep")
        spans = self._spans(inode, inode.block, depth, 0, _END, f"inode {inode.number}")
        here = first
        for span in self._leaves(inode, spans, depth, first, end):
            if span.start > here:
                yield 0, span.start - here
                here = span.start
            stop = min(span.end, end)
            yield span.block and span.block + here - span.start, stop - here
            here = stop
        if here < end:
            yield 0, end - here

    def _leaves(self, inode: Inode, spans: list[_Span], depth: int, first: int, end: int) -> Iterator[_Span]:
        """The extents that touch [first, end). Spans of a node are disjoint, so this ends."""
        for span in spans:
            if span.end <= first:
                continue
            if span.start >= end:
                return
            if depth == 0:
                yield span
            else:
                yield from self._leaves(inode, self._node(inode, span, depth - 1), depth - 1, first, end)

    def _node(self, inode: Inode, span: _Span, depth: int) -> list[_Span]:
        """The node that `span` of an index points at."""
        key = (inode.number, span.block)
        known = self._nodes.get(key)
        if known is not None:
            self._nodes.move_to_end(key)
            return known
        place = span.block * self._size
        raw = self._device.exact(place, self._size)
        spans = self._spans(inode, raw, depth, span.start, span.end, f"offset {place}")
        if self._super.checksums:
            tail = 12 + 12 * struct.unpack_from("<H", raw, 4)[0]
            if update(self._inodes.seed(inode), raw[:tail]) != int.from_bytes(raw[tail : tail + 4], "little"):
                raise DamagedError(f"offset {place}: checksum of an extent block of inode {inode.number} is wrong")
        self._nodes[key] = spans
        if len(self._nodes) > self._room // 8:
            self._nodes.popitem(last=False)
        return spans

    def _spans(self, inode: Inode, raw: bytes, depth: int, low: int, high: int, where: str) -> list[_Span]:
        """Decode and check one node whose blocks must lie in [low, high)."""
        magic, count, room, level = struct.unpack_from("<HHHH", raw)
        if magic != 0xF30A or level != depth or not count <= room <= (len(raw) - 12) // 12 or count == 0 < depth:
            raise DamagedError(f"{where}: extent node of inode {inode.number} is damaged")
        spans: list[_Span] = []
        here = low
        blocks, floor = self._super.blocks, self._super.first_block
        if depth == 0:
            for start, length, block_high, block_low in struct.iter_unpack("<IHHI", raw[12 : 12 + 12 * count]):
                written = length <= _UNWRITTEN
                length -= 0 if written else _UNWRITTEN
                block = block_high << 32 | block_low
                if start < here or length == 0 or start + length > high or not floor < block <= blocks - length:
                    raise DamagedError(f"{where}: extent of inode {inode.number} at block {block} is damaged")
                here = start + length
                spans.append(_Span(start, here, block if written else 0))
            return spans
        entries = list(struct.iter_unpack("<IIHH", raw[12 : 12 + 12 * count]))
        for number, (start, block_low, block_high, _) in enumerate(entries):
            block = block_high << 32 | block_low
            end = entries[number + 1][0] if number + 1 < count else high
            if start < here or start >= end or not floor < block < blocks:
                raise DamagedError(f"{where}: extent index of inode {inode.number} at block {block} is damaged")
            here = start
            spans.append(_Span(start, end, block))
        return spans

    # ---- direct and indirect blocks ----------------------------------------------------------------------------

    def _by_table(self, inode: Inode, first: int, count: int) -> Iterator[tuple[int, int]]:
        start = run = 0
        for block in self._listed(inode, first, count):
            if run and (block == start + run if start else block == 0):
                run += 1
                continue
            if run:
                yield start, run
            if block and not self._super.first_block < block < self._super.blocks:
                raise DamagedError(f"inode {inode.number}: block {block} is outside the file system")
            start, run = block, 1
        if run:
            yield start, run

    def _listed(self, inode: Inode, first: int, count: int) -> Iterator[int]:
        """The device block of each block of the inode, 0 for a hole."""
        own = struct.unpack("<15I", inode.block)
        per = self._size // 4
        for logical in range(first, first + count):
            if logical < 12:
                yield own[logical]
                continue
            rest = logical - 12
            for depth in (1, 2, 3):
                if rest < per**depth:
                    break
                rest -= per**depth
            else:
                raise DamagedError(f"inode {inode.number}: block {logical} is more than its map can name")
            block = own[11 + depth]
            for level in reversed(range(depth)):
                if block == 0:
                    break
                index, rest = divmod(rest, per**level)
                block = self._table(inode, block)[index]
            yield block

    def _table(self, inode: Inode, block: int) -> tuple[int, ...]:
        known = self._tables.get(block)
        if known is not None:
            return known
        if not self._super.first_block < block < self._super.blocks:
            raise DamagedError(f"inode {inode.number}: indirect block {block} is outside the file system")
        table = struct.unpack(f"<{self._size // 4}I", self._device.exact(block * self._size, self._size))
        self._tables[block] = table
        if len(self._tables) > max(4, self._room // 16):
            self._tables.popitem(last=False)
        return table
