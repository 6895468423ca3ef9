"""File trees made of others: a folder of a tree as a root, and file systems mounted over one another.

Nothing is mounted anywhere: a path is handed to the tree that would be mounted there on the running system.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import replace

from scanner.model.errors import DamagedError, MissingError
from scanner.target.base import Entry, FileTree

__all__ = ["ComposedTree", "SubTree"]


class SubTree(FileTree):
    """The folder `top` of `tree` as a root of its own: links of it restart there and never leave it.

    With `file`, `top` may be a regular file too, as the source of a bind mount is.
    """

    def __init__(self, tree: FileTree, top: str, *, file: bool = False) -> None:
        self._tree = tree
        self._top = tree.resolve(top)
        if tree.lstat(self._top).type not in (("directory", "file") if file else ("directory",)):
            raise DamagedError(f"{top} is not a directory")
        self.lost = tree.lost

    @property
    def base(self) -> FileTree:
        """The tree it is a folder of."""
        return self._tree

    def _inner(self, path: str) -> str:
        return self._top if path == "/" else (path if self._top == "/" else self._top + path)

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        return replace(self._tree.lstat(self._inner(path)), path=path)

    def readlink(self, path: str) -> str:
        """See FileTree."""
        return self._tree.readlink(self._inner(path))

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        return self._tree.names(self._inner(path))

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        return self._tree.pread(self._inner(path), offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        return self._tree.xattrs(self._inner(path))


class ComposedTree(FileTree):
    """A root tree with other trees mounted at canonical places of it.

    A mount point that does not exist in the tree below it is shown all the same, and so are the folders that lead to
    it: the running system makes them.
    """

    def __init__(self, root: FileTree, mounts: Mapping[str, FileTree]) -> None:
        self._root = root
        self._mounts = dict(sorted(mounts.items(), key=lambda one: -len(one[0])))
        self.lost = root.lost

    def owner(self, path: str) -> tuple[FileTree, str]:
        """The tree that owns `path`, and the path inside it."""
        for place, tree in self._mounts.items():
            if path == place:
                return tree, "/"
            if path.startswith(f"{place}/"):
                return tree, path[len(place) :]
        return self._root, path

    def lstat(self, path: str) -> Entry:
        """See FileTree. A folder that is there for a mount point alone is root's, with mode 0755."""
        tree, inner = self.owner(path)
        try:
            return replace(tree.lstat(inner), path=path)
        except MissingError:
            if not self._mounted_below(path):
                raise
            return Entry(path, stat.S_IFDIR | 0o755, 0, 0, 0, nlink=2)

    def _mounted_below(self, path: str) -> list[str]:
        """Names in the folder `path` that lead to mount points."""
        lead = f"{path.rstrip('/')}/"
        return [place[len(lead) :].partition("/")[0] for place in self._mounts if place.startswith(lead)]

    def readlink(self, path: str) -> str:
        """See FileTree."""
        tree, inner = self.owner(path)
        return tree.readlink(inner)

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        tree, inner = self.owner(path)
        below = self._mounted_below(path)
        try:
            found = tree.names(inner)
        except MissingError:
            if not below:
                raise
            found = []
        return list(dict.fromkeys([*found, *below]))

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        tree, inner = self.owner(path)
        return tree.pread(inner, offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        tree, inner = self.owner(path)
        try:
            return tree.xattrs(inner)
        except MissingError:
            if not self._mounted_below(path):
                raise
            return {}

    def where(self, path: str) -> str:
        """The mount point that `path` lies below, `/` for the root tree."""
        for place in self._mounts:
            if path == place or path.startswith(f"{place}/"):
                return place
        return "/"
