"""Tar archives as they are handed around: plain, or compressed with gzip."""

from __future__ import annotations

import zlib

from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice

__all__ = ["GZIP", "is_tar", "tar_on", "unpacked_head"]

GZIP = b"\x1f\x8b"

_HEAD = 4096
_MAGIC = slice(257, 262)


def is_tar(head: bytes) -> bool:
    """Whether the beginning of a file is that of a tar archive."""
    return head[_MAGIC] == b"ustar"


def unpacked_head(head: bytes) -> bytes:
    """What the beginning of a gzip file unpacks to; a zero byte when it is damaged."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEAD)
    except zlib.error:
        return b"\0"


def tar_on(device: BlockDevice) -> BlockDevice | None:
    """The tar archive in a file, unpacked to a file without a name if it is compressed; None when it is none.

    Only what begins as a tar archive is unpacked. Raises TargetError for damage and for what unpacks to too much.
    """
    head = device.pread(0, _HEAD)
    if is_tar(head):
        return CachedDevice.over(device)
    if head[:2] != GZIP or not is_tar(unpacked_head(head)):
        return None
    from scanner.target.containers import compressed

    unpack = next(one for one in compressed.CONTAINERS if one.kind == "gzip")
    return CachedDevice.over(unpack.open(device)[0])
