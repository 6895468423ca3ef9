"""Block devices that are not the kernel's: an image file, and a part of another device."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from scanner.model.errors import DamagedError, InputError
from scanner.target.base import BlockDevice, FileTree
from scanner.target.descriptors import refusal

__all__ = ["EntryDevice", "FileDevice", "SliceDevice"]


class FileDevice(BlockDevice):
    """The bytes of a file (or of a block device node that the user named), opened read-only.

    `stored`: bytes that it takes on disk, holes left out.
    """

    def __init__(self, path: Path, name: str = "disk") -> None:
        self.name = name
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            got = os.fstat(self._descriptor)
            if not (stat.S_ISREG(got.st_mode) or stat.S_ISBLK(got.st_mode)):
                os.close(self._descriptor)
                raise InputError("neither a file nor a block device", where=str(path))
            self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
            self.stored = self.size if stat.S_ISBLK(got.st_mode) else min(self.size, got.st_blocks * 512)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from None

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        try:
            return os.pread(self._descriptor, min(length, max(0, self.size - offset)), offset)
        except OSError as error:
            raise refusal(error, self.name) from None

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class SliceDevice(BlockDevice):
    """`size` bytes of `device` from `offset`: a partition, a segment, a file system behind a header."""

    def __init__(self, device: BlockDevice, offset: int, size: int, name: str) -> None:
        if offset < 0 or size < 0 or offset > device.size:
            raise DamagedError(f"{name} does not lie on {device.name}")
        self.name = name
        self.size = min(size, device.size - offset)
        self._device = device
        self._offset = offset

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        length = min(length, self.size - offset)
        return self._device.pread(self._offset + offset, length) if length > 0 else b""


class EntryDevice(BlockDevice):
    """The bytes of the regular file at `path` of a tree: an image that lies inside an image, a kernel image."""

    def __init__(self, tree: FileTree, path: str, name: str) -> None:
        self._tree = tree
        self._path = tree.resolve(path)
        entry = tree.lstat(self._path)
        if entry.type != "file":
            raise DamagedError(f"{path} is no regular file")
        self.name = name
        self.size = entry.size

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        length = min(length, self.size - offset)
        return self._tree.pread(self._path, offset, length) if length > 0 else b""
