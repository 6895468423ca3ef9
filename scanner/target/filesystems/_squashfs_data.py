"""Content of squashfs files: blocks one after the other, the end of a file perhaps in a fragment that others share.

Source: squashfs-tools-ng doc/format.adoc; kernel fs/squashfs/file.c and fragment.c.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from itertools import accumulate

from scanner.model.errors import DamagedError, LimitError
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._squashfs_inode import NONE, Inode
from scanner.target.filesystems._squashfs_super import Cursor, Metadata, Super

__all__ = ["Content"]

_KEPT_BYTES = 8 * 1024 * 1024
_KEPT_LISTS = 64
_STEP = 2048
_MAX_BLOCKS = 1 << 24
"""Blocks of one file that are looked at (64 GiB of the smallest, 2 TiB of usual ones)."""

_PLAIN = 1 << 24
_LENGTH = _PLAIN - 1


class Content:
    """Reads files of one file system; decoded blocks and lists of blocks are remembered within bounds."""

    def __init__(self, device: CachedDevice, sup: Super, metadata: Metadata) -> None:
        self._device = device
        self._sup = sup
        self._metadata = metadata
        self._blocks: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()
        self._bytes = 0
        self._lists: OrderedDict[tuple[int, int], _BlockList] = OrderedDict()

    def read(self, inode: Inode, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset` of a regular file; the range lies within its size."""
        block = self._sup.block
        whole = inode.size // block if inode.fragment != NONE else -(-inode.size // block)
        sizes: _BlockList | None = None
        parts: list[bytes] = []
        while length:
            number, start = divmod(offset, block)
            part = min(length, block - start)
            if number >= whole:
                parts.append(self._tail(inode, start, part))
            else:
                if sizes is None:
                    sizes = self._list(inode, whole)
                place, size = sizes.at(number)
                if not size & _LENGTH:
                    parts.append(bytes(part))
                else:
                    wanted = min(block, inode.size - number * block)
                    parts.append(self._block(place, size, wanted)[start : start + part])
            offset += part
            length -= part
        return b"".join(parts)

    def _list(self, inode: Inode, count: int) -> _BlockList:
        found = self._lists.get(inode.blocks)
        if found is None:
            found = self._lists[inode.blocks] = _BlockList(self._metadata, inode, count)
            if len(self._lists) > _KEPT_LISTS:
                self._lists.popitem(last=False)
        return found

    def _tail(self, inode: Inode, start: int, length: int) -> bytes:
        if inode.fragment >= self._sup.fragments:
            raise DamagedError(f"squashfs inode {inode.number}: fragment {inode.fragment} of {self._sup.fragments}")
        record = self._metadata.record(self._sup.fragment_table, inode.fragment, 16)
        place, size, _ = struct.unpack("<QII", record)
        data = self._block(place, size, 0)
        begin = inode.offset + start
        if begin + length > len(data):
            raise DamagedError(f"squashfs inode {inode.number}: byte {begin + length} of {len(data)} in its fragment")
        return data[begin : begin + length]

    def _block(self, place: int, size: int, wanted: int) -> bytes:
        """A block, decoded. `wanted`: how long it must be at least; a fragment is as long as it is."""
        key = (place, size, wanted)
        known = self._blocks.get(key)
        if known is not None:
            self._blocks.move_to_end(key)
            return known
        length = size & _LENGTH
        if not length or length > self._sup.block:
            raise DamagedError(f"squashfs block of {length} bytes at offset {place}")
        data = self._device.exact(place, length)
        if not size & _PLAIN:
            try:
                data = self._sup.decode(data, self._sup.block)
            except DamagedError as error:
                raise DamagedError(f"squashfs block at offset {place}: {error}") from None
        if len(data) < wanted:
            raise DamagedError(f"squashfs block at offset {place}: {wanted} bytes wanted, {len(data)} found")
        self._blocks[key] = data
        self._bytes += len(data)
        while self._bytes > _KEPT_BYTES and len(self._blocks) > 1:
            self._bytes -= len(self._blocks.popitem(last=False)[1])
        return data


class _BlockList:
    """Addresses and sizes of the blocks of a file. Only sizes are stored; addresses are summed up from marks."""

    def __init__(self, metadata: Metadata, inode: Inode, count: int) -> None:
        self._metadata = metadata
        self._number = inode.number
        self._count = count
        self._marks = [(inode.blocks, inode.start)]
        self._loaded = -1
        self._sizes: tuple[int, ...] = ()
        self._places: list[int] = []

    def at(self, number: int) -> tuple[int, int]:
        """Address and stored size of block `number`."""
        if number >= _MAX_BLOCKS:
            raise LimitError(f"squashfs inode {self._number}: block {number} of a file")
        step, index = divmod(number, _STEP)
        while len(self._marks) <= step:
            self._load(len(self._marks) - 1)
        if self._loaded != step:
            self._load(step)
        return self._places[index], self._sizes[index]

    def _load(self, step: int) -> None:
        (block, start), place = self._marks[step]
        count = min(_STEP, self._count - step * _STEP)
        cursor = Cursor(self._metadata, block, start)
        self._sizes = struct.unpack(f"<{count}I", cursor.take(4 * count))
        self._places = list(accumulate((size & _LENGTH for size in self._sizes), initial=place))
        self._loaded = step
        if step + 1 == len(self._marks):
            self._marks.append((cursor.position, self._places[-1]))
