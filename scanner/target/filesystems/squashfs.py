"""Squashfs 4.0 with every compression of the kernel, read from a block device.

Read: basic and extended inodes, blocks, holes and fragments, attributes in line and out of line, owners of 32 bits. The
index of large directories and the export table are not needed: directories are listed once and remembered.

Source: kernel Documentation/filesystems/squashfs.rst, fs/squashfs/squashfs_fs.h; squashfs-tools-ng doc/format.adoc.
"""

from __future__ import annotations

import struct
from functools import cached_property

from scanner.model.errors import DamagedError
from scanner.target.base import BlockDevice, FileTree
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._nodes import NodeTree
from scanner.target.filesystems._squashfs_data import Content
from scanner.target.filesystems._squashfs_inode import NONE, Inode, list_directory, parse_inode, read_attributes
from scanner.target.filesystems._squashfs_super import NOTHING, Metadata, read_super
from scanner.target.filesystems.base import FileSystem

__all__ = ["FILESYSTEM", "SquashfsTree"]


class SquashfsTree(NodeTree[Inode]):
    """The files of one squashfs."""

    def __init__(self, device: BlockDevice) -> None:
        self._device = CachedDevice.over(device)
        self._super = read_super(self._device)
        self._metadata = Metadata(self._device, self._super.decode)
        self._content = Content(self._device, self._super, self._metadata)
        super().__init__(self._super.root)
        if self.lstat("/").type != "directory":
            raise DamagedError(f"{device.name}: the root of this squashfs is no directory")

    @cached_property
    def _sets(self) -> tuple[int, int]:
        """Where names and values of attributes begin, and how many sets of them there are."""
        if self._super.attribute_table == NOTHING:
            return 0, 0
        base, count = struct.unpack("<QI", self._device.exact(self._super.attribute_table, 12))
        return base, count

    def load(self, number: int) -> Inode:
        """See NodeTree; the number is an inode reference."""
        return parse_inode(number, self._super, self._metadata)

    def entries(self, node: Inode) -> dict[str, int]:
        """See NodeTree."""
        return list_directory(node, self._super, self._metadata)

    def content(self, node: Inode, offset: int, length: int) -> bytes:
        """See NodeTree."""
        if node.text:
            return node.text[offset : offset + length]
        return self._content.read(node, offset, length)

    def attributes(self, node: Inode) -> dict[str, bytes]:
        """See NodeTree."""
        if node.attributes == NONE:
            return {}
        return read_attributes(node, self._super, self._metadata, *self._sets)


def _open(device: BlockDevice) -> FileTree:
    return SquashfsTree(device)


FILESYSTEM = FileSystem(kinds=("squashfs",), open=_open)
