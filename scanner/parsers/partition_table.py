"""Partition tables, for what a partition says it is for: GPT, and the four primary entries of an MBR.

Sources: UEFI Specification 2.10, section 5.3; UAPI Discoverable Partitions Specification.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Partition", "Table", "partitions", "table"]

Reader = Callable[[int, int], bytes]
MAX_ENTRIES = 1024
_MAGIC = b"EFI PART"

_ROOTS = (
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
    "44479540-f297-41b2-9af7-d131d5f0458a",
    "b921b045-1df0-41c3-af44-4c6f280d3fae",
    "69dad710-2ce4-4e3c-b16c-21a1d49abed3",
    "72ec70a6-cf74-40e6-bd49-4bda08e8f224",
)
_USRS = (
    "8484680c-9521-48c6-9c11-b0720656f69e",
    "b0e01050-ee5f-4390-949a-9101b17104e9",
    "beaec34b-8442-439b-a40b-984381ed097d",
)
_VERITY = (
    "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5",
    "df3300ce-d69f-4c92-978c-9bfb0f38d820",
    "b6ed5582-440b-4209-b8da-5ff7c419ea3d",
    "77ff5f63-e7b6-4633-acf4-1565b864c0e6",
    "6e11a4e7-fbca-4ded-b9e9-e1a512bb664e",
)
_TYPES = {
    **dict.fromkeys(_ROOTS, "root"),
    **dict.fromkeys(_USRS, "usr"),
    **dict.fromkeys(_VERITY, "verity"),
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "esp",
    "bc13c2ff-59e6-4262-a352-b275fd6f7172": "boot",
    "21686148-6449-6e6f-744e-656564454649": "bios-boot",
    "9e1a2d38-c612-4316-aa26-8b49521e5a8b": "bios-boot",
    "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "home",
    "3b8f8425-20e0-4f3b-907f-1a25a76f98e8": "srv",
    "4d21b016-b534-45c2-a9fb-5c16e091fd2d": "var",
    "7ec6f557-3bc5-4aca-b293-16ef5df639d1": "tmp",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "swap",
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "linux",
    "e6d6d379-f507-44c2-a23c-238f2a3df928": "lvm",
    "a19d880f-05fc-4d3b-a006-743f0f84911e": "raid",
    "ca7d7ccb-63ed-4c53-861c-1742536059cc": "luks",
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "data",
}
_MBR_TYPES = {0x82: "swap", 0x83: "linux", 0x8E: "lvm", 0xEF: "esp", 0xFD: "raid", 0x07: "data", 0x0C: "data"}
_EXTENDED = (0x05, 0x0F, 0x85)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition. Offset and size in bytes; `type` a word, or the type GUID (GPT) or number (MBR) of others.

    `type_uuid`: the type GUID of a GPT, whatever the word.
    """

    number: int
    type: str
    offset: int
    size: int
    name: str | None = None
    uuid: str | None = None
    type_uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A partition table. `kind`: gpt or mbr; `notes`: what is wrong with it, in words."""

    kind: str
    partitions: tuple[Partition, ...]
    notes: tuple[str, ...] = ()


def partitions(read: Reader, size: int) -> list[Partition]:
    """Partitions of a device of `size` bytes, by number; empty when it has no table.

    Raises ParseError as `table`, and for a partition that does not lie on the device.
    """
    found = table(read, size)
    for entry in found.partitions if found else ():
        if entry.offset + entry.size > size:
            raise ParseError(f"partition {entry.number} does not lie on the device", offset=entry.offset)
    return list(found.partitions) if found else []


def table(read: Reader, size: int) -> Table | None:
    """The partition table of a device of `size` bytes, or None when it has none.

    Of a GPT the primary copy counts when its checksums hold, else the backup at the end, and a note says so. Raises
    ParseError when neither holds, or when only the protective MBR is left. Partitions may reach beyond the device, when
    it was cut off, and a note says so. Logical partitions of an MBR are not followed, and a note says so.
    """
    for sector in (512, 4096):
        primary = read(sector, 92)[:8] == _MAGIC
        backup = size - sector if size >= 4 * sector and read(size - sector, 8) == _MAGIC else None
        if not primary and (backup is None or not (_is_protected(read) or _is_wiped(read))):
            continue
        return _either_gpt(read, sector, size, primary, backup)
    start = read(0, 512)
    found = _mbr(start, size) if start[510:512] == b"\x55\xaa" else []
    notes = []
    if _is_protected(read):
        if not found:
            raise ParseError("GPT: the protective MBR is there, both copies of the GPT are lost", offset=512)
        notes.append("GPT: both copies are lost, what a hybrid MBR repeats of them is used")
    if found and any(start[450 + 16 * number] in _EXTENDED for number in range(4)):
        notes.append("MBR: logical partitions in the extended partition are not looked at")
    return Table("mbr", tuple(found), (*notes, *_beyond(found, size))) if found else None


def _beyond(found: list[Partition], size: int) -> tuple[str, ...]:
    names = [str(entry.number) for entry in found if entry.offset + entry.size > size]
    return (f"the disk ends before the end of partition {', '.join(names)}: it may be cut off",) if names else ()


def _is_protected(read: Reader) -> bool:
    """Whether a protective MBR says that a GPT belongs here, so a left-over backup is not taken for a table."""
    start = read(0, 512)
    return start[510:512] == b"\x55\xaa" and any(start[450 + 16 * number] == 0xEE for number in range(4))


def _is_wiped(read: Reader) -> bool:
    """Whether the place of the MBR and of the primary GPT is blank, so that the backup is all that is left."""
    return not any(read(0, 34 * 512).strip(b"\0"))


def _either_gpt(read: Reader, sector: int, size: int, primary: bool, backup: int | None) -> Table:
    wrong: ParseError | None = None
    if primary:
        try:
            found = _gpt(read, sector, sector, size)
        except ParseError as error:
            wrong = error
        else:
            notes = () if backup is not None else ("GPT: the backup at the end is missing",)
            return Table("gpt", tuple(found), (*notes, *_beyond(found, size)))
    if backup is None:
        raise wrong or ParseError("GPT: no header", offset=sector)
    try:
        found = _gpt(read, backup, sector, size)
    except ParseError as error:
        raise wrong or error from None
    notes = ("GPT: the primary copy is damaged; the backup was used",)
    return Table("gpt", tuple(found), (*notes, *_beyond(found, size)))


def _guid(raw: bytes) -> str:
    one, two, three = struct.unpack_from("<IHH", raw)
    return f"{one:08x}-{two:04x}-{three:04x}-{raw[8:10].hex()}-{raw[10:16].hex()}"


def _gpt(read: Reader, at: int, sector: int, size: int) -> list[Partition]:
    header = read(at, sector)
    length, stated = struct.unpack_from("<II", header, 12) if len(header) >= 92 else (0, 0)
    if not 92 <= length <= sector or zlib.crc32(header[:16] + bytes(4) + header[20:length]) != stated:
        raise ParseError("GPT: the header does not match its checksum", offset=at)
    place, count, each = struct.unpack_from("<QII", header, 72)
    if not 128 <= each <= 4096 or each % 8 or count > MAX_ENTRIES:
        raise ParseError("GPT: number or size of entries is not permitted", offset=at + 80)
    if place * sector + count * each > size:
        raise ParseError("GPT: entries do not lie on the device", offset=at + 72)
    entries = read(place * sector, count * each)
    if zlib.crc32(entries) != struct.unpack_from("<I", header, 88)[0]:
        raise ParseError("GPT: the entries do not match their checksum", offset=place * sector)
    found = []
    for number in range(len(entries) // each):
        entry = entries[number * each : (number + 1) * each]
        if not any(entry[:16]):
            continue
        first, last = struct.unpack_from("<QQ", entry, 32)
        if last < first:
            raise ParseError(f"GPT: partition {number + 1} ends before it starts", offset=place * sector)
        kind = _guid(entry[:16])
        name = entry[56:128].decode("utf-16-le", "replace").split("\0", 1)[0] or None
        length = (last - first + 1) * sector
        unique = _guid(entry[16:32])
        found.append(Partition(number + 1, _TYPES.get(kind, kind), first * sector, length, name, unique, kind))
    return found


def _mbr(start: bytes, size: int) -> list[Partition]:
    found = []
    for number in range(4):
        entry = start[446 + 16 * number : 462 + 16 * number]
        kind = entry[4]
        first, length = struct.unpack_from("<II", entry, 8)
        # A boot sector of a file system ends with the same magic: what is no entry ends the reading.
        if entry[0] not in (0, 0x80):
            return []
        if kind == 0 or length == 0 or kind in _EXTENDED or kind == 0xEE:
            continue
        found.append(Partition(number + 1, _MBR_TYPES.get(kind, f"0x{kind:02x}"), first * 512, length * 512))
    return found if any(entry.offset < size for entry in found) else []
