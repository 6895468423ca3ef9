"""ext2, ext3 and ext4 as a file tree.

Sources: kernel Documentation/filesystems/ext4/ and fs/ext4; the modules beside this one name theirs. Checksums of
superblock, group descriptors, inodes, directories, extent blocks and attribute blocks are checked where the file system
has them. The journal is not replayed: `notes` says when there is something in it.

A directory is entered only from the directory that its `..` names, and only when it has one name there: so each has
exactly one path, and no walk runs in circles.
"""

from __future__ import annotations

import unicodedata

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError
from scanner.target import limits
from scanner.target.base import BlockDevice, Entry, FileTree
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._ext_dir import Directories, Listing
from scanner.target.filesystems._ext_inode import ENCRYPTED, EXTENTS, INLINE, Inode, Inodes
from scanner.target.filesystems._ext_map import BlockMap
from scanner.target.filesystems._ext_super import INCOMPAT_EA_INODE, Groups, find_copy, load
from scanner.target.filesystems._ext_xattr import Attributes
from scanner.target.filesystems._listings import Listings
from scanner.target.filesystems.base import Backup, FileSystem

__all__ = ["FILESYSTEM", "ExtTree"]

_ROOT = 2
_REGULAR, _DIRECTORY, _LINK = 0x8000, 0x4000, 0xA000
_KEPT_NAMES = 60_000
_MAX_LINK = 4096
_NO_KEY = "unsupported: encrypted (fscrypt)"


class ExtTree(FileTree):
    """Files of an ext file system. `notes`: what makes this tree differ from what a mount would show."""

    def __init__(self, device: BlockDevice) -> None:
        cached = CachedDevice.over(device)
        self._super, self.notes = load(cached)
        self._inodes = Inodes(cached, self._super, Groups(cached, self._super))
        self._blocks = BlockMap(cached, self._super, self._inodes)
        self._attributes = Attributes(cached, self._super, self._inodes, self._blocks)
        self._directories = Directories(self._super, self._inodes, self._blocks, self._attributes)
        self._listings = Listings[tuple[int, Listing]](
            self._enter, lambda directory: len(directory[1].names), _KEPT_NAMES
        )
        self._read = 0
        if self._inodes.get(_ROOT).kind != _DIRECTORY:
            raise DamagedError("the root of the file system is no directory")

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        inode = self._inode(path)
        return Entry(
            path,
            inode.mode,
            inode.uid,
            inode.gid,
            inode.size,
            inode.mtime,
            inode.links,
            inode.rdev,
            0,
            inode.number,
        )

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        return [name.decode("utf-8", "surrogateescape") for name in self._listings.at(path)[1].names]

    def readlink(self, path: str) -> str:
        """See FileTree."""
        inode = self._inode(path)
        if inode.kind != _LINK:
            raise DamagedError(f"{path} is no link")
        if inode.flags & ENCRYPTED:
            raise NotCollectedError(_NO_KEY)
        if not 0 < inode.size <= _MAX_LINK:
            raise DamagedError(f"{path}: a link of {inode.size} bytes")
        text = inode.block[: inode.size] if self._is_fast(inode) else self._content(inode, 0, inode.size)
        if b"\0" in text:
            raise DamagedError(f"{path}: the text of the link holds a NUL")
        return text.decode("utf-8", "surrogateescape")

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        inode = self._inode(path)
        if inode.kind != _REGULAR:
            raise DamagedError(f"{path} is no regular file")
        if inode.flags & ENCRYPTED:
            raise NotCollectedError(_NO_KEY)
        length = min(length, inode.size - offset, limits.MAX_DEVICE_READ)
        if offset < 0 or length <= 0:
            return b""
        self._read += length
        if self._read > limits.MAX_TOTAL:
            raise LimitError(f"more than {limits.MAX_TOTAL} bytes read from this file system")
        return self._content(inode, offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree. An encrypted inode keeps its context as `encryption.c`."""
        return self._attributes.of(self._inode(path))

    def flags(self, path: str) -> frozenset[str]:
        """Inode flags of the entry at canonical `path`: immutable, append_only, verity, encrypted, casefold …"""
        return self._inode(path).words

    def _is_fast(self, inode: Inode) -> bool:
        """Whether the link's text stands in the inode, decided as the kernel does."""
        if inode.flags & (INLINE | EXTENTS) or inode.size >= len(inode.block):
            return False
        if self._super.incompat & INCOMPAT_EA_INODE:
            return True
        return inode.sectors <= self._inodes.attribute_sectors(inode)

    def _content(self, inode: Inode, offset: int, length: int) -> bytes:
        if not inode.flags & INLINE:
            return self._blocks.read(inode, offset, length)
        data = b"".join(self._attributes.inline(inode))[offset : offset + length]
        return data + bytes(length - len(data))  # the kernel, too, has zeros where a size goes beyond the inode

    # ---- look-up -----------------------------------------------------------------------------------------------

    def _inode(self, path: str) -> Inode:
        if path == "/":
            return self._inodes.get(_ROOT)
        parent, _, name = path.rpartition("/")
        number, listing = self._listings.at(parent or "/")
        return self._inodes.get(self._child(number, listing, name, path))

    def _child(self, parent: int, listing: Listing, name: str, path: str) -> int:
        """The inode that `name` means in a directory; where the directory ignores case, the nearest name."""
        try:
            found = listing.names.get(name.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            found = None
        if found is None and "casefold" in self._inodes.get(parent).words:
            wanted = _folded(name)
            candidates = ((raw.decode("utf-8", "surrogateescape"), number) for raw, number in listing.names.items())
            found = next((number for text, number in candidates if _folded(text) == wanted), None)
        if found is None:
            raise MissingError(f"{path} does not exist")
        return found

    def _enter(self, path: str, parent: tuple[int, Listing] | None) -> tuple[int, Listing]:
        """Read the directory `path`, coming from its parent (None: it is the root)."""
        number = above = _ROOT
        if parent is not None:
            above, names = parent
            number = self._child(above, names, path.rpartition("/")[2], path)
            if number in names.twice and self._inodes.get(number).kind == _DIRECTORY:
                raise DamagedError(f"{path}: the directory has two names")
        inode = self._inodes.get(number)
        if inode.kind != _DIRECTORY:
            raise MissingError(f"{path} is no directory")
        if inode.flags & ENCRYPTED:
            raise NotCollectedError(_NO_KEY)
        listing = self._directories.read(inode)
        if listing.parent != above or (parent is not None and number == _ROOT):
            raise DamagedError(f"{path}: the directory says it belongs to inode {listing.parent}, not {above}")
        return number, listing


def _folded(name: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _backup(device: CachedDevice) -> Backup | None:
    found = find_copy(device)
    return None if found is None else Backup(found[0], bytes(1024) + found[1].raw)


FILESYSTEM = FileSystem(("ext2", "ext3", "ext4"), ExtTree, _backup)
