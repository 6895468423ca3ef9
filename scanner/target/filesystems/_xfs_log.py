"""XFS: whether the log was written out, so that what lies in the file system is all there is.

Nothing is replayed. The log is clean when its last record is the one an unmount (or mkfs) leaves.
Sources: "XFS Filesystem Disk Structures", chapter Journaling Log; kernel fs/xfs/libxfs/xfs_log_format.h,
fs/xfs/xfs_log_recover.c (how the head of the log is found).
"""

from __future__ import annotations

from scanner.model.errors import TargetError
from scanner.target.filesystems._xfs_super import Medium

__all__ = ["log_note"]

_SECTOR = 512
_MAGIC = b"\xfe\xed\xba\xbe"
_UNMOUNT = 0x20
_LONGEST_RECORD = 1024
_HEADER_REACH = 32 * 1024


def log_note(medium: Medium) -> str | None:
    """What to say of the log: None when it is clean."""
    geometry = medium.geometry
    if not geometry.log_start:
        return "log is on another device and was not seen"
    try:
        start = medium.place(geometry.log_start)
        if geometry.log_blocks > geometry.ag_blocks:
            return "log not replayed: its place is damaged"
        clean = _clean(medium, start, (geometry.log_blocks << geometry.block_log) // _SECTOR)
    except TargetError:
        return "log not replayed: it cannot be read"
    return None if clean else "log not replayed"


def _cycle(medium: Medium, start: int, sector: int) -> int:
    """How often the log had gone round when this sector was written."""
    data = medium.device.exact(start + sector * _SECTOR, 8)
    return int.from_bytes(data[4:8] if data[:4] == _MAGIC else data[:4], "big")


def _clean(medium: Medium, start: int, sectors: int) -> bool:
    """Whether the record before the head of the log is an unmount record and nothing else."""
    if not sectors:
        return False
    first = _cycle(medium, start, 0)
    low, head = 0, sectors
    if _cycle(medium, start, sectors - 1) != first:
        while head - low > 1:
            middle = (low + head) // 2
            if _cycle(medium, start, middle) == first:
                low = middle
            else:
                head = middle
    if first == 0:
        return False
    reach = min(head, _LONGEST_RECORD)
    data = medium.device.exact(start + (head - reach) * _SECTOR, reach * _SECTOR)
    for sector in range(reach - 1, -1, -1):
        record = data[sector * _SECTOR :]
        if record[:4] == _MAGIC:
            return _unmounts(record, reach - sector)
    return False


def _unmounts(record: bytes, sectors: int) -> bool:
    """Whether a record is one unmount operation and ends where the log ends, `sectors` after its start."""
    version = int.from_bytes(record[8:12], "big") & 0xFF
    length = int.from_bytes(record[12:16], "big")
    operations = int.from_bytes(record[40:44], "big")
    size = int.from_bytes(record[320:324], "big")
    headers = max(1, -(-size // _HEADER_REACH)) if version & 2 else 1
    body = headers * _SECTOR
    if operations != 1 or headers + -(-length // _SECTOR) != sectors:
        return False
    return bool(record[body + 9] & _UNMOUNT)
