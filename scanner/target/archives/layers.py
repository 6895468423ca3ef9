"""Tar layers merged into one tree, in memory, contents staying where they are.

Sources: POSIX pax interchange format, GNU tar manual (long names), OCI image-spec `layer.md` (whiteouts, opaque
directories). Extended attributes are `SCHILY.xattr.*` pax records, as tar --xattrs and container engines write them.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError
from scanner.target import limits
from scanner.target.base import BlockDevice, Entry, FileTree

__all__ = ["LayeredTree"]

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MAX_HEADER = 1 << 20
"""Bytes of one extended header; a longer one is refused before it is read."""

_XATTR = "SCHILY.xattr."
_TYPES = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.AREGTYPE: stat.S_IFREG,
    tarfile.CONTTYPE: stat.S_IFREG,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}


@dataclass(slots=True)
class _Node:
    """One entry. Directories have `children`; hard links share the node."""

    mode: int = stat.S_IFDIR | 0o755
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    rdev: int = 0
    target: str = ""
    layer: BlockDevice | None = None
    offset: int = 0
    links: int = 1
    number: int = 0
    sparse: bool = False
    xattrs: dict[str, bytes] | None = None
    children: dict[str, _Node] | None = None


class _Headers(io.RawIOBase):
    """A layer as tarfile reads it: headers only, so a read of more than a header's size is an attack or damage."""

    def __init__(self, layer: BlockDevice) -> None:
        self._layer = layer
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._layer.size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _MAX_HEADER:
            raise LimitError(f"{self._layer.name}: an extended header of {size} bytes at offset {self._at}")
        data = self._layer.pread(self._at, size)
        self._at += len(data)
        return data


class LayeredTree(FileTree):
    """The tree that `layers` (uncompressed tar streams, the lowest first) make together."""

    def __init__(self, layers: list[BlockDevice]) -> None:
        self.notes: list[str] = []
        self._root = _Node(children={})
        self._count = 0
        for layer in layers:
            self._add(layer)

    # ---- reading the layers ------------------------------------------------------------------------------------

    def _add(self, layer: BlockDevice) -> None:
        members: list[tuple[list[str], tarfile.TarInfo]] = []
        for member in _members(layer, self.notes):
            parts = _parts(member.name)
            if parts is None:
                self.notes.append(f"{layer.name}: a name that leaves the archive is left out: {member.name[:200]!r}")
                continue
            members.append((parts, member))
            self._count += 1
            if self._count > limits.MAX_WALK:
                raise LimitError(f"{layer.name}: more than {limits.MAX_WALK} entries")
        # A whiteout hides what lower layers hold, never what its own layer adds: so all of them go first.
        for parts, _ in members:
            if parts and parts[-1].startswith(_WHITEOUT):
                self._hide(parts)
        for parts, member in members:
            if not (parts and parts[-1].startswith(_WHITEOUT)):
                self._put(layer, parts, member)

    def _hide(self, parts: list[str]) -> None:
        parent = self._find(parts[:-1])
        if parent is None or parent.children is None:
            return
        if parts[-1] == _OPAQUE:
            parent.children.clear()
        else:
            parent.children.pop(parts[-1].removeprefix(_WHITEOUT), None)

    def _put(self, layer: BlockDevice, parts: list[str], member: tarfile.TarInfo) -> None:
        if not parts:
            if member.isdir():
                _describe(self._root, member)
            return
        parent = self._folder(parts[:-1])
        if member.islnk():
            wanted = _parts(member.linkname)
            node = self._find(wanted) if wanted else None
            if node is None or node.children is not None:
                self.notes.append(f"{layer.name}: a hard link to nothing is left out: {member.name[:200]!r}")
                return
            node.links += 1
            parent[parts[-1]] = node
            return
        kind = _TYPES.get(member.type)
        if kind is None:
            self.notes.append(
                f"{layer.name}: an entry of unknown type {member.type!r} is left out: {member.name[:200]!r}"
            )
            return
        known = parent.get(parts[-1])
        node = known if kind == stat.S_IFDIR and known is not None and known.children is not None else _Node()
        node.children = (node.children or {}) if kind == stat.S_IFDIR else None
        node.mode = kind
        node.number = self._count + member.offset
        _describe(node, member)
        node.layer, node.offset, node.sparse = layer, member.offset_data, member.issparse()
        if kind == stat.S_IFREG and not node.sparse and member.offset_data + member.size > layer.size:
            self.notes.append(f"{layer.name}: cut off inside {member.name[:200]!r}")
        parent[parts[-1]] = node

    def _folder(self, parts: list[str]) -> dict[str, _Node]:
        """The children of a folder, made where the archive does not name it."""
        node = self._root
        for part in parts:
            assert node.children is not None
            below = node.children.get(part)
            if below is None or below.children is None:
                # A link in the place of a folder is replaced, as a container engine does it: never followed here.
                below = node.children[part] = _Node(children={})
            node = below
        assert node.children is not None
        return node.children

    def _find(self, parts: list[str]) -> _Node | None:
        node: _Node | None = self._root
        for part in parts:
            node = node.children.get(part) if node is not None and node.children is not None else None
        return node

    # ---- FileTree ----------------------------------------------------------------------------------------------

    def _node(self, path: str) -> _Node:
        node = self._find([part for part in path.split("/") if part])
        if node is None:
            raise MissingError(f"{path} does not exist")
        return node

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        node = self._node(path)
        links = (
            2 + sum(1 for one in node.children.values() if one.children is not None)
            if node.children is not None
            else node.links
        )
        return Entry(path, node.mode, node.uid, node.gid, node.size, node.mtime, links, node.rdev, 0, node.number)

    def readlink(self, path: str) -> str:
        """See FileTree."""
        node = self._node(path)
        if not stat.S_ISLNK(node.mode):
            raise DamagedError(f"{path} is no link")
        return node.target

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        node = self._node(path)
        if node.children is None:
            raise MissingError(f"{path} is not a directory")
        return list(node.children)

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        node = self._node(path)
        if not stat.S_ISREG(node.mode) or node.layer is None:
            raise DamagedError(f"{path} is not a regular file")
        if node.sparse:
            raise NotCollectedError(f"unsupported: {path} is stored sparse in the archive")
        length = min(length, node.size - offset)
        if offset < 0 or length <= 0:
            return b""
        data = node.layer.pread(node.offset + offset, length)
        if len(data) < length:
            raise DamagedError(f"{path}: the archive is cut off inside it")
        return data

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        return dict(self._node(path).xattrs or {})


def _describe(node: _Node, member: tarfile.TarInfo) -> None:
    node.mode = stat.S_IFMT(node.mode) | (member.mode & 0o7777)
    node.uid, node.gid = member.uid, member.gid
    node.size = len(member.linkname.encode("utf-8", "surrogateescape")) if member.issym() else member.size
    node.size = 0 if member.isdir() else max(0, node.size)
    node.mtime = int(member.mtime)
    node.target = member.linkname if member.issym() else ""
    if member.type in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        node.rdev = os.makedev(member.devmajor & 0xFFF, member.devminor & 0xFFFFF)
    attributes = {
        key.removeprefix(_XATTR): value.encode("utf-8", "surrogateescape")
        for key, value in member.pax_headers.items()
        if key.startswith(_XATTR)
    }
    node.xattrs = attributes or None


def _members(layer: BlockDevice, notes: list[str]) -> Iterator[tarfile.TarInfo]:
    """Headers of a layer; damage ends the reading with a note, unless nothing was read at all."""
    seen = 0
    try:
        with tarfile.open(
            fileobj=_Headers(layer),
            mode="r:",
            encoding="utf-8",
            errors="surrogateescape",
        ) as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every header otherwise
                seen += 1
                yield member
    except (tarfile.TarError, LimitError, ValueError, OverflowError, OSError, EOFError, RecursionError) as error:
        if not seen:
            raise DamagedError(f"{layer.name}: not a tar archive: {error}") from None
        notes.append(f"{layer.name}: the archive is damaged after {seen} entries: {error}")


def _parts(name: str) -> list[str] | None:
    """Components of a member's name, or None for one that leaves the archive or cannot be a name."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name or len(parts) > limits.MAX_DEPTH or any(len(part) > 1024 for part in parts):
        return None
    return parts
