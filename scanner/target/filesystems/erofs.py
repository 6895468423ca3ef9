"""EROFS, plain and compressed, read from a block device; also the images of composefs, which are EROFS.

Read: compact and extended inodes; flat, inline and chunked content; every form of compression map with LZ4, MicroLZMA,
deflate and zstd; packed fragments; inline and shared attributes; the 48-bit layout; compressed metadata. Content on
extra devices is refused by name, its metadata is read.

A composefs image holds no content of files but small ones: such a file has the attribute `trusted.overlay.metacopy`,
and reading it here is refused; `trusted.overlay.redirect` says where its content lies.

Source: kernel Documentation/filesystems/erofs.rst, erofs-utils include/erofs_fs.h, composefs libcomposefs/lcfs-erofs.h.
"""

from __future__ import annotations

from functools import cached_property

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.base import BlockDevice, FileTree
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._erofs_data import Content
from scanner.target.filesystems._erofs_inode import Inode, Layout, list_directory, parse_inode
from scanner.target.filesystems._erofs_super import METABOX_BIT, Source, read_super
from scanner.target.filesystems._erofs_xattr import read_attributes, read_prefixes
from scanner.target.filesystems._nodes import NodeTree
from scanner.target.filesystems.base import FileSystem

__all__ = ["FILESYSTEM", "ErofsTree"]

_METACOPY = "trusted.overlay.metacopy"


class ErofsTree(NodeTree[Inode]):
    """The files of one EROFS. `composefs`: whether the image says that composefs made it."""

    def __init__(self, device: BlockDevice) -> None:
        self._device = CachedDevice.over(device)
        self._super = read_super(self._device)
        self.composefs = self._super.composefs
        super().__init__(self._super.root)
        self._content = Content(self._device, self._super, lambda: self._packed)
        if self.lstat("/").type != "directory":
            raise DamagedError(f"{device.name}: the root of this EROFS is no directory")

    @cached_property
    def _packed(self) -> Inode:
        if not self._super.packed:
            raise DamagedError("EROFS fragment without a packed inode")
        return self.load(self._super.packed)

    @cached_property
    def _metabox(self) -> Source:
        if not self._super.metabox:
            raise DamagedError("EROFS inode in a metabox that is not there")
        return _Inside(self._content, self.load(self._super.metabox))

    @cached_property
    def _prefixes(self) -> list[bytes]:
        if not self._super.prefix_count:
            return []
        source: Source = self._device
        if not self._super.prefixes_plain and self._super.metabox:
            source = self._metabox
        elif not self._super.prefixes_plain and self._super.packed:
            source = _Inside(self._content, self._packed)
        return read_prefixes(self._super, source)

    def load(self, number: int) -> Inode:
        """See NodeTree."""
        return parse_inode(number, self._super, self._metabox if number & METABOX_BIT else self._device)

    def entries(self, node: Inode) -> dict[str, int]:
        """See NodeTree."""
        return list_directory(
            node, self._super.block, lambda offset, length: self._content.read(node, offset, length)
        )  # fmt: skip

    def content(self, node: Inode, offset: int, length: int) -> bytes:
        """See NodeTree."""
        if self.composefs and node.layout is Layout.CHUNKS and _METACOPY in self.attributes(node):
            raise NotCollectedError("content lies in the object store of composefs, not in this image")
        return self._content.read(node, offset, length)

    def attributes(self, node: Inode) -> dict[str, bytes]:
        """See NodeTree."""
        if not node.attributes:
            return {}
        shared = self._metabox if self._super.shared_in_metabox else self._device
        return read_attributes(node, self._super, shared, self._prefixes)


class _Inside:
    """The content of a file as a source of metadata."""

    def __init__(self, content: Content, inode: Inode) -> None:
        self._content = content
        self._inode = inode

    def exact(self, offset: int, length: int) -> bytes:
        """See Source."""
        if offset + length > self._inode.size:
            raise DamagedError(f"EROFS inode {self._inode.number}: {length} bytes wanted at offset {offset}")
        return self._content.read(self._inode, offset, length)


def _open(device: BlockDevice) -> FileTree:
    return ErofsTree(device)


FILESYSTEM = FileSystem(kinds=("erofs",), open=_open)
