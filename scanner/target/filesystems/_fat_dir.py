"""FAT directories: short names, long (VFAT) names, times.

Sources: Microsoft, "FAT: General Overview of On-Disk Format" 1.03 ("FAT Directory Structure", "Long Directory Entry");
kernel Documentation/filesystems/vfat.rst, fs/fat/dir.c (lower case flags, a damaged long name gives way to the
short one), fs/fat/misc.c (times).
"""

from __future__ import annotations

import struct
from datetime import date

from scanner.model.errors import DamagedError, LimitError
from scanner.model.records import dataclass
from scanner.target import limits

__all__ = ["Item", "Listing", "parse"]

_RECORD = struct.Struct("<11sBBBHHHHHHHI")
_LONG, _VOLUME, _DIRECTORY = 0x0F, 0x08, 0x10
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Item:
    """One entry; FAT has no inodes, so `number` is made of the directory's cluster and the place in it."""

    directory: bool
    cluster: int
    size: int
    mtime: int
    number: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Entries by name; other spellings that find them (case, short alias); where `.` and `..` point, None: no such."""

    items: dict[str, Item]
    aliases: dict[str, str]
    own: int | None
    parent: int | None
    twice: frozenset[int]


def parse(data: bytes, base: int, where: str) -> Listing:
    """The entries in the bytes of a directory; `base` makes entry numbers unique. Raises DamagedError, LimitError."""
    items: dict[str, Item] = {}
    aliases: dict[str, str] = {}
    dots: dict[bytes, int] = {}
    clusters: set[int] = set()
    twice: set[int] = set()
    long: list[bytes] = []
    for place in range(0, len(data) - 31, 32):
        first = data[place]
        if first == 0:
            break
        attributes = data[place + 11]
        if first == 0xE5:
            long.clear()
        elif attributes & 0x3F == _LONG:
            _collect(long, data[place : place + 32])
        elif attributes & _VOLUME:
            long.clear()
        else:
            raw, _, case, _, _, _, _, high, time, day, low, size = _RECORD.unpack_from(data, place)
            cluster = high << 16 | low
            if raw in (b".          ", b"..         ") and place < 64:
                dots[raw.rstrip()] = cluster
                long.clear()
                continue
            short = _short(raw, case)
            name = _joined(long, raw) or short
            long.clear()
            if name in (".", "..") or "/" in name or "\0" in name or not short or name in items:
                raise DamagedError(f"{where}, entry {place // 32}: the name {name[:40]!r} cannot be or is there twice")
            directory = bool(attributes & _DIRECTORY)
            items[name] = Item(directory, cluster, 0 if directory else size, _seconds(day, time), base + place // 32)
            if directory:
                (twice if cluster in clusters else clusters).add(cluster)
            aliases.setdefault(name.lower(), name)
            aliases.setdefault(short.lower(), name)
            if len(items) > limits.MAX_NAMES:
                raise LimitError(f"{where}: more than {limits.MAX_NAMES} entries")
    return Listing(items, aliases, dots.get(b"."), dots.get(b".."), frozenset(twice))


def _collect(long: list[bytes], record: bytes) -> None:
    """Add one piece of a long name (they come last first); what is out of order starts over or is dropped."""
    order = record[0]
    if order & 0x40:
        long.clear()
    elif not long or (long[-1][0] & 0x3F) - 1 != order or long[-1][13] != record[13]:
        long.clear()
        return
    if 1 <= order & 0x3F <= 20:
        long.append(record)


def _joined(long: list[bytes], short: bytes) -> str:
    """The long name, when its pieces are complete and belong to the short name; else nothing."""
    if not long or long[-1][0] & 0x3F != 1:
        return ""
    total = 0
    for byte in short:
        total = ((total & 1) << 7) + (total >> 1) + byte & 0xFF
    if long[0][13] != total:
        return ""
    text = b"".join(record[1:11] + record[14:26] + record[28:32] for record in reversed(long)).decode(
        "utf-16-le", "replace"
    )
    return text.split("\0", 1)[0]


def _short(raw: bytes, case: int) -> str:
    """The 8.3 name; the flags of Windows NT say which half is in lower case."""
    if raw[0] == 0x05:
        raw = b"\xe5" + raw[1:]
    base, extension = raw[:8].rstrip(b" ").decode("cp437"), raw[8:].rstrip(b" ").decode("cp437")
    base = base.lower() if case & 0x08 else base
    extension = extension.lower() if case & 0x10 else extension
    return f"{base}.{extension}" if extension else base


def _seconds(day: int, time: int) -> int:
    """Date and time as seconds since 1970. FAT keeps local time without a zone; it is taken as UTC."""
    year, month, number = 1980 + (day >> 9), min(max(day >> 5 & 15, 1), 12), max(day & 31, 1)
    days = date(year, month, 1).toordinal() - _EPOCH + number - 1
    return days * 86400 + (time >> 11) * 3600 + (time >> 5 & 63) * 60 + (time & 31) * 2
