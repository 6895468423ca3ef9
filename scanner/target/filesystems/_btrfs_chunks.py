"""btrfs: the chunk map, from logical addresses to places on this device.

Sources: btrfs-progs Documentation/dev/On-disk-format.rst (CHUNK_ITEM), include/uapi/linux/btrfs_tree.h (struct
btrfs_chunk, btrfs_stripe, block group flags), fs/btrfs/volumes.c (__btrfs_map_block), fs/btrfs/tree-checker.c
(btrfs_check_chunk_valid).
"""

from __future__ import annotations

import struct
from bisect import bisect_right

from scanner.model.errors import DamagedError, LimitError, NotCollectedError
from scanner.model.records import dataclass
from scanner.target.filesystems._btrfs_super import Superblock, uuid_text

__all__ = ["CHUNK_ITEM", "CHUNK_TREE_ID", "ChunkMap"]

CHUNK_ITEM = 228
CHUNK_TREE_ID = 256

_HEAD = struct.Struct("<QQQQIIIHH")
_STRIPE = struct.Struct("<QQ16s")
_KEY = struct.Struct("<QBQ")
_MAX_CHUNKS = 1 << 18
_TYPES = 0x7
_PROFILES = 0x7F8
# Profile bit to (name, copies of every byte, least stripes). RAID1C3 and C4 are RAID1 with more copies.
_RAID0, _RAID1, _DUP, _RAID10, _RAID1C3, _RAID1C4 = 0x8, 0x10, 0x20, 0x40, 0x200, 0x400
_MIRRORS = {0: 1, _DUP: 2, _RAID1: 2, _RAID1C3: 3, _RAID1C4: 4}
_UNSUPPORTED = {0x80: "raid5", 0x100: "raid6"}


@dataclass(frozen=True, slots=True)
class _Chunk:
    start: int
    end: int
    profile: int
    stripe: int
    places: tuple[tuple[int, int, bytes], ...]

    def copies(self, logical: int) -> tuple[tuple[tuple[int, int, bytes], ...], int, int]:
        """The stripes that hold the byte at `logical`, its offset in each, and how far it goes on there."""
        offset = logical - self.start
        if self.profile in _MIRRORS:
            return self.places, offset, self.end - logical
        row, within = divmod(offset, self.stripe)
        width = 2 if self.profile == _RAID10 else 1
        row, column = divmod(row, len(self.places) // width)
        places = self.places[column * width : column * width + width]
        return places, row * self.stripe + within, min(self.stripe - within, self.end - logical)


class ChunkMap:
    """Chunks by logical address. Filled from the superblock's array first, then from the chunk tree."""

    def __init__(self, sb: Superblock) -> None:
        self._sb = sb
        self._starts: list[int] = []
        self._chunks: list[_Chunk] = []
        place = 0
        while place < len(sb.chunks):
            if place + 17 + _HEAD.size > len(sb.chunks):
                raise DamagedError("the superblock's chunk array ends inside an item")
            objectid, kind, start = _KEY.unpack_from(sb.chunks, place)
            if (objectid, kind) != (CHUNK_TREE_ID, CHUNK_ITEM):
                raise DamagedError("the superblock's chunk array holds something else")
            place += 17
            place += self.add(start, sb.chunks[place:])

    def add(self, start: int, item: bytes) -> int:
        """Learn the chunk at logical `start`; the bytes its item takes. One that is known already stays."""
        if len(item) < _HEAD.size:
            raise DamagedError(f"chunk item at {start} is too short")
        length, _owner, stripe, kind, _, _, _, count, _sub = _HEAD.unpack_from(item)
        size: int = _HEAD.size + count * _STRIPE.size
        profile = kind & _PROFILES
        self._check(start, length, stripe, kind, count)
        if size > len(item):
            raise DamagedError(f"chunk item at {start} holds fewer stripes than it says")
        index = bisect_right(self._starts, start)
        if index and self._starts[index - 1] == start:
            return size
        end = start + length
        if (index and self._chunks[index - 1].end > start) or (index < len(self._starts) and self._starts[index] < end):
            raise DamagedError(f"chunk at {start} overlaps another one")
        if len(self._starts) >= _MAX_CHUNKS:
            raise LimitError(f"more than {_MAX_CHUNKS} chunks")
        places = tuple(_STRIPE.iter_unpack(item[_HEAD.size : size]))
        self._starts.insert(index, start)
        self._chunks.insert(index, _Chunk(start, end, profile, stripe, places))
        return size

    def _check(self, start: int, length: int, stripe: int, kind: int, count: int) -> None:
        profile = kind & _PROFILES
        if profile in _UNSUPPORTED:
            sound = count > 0
        elif profile in _MIRRORS:
            sound = count == _MIRRORS[profile]
        elif profile == _RAID10:
            sound = count >= 2 and count % 2 == 0
        else:
            sound = profile == _RAID0 and count > 0
        sector = self._sb.sector
        aligned = length and not (start % sector or length % sector) and start + length < 1 << 64
        if not sound or not aligned or not kind & _TYPES or stripe < sector or stripe & stripe - 1 or stripe > 1 << 30:
            raise DamagedError(f"impossible chunk at {start}: {length} bytes, type {kind:#x}, {count} stripes")

    def locate(self, logical: int) -> tuple[list[int], int]:
        """Offsets on this device of every copy of the byte at `logical`, and how many bytes follow it in one piece.

        Raises DamagedError when no chunk has it, NotCollectedError when it lies on another device.
        """
        index = bisect_right(self._starts, logical) - 1
        if index < 0 or logical >= self._chunks[index].end:
            raise DamagedError(f"logical address {logical} is in no chunk")
        chunk = self._chunks[index]
        if chunk.profile in _UNSUPPORTED:
            raise NotCollectedError(f"unsupported: btrfs {_UNSUPPORTED[chunk.profile]}")
        stripes, offset, left = chunk.copies(logical)
        sb = self._sb
        here = [place + offset for number, place, uuid in stripes if number == sb.device_id and uuid == sb.device_uuid]
        if not here:
            others = ", ".join(f"device {number} (UUID {uuid_text(uuid)})" for number, _, uuid in stripes)
            raise NotCollectedError(f"btrfs data on a device that is not here: {others}")
        return here, left
