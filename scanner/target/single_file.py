"""A tree that holds one file: what an image would be on the boot partition it is made for."""

from __future__ import annotations

import stat
from collections.abc import Mapping

from scanner.model.errors import DamagedError, MissingError, NotCollectedError, PartialError
from scanner.target import limits
from scanner.target.base import BlockDevice, Entry, FileTree

__all__ = ["SingleFileTree"]


class SingleFileTree(FileTree):
    """The bytes of `device` as the file `path`, with the folders that lead to it and nothing else.

    Nothing is known of other files beside it: asking for them raises NotCollectedError, and a listing says that it is
    not whole (PartialError).
    """

    lost = frozenset({"owner", "mode", "xattrs"})

    def __init__(self, device: BlockDevice, path: str, reason: str) -> None:
        parts = path.strip("/").split("/")
        self._device = device
        self._path = path
        self._reason = reason
        lead = ["/" + "/".join(parts[:count]) for count in range(len(parts))]
        self._inside: Mapping[str, str] = dict(zip(lead, parts, strict=True))

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        if path == self._path:
            return Entry(path, stat.S_IFREG | 0o644, 0, 0, self._device.size)
        if path in self._inside:
            return Entry(path, stat.S_IFDIR | 0o755, 0, 0, 0)
        if path.startswith(f"{self._path}/"):
            raise MissingError(f"{self._path} is no directory")
        raise NotCollectedError(self._reason)

    def readlink(self, path: str) -> str:
        """See FileTree; there are no links."""
        self.lstat(path)
        raise DamagedError(f"{path} is no link")

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        name = self._inside.get(path)
        if name is None:
            self.lstat(path)
            raise MissingError(f"{path} is no directory")
        raise PartialError(self._reason, [name])

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        if path != self._path:
            self.lstat(path)
            raise DamagedError(f"{path} is no regular file")
        return self._device.pread(offset, min(length, limits.MAX_DEVICE_READ))

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        self.lstat(path)
        raise NotCollectedError("an image on its own has no extended attributes")
