"""btrfs: subvolumes as file trees, read in pure Python from one device.

Profiles single, DUP, RAID0, RAID1 (C3, C4) and RAID10 as far as the data lies on this device; compression zlib, LZO
and zstd; metadata and data checksums verified (crc32c, sha256, blake2b). The tree of a device is its default subvolume,
as a mount without options shows it; subvolumes inside it are entered where they stand.

Sources: named in the modules _btrfs_*.
"""

from __future__ import annotations

from scanner.model.errors import DamagedError
from scanner.model.records import dataclass
from scanner.target.base import BlockDevice, Entry
from scanner.target.cached import CachedDevice
from scanner.target.filesystems import _btrfs_items as items
from scanner.target.filesystems._btrfs_data import FileData
from scanner.target.filesystems._btrfs_node import Volume
from scanner.target.filesystems._btrfs_roots import FileRoot, Roots, Subvolume
from scanner.target.filesystems._btrfs_super import COPIES, find_copy, load
from scanner.target.filesystems._nodes import Node, NodeTree
from scanner.target.filesystems.base import Backup, FileSystem

__all__ = ["FILESYSTEM", "BtrfsTree", "Subvolume", "open_btrfs"]

_LAST = (1 << 64) - 1
_DIRECTORY = 2
_TOP, _GONE = 255, 0
"""Instead of an entry's type: the top of a subvolume; the stand-in of one that is not there."""
_EMPTY = 2
"""Inode number of the empty directory that stands where a snapshot has no copy of a nested subvolume."""


@dataclass(slots=True)
class _Inode(Node):
    """An inode of some subvolume; `root` is None for the empty stand-in of a subvolume that is not there."""

    inode: int
    subvolume: int
    flags: int
    root: FileRoot | None


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the trees of one device share."""

    volume: Volume
    roots: Roots
    data: FileData


def _number(subvolume: int, kind: int, inode: int) -> int:
    """One number for an inode of a subvolume and the type that its directory entry says."""
    return (subvolume << 8 | kind) << 64 | inode


class BtrfsTree(NodeTree[_Inode]):
    """One subvolume and those below it. `notes`: what was odd about the medium, grows while reading."""

    def __init__(self, opened: _Opened, subvolume: int) -> None:
        super().__init__(_number(subvolume, _TOP, 0))
        self._opened = opened
        self._top = subvolume
        self.notes = opened.volume.notes
        self.node("/")

    @property
    def subvolume_id(self) -> int:
        """The subvolume that is the top of this tree."""
        return self._top

    def subvolumes(self) -> list[Subvolume]:
        """Every subvolume of the file system."""
        return self._opened.roots.subvolumes()

    def at(self, subvolume: int | str) -> BtrfsTree:
        """The tree of another subvolume of this device: by number, or by path from the top (`@`, `@/.snapshots`)."""
        return BtrfsTree(self._opened, self._opened.roots.number_of(subvolume))

    def lstat(self, path: str) -> Entry:
        """See FileTree. `device` tells nested subvolumes apart: 0 for the one opened, else the subvolume's number."""
        node = self.node(path)
        device = 0 if node.subvolume == self._top else node.subvolume
        return Entry(
            path, node.mode, node.uid, node.gid, node.size, node.mtime, node.nlink, node.rdev, device, node.inode
        )  # fmt: skip

    def load(self, number: int) -> _Inode:
        """See NodeTree."""
        inode = number & _LAST
        kind = number >> 64 & 0xFF
        subvolume = number >> 72
        if kind == _GONE:
            return _Inode(number, 0o040755, 0, 0, 0, 0, 1, 0, _EMPTY, subvolume, 0, None)
        root = self._opened.roots.file_root(subvolume)
        if kind == _TOP:
            inode, kind = root.directory, _DIRECTORY
        raw = root.tree.find((inode, items.INODE_ITEM, 0))
        if raw is None:
            raise DamagedError(f"inode {inode} of subvolume {subvolume} is not there")
        size, nlink, uid, gid, mode, rdev, flags, mtime = items.inode(raw, inode)
        if items.TYPES[mode & 0o170000] != kind:
            raise DamagedError(f"inode {inode} of subvolume {subvolume} has another type than its directory entry says")
        return _Inode(number, mode, uid, gid, size, mtime, nlink, rdev, inode, subvolume, flags, root)

    def entries(self, node: _Inode) -> dict[str, int]:
        """See NodeTree. What the kernel lists (DIR_INDEX) and what it looks up (DIR_ITEM) must be the same."""
        if node.root is None:
            return {}
        inode, span = node.inode, node.root.tree.span
        found = items.directory(span((inode, items.DIR_ITEM, 0), (inode, items.DIR_ITEM, _LAST)), inode)
        listed = items.directory(span((inode, items.DIR_INDEX, 0), (inode, items.DIR_INDEX, _LAST)), inode)
        if listed != found:
            raise DamagedError(f"directory {inode} of subvolume {node.subvolume} lists other names than it finds")
        return {name: self._target(node, name, *target) for name, target in listed.items()}

    def _target(self, node: _Inode, name: str, target: int, item: int, kind: int) -> int:
        if item == items.INODE_ITEM:
            return _number(node.subvolume, kind, target)
        if self._opened.roots.parent(target) == (node.subvolume, node.inode, name):
            return _number(target, _TOP, 0)
        # A snapshot keeps the name of a nested subvolume, but not the subvolume: an empty directory stands there.
        return _number(node.subvolume, _GONE, target)

    def content(self, node: _Inode, offset: int, length: int) -> bytes:
        """See NodeTree."""
        if node.root is None:
            return b""
        checked = not node.flags & items.NO_CHECKSUM
        return self._opened.data.read(node.root.tree, node.inode, offset, length, checked=checked)

    def attributes(self, node: _Inode) -> dict[str, bytes]:
        """See NodeTree."""
        if node.root is None:
            return {}
        found: dict[str, bytes] = {}
        low, high = (node.inode, items.XATTR_ITEM, 0), (node.inode, items.XATTR_ITEM, _LAST)
        for _, raw in node.root.tree.span(low, high):
            for name, value, _ in items.records(raw, node.inode):
                if not name or b"\0" in name:
                    raise DamagedError(f"inode {node.inode} has an attribute named {name!r}")
                found[name.decode("utf-8", "surrogateescape")] = value
        return found


def open_btrfs(device: BlockDevice, subvolume: int | str | None = None) -> BtrfsTree:
    """The tree of a subvolume (number, or path from the top of the file system), else of the default one."""
    cached = CachedDevice.over(device)
    sb = load(cached)
    volume = Volume(cached, sb)
    if device.size < sb.total and sb.devices == 1:
        volume.note(f"the device is {device.size} bytes long, its file system {sb.total}")
    roots = Roots(volume)
    number = roots.default() if subvolume is None else roots.number_of(subvolume)
    return BtrfsTree(_Opened(volume, roots, FileData(volume, roots.checksums())), number)


def _backup(device: CachedDevice) -> Backup | None:
    found = find_copy(device)
    return None if found is None else Backup(found[0], bytes(COPIES[0]) + found[1])


FILESYSTEM = FileSystem(kinds=("btrfs",), open=open_btrfs, backup=_backup)
