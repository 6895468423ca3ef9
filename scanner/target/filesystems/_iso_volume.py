"""ISO 9660: the volume descriptors (primary, Joliet, boot record), directory records, and the El Torito boot catalogue.

Sources: ECMA-119 (ISO 9660) chapters 7 to 9; Joliet Specification (Microsoft, 1995) for the escape sequences; "El
Torito" Bootable CD-ROM Format Specification 1.0; UEFI Specification 2.10 section 13.3.2 (platform 0xEF, sector
count 0 or 1).
"""

from __future__ import annotations

import calendar
import struct

from scanner.model.errors import DamagedError, LimitError, NotCollectedError, TargetError
from scanner.model.records import dataclass
from scanner.target.cached import CachedDevice

__all__ = ["BootImage", "Medium", "Record", "Volume", "boot_images", "short_time", "volumes"]

SECTOR = 2048
DIRECTORY = 0x02
ASSOCIATED = 0x04
MORE_EXTENTS = 0x80

_FIRST = 16
_MAX_DESCRIPTORS = 64
_JOLIET = (b"%/@", b"%/C", b"%/E")
_MAX_NOTES = 64
_MAX_BOOT_ENTRIES = 64
_BLOCK = 512
_LEAST_FIELDS = 1_000_000
_MOST_FIELDS = 50_000_000


@dataclass(frozen=True, slots=True)
class Volume:
    """One view of the files: where its root directory begins."""

    block_size: int
    root: int
    joliet: bool
    sequence: int


@dataclass(frozen=True, slots=True)
class BootImage:
    """An entry of the boot catalogue. `media`: none (the image is used as it is), floppy or disk (emulated)."""

    platform: str
    bootable: bool
    media: str
    offset: int
    size: int


class Medium:
    """The device, the size of its blocks, and `notes` of what is odd though it still reads."""

    def __init__(self, device: CachedDevice, volume: Volume, notes: list[str]) -> None:
        self.device = device
        self.volume = volume
        self.notes = notes
        self._noted: set[int] = set()
        self._fields = max(_LEAST_FIELDS, min(_MOST_FIELDS, device.size // 2))

    def spend(self, fields: int) -> None:
        """Count fields read from continuation areas, which a crafted volume lets thousands of entries share."""
        self._fields -= fields
        if self._fields < 0:
            raise LimitError(f"{self.device.name}: more continued fields than the volume can hold")

    def damage(self, offset: int, text: str) -> DamagedError:
        """The error for what is wrong at a place."""
        return DamagedError(f"{self.device.name}: {text} at offset {offset}")

    def note(self, offset: int, text: str) -> None:
        """Remember, once for a place, what is odd there."""
        if offset in self._noted or len(self._noted) > _MAX_NOTES:
            return
        self._noted.add(offset)
        more = len(self._noted) > _MAX_NOTES
        self.notes.append(f"more than {_MAX_NOTES} notes" if more else f"{text} at offset {offset}")

    def record(self, offset: int, data: bytes) -> Record:
        """The directory record at the start of `data`, which lies at `offset`."""
        length = data[0] if data else 0
        if length < 34 or length > len(data) or 33 + data[32] > length:
            raise self.damage(offset, f"directory record of {length} bytes")
        block, size = struct.unpack_from("<I4xI", data, 2)
        if data[6:10] != data[5:1:-1] or data[14:18] != data[13:9:-1]:
            self.note(offset, "the two byte orders of a directory record differ")
        name_end = 33 + data[32]
        return Record(
            offset,
            length,
            (block + data[1]) * self.volume.block_size,
            size,
            data[18:25],
            data[25],
            bool(data[26] or data[27]),
            int.from_bytes(data[28:30], "little"),
            data[33:name_end],
            data[name_end + (name_end & 1) : length],
        )

    def record_at(self, offset: int) -> Record:
        """The directory record at `offset`."""
        return self.record(offset, self.device.pread(offset, 255))


@dataclass(frozen=True, slots=True)
class Record:
    """A directory record: `extent` is the byte offset of the content, `system` the system use area."""

    offset: int
    length: int
    extent: int
    size: int
    stamp: bytes
    flags: int
    interleaved: bool
    sequence: int
    name: bytes
    system: bytes

    @property
    def time(self) -> int:
        """When it was recorded, in seconds."""
        return short_time(self.stamp)


def short_time(data: bytes) -> int:
    """Seconds of the 7-byte form: years since 1900, month, day, hour, minute, second, quarters of an hour from UTC."""
    year, month, day, hour, minute, second, zone = data
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return 0
    zone = zone - 256 if zone > 127 else zone
    return calendar.timegm((1900 + year, month, day, hour, minute, second)) - 900 * zone


def volumes(device: CachedDevice, notes: list[str]) -> tuple[Volume, Volume | None, int | None]:
    """The primary volume, the Joliet one where there is one, and the offset of the boot catalogue."""
    primary: Volume | None = None
    joliet: Volume | None = None
    catalogue: int | None = None
    for number in range(_MAX_DESCRIPTORS):
        offset = (_FIRST + number) * SECTOR
        data = device.pread(offset, SECTOR)
        if len(data) < SECTOR or data[1:6] != b"CD001" or data[0] == 255:
            break
        if data[0] == 0 and data[7:39].rstrip(b"\0") == b"EL TORITO SPECIFICATION":
            catalogue = int.from_bytes(data[71:75], "little") * SECTOR
        elif data[0] == 1 and primary is None:
            primary = _volume(device, offset, data, joliet=False)
            size = int.from_bytes(data[80:84], "little") * primary.block_size
            if size > device.size:
                notes.append(f"device ends after {device.size} bytes, the volume is {size} bytes long")
        elif data[0] == 2 and joliet is None and data[88:91] in _JOLIET:
            joliet = _volume(device, offset, data, joliet=True)
    if primary is None:
        raise DamagedError(f"{device.name}: no primary volume descriptor")
    return primary, joliet, catalogue


def _volume(device: CachedDevice, offset: int, data: bytes, *, joliet: bool) -> Volume:
    block_size = int.from_bytes(data[128:130], "little")
    if block_size not in (512, 1024, 2048):
        raise NotCollectedError(f"unsupported: ISO 9660 with blocks of {block_size} bytes")
    block = int.from_bytes(data[158:162], "little") + data[157]
    if data[156] < 34 or not block:
        raise DamagedError(f"{device.name}: no root directory in the volume descriptor at offset {offset}")
    return Volume(block_size, block * block_size, joliet, int.from_bytes(data[124:126], "little"))


_PLATFORMS = {0: "x86", 1: "PowerPC", 2: "Mac", 0xEF: "EFI"}
_MEDIA = {0: ("none", 0), 1: ("floppy", 1_228_800), 2: ("floppy", 1_474_560), 3: ("floppy", 2_949_120), 4: ("disk", 0)}


def boot_images(device: CachedDevice, catalogue: int | None, notes: list[str]) -> list[BootImage]:
    """The entries of the boot catalogue. An image of unknown length reaches to the end of the device."""
    if catalogue is None:
        return []
    found: list[BootImage] = []
    try:
        data = device.exact(catalogue, 32 * 2)
        words = struct.unpack("<16H", data[:32])
        if data[0] != 1 or data[30:32] != b"\x55\xaa" or sum(words) & 0xFFFF:
            raise DamagedError(f"{device.name}: boot catalogue without its mark at offset {catalogue}")
        platform = data[1]
        found.extend(_boot(device, platform, data[32:]))
        at, left, more = catalogue + 64, 0, True
        for _ in range(_MAX_BOOT_ENTRIES):
            entry = device.pread(at, 32)
            at += 32
            if len(entry) < 32 or not (left or more):
                break
            if left and entry[0] in (0, 0x88):
                left -= 1
                found.extend(_boot(device, platform, entry))
            elif entry[0] in (0x90, 0x91):
                platform, left = entry[1], int.from_bytes(entry[2:4], "little")
                more = entry[0] == 0x90
            elif entry[0] != 0x44:
                break
    except TargetError as error:
        notes.append(str(error))
    return found


def _boot(device: CachedDevice, platform: int, entry: bytes) -> list[BootImage]:
    """The image of one entry, unless the entry is empty."""
    sectors, block = struct.unpack_from("<HI", entry, 6)
    if not block:
        return []
    offset = block * SECTOR
    media, size = _MEDIA.get(entry[1] & 15, ("unknown", 0))
    rest = max(0, device.size - offset)
    if media == "none" and not (platform == 0xEF and sectors < 2):
        size = sectors * _BLOCK
    name = _PLATFORMS.get(platform, f"{platform:#04x}")
    return [BootImage(name, entry[0] == 0x88, media, offset, min(size, rest) if size else rest)]
