"""Where the grains of a sparse VMDK extent lie: by its grain directory, or where that was cut off, by walking them.

Source: VMware, "Virtual Disk Format 5.0", sections Hosted Sparse Extents and
Stream-Optimized Compressed Sparse Extents.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator

from scanner.model.errors import DamagedError, LimitError, NotCollectedError
from scanner.model.records import dataclass
from scanner.target.cached import CachedDevice
from scanner.target.containers._clusters import MAX_CHECKED, Remembered, numbers

__all__ = ["AT_END", "MAGIC", "SECTOR", "Directory", "Header", "parse", "walked"]

MAGIC = b"KDMV"
SECTOR = 512
AT_END = 0xFFFF_FFFF_FFFF_FFFF
"""Instead of the place of the grain directory: it is in the footer, since a stream was written in one go."""

_NEWLINES, _REDUNDANT, _ZEROED, _COMPRESSED, _MARKERS = 1, 2, 4, 1 << 16, 1 << 17
_LARGEST_GRAIN = 32_768
_LARGEST_TABLE = 512
_DEFLATE = 1
_TABLES = 1024
_MAX_WALKED = 1_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an extent, or its footer. `capacity`, `grain` and all places in sectors of 512 bytes."""

    capacity: int
    grain: int
    descriptor: int
    descriptor_size: int
    per_table: int
    copy: int | None
    directory: int
    first_grain: int
    unclean: bool
    zeroed: bool
    compressed: bool
    markers: bool


def parse(raw: bytes, where: str) -> Header:
    """The header in the sector `raw`. Raises DamagedError, NotCollectedError."""
    if len(raw) < SECTOR or raw[:4] != MAGIC:
        raise DamagedError(f"{where}: no VMDK header")
    version, flags, capacity, grain, descriptor, size, per_table = struct.unpack_from("<IIQQQQI", raw, 4)
    copy, directory, overhead, unclean = struct.unpack_from("<QQQB", raw, 48)
    (compression,) = struct.unpack_from("<H", raw, 77)
    if not 1 <= version <= 3:
        raise NotCollectedError(f"unsupported: VMDK version {version}")
    if flags & _COMPRESSED and compression != _DEFLATE:
        raise NotCollectedError(f"unsupported: VMDK compression {compression}")
    if flags & _NEWLINES and raw[73:77] != b"\n \r\n":
        raise DamagedError(f"{where}: the file was changed by a transfer as text")
    if not 1 <= grain <= _LARGEST_GRAIN or grain & grain - 1 or not 1 <= per_table <= _LARGEST_TABLE:
        raise DamagedError(f"{where}: grains of {grain} sectors, tables of {per_table} grains")
    if capacity >> 54:
        raise DamagedError(f"{where}: a disk of {capacity} sectors")
    return Header(
        capacity, grain, descriptor, size, per_table, copy if flags & _REDUNDANT else None, directory, overhead,
        bool(unclean), bool(flags & _ZEROED), bool(flags & _COMPRESSED), bool(flags & _MARKERS),
    )  # fmt: skip


class Directory:
    """Grain number to the sector of the file where it starts, by two levels of tables.

    Where an extent keeps both twice, the copy serves for what of the first does not lie in the file.
    """

    def __init__(self, file: CachedDevice, header: Header, read: Callable[[int, int, str], bytes]) -> None:
        """`read` gives a table of the file by offset, length and name, or raises DamagedError."""
        self.notes: list[str] = []
        self.damaged = False
        self._file = file
        self._header = header
        self._tables = Remembered(_TABLES)
        self._places = self._load(read)

    def sector(self, grain: int) -> int:
        """Sector of `grain`, 0 when it was never written (or holds zeros only). Raises DamagedError."""
        index, inside = divmod(grain, self._header.per_table)
        table = self._places[index]
        if not table:
            return 0
        found = int.from_bytes(self._tables.get(table, self._table)[4 * inside : 4 * inside + 4], "little")
        return 0 if found == 1 and self._header.zeroed else found

    def stored(self) -> Iterator[int]:
        """Sectors of all grains that were written, as far as their tables can be read and are not too many."""
        size = 4 * self._header.per_table
        for sector in self._places[: MAX_CHECKED // max(size, 4 * _LARGEST_TABLE)]:
            raw = self._file.pread(sector * SECTOR, size) if sector else b""
            if len(raw) == size:
                yield from (one for one in numbers(raw, "I", "little") if one > 1)

    def _table(self, sector: int) -> bytes:
        return self._file.exact(sector * SECTOR, 4 * self._header.per_table)

    def _load(self, read: Callable[[int, int, str], bytes]) -> array[int]:
        own = self._header
        count = -(-own.capacity // (own.grain * own.per_table))
        copy: array[int] | None = None
        if own.copy is not None:
            try:
                copy = numbers(read(own.copy * SECTOR, 4 * count, "copy of the grain directory"), "I", "little")
            except DamagedError:
                self._say("the copy of the grain directory does not lie in the file")
        try:
            first = numbers(read(own.directory * SECTOR, 4 * count, "grain directory"), "I", "little")
        except DamagedError:
            if copy is None:
                raise
            self._say("the grain directory does not lie in the file, its copy is used")
            return copy
        if copy is not None:
            self._mend(first, copy)
        return first

    def _mend(self, first: array[int], copy: array[int]) -> None:
        def lies_there(sector: int) -> bool:
            return sector > 0 and sector * SECTOR + 4 * self._header.per_table <= self._file.size

        mended = 0
        for index, (one, two) in enumerate(zip(first, copy, strict=True)):
            if not lies_there(one) and lies_there(two):
                first[index] = two
                mended += 1
        if mended:
            self._say(f"{mended} entries of the grain directory are damaged, those of its copy are used")

    def _say(self, note: str) -> None:
        self.notes.append(note)
        self.damaged = True


def walked(file: CachedDevice, header: Header) -> dict[int, int]:
    """Grain number to sector, of a stream that lost its end: each grain says which one it is and how long.

    Raises LimitError for more grains than can be remembered.
    """
    found: dict[int, int] = {}
    sector = max(1, header.first_grain)
    while True:
        raw = file.pread(sector * SECTOR, 16)
        if len(raw) < 16:
            return found
        value, size, kind = struct.unpack("<QII", raw)
        if size:
            length = -(-(12 + size) // SECTOR)
            whole = (sector + length) * SECTOR <= file.size
            if value % header.grain or value >= header.capacity or not whole:
                return found
            found[value // header.grain] = sector
            if len(found) > _MAX_WALKED:
                raise LimitError(f"{file.name}: more than {_MAX_WALKED} grains in a VMDK without its directory")
            sector += length
        elif kind in (1, 2, 3):  # a grain table, the grain directory, the footer: `value` sectors follow the marker
            sector += 1 + value
        else:
            return found
