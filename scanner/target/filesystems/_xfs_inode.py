"""XFS: inodes of version 1, 2 and 3.

Sources: "XFS Filesystem Disk Structures", chapter On-disk Inode; kernel fs/xfs/libxfs/xfs_format.h (struct xfs_dinode:
big timestamps, large extent counters, device numbers), xfs_inode_buf.c.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass

from scanner.model.errors import DamagedError
from scanner.parsers.crc32c import update
from scanner.target.filesystems._nodes import Node
from scanner.target.filesystems._xfs_fork import Fork
from scanner.target.filesystems._xfs_super import Medium, stored

__all__ = ["Inode", "load_inode"]

REALTIME = 0x1
_BIG_TIME = 0x8
_MANY_EXTENTS = 0x10
_EPOCH = 1 << 31
_CRC = 100
_MAGIC = b"IN"
_CLUSTER = 8192
_MAX_CLUSTERS = 65536

_CORE = struct.Struct(">2sHbBHIII")
_SIZES = struct.Struct(">QQIIHBb")


@dataclass(slots=True)
class Inode(Node):
    """An inode with its two forks still packed."""

    form: int
    data: bytes
    extents: int
    attribute_form: int
    attribute_data: bytes
    attribute_extents: int
    realtime: bool

    def fork(self, medium: Medium) -> Fork:
        """The map of the content."""
        return Fork(medium, self.number, self.form, self.data, self.extents)

    def attribute_fork(self, medium: Medium) -> Fork:
        """The map of the extended attributes."""
        return Fork(medium, self.number, self.attribute_form, self.attribute_data, self.attribute_extents)


def load_inode(medium: Medium, number: int) -> Inode:
    """Inode `number`. Raises DamagedError when there is none in use."""
    place = medium.inode_place(number)
    size = 1 << medium.geometry.inode_log
    raw = medium.device.exact(place, size)
    magic, mode, version, form, old_links, uid, gid, links = _CORE.unpack_from(raw)
    if magic != _MAGIC or version not in (1, 2, 3) or (version == 3) != (medium.geometry.version == 5):
        raise _damage(medium, number, f"there is no inode at offset {place}")
    seconds = struct.unpack_from(">i", raw, 40)[0]
    length, _, _, extents, attribute_extents, fork_offset, attribute_form = _SIZES.unpack_from(raw, 56)
    flags = int.from_bytes(raw[90:92], "big")
    core = 100
    if version == 3:
        core = 176
        if not _cluster_sound(medium, place):
            medium.check(raw, _CRC, place, f"inode {number}")
        if int.from_bytes(raw[152:160], "big") != number:
            raise _damage(medium, number, f"another inode lies at offset {place}")
        flags2 = int.from_bytes(raw[120:128], "big")
        if flags2 & _BIG_TIME:
            seconds = int.from_bytes(raw[40:48], "big") // 1_000_000_000 - _EPOCH
        if flags2 & _MANY_EXTENTS:
            extents, attribute_extents = int.from_bytes(raw[24:32], "big"), int.from_bytes(raw[76:80], "big")
    kind = stat.S_IFMT(mode)
    if kind not in _KINDS or length >> 63:
        raise _damage(medium, number, f"inode at offset {place} has mode {mode:o} and size {length}")
    split = core + fork_offset * 8 if fork_offset else size
    if split > size:
        raise _damage(medium, number, f"inode at offset {place} has its attributes {fork_offset * 8} bytes in")
    device = int.from_bytes(raw[core : core + 4], "big") if kind in (stat.S_IFCHR, stat.S_IFBLK) else 0
    return Inode(
        number,
        mode,
        uid,
        gid,
        length,
        seconds,
        old_links if version == 1 else links,
        os.makedev(device >> 18, device & 0x3FFFF),
        form,
        raw[core:split],
        extents,
        attribute_form,
        raw[split:],
        attribute_extents,
        bool(flags & REALTIME),
    )


def _cluster_sound(medium: Medium, place: int) -> bool:
    """Whether the checksums of the inodes around `place` are right, computed once for all of them.

    The checksum is linear: that of the sum (exclusive or) of an even number of inodes, started from zero, is the sum of
    theirs. One wrong inode always shows; then, and where something else lies in between, each is checked alone.
    """
    start = place & -_CLUSTER
    if start in medium.sound_clusters:
        return True
    size = 1 << medium.geometry.inode_log
    data = medium.device.pread(start, _CLUSTER)
    if len(data) < _CLUSTER:
        return False
    total = 0
    for at in range(0, _CLUSTER, size):
        if data[at : at + 2] != _MAGIC:
            return False
        total ^= int.from_bytes(data[at : at + size], "little")
    whole = total.to_bytes(size, "little")
    if update(0, whole[:_CRC] + b"\0\0\0\0" + whole[_CRC + 4 :]) != stored(whole, _CRC):
        return False
    if len(medium.sound_clusters) >= _MAX_CLUSTERS:
        medium.sound_clusters.clear()
    medium.sound_clusters.add(start)
    return True


_KINDS = frozenset(
    (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
)  # fmt: skip


def _damage(medium: Medium, number: int, text: str) -> DamagedError:
    return DamagedError(f"{medium.device.name}: inode {number}: {text}")
