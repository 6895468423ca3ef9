"""The binary part of an LVM2 physical volume: label, list of areas, and the header of each metadata area.

Sources: lvm2, lib/label/label.h (struct label_header), lib/format_text/layout.h (struct pv_header, disk_locn, raw_locn,
mda_header), lib/misc/crc.c. All numbers are little-endian; the checksum is CRC-32 without the usual inversion, begun
with a constant of LVM's own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["MAX_METADATA", "Area", "Copy", "Label", "checksum", "copies", "identity", "read_label"]

Reader = Callable[[int, int], bytes]

MAX_METADATA = 4 << 20
"""Bytes of metadata text that are read; LVM's default area holds half a mebibyte."""

_SECTOR = 512
_SECTORS = 4
"""Sectors at the start that may hold the label."""
_SEED = 0xF597A6CF
_MDA_MAGIC = b" LVM2 x[5A%r0N*>"
_IGNORED = 1
_GROUPS = (6, 4, 4, 4, 4, 4, 6)
"""Characters between the hyphens of an id, as tools print it."""


@dataclass(frozen=True, slots=True)
class Area:
    """A run of bytes of the physical volume. Offset and size in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Label:
    """`id` without hyphens; its metadata areas."""

    id: str
    metadata: tuple[Area, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of the metadata. `text` is None when there is none: because of `problem`, or because the volume belongs
    to no group (`problem` is None too)."""

    offset: int
    text: str | None
    problem: str | None = None


def checksum(data: bytes) -> int:
    """LVM's checksum of `data`."""
    return zlib.crc32(data, _SEED ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def identity(text: str) -> str:
    """An id of 32 characters with the hyphens that tools print."""
    parts, place = [], 0
    for size in _GROUPS:
        parts.append(text[place : place + size])
        place += size
    return "-".join(parts)


def read_label(read: Reader) -> Label:
    """The label of a physical volume. Raises ParseError when no valid one stands in the first four sectors."""
    start = read(0, _SECTORS * _SECTOR)
    problem = "no label"
    for number in range(_SECTORS):
        sector = start[number * _SECTOR : (number + 1) * _SECTOR]
        if len(sector) < _SECTOR or sector[:8] != b"LABELONE" or sector[24:32] != b"LVM2 001":
            continue
        place, stated, offset = struct.unpack_from("<QII", sector, 8)
        if checksum(sector[20:]) != stated:
            problem = "the label does not match its checksum"
        elif place != number:
            problem = f"the label says that it stands in sector {place}"
        elif not 32 <= offset <= _SECTOR - 72:
            problem = f"the header of the volume lies {offset} bytes behind the label"
        else:
            return _header(sector[offset:], number * _SECTOR + offset)
    raise ParseError(f"LVM2: {problem}", offset=0)


def _header(raw: bytes, place: int) -> Label:
    # Data areas come first; where data lies is said by the text, as LVM takes it.
    _, at = _areas(raw, 40, place)
    metadata, _ = _areas(raw, at, place)
    return Label(raw[:32].decode("ascii", "replace"), metadata)


def _areas(raw: bytes, at: int, place: int) -> tuple[tuple[Area, ...], int]:
    """A list of areas that an offset of zero ends, and where it ends."""
    found: list[Area] = []
    while at + 16 <= len(raw):
        offset, size = struct.unpack_from("<QQ", raw, at)
        at += 16
        if not offset:
            return tuple(found), at
        found.append(Area(offset, size))
    raise ParseError("LVM2: the list of areas does not end", offset=place)


def copies(read: Reader, label: Label) -> list[Copy]:
    """What each metadata area of the volume holds, in the order of the label; ignored ones left out."""
    found = []
    for area in label.metadata:
        try:
            copy = _copy(read, area)
        except ParseError as error:
            copy = Copy(area.offset, None, str(error))
        if copy is not None:
            found.append(copy)
    return found


def _copy(read: Reader, area: Area) -> Copy | None:
    header = read(area.offset, _SECTOR)
    if len(header) < _SECTOR or header[4:20] != _MDA_MAGIC:
        raise ParseError("LVM2: no metadata area", offset=area.offset)
    stated, _, version, start, size = struct.unpack_from("<I16sIQQ", header)
    if checksum(header[4:]) != stated:
        raise ParseError("LVM2: the metadata area does not match its checksum", offset=area.offset)
    if version != 1 or start != area.offset or size <= _SECTOR:
        raise ParseError(f"LVM2: metadata area of version {version}, {size} bytes at {start}", offset=area.offset)
    # The second place is of a change that was prepared and not yet made: it does not count.
    offset, length, expected, flags = struct.unpack_from("<QQII", header, 40)
    if flags & _IGNORED:
        return None
    if not offset:
        return Copy(area.offset, None)
    if not _SECTOR <= offset < size or not 0 < length <= size - _SECTOR:
        raise ParseError(f"LVM2: {length} bytes of metadata at {offset} of an area of {size}", offset=area.offset)
    if length > MAX_METADATA:
        raise ParseError(f"LVM2: more than {MAX_METADATA} bytes of metadata", offset=area.offset)
    # The texts follow one another in a ring, which begins again behind the header.
    straight = min(length, size - offset)
    raw = read(start + offset, straight) + read(start + _SECTOR, length - straight)
    if len(raw) != length or checksum(raw) != expected:
        raise ParseError("LVM2: the metadata does not match its checksum", offset=start + offset)
    return Copy(area.offset, raw.rstrip(b"\0").decode("utf-8", "replace"))
