"""Whether a zstd stream ends where a frame ends: the streaming decompressor takes a cut off stream for a short one.

Source: RFC 8878 sections 3.1.1 (frames and their blocks) and 3.1.2 (skippable frames).
"""

from __future__ import annotations

from scanner.target.base import BlockDevice

__all__ = ["flaw"]

_FRAME = 0xFD2FB528
_SKIPPABLE = 0x184D2A50
_SIZES = (0, 2, 4, 8)
_REPEATED = 1


def flaw(device: BlockDevice) -> str | None:
    """What is wrong with the end of the stream on `device`, in words; None when its frames are complete."""
    at = 0
    while at < device.size:
        magic = int.from_bytes(device.pread(at, 4), "little")
        if magic == _FRAME:
            end = _end_of_frame(device, at + 4)
        elif magic & ~15 == _SKIPPABLE:
            end = at + 8 + int.from_bytes(device.pread(at + 4, 4), "little")
        else:
            return f"no zstd frame at offset {at}"
        if end is None or end > device.size:
            return f"the zstd frame at offset {at} is cut off"
        at = end
    return None


def _end_of_frame(device: BlockDevice, at: int) -> int | None:
    """Offset after the frame whose header (past its magic) is at `at`, None when the device ends before."""
    (kind,) = device.pread(at, 1) or (0,)
    single = kind >> 5 & 1
    content = _SIZES[kind >> 6] or single
    at += 1 + (not single) + (0, 1, 2, 4)[kind & 3] + content
    while True:
        raw = device.pread(at, 3)
        if len(raw) < 3:
            return None
        block = int.from_bytes(raw, "little")
        at += 3 + (1 if block >> 1 & 3 == _REPEATED else block >> 3)
        if block & 1:
            return at + 4 * (kind >> 2 & 1)
