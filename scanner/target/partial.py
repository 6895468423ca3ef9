"""Trees that cannot say everything: one that is no root of a system, and one whose packing keeps no owners or modes.

What such a tree does say is handed on; where it cannot know, it raises NotCollectedError, so that nobody takes what was
never there for what a system lacks.
"""

from __future__ import annotations

import stat
from typing import Any, NoReturn

from scanner.model.errors import MissingError, NotCollectedError
from scanner.target.base import Entry, FileTree
from scanner.target.root import is_whole

__all__ = ["honest"]


def honest(tree: FileTree) -> FileTree:
    """`tree` itself when it is a whole root, else in a cover that refuses what it cannot know."""
    if tree.lost & {"owner", "mode"}:
        tree = _Lossy(tree)
    return tree if is_whole(tree) else _Fragment(tree)


class _Cover(FileTree):
    """Hands every question on."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree
        self.lost = tree.lost
        self.notes = tree.notes

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        return self._tree.lstat(path)

    def readlink(self, path: str) -> str:
        """See FileTree."""
        return self._tree.readlink(path)

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        return self._tree.names(path)

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        return self._tree.pread(path, offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        return self._tree.xattrs(path)


class _Fragment(_Cover):
    """Some files, but no root of a system: what is not in it may well be on the device."""

    def lstat(self, path: str) -> Entry:
        """See FileTree. What is missing here raises NotCollectedError."""
        try:
            return self._tree.lstat(path)
        except MissingError:
            raise NotCollectedError(f"{path} is not here, and this is no root of a system") from None

    def names(self, path: str) -> list[str]:
        """See FileTree. The top cannot be listed: a walk of it would say nothing about a system."""
        found = self._tree.names(path)
        if path == "/":
            raise NotCollectedError("this is no root of a system (/etc, /usr, and /bin or an os-release)")
        return found


class _Lossy(_Cover):
    """A packing without owners or modes (FAT, ISO 9660 without Rock Ridge)."""

    def lstat(self, path: str) -> Entry:
        """See FileTree. Whoever asks the entry for its owner or mode gets NotCollectedError."""
        return _TypeOnly.of(self._tree.lstat(path))


def _unknown(_: Entry) -> NoReturn:
    raise NotCollectedError("the packing keeps no owners and no modes")


_SLOTS: dict[str, Any] = {name: Entry.__dict__[name] for name in Entry.__slots__}
"""Where an Entry keeps its fields: the properties of _TypeOnly stand before them."""


class _TypeOnly(Entry):
    """An entry of which only type, size and time are known."""

    __slots__ = ()

    @classmethod
    def of(cls, entry: Entry) -> _TypeOnly:
        """The same entry without what is not known."""
        made = object.__new__(cls)
        for name, slot in _SLOTS.items():
            slot.__set__(made, getattr(entry, name))
        return made

    mode = property(_unknown)
    uid = property(_unknown)
    gid = property(_unknown)
    permissions = property(_unknown)

    @property
    def type(self) -> str:
        """See Entry."""
        return Entry(self.path, stat.S_IFMT(_SLOTS["mode"].__get__(self)), 0, 0, 0).type
