"""What a target is to everything above it: a file tree, block devices, and (live only) a running system."""

from __future__ import annotations

import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from scanner.model.errors import NotCollectedError
from scanner.model.records import dataclass
from scanner.target import limits

__all__ = ["BlockDevice", "CommandResult", "Entry", "FileTree", "Runtime", "Target"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One file system entry. `path` is canonical inside the root (absolute, no links in its parents)."""

    path: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int = 0
    nlink: int = 1
    rdev: int = 0
    device: int = 0
    inode: int = 0

    @property
    def type(self) -> str:
        """One of file, directory, link, char, block, fifo, socket."""
        return _TYPES.get(stat.S_IFMT(self.mode), "unknown")

    @property
    def permissions(self) -> str:
        """The twelve permission bits as four octal digits, `0644`."""
        return f"{stat.S_IMODE(self.mode):04o}"


_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


class FileTree(ABC):
    """Files by path, looked up inside the root and nowhere else.

    A reader implements the five primitives on *canonical* paths; links are followed here, in our own code, restarting
    at the target's root. Paths are str; bytes that are no UTF-8 are surrogates (`surrogateescape`).
    Errors: MissingError, DeniedError, DamagedError, LimitError, NotCollectedError (the packing cannot tell).

    `lost`: what this packing never recorded (owner, mode, xattrs; labels: those of SELinux alone); `notes`: what is
    odd about the medium, in words;
    `most_entries`: how many a walk goes through (of an image `limits.entries_in`; None: MAX_WALK).
    """

    lost: frozenset[str] = frozenset()
    most_entries: int | None = None
    notes: tuple[str, ...] | list[str] = ()

    @abstractmethod
    def lstat(self, path: str) -> Entry:
        """The entry itself, links not followed; the parents of `path` hold no links."""

    @abstractmethod
    def readlink(self, path: str) -> str:
        """Target text of the link at canonical `path`."""

    @abstractmethod
    def names(self, path: str) -> list[str]:
        """Names in the directory at canonical `path`, in no order, without `.` and `..`."""

    @abstractmethod
    def pread(self, path: str, offset: int, length: int) -> bytes:
        """Up to `length` bytes of the regular file at canonical `path`."""

    @abstractmethod
    def xattrs(self, path: str) -> dict[str, bytes]:
        """Extended attributes of the entry at canonical `path` (link itself, not its target), by full name."""

    def walk(self, top: str = "/", *, skip: Sequence[str] = ()) -> Iterator[Entry]:
        """Every entry below `top` (and `top`), depth first, names in byte order, links not followed.

        Directories named in `skip` are yielded but not entered. A directory that cannot be read is reported through
        `self.unreadable`, which a caller reads after the walk.
        """
        self.unreadable: list[tuple[str, str]] = []
        from scanner.target.resolve import walk

        return walk(self, top, frozenset(skip), self.unreadable)

    def resolve(self, path: str, *, follow: bool = True) -> str:
        """The canonical path that `path` means inside the root. Raises MissingError when there is none."""
        from scanner.target.resolve import resolve

        return resolve(self, path, follow=follow)

    def stat(self, path: str, *, follow: bool = True) -> Entry:
        """The entry that `path` means, links followed inside the root unless told otherwise."""
        return self.lstat(self.resolve(path, follow=follow))

    def listdir(self, path: str) -> list[str]:
        """Sorted names of the directory that `path` means."""
        return sorted(self.names(self.resolve(path)), key=lambda name: name.encode("utf-8", "surrogateescape"))

    def read(self, path: str, limit: int = limits.MAX_FILE) -> bytes:
        """The whole regular file that `path` means. Raises LimitError when it is longer than `limit`."""
        from scanner.target.resolve import read_whole

        return read_whole(self, self.resolve(path), limit)


class BlockDevice(ABC):
    """A readable run of bytes with a name: a disk, a partition, a mapped device.

    `mapped`: how an offline target made it of other devices (crypt, lvm), None for what lies on the medium as it is.
    `notes`: what is odd about it, in words; `damaged`: whether bytes of it are known to be missing, `notes` say which.
    """

    name: str
    size: int
    mapped: str | None = None
    notes: Sequence[str] = ()
    damaged: bool = False

    @abstractmethod
    def pread(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`. Raises DeniedError, DamagedError."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a read-only command of a live system said."""

    code: int
    output: bytes
    errors: bytes


class Runtime(ABC):
    """The running half of a target: /proc, /sys, and on a live system a few read-only commands.

    Paths are the ones of the running system (`/proc/cmdline`).
    """

    @abstractmethod
    def read(self, path: str, limit: int = limits.MAX_TEXT) -> bytes:
        """Bytes of a file below /proc, /sys, /dev or /run."""

    @abstractmethod
    def names(self, path: str) -> list[str]:
        """Sorted names of a directory below /proc, /sys, /dev or /run."""

    @abstractmethod
    def readlink(self, path: str) -> str:
        """Target text of a link below /proc, /sys, /dev or /run."""

    def exists(self, path: str) -> bool:
        """Whether the entry is there."""
        raise NotImplementedError

    def command(self, name: str, *arguments: str) -> CommandResult:
        """Run a read-only command of the system itself. Raises NotCollectedError where that is not possible."""
        raise NotCollectedError(f"no command can be run on this target ({name})")


class Target(ABC):
    """What is assessed. `kind` is an open word: live, tree, image, archive. `digest`: of an image that has one."""

    kind: str
    tree: FileTree
    runtime: Runtime | None = None
    digest: str | None = None

    def devices(self) -> list[BlockDevice]:
        """Block devices of the target. Raises NotCollectedError when the target kind has none to look at."""
        raise NotCollectedError(f"a {self.kind} target has no block devices")

    def layout(self) -> dict[str, object]:
        """Where the file tree came from (container, partition, file system), for `target.layout`."""
        return {}

    def close(self) -> None:  # noqa: B027 - most targets hold nothing
        """Give back what was opened."""
