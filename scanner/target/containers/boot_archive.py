"""An initramfs that begins with a compressed part: the archives in it, and in all parts behind it, as one run of bytes.

The compressions of `scanner.target.containers.compressed` end with their stream; an initramfs goes on, with archives
that replace files of the first. This container is therefore asked before that one (modules are asked by name), and its
content is read by `scanner.target.filesystems.cpio`.
"""

from __future__ import annotations

from scanner.model.errors import DamagedError
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice
from scanner.target.containers.base import Container
from scanner.target.filesystems._initramfs_segments import Joined, read_segments
from scanner.target.filesystems._initramfs_streams import begins_with_archive

__all__ = ["CONTAINERS"]


def _open(device: BlockDevice) -> tuple[BlockDevice]:
    segments, damage = read_segments(CachedDevice.over(device), None)
    if not any(one.size for one in segments):
        raise DamagedError(damage or f"{device.name} is empty")
    return (Joined(device.name, segments, damage),)


CONTAINERS = (Container("initramfs", begins_with_archive, _open),)
