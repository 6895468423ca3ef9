"""Paths over numbered nodes: what readers share whose directories give a number for each name.

A reader says how to load the node of a number and how to list a directory; look-up, bounded caches and the refusal of
directories that are reached by two paths (which only a cycle or a crafted image has) are here.
"""

from __future__ import annotations

import os
import stat
from abc import abstractmethod
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from scanner.model.errors import DamagedError, LimitError, MissingError
from scanner.target import limits
from scanner.target.base import Entry, FileTree

__all__ = ["Node", "NodeTree", "new_device", "plain_name"]

_KEPT_NODES = 4096
_KEPT_NAMES = 32_768
_MAX_LINK = 65_536


@dataclass(slots=True)
class Node:
    """What every node has; readers add where its content lies."""

    number: int
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    nlink: int
    rdev: int


N = TypeVar("N", bound=Node)


class NodeTree(FileTree, Generic[N]):
    """A file tree over nodes. A reader gives `load`, `entries`, `content` and `attributes`."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._nodes: OrderedDict[int, N] = OrderedDict()
        self._lists: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._listed = 0
        self._reached: dict[int, int] = {}
        self._read = 0

    @abstractmethod
    def load(self, number: int) -> N:
        """The node of this number, read from the medium."""

    @abstractmethod
    def entries(self, node: N) -> dict[str, int]:
        """Name to number of a directory, without `.` and `..`, at most MAX_NAMES."""

    @abstractmethod
    def content(self, node: N, offset: int, length: int) -> bytes:
        """Exactly these bytes of a file or link; the range lies within its size."""

    @abstractmethod
    def attributes(self, node: N) -> dict[str, bytes]:
        """Extended attributes by full name."""

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        node = self.node(path)
        return Entry(
            path, node.mode, node.uid, node.gid, node.size, node.mtime, node.nlink, node.rdev, 0, node.number
        )  # fmt: skip

    def readlink(self, path: str) -> str:
        """See FileTree."""
        node = self.node(path)
        if not stat.S_ISLNK(node.mode):
            raise DamagedError(f"{path} is no link")
        if not 0 < node.size <= _MAX_LINK:
            raise DamagedError(f"{path} is a link of {node.size} bytes")
        text = self.content(node, 0, node.size)
        if b"\0" in text:
            raise DamagedError(f"{path} is a link whose text holds a NUL")
        return text.decode("utf-8", "surrogateescape")

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        return list(self._directory(path))

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        node = self.node(path)
        if not stat.S_ISREG(node.mode):
            raise DamagedError(f"{path} is no regular file")
        length = min(length, node.size - offset, limits.MAX_DEVICE_READ)
        if offset < 0 or length <= 0:
            return b""
        self._read += length
        if self._read > limits.MAX_TOTAL:
            raise LimitError(f"more than {limits.MAX_TOTAL} bytes read from this target")
        return self.content(node, offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        return self.attributes(self.node(path))

    def node(self, path: str) -> N:
        """The node at canonical `path`."""
        if path == "/":
            return self._node_of(self._root)
        parent, _, name = path.rpartition("/")
        names = self._lists.get(parent or "/")
        if names is None:
            names = self._directory(parent or "/")
        number = names.get(name)
        if number is None:
            raise MissingError(f"{path} does not exist")
        return self._node_of(number)

    def _node_of(self, number: int) -> N:
        node = self._nodes.get(number)
        if node is None:
            node = self._nodes[number] = self.load(number)
            if len(self._nodes) > _KEPT_NODES:
                self._nodes.popitem(last=False)
        else:
            self._nodes.move_to_end(number)
        return node

    def _directory(self, path: str) -> dict[str, int]:
        found = self._lists.get(path)
        if found is not None:
            self._lists.move_to_end(path)
            return found
        if path.count("/") > limits.MAX_DEPTH:
            raise LimitError(f"{path[:200]}: deeper than {limits.MAX_DEPTH} directories")
        node = self.node(path)
        if not stat.S_ISDIR(node.mode):
            raise MissingError(f"{path} is no directory")
        mark = hash(path)
        if self._reached.setdefault(node.number, mark) != mark:
            raise DamagedError(f"{path} is a directory that stands at another path as well")
        found = self.entries(node)
        if len(found) > limits.MAX_NAMES:
            raise LimitError(f"{path} has more than {limits.MAX_NAMES} entries")
        self._lists[path] = found
        self._listed += len(found)
        while self._listed > _KEPT_NAMES and len(self._lists) > 1:
            self._listed -= len(self._lists.popitem(last=False)[1])
        return found


def plain_name(raw: bytes, offset: int) -> str:
    """A directory entry's name as text. Raises DamagedError for one that is no name."""
    if not raw or b"/" in raw or b"\0" in raw or raw in (b".", b".."):
        raise DamagedError(f"directory entry named {raw[:64]!r} at offset {offset}")
    return raw.decode("utf-8", "surrogateescape")


def new_device(packed: int) -> int:
    """A device number from the kernel's 32-bit form (`new_encode_dev`, include/linux/kdev_t.h)."""
    return os.makedev(packed >> 8 & 0xFFF, packed & 0xFF | packed >> 12 & 0xFFF00)
