"""The contract of a file system reader, and finding the one for a block device.

A reader is pure Python over `BlockDevice.pread`: no mount, no privilege, no native code. Everything in the medium is
hostile: every number is checked against the device and against the budgets before it is used, no structure is followed
twice in one look-up, and what is wrong is a DamagedError with the offset. A reader answers the five primitives of
`FileTree` on canonical paths; the base class follows links and walks.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

import scanner.target.filesystems as package
from scanner.model.errors import NotCollectedError
from scanner.model.records import dataclass
from scanner.target.base import BlockDevice, FileTree
from scanner.target.cached import CachedDevice

__all__ = ["Backup", "FileSystem", "open_filesystem", "readers"]


@dataclass(frozen=True, slots=True)
class Backup:
    """A sound copy of a superblock at `offset` of a device; `start`: the first bytes of the device with it in place."""

    offset: int
    start: bytes


@dataclass(frozen=True, slots=True)
class FileSystem:
    """`kinds`: the words of `scanner.parsers.signatures` this reader opens; `open` gives the tree of a device.

    `open` reads only the superblock and what it needs to find the root directory. Raises DamagedError when the device
    holds nonsense, NotCollectedError("unsupported: …") for a feature that cannot be read.

    `backup` finds a sound copy of the superblock on a device whose start shows nothing; `open` then reads by it. It
    raises TargetError where the device cannot be read.
    """

    kinds: tuple[str, ...]
    open: Callable[[BlockDevice], FileTree]
    backup: Callable[[CachedDevice], Backup | None] | None = None


@cache
def readers() -> dict[str, FileSystem]:
    """Signature word to reader."""
    found: dict[str, FileSystem] = {}
    for info in pkgutil.iter_modules(package.__path__):
        reader = getattr(importlib.import_module(f"{package.__name__}.{info.name}"), "FILESYSTEM", None)
        if isinstance(reader, FileSystem):
            found.update(dict.fromkeys(reader.kinds, reader))
    return found


def open_filesystem(kind: str, device: BlockDevice) -> FileTree:
    """The tree on `device`, whose signature is `kind`. Raises NotCollectedError for a kind nobody reads."""
    reader = readers().get(kind)
    if reader is None:
        raise NotCollectedError(f"unsupported: {kind}")
    return reader.open(device)
