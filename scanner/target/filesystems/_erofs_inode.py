"""Inodes and directories of EROFS.

Source: erofs-utils include/erofs_fs.h (erofs_inode_compact, erofs_inode_extended, erofs_dirent); kernel
fs/erofs/inode.c and dir.c.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from scanner.model.errors import DamagedError, LimitError, NotCollectedError
from scanner.target import limits
from scanner.target.filesystems._erofs_super import METABOX_BIT, Source, Super
from scanner.target.filesystems._nodes import Node, new_device, plain_name

__all__ = ["Inode", "Layout", "list_directory", "parse_inode"]

_COMPACT = struct.Struct("<HHHHIIIIHHI")
_EXTENDED = struct.Struct("<HHHHQIIIIqII16x")
_DIRENT = struct.Struct("<QHBB")
_WORD = 1 << 64
_NULL32 = 0xFFFFFFFF
_NULL48 = 0xFFFFFFFFFFFF
_KNOWN_FORMAT = 0x1F
_ONE_LINK = 0x10
_CHUNK_KNOWN = 0x7F
_MAX_NAME = 255


class Layout(IntEnum):
    """How the content of an inode is kept."""

    PLAIN = 0
    COMPRESSED_FULL = 1
    INLINE = 2
    COMPRESSED_COMPACT = 3
    CHUNKS = 4


@dataclass(slots=True)
class Inode(Node):
    """An inode. `place`: where it lies in `source`; `tail`: behind its attributes; `start`: of its data, None = a hole.

    `chunk`: the chunk format of Layout.CHUNKS.
    """

    layout: Layout
    source: Source
    place: int
    head: int
    attributes: int
    start: int | None
    chunk: int

    @property
    def tail(self) -> int:
        """Where inline data, chunk indexes or the compression map begin."""
        return self.place + self.head + self.attributes


def parse_inode(number: int, sup: Super, source: Source) -> Inode:
    """The inode of this number in `source`. Raises DamagedError, NotCollectedError for an unknown form."""
    place = (number & METABOX_BIT - 1) << 5
    if not number & METABOX_BIT:
        place = (place + sup.meta) % _WORD
    raw = source.exact(place, 32)
    form = raw[0] | raw[1] << 8
    kind = form >> 1 & 7
    if form & ~_KNOWN_FORMAT or kind > Layout.CHUNKS:
        raise NotCollectedError(f"unsupported: EROFS inode format {form:#x} at offset {place}")
    start_high = 0
    null = _NULL48
    if form & 1:
        raw += source.exact(place + 32, 32)
        _, count, mode, high, size, data, _, uid, gid, mtime, _, nlink = _EXTENDED.unpack(raw)
        head = 64
        if sup.wide:
            start_high = high
        else:
            null = _NULL32
    else:
        _, count, mode, high, size, mtime, data, _, uid, gid, _ = _COMPACT.unpack(raw)
        head = 32
        mtime += sup.epoch
        if form & _ONE_LINK and not stat.S_ISDIR(mode):
            nlink, start_high = 1, high
        else:
            nlink, null = high, _NULL32
    start: int | None = None
    rdev = chunk = 0
    type_bits = stat.S_IFMT(mode)
    if type_bits in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        if kind == Layout.CHUNKS:
            chunk = data & 0xFFFF
            if chunk & ~_CHUNK_KNOWN:
                raise NotCollectedError(f"unsupported: EROFS chunk format {chunk:#x} at offset {place}")
        else:
            block = data | start_high << 32
            start = None if block == null else block << sup.block_bits
    elif type_bits in (stat.S_IFCHR, stat.S_IFBLK):
        rdev = new_device(data)
    elif type_bits not in (stat.S_IFIFO, stat.S_IFSOCK):
        raise DamagedError(f"EROFS inode of mode {mode:#o} at offset {place}")
    return Inode(
        number, mode, uid, gid, size, mtime, nlink, rdev,
        Layout(kind), source, place, head, 12 + 4 * (count - 1) if count else 0, start, chunk,
    )  # fmt: skip


def list_directory(inode: Inode, block: int, read: Callable[[int, int], bytes]) -> dict[str, int]:
    """Name to number of a directory; `read(offset, length)` gives its content."""
    found: dict[str, int] = {}
    dots = 0
    for offset in range(0, inode.size, block):
        raw = read(offset, min(block, inode.size - offset))
        dots += _entries(raw, f"EROFS inode {inode.number}, directory offset {offset}", found)
        if dots > 2:
            raise DamagedError(f"EROFS inode {inode.number}: more than one `.` and `..`")
        if len(found) > limits.MAX_NAMES:
            raise LimitError(f"EROFS inode {inode.number}: more than {limits.MAX_NAMES} directory entries")
    return found


def _entries(raw: bytes, where: str, found: dict[str, int]) -> int:
    """Add the entries of one directory block; how many of them were `.` or `..`."""
    if len(raw) < _DIRENT.size:
        raise DamagedError(f"{where}: {len(raw)} bytes hold no entry")
    (first,) = struct.unpack_from("<H", raw, 8)
    if first % _DIRENT.size or not _DIRENT.size <= first < len(raw):
        raise DamagedError(f"{where}: first name at {first}")
    entries = list(_DIRENT.iter_unpack(raw[:first]))
    last = entries[-1][1]
    stop = raw.find(b"\0", last) if last < len(raw) else last
    ends = [entry[1] for entry in entries[1:]]
    ends.append(len(raw) if stop < 0 else stop)
    dots = 0
    begin = first
    for (number, begins, _, _), end in zip(entries, ends, strict=True):
        if begins != begin or not begin < end <= len(raw) or end - begin > _MAX_NAME:
            raise DamagedError(f"{where}: name from {begins} to {end}")
        name = raw[begin:end]
        begin = end
        if name in (b".", b".."):
            dots += 1
            continue
        text = plain_name(name, begins)
        if text in found:
            raise DamagedError(f"{where}: name {text[:64]!r} twice")
        found[text] = number
    return dots
