"""The headers, the regions and the metadata of a VHDX.

Source: Microsoft [MS-VHDX] 2.2 (header section), 2.6 (metadata region).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from uuid import UUID

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.model.records import dataclass
from scanner.parsers.crc32c import crc32c

__all__ = ["MAGIC", "Disk", "Table", "regions", "sound_header", "stated_disk"]

MAGIC = b"vhdxfile"
Table = Callable[[int, int, str], bytes]
"""Reads a table of the file by offset, length and name, or raises DamagedError."""

BLOCKS = UUID("2dc27766-f623-4200-9d64-115e9bfd4a08")
METADATA = UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
_PARAMETERS = UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
_DISK_SIZE = UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
_LOGICAL_SECTOR = UUID("8141bf1d-a96f-4709-ba47-f233a8faab5f")
_KNOWN = {
    _PARAMETERS,
    _DISK_SIZE,
    _LOGICAL_SECTOR,
    UUID("beca12ab-b2e6-4523-93ef-c309e000c746"),  # the identity of the disk
    UUID("cda348c7-445d-4471-9cc9-e9885251c556"),  # the physical sector size
    UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c"),  # where the parent is
}

_HEADERS = (64 << 10, 128 << 10)
_REGION_TABLES = (192 << 10, 256 << 10)
_TABLE_SIZE = 64 << 10
_MOST_ENTRIES = 2047
_HAS_PARENT = 2
_REQUIRED_REGION = 1
_REQUIRED_ITEM = 4


@dataclass(frozen=True, slots=True)
class Disk:
    """What the metadata says of the disk, in bytes."""

    size: int
    block: int
    sector: int


def _sum_is_right(raw: bytes) -> bool:
    return crc32c(raw[:4] + bytes(4) + raw[8:]) == int.from_bytes(raw[4:8], "little")


def sound_header(read: Table) -> tuple[bytes, list[str]]:
    """The header that counts (the sound one of the higher sequence number), and remarks. Raises DamagedError."""
    sound = []
    for place in _HEADERS:
        raw = read(place, 4096, "VHDX header")
        if raw[:4] == b"head" and _sum_is_right(raw):
            sound.append(raw)
    if not sound:
        raise DamagedError("neither header of the VHDX matches its checksum")
    notes = ["one of the two headers of the VHDX is damaged"] if len(sound) == 1 else []
    return max(sound, key=lambda raw: int.from_bytes(raw[8:16], "little")), notes


def regions(read: Table) -> tuple[dict[UUID, tuple[int, int]], list[str]]:
    """Region to (offset, length), and remarks. Raises DamagedError, NotCollectedError."""
    notes: list[str] = []
    for place in _REGION_TABLES:
        raw = read(place, _TABLE_SIZE, "VHDX region table")
        count = int.from_bytes(raw[8:12], "little")
        if raw[:4] == b"regi" and count <= _MOST_ENTRIES and _sum_is_right(raw):
            break
        notes.append("a region table of the VHDX is damaged, its copy is used")
    else:
        raise DamagedError("neither region table of the VHDX matches its checksum")
    found: dict[UUID, tuple[int, int]] = {}
    for at in range(16, 16 + 32 * count, 32):
        name = UUID(bytes_le=raw[at : at + 16])
        offset, length, flags = struct.unpack_from("<QII", raw, at + 16)
        if name not in (BLOCKS, METADATA) and flags & _REQUIRED_REGION:
            raise NotCollectedError(f"unsupported: VHDX region {name}")
        if name in found:
            raise DamagedError(f"the VHDX has two regions {name}")
        found[name] = (offset, length)
    return found, notes


def stated_disk(read: Table, place: int, length: int) -> Disk:
    """What the metadata region at `place` says. Raises DamagedError, NotCollectedError (a parent, unknown items)."""
    items = _items(read(place, _TABLE_SIZE, "VHDX metadata table"))

    def value(name: UUID, size: int) -> bytes:
        offset, have = items.get(name, (0, 0))
        if have < size or not _TABLE_SIZE <= offset <= length - size:
            raise DamagedError(f"the VHDX metadata {name} are missing")
        return read(place + offset, size, "VHDX metadata")

    block, flags = struct.unpack("<II", value(_PARAMETERS, 8))
    if flags & _HAS_PARENT:
        raise NotCollectedError("unsupported: VHDX that is a difference to another disk")
    size = int.from_bytes(value(_DISK_SIZE, 8), "little")
    sector = int.from_bytes(value(_LOGICAL_SECTOR, 4), "little")
    if sector not in (512, 4096) or not 1 << 20 <= block <= 1 << 28 or block & block - 1 or size >> 46:
        raise DamagedError(f"VHDX sectors of {sector} bytes, blocks of {block}, a disk of {size}")
    return Disk(size, block, sector)


def _items(raw: bytes) -> Mapping[UUID, tuple[int, int]]:
    """Metadata item to (offset in the region, length)."""
    (count,) = struct.unpack_from("<H", raw, 10)
    if raw[:8] != b"metadata" or count > _MOST_ENTRIES:
        raise DamagedError("no metadata table in the VHDX")
    found: dict[UUID, tuple[int, int]] = {}
    for at in range(32, 32 + 32 * count, 32):
        name = UUID(bytes_le=raw[at : at + 16])
        offset, length, flags = struct.unpack_from("<III", raw, at + 16)
        if name not in _KNOWN and flags & _REQUIRED_ITEM:
            raise NotCollectedError(f"unsupported: VHDX metadata {name}")
        found.setdefault(name, (offset, length))
    return found
