"""What stands on a device whose start shows nothing: found by the copies that formats keep elsewhere.

Sources: named in the readers (`FileSystem.backup`); cryptsetup LUKS2 On-Disk Format Specification 1.1, section 2.1;
Microsoft, exFAT specification 3.1; kernel fs/ntfs3/super.c (copy in the last sector); fs/f2fs/super.c (second block).
"""

from __future__ import annotations

from collections.abc import Callable

from scanner.model.errors import TargetError
from scanner.model.records import dataclass
from scanner.parsers import signatures
from scanner.parsers.signatures import Signature
from scanner.target.cached import CachedDevice
from scanner.target.filesystems.base import Backup, readers

__all__ = ["WHOLE", "Found", "find", "is_blank"]

WHOLE = 128 * 1024 * 1024
"""Bytes from the start that `is_blank` looks at without a gap."""

_SECTOR = 512
_SAMPLE = 4096
_SAMPLES = 2048
_STEP = 1 << 20
_FAT_REACH = 64 * _SECTOR
_FAT_COPIES = 512 * 1024
_FAT_STARTS = (b"\xf8\xff\xff", b"\xf0\xff\xff")


@dataclass(frozen=True, slots=True)
class Found:
    """What was recognised, by something at `offset` of the device."""

    signature: Signature
    offset: int


def find(device: CachedDevice) -> Found | None:
    """What once stood on `device`, None when nothing tells. Never raises."""
    looks = {kind: reader.backup for kind, reader in readers().items() if reader.backup is not None}
    for look in [*dict.fromkeys(looks.values()), *_OTHERS]:
        try:
            backup = look(device)
        except TargetError:
            continue
        if backup is not None:
            for found in signatures.probe(backup.start):
                if found.kind not in ("gpt", "mbr"):
                    return Found(found, backup.offset)
    try:
        return Found(Signature("vfat"), 0) if _is_small_fat(device) else None
    except TargetError:
        return None


def is_blank(device: CachedDevice) -> bool:
    """Whether there are only zeros, in the first WHOLE bytes and in samples of all the rest. Raises TargetError."""
    end = min(device.size, WHOLE)
    if any(device.pread(place, _STEP).strip(b"\0") for place in range(0, end, _STEP)):
        return False
    step = max(_SAMPLE, (device.size - end) // _SAMPLES)
    places = [*range(end, device.size, step), max(0, device.size - _SAMPLE)]
    return all(not device.pread(place, _SAMPLE).strip(b"\0") for place in places)


def _luks2(device: CachedDevice) -> Backup | None:
    """The secondary header of LUKS2, at one of the places that `signatures.probe` does not see."""
    for power in range(9):
        place = 0x4000 << power
        raw = device.pread(place, 4096)
        if raw[:8] == b"SKUL\xba\xbe\0\2" and int.from_bytes(raw[256:264], "big") == place:
            return Backup(place, bytes(0x4000) + raw)
    return None


def _exfat(device: CachedDevice) -> Backup | None:
    """The backup boot region, twelve sectors behind the first one."""
    for size in (512, 1024, 2048, 4096):
        raw = device.pread(12 * size, _SECTOR)
        if raw[3:11] == b"EXFAT   " and raw[108:109] == bytes([size.bit_length() - 1]):
            return Backup(12 * size, raw)
    return None


def _ntfs(device: CachedDevice) -> Backup | None:
    place = max(0, device.size - _SECTOR)
    raw = device.pread(place, _SECTOR)
    return Backup(place, raw) if raw[3:11] == b"NTFS    " and raw[510:512] == b"\x55\xaa" else None


def _f2fs(device: CachedDevice) -> Backup | None:
    raw = device.pread(4096, 4096)
    return Backup(4096 + 1024, raw) if raw[1024:1028] == b"\x10\x20\xf5\xf2" else None


def _is_small_fat(device: CachedDevice) -> bool:
    """Whether two equal FAT12 or FAT16 tables stand near the start: these keep no copy of their boot sector."""
    data = device.pread(0, _FAT_COPIES)
    for at in range(_SECTOR, min(_FAT_REACH, len(data)), _SECTOR):
        table = data[at : at + _SECTOR]
        if not table.startswith(_FAT_STARTS):
            continue
        second = data.find(table, at + _SECTOR)
        if second > 0 and second % _SECTOR == 0:
            return True
    return False


_OTHERS: tuple[Callable[[CachedDevice], Backup | None], ...] = (_luks2, _exfat, _ntfs, _f2fs)
