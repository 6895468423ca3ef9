"""FAT12, FAT16 and FAT32 with long names as a file tree.

Sources: Microsoft, "FAT: General Overview of On-Disk Format" 1.03; kernel Documentation/filesystems/vfat.rst and
fs/fat. Names are found whatever their case, and by their short alias, as on a mounted VFAT. FAT has no owners, modes,
links or extended attributes (`lost`): modes are 0755 and 0644 of root only so that an Entry can be made. Sizes of
directories are 0. Times are local times without a zone, taken as UTC.

A directory is entered only from the directory that its `..` names, and only when it has one name there: so each has
exactly one path, and no walk runs in circles.
"""

from __future__ import annotations

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError
from scanner.target import limits
from scanner.target.base import BlockDevice, Entry, FileTree
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._fat_dir import Item, Listing, parse
from scanner.target.filesystems._fat_table import Table, find_copy, load
from scanner.target.filesystems._listings import Listings
from scanner.target.filesystems.base import Backup, FileSystem

__all__ = ["FILESYSTEM", "FatTree"]

_ROOT = Item(True, 0, 0, 0, 1)
_DIRECTORY_MODE, _FILE_MODE = 0o040755, 0o100644
_MAX_DIRECTORY = 32 * 1024 * 1024
_KEPT_NAMES = 40_000


class FatTree(FileTree):
    """Files of a FAT file system. `notes`: what makes this tree differ from what a mount would show."""

    lost = frozenset({"owner", "mode", "xattrs"})

    def __init__(self, device: BlockDevice) -> None:
        self._device = CachedDevice.over(device)
        self._geometry, self.notes = load(self._device)
        self._table = Table(self._device, self._geometry)
        if self._geometry.dirty or self._table.in_use():
            self.notes.append("not cleanly unmounted")
        self._listings = Listings[tuple[Item, Listing]](
            self._enter, lambda directory: len(directory[1].items), _KEPT_NAMES
        )
        self._budget = min(max(2 * device.size, 1 << 25), 1 << 34)
        self._read = 0

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        item = self._find(path)
        mode = _DIRECTORY_MODE if item.directory else _FILE_MODE
        return Entry(path, mode, 0, 0, item.size, item.mtime, 1, 0, 0, item.number)

    def readlink(self, path: str) -> str:
        """See FileTree; there are no links."""
        self._find(path)
        raise DamagedError(f"{path} is no link")

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        return list(self._listings.at(path)[1].items)

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        item = self._find(path)
        if item.directory:
            raise DamagedError(f"{path} is no regular file")
        length = min(length, item.size - offset, limits.MAX_DEVICE_READ)
        if offset < 0 or length <= 0:
            return b""
        count = -(-item.size // self._geometry.cluster)
        if count > self._geometry.clusters:
            raise DamagedError(f"{path}: {item.size} bytes are more than the file system holds")
        self._read += length
        if self._read > limits.MAX_TOTAL:
            raise LimitError(f"more than {limits.MAX_TOTAL} bytes read from this file system")
        return self._table.read(self._table.chain(item.cluster, count), offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree; FAT has no place for them."""
        self._find(path)
        raise NotCollectedError("unsupported: extended attributes on FAT")

    # ---- look-up -----------------------------------------------------------------------------------------------

    def _find(self, path: str) -> Item:
        if path == "/":
            return _ROOT
        parent, _, name = path.rpartition("/")
        return _child(self._listings.at(parent or "/")[1], name, path)

    def _enter(self, path: str, parent: tuple[Item, Listing] | None) -> tuple[Item, Listing]:
        """Read the directory `path`, coming from its parent (None: it is the root)."""
        if parent is None:
            return _ROOT, self._root()
        above, names = parent
        item = _child(names, path.rpartition("/")[2], path)
        if not item.directory:
            raise MissingError(f"{path} is no directory")
        if item.cluster in names.twice:
            raise DamagedError(f"{path}: the directory has two names")
        listing = self._in_clusters(item.cluster, path)
        root = self._geometry.root
        expected = (0, root) if above is _ROOT else (above.cluster,)
        if listing.own != item.cluster or listing.parent not in expected or item.cluster == root:
            raise DamagedError(f"{path}: `.` and `..` of the directory do not belong here")
        return item, listing

    def _root(self) -> Listing:
        root = self._geometry.root
        if isinstance(root, int):
            return self._in_clusters(root, "/")
        return parse(self._device.exact(*root), 1 << 20, "/")

    def _in_clusters(self, cluster: int, path: str) -> Listing:
        size = self._geometry.cluster
        chain = self._table.chain(cluster, min(self._geometry.clusters, _MAX_DIRECTORY // size), whole=True)
        self._budget -= chain.length * size
        if self._budget < 0:
            raise LimitError(f"{path}: directories hold more than the file system can")
        data = self._table.read(chain, 0, chain.length * size)
        return parse(data, cluster << 20, path)


def _child(listing: Listing, name: str, path: str) -> Item:
    """What `name` means in a directory: exactly, else in another spelling."""
    found = listing.items.get(name) or listing.items.get(listing.aliases.get(name.lower(), ""))
    if found is None:
        raise MissingError(f"{path} does not exist")
    return found


def _backup(device: CachedDevice) -> Backup | None:
    found = find_copy(device)
    return None if found is None else Backup(*found)


FILESYSTEM = FileSystem(("vfat",), FatTree, _backup)
