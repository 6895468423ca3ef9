"""Tar layers merged into one tree, in memory, contents staying where they are.

Source: OCI image-spec `layer.md` (whiteouts, opaque directories). Extended attributes are `SCHILY.xattr.*` pax records,
as tar --xattrs and container engines write them.

Where an archive is cut off or damaged, what was read of it stays; what is not there may have stood in the lost part, so
it is damaged and not missing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from scanner.model.errors import (
    DamagedError,
    LimitError,
    MissingError,
    NotCollectedError,
    ParseError,
    PartialError,
    TargetError,
)
from scanner.target import limits
from scanner.target.archives.members import Member, members
from scanner.target.base import BlockDevice, Entry, FileTree

__all__ = ["LayeredTree"]

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MAX_NOTES = 100
_HARD_LINK = "1"
_TYPES = {
    "0": stat.S_IFREG,
    "2": stat.S_IFLNK,
    "3": stat.S_IFCHR,
    "4": stat.S_IFBLK,
    "5": stat.S_IFDIR,
    "6": stat.S_IFIFO,
}


@dataclass(slots=True)
class _Node:
    """One entry. Directories have `children`; hard links share the node. `broken`: why nothing can be told of it."""

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
    folders: int = -1
    broken: str | None = None


class LayeredTree(FileTree):
    """The tree that `layers` (uncompressed tar streams, the lowest first) make together.

    `whole`: their digests were checked, so that none of them can be cut off.
    """

    def __init__(self, layers: list[BlockDevice], *, whole: bool = False) -> None:
        self._whole = whole
        self.notes: list[str] = []
        self._root = _Node(children={})
        self._count = 0
        self._text = 0
        self._lost: str | None = None
        self._labelled = False
        for number, layer in enumerate(layers):
            self._add(layer, lowest=number == 0)
        if not self._labelled:
            # Container engines leave the labels of SELinux out: that no member has one says nothing.
            self.lost = frozenset({"labels"})

    # ---- reading the layers ------------------------------------------------------------------------------------

    def _add(self, layer: BlockDevice, *, lowest: bool) -> None:
        # A whiteout hides what lower layers hold, never what its own layer adds: so all of them go first.
        if not lowest:
            for parts, _ in self._named(layer):
                if parts and parts[-1].startswith(_WHITEOUT):
                    self._hide(parts)
        count = self._count
        try:
            for parts, member in self._named(layer):
                if not (parts and parts[-1].startswith(_WHITEOUT)):
                    self._put(layer, parts, member)
        except LimitError as error:
            self._lose(f"limit: {layer.name}: {error}")
        if self._count == count and self._lost is not None:
            raise DamagedError(f"{layer.name}: not a tar archive: {self._lost}")

    def _named(self, layer: BlockDevice) -> Iterator[tuple[list[str], Member]]:
        """Members with the components of their names; where reading must end before the end, the rest is lost."""
        try:
            for member in members(layer, whole=self._whole):
                self._spend(1, len(member.name) + len(member.link) + _weight(member))
                self._labelled = self._labelled or "security.selinux" in (member.xattrs or ())
                parts = _parts(member.name)
                if parts is None:
                    self._note(f"{layer.name}: a name that leaves the archive is left out: {member.name[:200]!r}")
                elif len(parts) > limits.MAX_DEPTH or len(member.name) > limits.MAX_PATH:
                    self._lose(f"limit: {layer.name}: a member's name is too deep or too long")
                else:
                    yield parts, member
        except LimitError as error:
            self._lose(f"limit: {layer.name}: {error}")
        except (ParseError, TargetError) as error:
            self._lose(f"{layer.name}: the archive is damaged or cut off: {error}")

    def _spend(self, count: int, text: int) -> None:
        """Count entries, and characters of what is kept of them. Raises LimitError."""
        self._count += count
        self._text += text
        if self._count > limits.MAX_MEMBERS or self._text > limits.MAX_MEMBERS * limits.PATH_PER_ENTRY:
            raise LimitError(f"more than {limits.MAX_MEMBERS} members of archives, or names and attributes too long")

    def _lose(self, text: str) -> None:
        if self._lost is None:
            self._lost = text
            self.notes.append(text)

    def _note(self, text: str) -> None:
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(text)

    def _hide(self, parts: list[str]) -> None:
        parent = self._find(parts[:-1])
        if parent is None or parent.children is None:
            return
        if parts[-1] == _OPAQUE:
            parent.children.clear()
        else:
            parent.children.pop(parts[-1].removeprefix(_WHITEOUT), None)

    def _put(self, layer: BlockDevice, parts: list[str], member: Member) -> None:
        kind = _TYPES.get(member.type)
        if not parts:
            if kind == stat.S_IFDIR:
                _describe(self._root, member)
            return
        parent = self._folder(parts[:-1])
        if member.type == _HARD_LINK:
            wanted = _parts(member.link)
            linked = self._find(wanted) if wanted else None
            if linked is None or linked.children is not None:
                self._note(f"{layer.name}: a hard link to nothing: {member.name[:200]!r}")
                parent[parts[-1]] = _Node(broken="a hard link to nothing in the archive")
                return
            linked.links += 1
            parent[parts[-1]] = linked
            return
        if kind is None:
            self._note(f"{layer.name}: an entry of unknown type {member.type!r}: {member.name[:200]!r}")
            parent[parts[-1]] = _Node(broken=f"an entry of unknown type {member.type!r}")
            return
        known = parent.get(parts[-1])
        node = known if kind == stat.S_IFDIR and known is not None and known.children is not None else _Node()
        node.children = (node.children or {}) if kind == stat.S_IFDIR else None
        node.mode = kind
        node.number = self._count
        _describe(node, member)
        node.layer, node.offset, node.sparse = layer, member.offset, member.sparse
        parent[parts[-1]] = node

    def _folder(self, parts: list[str]) -> dict[str, _Node]:
        """The children of a folder, made where the archive does not name it."""
        node = self._root
        for part in parts:
            assert node.children is not None
            below = node.children.get(part)
            if below is None or below.children is None:
                # A link in the place of a folder is replaced, as a container engine does it: never followed here.
                self._spend(1, len(part))
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
            if self._lost is not None:
                kind = LimitError if self._lost.startswith("limit: ") else DamagedError
                raise kind(f"{path} is not in what could be read: {self._lost.removeprefix('limit: ')}")
            raise MissingError(f"{path} does not exist")
        if node.broken is not None:
            raise DamagedError(f"{path}: {node.broken}")
        return node

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        node = self._node(path)
        links = node.links
        if node.children is not None:
            if node.folders < 0:
                node.folders = sum(1 for one in node.children.values() if one.children is not None)
            links = 2 + node.folders
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
        if len(node.children) > limits.MAX_NAMES:
            raise LimitError(f"{path} has more than {limits.MAX_NAMES} entries")
        if self._lost is not None:
            raise PartialError(self._lost, node.children)
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


def _describe(node: _Node, member: Member) -> None:
    form = stat.S_IFMT(node.mode)
    node.mode = form | (member.mode & 0o7777)
    node.uid, node.gid = member.uid, member.gid
    node.size = {
        stat.S_IFLNK: len(member.link.encode("utf-8", "surrogateescape")),
        stat.S_IFDIR: 0,
    }.get(form, member.size)
    node.mtime = member.mtime
    node.target = member.link if form == stat.S_IFLNK else ""
    if form in (stat.S_IFCHR, stat.S_IFBLK):
        node.rdev = os.makedev(member.major & 0xFFF, member.minor & 0xFFFFF)
    node.xattrs = member.xattrs


def _weight(member: Member) -> int:
    return sum(len(key) + len(value) for key, value in member.xattrs.items()) if member.xattrs else 0


def _parts(name: str) -> list[str] | None:
    """Components of a member's name, or None for one that leaves the archive or cannot be a name."""
    if "\0" in name or (".." in name and ".." in name.split("/")):
        return None
    return [part for part in name.split("/") if part not in ("", ".")]
