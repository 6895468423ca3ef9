"""A tmpfs as it is right after it was mounted: an empty folder that hides what the medium has below it.

Sources: tmpfs(5) and kernel Documentation/filesystems/tmpfs.rst (mode, uid, gid), ramfs-rootfs-initramfs.rst.
"""

from __future__ import annotations

import re
import stat
from typing import NoReturn

from scanner.model.errors import MissingError
from scanner.target.base import Entry, FileTree

__all__ = ["TYPES", "ScratchTree"]

TYPES = {"tmpfs": 0o1777, "ramfs": 0o755}
"""File systems in memory, and the mode of their top without a mount option."""

_OCTAL = re.compile(r"[0-7]{1,5}", re.ASCII)


class ScratchTree(FileTree):
    """An empty root folder of root. `mode`: octal, as the mount option of that name; `type`: one of TYPES."""

    def __init__(self, type_: str, mode: str | None = None) -> None:
        bits = int(mode, 8) & 0o7777 if mode is not None and _OCTAL.fullmatch(mode) else TYPES[type_]
        self.type = type_
        self._top = Entry("/", stat.S_IFDIR | bits, 0, 0, 0, nlink=2)

    def _missing(self, path: str) -> NoReturn:
        raise MissingError(f"{path} does not exist: a {self.type} is mounted there, empty at boot")

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        return self._top if path == "/" else self._missing(path)

    def readlink(self, path: str) -> str:
        """See FileTree."""
        self._missing(path)

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        return [] if path == "/" else self._missing(path)

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        self._missing(path)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        return {} if path == "/" else self._missing(path)
