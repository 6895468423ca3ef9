"""FAT12, FAT16, FAT32: boot sector, allocation table, and the runs of clusters that hold a file.

Sources: Microsoft, "FAT: General Overview of On-Disk Format" 1.03 (sections "Boot Sector and BPB", "FAT Data
Structure"); kernel fs/fat/inode.c (how the kind is chosen and what a mount refuses), fs/fat/fatent.c.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise

from scanner.model.errors import DamagedError
from scanner.model.records import dataclass
from scanner.target.cached import CachedDevice

__all__ = ["Chain", "Geometry", "Table", "find_copy", "load"]

_PIECE = 16384
_PIECES = 32
_CHAINS = 64
_RUNS = 1 << 20


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where things are, in bytes. `bits`: 12, 16 or 32. `root` is (offset, length), or a cluster number on FAT32."""

    bits: int
    cluster: int
    clusters: int
    table: int
    table_size: int
    data: int
    root: tuple[int, int] | int
    end: int
    dirty: bool


def parse(raw: bytes, place: int) -> Geometry:
    """The geometry in the boot sector `raw`, found at byte `place`. Raises DamagedError."""
    if len(raw) < 512:
        raise DamagedError(f"offset {place}: no FAT boot sector")
    sector, per_cluster, reserved, tables, root_entries, total, _, table_sectors = struct.unpack_from(
        "<HBHBHHBH", raw, 11
    )
    total = total or struct.unpack_from("<I", raw, 32)[0]
    wide = table_sectors == 0
    flags = root = 0
    if wide:
        table_sectors, flags, version, root = struct.unpack_from("<IHHI", raw, 36)
        if version:
            raise DamagedError(f"offset {place}: FAT32 of unknown version {version}")
    if sector not in (512, 1024, 2048, 4096) or not per_cluster or per_cluster & per_cluster - 1:
        raise DamagedError(f"offset {place}: sectors of {sector} bytes, clusters of {per_cluster} sectors")
    root_size = -(-root_entries * 32 // sector) * sector
    active = flags & 15 if flags & 0x80 else 0
    table = (reserved + active * table_sectors) * sector
    data = (reserved + tables * table_sectors) * sector + root_size
    if (
        not reserved
        or active >= tables
        or not table_sectors
        or (not wide and not root_entries)
        or data >= total * sector
    ):
        raise DamagedError(f"offset {place}: the boot sector contradicts itself")
    cluster = sector * per_cluster
    clusters = (total * sector - data) // cluster
    bits = 32 if wide else 16 if clusters > 4084 else 12
    clusters = min(clusters, table_sectors * sector * 8 // bits - 2, 0x0FFFFFF5)
    if clusters < 1 or (wide and not 2 <= root < clusters + 2):
        raise DamagedError(f"offset {place}: the boot sector contradicts itself")
    return Geometry(
        bits,
        cluster,
        clusters,
        table,
        table_sectors * sector,
        data,
        root if wide else (data - root_size, root_entries * 32),
        total * sector,
        bool(raw[0x41 if wide else 0x25] & 1),
    )


def load(device: CachedDevice) -> tuple[Geometry, list[str]]:
    """The geometry of `device`, on FAT32 from the backup boot sector when the first is damaged, and remarks."""
    notes = []
    try:
        found = parse(device.pread(0, 512), 0)
    except DamagedError as error:
        copy = find_copy(device)
        if copy is None:
            raise
        found = parse(copy[1], copy[0])
        notes.append(f"{error}; the backup boot sector at offset {copy[0]} is used")
    if found.end > device.size:
        notes.append(f"the device is {found.end - device.size} bytes shorter than the file system")
    return found, notes


def find_copy(device: CachedDevice) -> tuple[int, bytes] | None:
    """The backup boot sector of a FAT32 that can be read by, and its offset."""
    for size in (512, 1024, 2048, 4096):
        raw = device.pread(6 * size, 512)
        if raw[11:13] != size.to_bytes(2, "little") or raw[510:512] != b"\x55\xaa" or raw[22:24] != b"\0\0":
            continue
        try:
            parse(raw, 6 * size)
        except DamagedError:
            continue
        return 6 * size, raw
    return None


@dataclass(frozen=True, slots=True)
class Chain:
    """Clusters of a file as runs: the number of clusters before each run, and where it starts."""

    before: array[int]
    starts: array[int]
    length: int


class Table:
    """The allocation table, read in pieces; chains that were followed are kept for a while."""

    def __init__(self, device: CachedDevice, geometry: Geometry) -> None:
        self._device = device
        self._geometry = geometry
        self._pieces: OrderedDict[int, array[int]] = OrderedDict()
        self._chains: OrderedDict[tuple[int, int], Chain] = OrderedDict()
        self._runs = 0

    def in_use(self) -> bool:
        """Whether the table says that the file system was not unmounted (FAT12 has no such mark)."""
        return self._geometry.bits != 12 and not self._next(1) >> (15 if self._geometry.bits == 16 else 27) & 1

    def read(self, chain: Chain, offset: int, length: int) -> bytes:
        """`length` bytes of the clusters of `chain`. The caller keeps within it."""
        own = self._geometry
        parts = []
        index = bisect_right(chain.before, offset // own.cluster) - 1
        while length > 0:
            end = chain.before[index + 1] if index + 1 < len(chain.before) else chain.length
            skip = offset - chain.before[index] * own.cluster
            wanted = min(length, end * own.cluster - offset)
            parts.append(self._device.exact(self.place(chain.starts[index]) + skip, wanted))
            offset += wanted
            length -= wanted
            index += 1
        return b"".join(parts)

    def place(self, cluster: int) -> int:
        """Byte offset of a cluster."""
        return self._geometry.data + (cluster - 2) * self._geometry.cluster

    def chain(self, first: int, count: int, *, whole: bool = False) -> Chain:
        """`count` clusters from `first` on (`whole`: all, but no more than that). Raises DamagedError."""
        key = (first, -count if whole else count)
        known = self._chains.get(key)
        if known is not None:
            self._chains.move_to_end(key)
            return known
        found = self._follow(first, count, whole)
        self._chains[key] = found
        self._runs += len(found.starts)
        while len(self._chains) > 1 and (len(self._chains) > _CHAINS or self._runs > _RUNS):
            self._runs -= len(self._chains.popitem(last=False)[1].starts)
        return found

    def _follow(self, first: int, count: int, whole: bool) -> Chain:
        limit = self._geometry.clusters + 2
        before, starts = array("I"), array("I")
        here, length, expected = first, 0, 0
        last = 0xFF8 if self._geometry.bits == 12 else 0xFFF8 if self._geometry.bits == 16 else 0x0FFFFFF8
        while length < count:
            if not 2 <= here < limit:
                raise DamagedError(f"chain of clusters from {first}: {here} follows after {length} clusters")
            if here != expected:
                before.append(length)
                starts.append(here)
            length += 1
            expected = here + 1
            here = self._next(here)
            if here >= last:
                if not whole and length < count:
                    raise DamagedError(f"chain of clusters from {first} ends after {length} of {count}")
                return Chain(before, starts, length)
        if whole:
            raise DamagedError(f"chain of clusters from {first} has no end")
        # More clusters than the size needs are allowed (space set aside), a chain that returns to itself is not.
        if self._overlap(starts, before, length):
            raise DamagedError(f"chain of clusters from {first} runs in a circle")
        return Chain(before, starts, length)

    @staticmethod
    def _overlap(starts: array[int], before: array[int], length: int) -> bool:
        ends = [*before[1:], length]
        runs = sorted((start, start + end - done) for start, done, end in zip(starts, before, ends, strict=True))
        return any(one[1] > two[0] for one, two in pairwise(runs))

    def _next(self, cluster: int) -> int:
        """What the table says of a cluster: the next one, 0 (free), or an end mark."""
        index, place = divmod(cluster, _PIECE)
        piece = self._pieces.get(index)
        if piece is None:
            piece = self._piece(index)
        return piece[place] & 0x0FFFFFFF

    def _piece(self, index: int) -> array[int]:
        own = self._geometry
        start, length = index * _PIECE * own.bits // 8, _PIECE * own.bits // 8
        raw = self._device.exact(own.table + start, min(length, own.table_size - start))
        if own.bits == 12:
            piece = array("I", _unpacked(raw))
        else:
            piece = array("I" if own.bits == 32 else "H", raw[: len(raw) // 4 * 4])
            if sys.byteorder == "big":
                piece.byteswap()
        self._pieces[index] = piece
        if len(self._pieces) > _PIECES:
            self._pieces.popitem(last=False)
        return piece


def _unpacked(raw: bytes) -> Iterator[int]:
    """Two entries from each three bytes."""
    for low, middle, high in struct.iter_unpack("<BBB", raw + bytes(-len(raw) % 3)):
        yield low | (middle & 15) << 8
        yield middle >> 4 | high << 4
