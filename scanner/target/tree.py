"""A directory as a target: the root tree of a system, read with plain system calls below one directory descriptor.

No path is ever handed to the kernel to be followed: each directory is opened relative to its parent with O_NOFOLLOW,
and files with O_NOFOLLOW|O_NONBLOCK, regular files only.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import OrderedDict
from itertools import islice
from pathlib import Path

from scanner.model.errors import DamagedError, InputError, LimitError, MissingError, TargetError
from scanner.target import limits
from scanner.target.base import Entry, FileTree, Runtime, Target
from scanner.target.descriptors import drain, refusal

__all__ = ["DirectoryTree", "TreeRuntime", "TreeTarget"]

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OPEN_DIRS = 64
# Then what the interpreter makes of a name is what `_text` would make of it.
_NAMES_ARE_UTF8 = (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()) == ("utf-8", "surrogateescape")


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _split(path: str) -> tuple[str, str]:
    """Parent and name of a canonical path."""
    parent, _, name = path.rpartition("/")
    return parent or "/", name


class DirectoryTree(FileTree):
    """Files below one directory of the machine we run on."""

    def __init__(self, root: Path) -> None:
        try:
            self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"cannot open {root}: {error.strerror}", hint="name a directory you may read") from error
        self._open: OrderedDict[str, int] = OrderedDict()
        self._stats: dict[str, Entry] = {}
        self._read = 0

    def close(self) -> None:
        """Close every descriptor."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def _directory(self, path: str) -> int:
        """A descriptor of the directory at canonical `path`, opened component by component, kept for a while."""
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
            return known
        if path == "/":
            return self._root
        parent, name = _split(path)
        try:
            descriptor = os.open(_raw(name), _DIR, dir_fd=self._directory(parent))
        except OSError as error:
            raise refusal(error, path) from None
        self._open[path] = descriptor
        if len(self._open) > _OPEN_DIRS:
            os.close(self._open.popitem(last=False)[1])
        return descriptor

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        known = self._stats.get(path)
        if known is not None:
            return known
        parent, name = _split(path)
        try:
            if path == "/":
                got = os.fstat(self._root)
            else:
                got = os.stat(_raw(name), dir_fd=self._directory(parent), follow_symlinks=False)
        except OSError as error:
            raise refusal(error, path) from None
        # As a tuple, times in whole seconds: ten attributes would cost as much as the system call.
        mode, inode, device, nlink, uid, gid, size, _, mtime, _ = got
        entry = Entry(path, mode, uid, gid, size, int(mtime), nlink, got.st_rdev, device, inode)
        # Directories and links are asked for again and again by look-ups; files are not worth the memory.
        if not stat.S_ISREG(mode):
            if len(self._stats) >= limits.MAX_REMEMBERED:
                self._stats.clear()
            self._stats[path] = entry
        return entry

    def readlink(self, path: str) -> str:
        """See FileTree."""
        parent, name = _split(path)
        try:
            return _text(os.readlink(_raw(name), dir_fd=self._directory(parent)))
        except OSError as error:
            raise refusal(error, path) from None

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        try:
            with os.scandir(self._directory(path)) as entries:
                found = [entry.name for entry in islice(entries, limits.MAX_NAMES + 1)]
        except OSError as error:
            raise refusal(error, path) from None
        if len(found) > limits.MAX_NAMES:
            raise LimitError(f"{path} has more than {limits.MAX_NAMES} entries")
        return found if _NAMES_ARE_UTF8 else [_text(os.fsencode(name)) for name in found]

    def _opened(self, path: str) -> int:
        parent, name = _split(path)
        try:
            descriptor = os.open(_raw(name), _FILE, dir_fd=self._directory(parent))
        except OSError as error:
            raise refusal(error, path) from None
        got = os.fstat(descriptor)
        if not stat.S_ISREG(got.st_mode):
            os.close(descriptor)
            kind = Entry(path, got.st_mode, 0, 0, 0).type
            raise DamagedError(f"{path} is a {kind}, not a regular file")
        return descriptor

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        descriptor = self._opened(path)
        try:
            data = os.pread(descriptor, length, offset)
        except OSError as error:
            raise refusal(error, path) from None
        finally:
            os.close(descriptor)
        self._count(len(data))
        return data

    def read(self, path: str, limit: int = limits.MAX_FILE) -> bytes:
        """See FileTree; one open for the whole file."""
        canonical = self.resolve(path)
        data = drain(self._opened(canonical), limit, path)
        self._count(len(data))
        return data

    def _count(self, length: int) -> None:
        self._read += length
        if self._read > limits.MAX_TOTAL:
            raise LimitError(f"more than {limits.MAX_TOTAL} bytes read from this target")

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree. Read through /proc/self/fd of an O_PATH descriptor, so no link is followed."""
        parent, name = _split(path)
        try:
            if path == "/":
                return {key: os.getxattr(self._root, key) for key in os.listxattr(self._root)}
            descriptor = os.open(_raw(name), os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._directory(parent))
        except OSError as error:
            raise refusal(error, path) from None
        try:
            door = f"/proc/self/fd/{descriptor}"
            if stat.S_ISLNK(os.fstat(descriptor).st_mode):
                return self._link_xattrs(path)
            return {key: os.getxattr(door, key) for key in os.listxattr(door)}
        except OSError as error:
            if error.errno in (errno.ENOTSUP, errno.ENODATA):
                return {}
            raise refusal(error, path) from None
        finally:
            os.close(descriptor)

    def _link_xattrs(self, path: str) -> dict[str, bytes]:
        parent, name = _split(path)
        door = b"/proc/self/fd/%d/%s" % (self._directory(parent), _raw(name))
        return {key: os.getxattr(door, key, follow_symlinks=False) for key in os.listxattr(door, follow_symlinks=False)}


class TreeRuntime(Runtime):
    """/proc, /sys, /dev and /run as they lie inside a tree, taken as the running half because the user said so."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree

    def read(self, path: str, limit: int = limits.MAX_TEXT) -> bytes:
        """See Runtime."""
        return self._tree.read(path, limit)

    def names(self, path: str) -> list[str]:
        """See Runtime."""
        return self._tree.listdir(path)

    def readlink(self, path: str) -> str:
        """See Runtime."""
        return self._tree.readlink(self._tree.resolve(path, follow=False))

    def exists(self, path: str) -> bool:
        """See Runtime."""
        try:
            self._tree.stat(path)
        except MissingError:
            return False
        return True


class TreeTarget(Target):
    """A directory that holds the root of a system."""

    kind = "tree"

    def __init__(self, root: Path, *, runtime: bool = False) -> None:
        self.tree: FileTree = DirectoryTree(root)
        self._close = self.tree.close
        if runtime:
            if not any(self._has(name) for name in ("/proc", "/sys")):
                raise InputError(f"{root} has neither /proc nor /sys", hint="leave out --runtime")
            self.runtime = TreeRuntime(self.tree)

    def _has(self, path: str) -> bool:
        try:
            return bool(self.tree.listdir(path))
        except TargetError:
            return False

    def close(self) -> None:
        """See Target."""
        self._close()
