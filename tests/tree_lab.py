"""A root tree with everything that a file system can hold, and its comparison with what a reader says of an image.

Needs no root; owners, devices and attributes of the kernel's own name spaces are added where we are root.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from scanner.model.errors import TargetError
from scanner.target.base import BlockDevice, FileTree
from tests.memory import MIB, grows_less_than

ROOT = os.geteuid() == 0
LONG = os.environ.get("ASSAY_LONG") == "1"

# access ACL: owner rwx, user 70000 r-x, group r-x, group 10 ---, mask r-x, other ---; the kernel's version 2 form
_ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, perm, who)
    for tag, perm, who in (
        (1, 7, 0xFFFFFFFF),
        (2, 5, 70000),
        (4, 5, 0xFFFFFFFF),
        (8, 0, 10),
        (16, 5, 0xFFFFFFFF),
        (32, 0, 0xFFFFFFFF),
    )
)
_CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)


class FileDevice(BlockDevice):
    """A plain file as a block device; counts the reads."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size
        self.reads = 0

    def pread(self, offset: int, length: int) -> bytes:
        self.reads += 1
        return os.pread(self._descriptor, length, offset)

    def __del__(self) -> None:
        os.close(self._descriptor)


class BytesDevice(BlockDevice):
    """Bytes as a block device."""

    def __init__(self, data: bytes) -> None:
        self.name = "bytes"
        self.size = len(data)
        self._data = data

    def pread(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


def words(seed: int, length: int) -> bytes:
    """Text that compresses as text does."""
    source = random.Random(seed)
    stock = [bytes(source.choices(b"abcdefghijklmnopqrstuvwxyz", k=source.randint(2, 9))) for _ in range(300)]
    parts: list[bytes] = []
    size = 0
    while size < length:
        parts.append(source.choice(stock) + source.choice((b" ", b" ", b" ", b"\n")))
        size += len(parts[-1])
    return b"".join(parts)[:length]


def noise(seed: int, length: int) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(length)


def mixed(seed: int, length: int) -> bytes:
    """Runs of text, noise and zeros."""
    source = random.Random(seed)
    parts: list[bytes] = []
    size = 0
    while size < length:
        run = source.choice((700, 5000, 9000, 40_000))
        parts.append(source.choice((words, words, noise, lambda _, count: bytes(count)))(source.randint(0, 99), run))
        size += run
    return b"".join(parts)[:length]


def sample(
    root: Path, *, names: int = 2500, large: bool = True, small_owners: bool = False, longest: int = 255
) -> Path:
    """Make the tree at `root`. `names`: in one directory; `small_owners`: no numbers beyond 16 bits.

    `longest`: bytes of the longest name.
    """
    base = os.fsencode(root)
    for folder in (b"etc", b"many", b"links", b"deep/a/b/c/d/e", b"empty", b"special"):
        os.makedirs(base + b"/" + folder)
    contents: dict[bytes, bytes] = {b"etc/config-%d" % size: words(size, size) for size in (100, 700, 2000, 3000)}
    contents |= {b"size-%d" % size: noise(size, size) for size in (0, 1, 511, 4095, 4096, 4097, 8192, 12_345)}
    contents |= {b"text-%d" % size: words(size, size) for size in (4095, 4096, 4097, 65_536, 100_001)}
    contents[b"zeros"] = bytes(200_000)
    contents[b"mixed"] = mixed(1, 300_000)
    contents[b"same-1"] = contents[b"same-2"] = mixed(2, 90_000)
    contents[b"shifted"] = noise(9, 1234) + contents[b"same-1"]
    if large:
        contents[b"large-text"] = words(3, 1_500_000)
        contents[b"large-mixed"] = mixed(4, 3_000_000)
    contents[b"deep/a/b/c/d/e/leaf"] = b"leaf\n"
    contents[b"n" * longest] = b"long name"
    contents[b"\xff\xfe not \x1b[31mtext\n"] = b"odd name"
    for name, content in contents.items():
        with open(base + b"/" + name, "wb") as stream:
            stream.write(content)
    for number in range(names):
        with open(base + b"/many/entry-%05d-%s" % (number, b"x" * (number % 23)), "wb") as stream:
            stream.write(b"%d" % number if number % 7 == 0 else b"")
    for name, text in (
        (b"short", b"../etc/config-100"),
        (b"absolute", b"/etc/config-700"),
        (b"dangling", b"nowhere"),
        (b"bytes", b"\xff\xfe"),
        (b"long", b"/".join([b"y" * 200] * 19)),
    ):
        os.symlink(text, base + b"/links/" + name)
    for name in (b"hard-1", b"hard-2"):
        os.link(base + b"/size-4097", base + b"/links/" + name)
    os.mkfifo(root / "special/fifo", 0o640)
    _socket(root / "special/socket")
    for place, mode in (
        ("etc/config-100", 0o4755),
        ("special", 0o1777),
        ("etc", 0o2755),
        ("size-1", 0 if ROOT else 0o400),
    ):
        os.chmod(root / place, mode)
    for place, attribute, value in _attributes():
        _attribute(root / place, attribute, value)
    if ROOT:
        _as_root(root, small_owners)
    for number, (folder, folders, files) in enumerate(os.walk(base, topdown=False)):
        for name in [*folders, *files]:
            moment = 1_600_000_000 + 1000 * number + len(name)
            os.utime(folder + b"/" + name, (moment, moment), follow_symlinks=False)
    os.utime(root, (1_600_000_000, 1_600_000_000))
    return root


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _attributes() -> Iterable[tuple[str, str, bytes]]:
    yield "etc", "user.folder", b"of a directory"
    yield "etc/config-100", "user.small", b"1"
    yield "etc/config-100", "user.empty", b""
    yield "etc/config-100", "user.big", noise(5, 3000)
    yield "text-4096", "user.binary", bytes(range(256))
    yield "etc/config-700", "system.posix_acl_access", _ACL
    yield "empty", "system.posix_acl_default", _ACL
    for name in ("etc/config-100", "etc/config-700", "etc/config-2000", "text-4096", "size-0"):
        yield name, "user.shared", b"the same value in many places, long enough to be worth sharing"
        yield name, "user.long.prefix.of.a.name", b"1"


def _attribute(path: Path, name: str, value: bytes) -> None:
    try:
        os.setxattr(path, name, value, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EPERM):
            raise


def _as_root(root: Path, small: bool) -> None:
    os.mknod(root / "special/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(root / "special/disk", stat.S_IFBLK | 0o600, os.makedev(259, 70_000))
    owner = 3_000_000_000 if not small else 1000
    os.chown(root / "size-0", owner, 70_000 if not small else 100)
    os.chown(root / "links/short", 12, 34, follow_symlinks=False)
    os.chown(root / "special", 5, 0)
    os.chmod(root / "special", 0o1777)
    _attribute(root / "text-4095", "security.capability", _CAPABILITY)
    for path in ("etc/config-100", "links/short", "many", "special/null"):
        _attribute(root / path, "security.selinux", b"system_u:object_r:etc_t:s0\0")
        _attribute(root / path, "trusted.overlay.opaque", b"y")


def paths(root: Path) -> list[str]:
    """Every path below `root` as a tree of ours names it, in the order of a walk."""
    base = os.fsencode(root)
    found = [b"/"]
    for folder, folders, files in os.walk(base):
        found += [folder[len(base) :] + b"/" + name for name in [*folders, *files]]
    return sorted(map(os.fsdecode, found), key=lambda path: [os.fsencode(part) for part in path.split("/") if part])


def compare(
    tree: FileTree,
    root: Path,
    *,
    attribute: Callable[[str], bool] = lambda name: True,
    times: bool = True,
    content: bool = True,
    owners: bool = True,
) -> int:
    """Assert that the tree is `root`; how many entries it has. `attribute`: names that the packing can hold.

    `owners`: whether they are those of the tree, else all root.
    """
    entries = list(tree.walk("/"))
    assert not tree.unreadable
    assert [entry.path for entry in entries] == paths(root)
    numbers: dict[tuple[int, int], int] = {}
    for entry in entries:
        place = os.fsencode(root) + os.fsencode(entry.path)
        want = os.lstat(place)
        owner = (want.st_uid, want.st_gid) if owners else (0, 0)
        assert (entry.mode, entry.uid, entry.gid) == (want.st_mode, *owner), entry.path
        if times:
            assert entry.mtime == int(want.st_mtime), entry.path
        if entry.type in ("file", "link"):
            assert entry.size == want.st_size, entry.path
        if entry.type in ("char", "block"):
            assert entry.rdev == want.st_rdev, entry.path
        if entry.type != "directory":
            assert entry.nlink == want.st_nlink, entry.path
            assert numbers.setdefault((want.st_dev, want.st_ino), entry.inode) == entry.inode, entry.path
        if entry.type == "link":
            assert tree.readlink(entry.path) == os.fsdecode(os.readlink(place))
        names = os.listxattr(place, follow_symlinks=False)
        kept = {name: os.getxattr(place, name, follow_symlinks=False) for name in names if attribute(name)}
        assert tree.xattrs(entry.path) == kept, entry.path
        if content and entry.type == "file":
            _same_content(tree, entry.path, place, want.st_size)
    assert len(set(numbers.values())) == len(numbers)
    return len(entries)


def _same_content(tree: FileTree, path: str, place: bytes, size: int) -> None:
    with open(place, "rb") as stream:
        if size <= 16 << 20:
            want = stream.read()
            assert tree.read(path) == want, path
        source = random.Random(size)
        for _ in range(4 if size < 5000 else 12):
            offset = source.randrange(size + 2)
            length = source.choice((1, 17, 4096, 70_000))
            stream.seek(offset)
            assert tree.pread(path, offset, length) == stream.read(length), (path, offset, length)
        assert tree.pread(path, size, 10) == b""


def exhaust(open_tree: Callable[[BlockDevice], FileTree], data: bytes) -> int:
    """Walk an image and read everything in it; only errors of a target may escape. How many entries could be read."""
    seen = 0
    try:
        tree = open_tree(BytesDevice(data))
        entries = list(tree.walk("/"))
    except TargetError:
        return 0
    for entry in entries:
        for look in (
            lambda: tree.xattrs(entry.path),  # noqa: B023 - called at once
            lambda: tree.readlink(entry.path) if entry.type == "link" else "",  # noqa: B023
            lambda: _skim(tree, entry.path, entry.size) if entry.type == "file" else None,  # noqa: B023
        ):
            try:
                look()
            except TargetError:
                continue
        seen += 1
    return seen


def _skim(tree: FileTree, path: str, size: int) -> None:
    got = 0
    while got < 4 << 20:
        part = tree.pread(path, got, 1 << 20)
        if not part:
            break
        got += len(part)
    for offset in (size // 2, size - 1):
        tree.pread(path, max(offset, 0), 5000)


def spoil(
    open_tree: Callable[[BlockDevice], FileTree],
    image: bytes,
    *,
    spots: Iterable[range] = (),
    seed: int = 20,
) -> None:
    """Truncations and flipped bits with fixed seeds; half of the bits in `spots`, where the metadata is."""
    assert len(image) <= 16 << 20
    rounds = 200 if LONG else 20
    source = random.Random(seed)
    places = [place for spot in spots for place in spot] or [0]
    for number in range(rounds):
        _timed(open_tree, image[: source.randrange(len(image))])
        spoiled = bytearray(image)
        for _ in range(source.choice((1, 1, 4, 32))):
            place = source.choice(places) if number % 2 else source.randrange(len(image))
            spoiled[place] ^= 1 << source.randrange(8)
        _timed(open_tree, bytes(spoiled))


def _timed(open_tree: Callable[[BlockDevice], FileTree], data: bytes) -> None:
    start = time.process_time()
    with grows_less_than(256 * MIB):
        exhaust(open_tree, data)
    assert time.process_time() - start < 10


def tool(name: str, package: str) -> str:
    """Path of a tool, or skip the test."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        pytest.skip(f"{name} is not installed: make test installs {package}")
    return found
