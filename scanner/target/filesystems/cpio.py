"""An initramfs as the tree that the kernel makes of it: all its archives, plain and compressed, laid over one another.

Entries are taken in order as the kernel takes them: links in the folders of a name are followed inside the root, a
later file is written into an earlier one of the same name (and so into its hard links), an entry whose folder does not
exist is left out. Content stays in the file, or in the temporary file that a compressed part was unpacked to; only the
index is in memory. When the reading ended before the end of the file, nothing is called missing and no folder is
listed: what comes behind could be there.

The archives hold no extended attributes, and checksums of the "crc" form are not verified.

Source: kernel init/initramfs.c (`do_name`, `maybe_link`, `clean_path`, `do_symlink`).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import NoReturn

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError
from scanner.parsers import cpio
from scanner.target import limits
from scanner.target.base import BlockDevice, Entry, FileTree
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._initramfs_segments import Segment, read_segments
from scanner.target.filesystems.base import FileSystem

__all__ = ["FILESYSTEM", "InitramfsTree"]

_MAX_ENTRIES = 500_000
_MAX_NAMES = 64 << 20
"""Bytes of all names."""

_MAX_STEPS = 10_000_000
"""Folders gone through for all names: links in them can make short names long ways."""

_MAX_PART = 255
_MAX_LINK = 4096
_MAX_NOTES = 20
_SPECIAL = frozenset((stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK))


@dataclass(slots=True)
class _Node:
    """One inode. Folders have `children` and their own folder, `above`; hard links share the node."""

    number: int
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    links: int = 1
    rdev: int = 0
    device: BlockDevice | None = None
    offset: int = 0
    children: dict[str, _Node] | None = None
    above: _Node | None = field(default=None, repr=False)


class InitramfsTree(FileTree):
    """The files of one initramfs. `segments` are its parts; `damage` says what ended the reading early, or None."""

    lost = frozenset({"xattrs"})

    def __init__(self, device: BlockDevice) -> None:
        self.notes: list[str] = []
        self._root = _Node(1, stat.S_IFDIR | 0o755, children={})
        self._count = 1
        self._left_out = 0
        self._name_bytes = 0
        self._steps = 0
        self._linked: dict[tuple[tuple[int, int, int], int], _Node] = {}
        self.segments: list[Segment]
        self.damage: str | None
        self.segments, self.damage = read_segments(CachedDevice.over(device), self._put)
        if not self.segments or (self.damage and not any(one.entries for one in self.segments)):
            raise DamagedError(self.damage or f"{device.name}: no archive")
        if self.damage is None and device.damaged:
            self.damage = next(iter(device.notes), f"{device.name} is damaged")
        if self.damage is not None:
            self.notes.append(f"not read to its end: {self.damage}")
        if self._left_out > _MAX_NOTES:
            self.notes.append(f"{self._left_out - _MAX_NOTES} more entries are left out")
        del self._linked

    # ---- taking the entries --------------------------------------------------------------------------------------

    def _put(self, header: cpio.Header, raw: bytes, device: BlockDevice, offset: int) -> None:
        """Take one entry (see `Visitor`)."""
        if raw == cpio.TRAILER:
            self._linked.clear()
            return
        self._count += 1
        self._name_bytes += len(raw)
        if self._count > _MAX_ENTRIES or self._name_bytes > _MAX_NAMES:
            raise LimitError(f"{device.name}: more than {_MAX_ENTRIES} entries or {_MAX_NAMES} bytes of names")
        name = raw.decode("utf-8", "surrogateescape")
        problem = self._make(header, name, device, offset)
        if problem is not None:
            self._left_out += 1
            if self._left_out <= _MAX_NOTES:
                self.notes.append(f"an entry is left out, {problem}: {name[:200]!r}")

    def _make(self, header: cpio.Header, name: str, device: BlockDevice, offset: int) -> str | None:
        """Put the entry where it belongs; why the kernel would not, or None."""
        place = self._place(name)
        if place is None:
            return "its folder does not exist"
        folder, last = place
        if not last:
            if stat.S_ISDIR(header.mode):
                _describe(folder, header)
                return None
            return "its name is that of a folder"
        if len(last.encode("utf-8", "surrogateescape")) > _MAX_PART:
            return "its name is too long"
        kind = stat.S_IFMT(header.mode)
        if kind == stat.S_IFDIR:
            return self._make_folder(header, folder, last)
        if kind == stat.S_IFREG:
            return self._make_file(header, folder, last, device, offset)
        if kind == stat.S_IFLNK:
            return self._make_link(header, folder, last, device, offset)
        if kind in _SPECIAL and not header.size:
            return self._make_special(header, folder, last)
        return "its type is unknown"

    def _place(self, name: str) -> tuple[_Node, str] | None:
        """The folder that `name` leads to, and the last part of it ("" when it names the folder itself)."""
        todo = [part for part in reversed(name.split("/")) if part not in ("", ".")]
        node = self._root
        links = 0
        while todo:
            part = todo.pop()
            self._steps += 1
            if self._steps > _MAX_STEPS:
                raise LimitError(f"{name[:200]!r}: more than {_MAX_STEPS} folders gone through")
            if part == "..":
                node = node.above or self._root
                continue
            if not todo:
                return node, part
            assert node.children is not None
            below = node.children.get(part)
            if below is not None and stat.S_ISLNK(below.mode):
                links += 1
                if links > limits.MAX_LINKS:
                    return None
                target = self._link_text(below)
                if target.startswith("/"):
                    node = self._root
                todo += [one for one in reversed(target.split("/")) if one not in ("", ".")]
                if not todo:
                    return node, ""
                if len(todo) > 2 * limits.MAX_DEPTH:
                    return None
                continue
            if below is None or below.children is None:
                return None
            node = below
        return node, ""

    def _clear(self, folder: _Node, name: str, kind: int) -> str | None:
        """Take away what stands at the name and is of another kind; why that fails, or None."""
        assert folder.children is not None
        known = folder.children.get(name)
        if known is None or stat.S_IFMT(known.mode) == kind:
            return None
        if known.children:
            return "a folder with files stands in its place"
        known.links -= 1
        del folder.children[name]
        return None

    def _add(self, folder: _Node, name: str, header: cpio.Header) -> _Node:
        """A new node at the name, or the one that is there."""
        assert folder.children is not None
        node = folder.children.get(name)
        if node is None:
            node = folder.children[name] = _Node(self._count, stat.S_IFMT(header.mode))
        _describe(node, header)
        return node

    def _make_folder(self, header: cpio.Header, folder: _Node, name: str) -> str | None:
        depth, above = 0, folder
        while above.above is not None:
            depth, above = depth + 1, above.above
        if depth >= limits.MAX_DEPTH:
            raise LimitError(f"{name[:200]}: deeper than {limits.MAX_DEPTH} folders")
        problem = self._clear(folder, name, stat.S_IFDIR)
        if problem is None:
            node = self._add(folder, name, header)
            if node.children is None:
                node.children, node.above = {}, folder
        return problem

    def _make_file(
        self, header: cpio.Header, folder: _Node, name: str, device: BlockDevice, offset: int
    ) -> str | None:  # fmt: skip
        linked = self._link(header, folder, name)
        if isinstance(linked, str):
            return linked
        problem = self._clear(folder, name, stat.S_IFREG)
        if problem is not None:
            return problem
        node = self._add(folder, name, header)
        if header.size or not linked:
            node.device, node.offset, node.size = device, offset, header.size
        return None

    def _make_special(self, header: cpio.Header, folder: _Node, name: str) -> str | None:
        linked = self._link(header, folder, name)
        if linked:
            return linked if isinstance(linked, str) else None
        problem = self._clear(folder, name, stat.S_IFMT(header.mode))
        if problem is None:
            known = folder.children is not None and name in folder.children
            node = self._add(folder, name, header)
            node.rdev = node.rdev if known else os.makedev(*header.rdev)
        return problem

    def _make_link(
        self, header: cpio.Header, folder: _Node, name: str, device: BlockDevice, offset: int
    ) -> str | None:  # fmt: skip
        if not 0 < header.size <= _MAX_LINK:
            return f"its text has {header.size} bytes"
        problem = self._clear(folder, name, 0)
        if problem is None:
            node = self._add(folder, name, header)
            node.device, node.offset, node.size = device, offset, header.size
        return problem

    def _link(self, header: cpio.Header, folder: _Node, name: str) -> bool | str:
        """Whether the name is now another one of an inode that came before; a text says why it cannot be."""
        if header.nlink < 2:
            return False
        key = (header.file, stat.S_IFMT(header.mode))
        known = self._linked.get(key)
        assert folder.children is not None
        here = folder.children.get(name)
        if known is None or (known.links < 1 and here is not known):
            problem = self._clear(folder, name, stat.S_IFMT(header.mode))
            if problem is None:
                self._linked[key] = self._add(folder, name, header)
            return problem or False
        if here is known:
            return True
        problem = self._clear(folder, name, 0)
        if problem is not None:
            return problem
        known.links += 1
        folder.children[name] = known
        return True

    # ---- FileTree ------------------------------------------------------------------------------------------------

    def _node(self, path: str) -> _Node:
        node = self._root
        for part in path.split("/"):
            if part:
                below = node.children.get(part) if node.children is not None else None
                if below is None:
                    self._missing(path)
                node = below
        return node

    def _missing(self, path: str) -> NoReturn:
        if self.damage is not None:
            raise DamagedError(f"{path}: may lie behind what could be read: {self.damage}")
        raise MissingError(f"{path} does not exist")

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        node = self._node(path)
        links = node.links
        if node.children is not None:
            links = 2 + sum(1 for one in node.children.values() if one.children is not None)
        return Entry(path, node.mode, node.uid, node.gid, node.size, node.mtime, links, node.rdev, 0, node.number)

    def readlink(self, path: str) -> str:
        """See FileTree."""
        node = self._node(path)
        if not stat.S_ISLNK(node.mode):
            raise DamagedError(f"{path} is no link")
        return self._link_text(node)

    def names(self, path: str) -> list[str]:
        """See FileTree. Raises DamagedError when the archive could not be read to its end."""
        node = self._node(path)
        if node.children is None:
            raise MissingError(f"{path} is no directory")
        if self.damage is not None:
            raise DamagedError(f"{path}: more may lie behind what could be read: {self.damage}")
        if len(node.children) > limits.MAX_NAMES:
            raise LimitError(f"{path} has more than {limits.MAX_NAMES} entries")
        return list(node.children)

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        node = self._node(path)
        if not stat.S_ISREG(node.mode):
            raise DamagedError(f"{path} is no regular file")
        length = min(length, node.size - offset, limits.MAX_DEVICE_READ)
        if offset < 0 or length <= 0 or node.device is None:
            return b""
        data = node.device.pread(node.offset + offset, length)
        if not data:
            raise DamagedError(f"{path}: cut off after {offset} bytes")
        return data

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree. Always raises NotCollectedError."""
        self._node(path)
        raise NotCollectedError("a cpio archive keeps no extended attributes")

    def _link_text(self, node: _Node) -> str:
        assert node.device is not None
        text = node.device.pread(node.offset, node.size)
        return text.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _describe(node: _Node, header: cpio.Header) -> None:
    """Owner, permissions and time; the type of a node never changes."""
    node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(header.mode)
    node.uid, node.gid, node.mtime = header.uid, header.gid, header.mtime


def _open(device: BlockDevice) -> FileTree:
    return InitramfsTree(device)


FILESYSTEM = FileSystem(kinds=("cpio",), open=_open)
