"""ext2, ext3, ext4: directories. An indexed (htree) directory reads as a linear one: its index blocks look like unused
entries, and every name stands in a leaf block.

Sources: kernel Documentation/filesystems/ext4/directory.rst, inlinedata.rst; fs/ext4/ext4.h (record lengths of 64 KiB
blocks), fs/ext4/namei.c (checksums of leaves).
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass

from scanner.model.errors import DamagedError, LimitError
from scanner.parsers.crc32c import update
from scanner.target import limits
from scanner.target.filesystems._ext_inode import INDEXED, INLINE, Inode, Inodes
from scanner.target.filesystems._ext_map import BlockMap
from scanner.target.filesystems._ext_super import Superblock
from scanner.target.filesystems._ext_xattr import Attributes

__all__ = ["Directories", "Listing"]

_HEAD = struct.Struct("<IHBB")
_TAIL = struct.Struct("<IHBBI")
_MAX_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Listing:
    """Names of one directory with their inodes, its parent, and the inodes that have more than one name in it."""

    names: dict[bytes, int]
    parent: int
    twice: frozenset[int]


class Directories:
    """Reads directories whole."""

    def __init__(self, superblock: Superblock, inodes: Inodes, blocks: BlockMap, attributes: Attributes) -> None:
        self._super = superblock
        self._inodes = inodes
        self._blocks = blocks
        self._attributes = attributes
        self._budget = min(max(4 * superblock.blocks * superblock.block_size, 1 << 26), 1 << 34)

    def read(self, inode: Inode) -> Listing:
        """Every entry of the directory `inode`. Raises DamagedError, LimitError."""
        names: dict[bytes, int] = {}
        if inode.flags & INLINE:
            first, second = self._attributes.inline(inode)
            where = f"inode {inode.number}"
            parent = int.from_bytes(first[:4], "little")
            self._block(first[4:], names, where)
            if inode.size > len(first):
                self._block(second, names, where)
        else:
            self._from_blocks(inode, names)
            if names.pop(b".", None) != inode.number:
                raise DamagedError(f"inode {inode.number}: the directory does not name itself")
            parent = names.pop(b"..", 0)
        if b"." in names or b".." in names:
            raise DamagedError(f"inode {inode.number}: a directory entry is called . or ..")
        twice: frozenset[int] = frozenset()
        if len(set(names.values())) != len(names):
            twice = frozenset(number for number, uses in Counter(names.values()).items() if uses > 1)
        return Listing(names, parent, twice)

    def _from_blocks(self, inode: Inode, names: dict[bytes, int]) -> None:
        size = self._super.block_size
        if inode.size % size or inode.size == 0:
            raise DamagedError(f"inode {inode.number}: a directory of {inode.size} bytes")
        if inode.size > _MAX_BYTES:
            raise LimitError(f"inode {inode.number}: a directory of {inode.size} bytes")
        self._budget -= inode.size  # blocks of a crafted image can belong to many directories
        if self._budget < 0:
            raise LimitError(f"inode {inode.number}: directories hold more than the file system can")
        seed = self._inodes.seed(inode)
        per_read = max(1, 65536 // size)
        total = inode.size // size
        for first in range(0, total, per_read):
            count = min(per_read, total - first)
            data = self._blocks.read(inode, first * size, count * size)
            for number in range(count):
                where = f"inode {inode.number}, directory block {first + number}"
                block = data[number * size : number * size + size] if count > 1 else data
                self._block(self._checked(block, inode, seed, where), names, where)

    def _checked(self, block: bytes, inode: Inode, seed: int, where: str) -> bytes:
        """The block less its tail, when checksums are in use and it is no index block."""
        if not self._super.checksums:
            return block
        index = self._index(block) if inode.flags & INDEXED else 0
        if index:
            limit, count = struct.unpack_from("<HH", block, index)
            tail = index + 8 * limit
            if count > limit or tail + 8 > len(block):
                raise DamagedError(f"{where}: an index of {limit} entries does not fit")
            covered = block[: index + 8 * count] + block[tail : tail + 4] + bytes(4)
            if update(seed, covered) != int.from_bytes(block[tail + 4 : tail + 8], "little"):
                raise DamagedError(f"{where}: checksum does not match")
            return block
        tail = len(block) - _TAIL.size
        *rest, checksum = _TAIL.unpack_from(block, tail)
        if rest != [0, 12, 0, 0xDE] or update(seed, block[:tail]) != checksum:
            raise DamagedError(f"{where}: checksum does not match")
        return block[:tail]

    def _index(self, block: bytes) -> int:
        """Where the index begins when the block is one (the entries in front of it span the whole block), else 0."""
        size = len(block)
        first = self._length(int.from_bytes(block[4:6], "little"))
        if first == size:
            return 8
        return 32 if first == 12 and self._length(int.from_bytes(block[16:18], "little")) == size - 12 else 0

    def _length(self, stored: int) -> int:
        """A record length; blocks of 64 KiB keep theirs in the two low bits."""
        if self._super.block_size < 65536:
            return stored
        return self._super.block_size if stored in (0, 65535) else (stored & 65532) | (stored & 3) << 16

    def _block(self, block: bytes, names: dict[bytes, int], where: str) -> None:
        end = len(block)
        place = 0
        unpack = _HEAD.unpack_from
        large = self._super.block_size >= 65536
        while place + 8 <= end:
            number, length, name_size, _ = unpack(block, place)
            if large:
                length = self._length(length)
            if length < 8 + name_size or length & 3 or place + length > end:
                raise DamagedError(f"{where}: entry at {place} is {length} bytes long")
            if number:
                name = block[place + 8 : place + 8 + name_size]
                if not name or b"/" in name or b"\0" in name or name in names:
                    raise DamagedError(f"{where}: the name {name[:40]!r} cannot be or is there twice")
                names[name] = number
                if len(names) > limits.MAX_NAMES:
                    raise LimitError(f"{where}: more than {limits.MAX_NAMES} entries")
            place += length
        if place != end:
            raise DamagedError(f"{where}: {end - place} bytes too many")
