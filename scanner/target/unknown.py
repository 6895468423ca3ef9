"""What nobody can read: a place whose content lies behind encryption, on another medium, or is made at the first boot.

Such a place must not look empty, or everything below it would be taken for absent.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from typing import NoReturn

from scanner.model.errors import NotCollectedError
from scanner.target.base import Entry, FileTree

__all__ = ["BareRoot", "UnknownTree"]


class UnknownTree(FileTree):
    """A tree of which nothing is known but `reason`: every question raises NotCollectedError with it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def _refuse(self) -> NoReturn:
        raise NotCollectedError(self.reason)

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        self._refuse()

    def readlink(self, path: str) -> str:
        """See FileTree."""
        self._refuse()

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        self._refuse()

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        self._refuse()

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        self._refuse()


class BareRoot(UnknownTree):
    """A root directory that is not on the medium. `links`: the names in it that are known, each a symbolic link.

    Other names raise NotCollectedError, and so does listing it: what it will hold is decided elsewhere.
    """

    def __init__(self, reason: str, links: Mapping[str, str]) -> None:
        super().__init__(reason)
        self._links = dict(links)

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        if path == "/":
            return Entry("/", stat.S_IFDIR | 0o755, 0, 0, 0)
        return Entry(path, stat.S_IFLNK | 0o777, 0, 0, len(self.readlink(path)))

    def readlink(self, path: str) -> str:
        """See FileTree."""
        target = self._links.get(path[1:])
        if target is None:
            self._refuse()
        return target
