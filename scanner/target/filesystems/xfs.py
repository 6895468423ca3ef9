"""XFS, versions 4 and 5, read from a block device.

`notes` says what is wrong though it still reads: checksums that do not match, a superblock taken from a copy, a log
that was not replayed (what it holds is not seen). Content on a realtime device is not collected.

Sources: "XFS Filesystem Disk Structures" (xfs-documentation); kernel fs/xfs/libxfs (see the modules `_xfs_*`).
"""

from __future__ import annotations

import stat
import struct

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._nodes import NodeTree
from scanner.target.filesystems._xfs_attributes import attributes
from scanner.target.filesystems._xfs_directory import directory
from scanner.target.filesystems._xfs_fork import LOCAL
from scanner.target.filesystems._xfs_inode import Inode, load_inode
from scanner.target.filesystems._xfs_log import log_note
from scanner.target.filesystems._xfs_super import Medium, find_copy, open_medium
from scanner.target.filesystems.base import Backup, FileSystem

__all__ = ["FILESYSTEM", "XfsTree", "open_xfs"]

_MAX_LINK = 1024
_LINK_HEADER = 56


class XfsTree(NodeTree[Inode]):
    """The files of an XFS. `notes`: what is wrong with it, in words, growing while it is read."""

    def __init__(self, medium: Medium) -> None:
        super().__init__(medium.geometry.root)
        self._medium = medium
        self.notes = medium.notes

    def load(self, number: int) -> Inode:
        """See NodeTree."""
        return load_inode(self._medium, number)

    def entries(self, node: Inode) -> dict[str, int]:
        """See NodeTree."""
        return directory(self._medium, node)

    def attributes(self, node: Inode) -> dict[str, bytes]:
        """See NodeTree."""
        return attributes(self._medium, node)

    def content(self, node: Inode, offset: int, length: int) -> bytes:
        """See NodeTree."""
        if stat.S_ISLNK(node.mode):
            return self._link(node)[offset : offset + length]
        if node.realtime:
            raise NotCollectedError("unsupported: content on an XFS realtime device")
        medium = self._medium
        log = medium.geometry.block_log
        first, end = offset >> log, -(-(offset + length) >> log)
        data: bytearray | None = None
        for extent in node.fork(medium).extents(first, end):
            if extent.unwritten:
                continue
            start = max(extent.first << log, offset)
            stop = min((extent.first + extent.blocks) << log, offset + length)
            place = medium.place(extent.block, extent.blocks) + start - (extent.first << log)
            piece = medium.device.exact(place, stop - start)
            if len(piece) == length:
                return piece
            if data is None:
                data = bytearray(length)
            data[start - offset : stop - offset] = piece
        return bytes(length) if data is None else bytes(data)

    def _link(self, node: Inode) -> bytes:
        """Text of a link: in the inode, or in blocks, where version 5 puts a header before each run of them."""
        medium = self._medium
        if node.size > _MAX_LINK:
            raise DamagedError(f"inode {node.number}: link of {node.size} bytes")
        if node.form == LOCAL:
            if node.size > len(node.data):
                raise DamagedError(f"inode {node.number}: link of {node.size} bytes in {len(node.data)}")
            return node.data[: node.size]
        log = medium.geometry.block_log
        text = b""
        for extent in node.fork(medium).extents():
            if len(text) >= node.size:
                break
            place = medium.place(extent.block, extent.blocks)
            data = medium.device.exact(place, min(extent.blocks << log, 4 << log))
            if medium.geometry.version == 5:
                data = self._checked_link(node, data, place, len(text))
            text += data
        if len(text) < node.size:
            raise DamagedError(f"inode {node.number}: {node.size} bytes of link text, {len(text)} found")
        return text[: node.size]

    def _checked_link(self, node: Inode, data: bytes, place: int, done: int) -> bytes:
        offset, length = struct.unpack_from(">II", data, 4)
        owner, own = struct.unpack_from(">QQ", data, 32)
        fits = offset == done and 0 < length <= len(data) - _LINK_HEADER
        if data[:4] != b"XSLM" or not fits or owner != node.number or own * 512 != place:
            raise DamagedError(f"inode {node.number}: no link text at offset {place}")
        self._medium.check(data, 12, place, "link text")
        return data[_LINK_HEADER : _LINK_HEADER + length]


def open_xfs(device: BlockDevice) -> XfsTree:
    """The tree of an XFS. Raises DamagedError, NotCollectedError (see scanner.target.filesystems.base)."""
    medium = open_medium(CachedDevice.over(device))
    note = log_note(medium)
    if note:
        medium.note(note)
    tree = XfsTree(medium)
    if not stat.S_ISDIR(tree.node("/").mode):
        raise DamagedError(f"{device.name}: root inode {medium.geometry.root} is no directory")
    return tree


def _backup(device: CachedDevice) -> Backup | None:
    place = find_copy(device)
    return None if place is None else Backup(place, device.exact(place, 512))


FILESYSTEM = FileSystem(("xfs",), open_xfs, _backup)
