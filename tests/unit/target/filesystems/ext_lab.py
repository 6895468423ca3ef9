"""Making ext images without root from a plain tree, and looking at both."""

from __future__ import annotations

import os
import random
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import TargetError
from scanner.target.base import BlockDevice, FileTree

BIN = "/usr/sbin:/usr/bin:/sbin:/bin"
USER_ATTRIBUTES = {"user.small": b"1", "user.empty": b"", "user.middle": bytes(range(200)), "user.\u00fc": b"x" * 40}
ACL = b"\2\0\0\0" + b"".join(
    tag.to_bytes(2, "little") + permission.to_bytes(2, "little") + number.to_bytes(4, "little")
    for tag, permission, number in (
        (1, 7, 0xFFFFFFFF), (2, 5, 1000), (2, 4, 70000), (4, 5, 0xFFFFFFFF), (8, 4, 12), (16, 7, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF),
    )
)  # fmt: skip


class Memory(BlockDevice):
    """A device of bytes that tests change."""

    def __init__(self, data: bytes) -> None:
        self.name, self.size, self.data = "memory", len(data), data

    def pread(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def need(tool: str, package: str) -> str:
    """The path of `tool`; the test is skipped where it is not installed."""
    found = shutil.which(tool, path=BIN)
    if found is None:
        pytest.skip(f"{tool} is not installed (Debian package {package})")
    return found


def run(*words: str | Path, text: str | None = None) -> str:
    """What a tool printed; it must end well."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, errors="surrogateescape", check=False)
    assert done.returncode in (0, 1), f"{words}: {done.stdout} {done.stderr}"
    return done.stdout


def mke2fs(image: Path, tree: Path | None, *options: str, size: str = "64M") -> Path:
    """An image with the content of `tree`."""
    content = ("-d", str(tree)) if tree else ()
    done = subprocess.run(
        [need("mke2fs", "e2fsprogs"), "-q", "-F", *content, *options, str(image), size],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"mke2fs {options}: {done.stderr.decode(errors='replace')}")
    return image


def debugfs(image: Path, *commands: str) -> str:
    """Run debugfs commands that may write."""
    return run(need("debugfs", "e2fsprogs"), "-w", "-f", "-", image, text="\n".join(commands) + "\n")


def as_root() -> bool:
    return os.geteuid() == 0


def plant(root: Path, *, longest_link: int = 1000, many: int = 600) -> Path:
    """A tree with everything that plain files can have; what only root can make is there when we are root."""
    chance = random.Random(20)
    root.mkdir(parents=True)
    for size in (0, 1, 59, 60, 61, 100, 130, 160, 300, 1023, 1024, 1025, 4095, 4096, 4097, 12288, 12289, 300_000):
        (root / f"file{size}").write_bytes(chance.randbytes(size))
    with open(root / "holes", "wb") as stream:
        for number in range(700):
            stream.seek(number * 20480)
            stream.write(chance.randbytes(10))
    with open(root / "tail", "wb") as stream:
        for place, text in ((4_900_000_000, b"near the end"), (5_000_000_000, b"!")):
            stream.seek(place)
            stream.write(text)
    with open(root / "allhole", "wb") as stream:
        stream.truncate(70_000)
    (root / "many").mkdir()
    for number in range(many):
        (root / "many" / f"{number:05d}-{'n' * (number % 60)}").write_bytes(b"%d" % number)
    (root / "few").mkdir()
    (root / "few" / "a").write_text("a")
    (root / "few" / ("l" * 255)).write_text("long")
    (root / "deep" / "er" / "and" / "deeper").mkdir(parents=True)
    (root / "deep" / "er" / "and" / "deeper" / "file").write_text("deep")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe\x01 name")).write_bytes(b"no text")
    (root / "Grüße 漢字").write_text("text")
    for size in (1, 58, 59, 60, 61, 120, longest_link):
        os.symlink("t" * size, root / f"link{size}")
    os.symlink(b"\xff/\xfe", root / "linkraw")
    os.link(root / "file300", root / "few" / "hard1")
    os.link(root / "file300", root / "hard2")
    os.mkfifo(root / "fifo")
    here = os.open(".", os.O_RDONLY)
    os.chdir(root)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("socket")
    os.fchdir(here)
    os.close(here)
    (root / "sticky").mkdir()
    os.chmod(root / "sticky", 0o1777)
    os.chmod(root / "file100", 0o6755)
    os.chmod(root / "file130", 0 if as_root() else 0o400)  # mke2fs has to read it
    os.utime(root / "file1024", (1, -86400))
    if as_root():
        os.mknod(root / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(root / "disk", 0o660 | stat.S_IFBLK, os.makedev(259, 70_000))
        for name, uid, gid in (("file60", 70_000, 80_000), ("link59", 65_536, 1), ("sticky", 4_294_967_294, 5)):
            os.chown(root / name, uid, gid, follow_symlinks=False)
    return root


def give_attributes(root: Path) -> bool:
    """Extended attributes for some entries; False where the file system below the test has none."""
    try:
        for name in ("file0", "file60", "file300", "many", "file12288"):
            for key, value in USER_ATTRIBUTES.items():
                os.setxattr(root / name, key, value)
        os.setxattr(root / "file61", "user.big", bytes(range(256)) * 3)
        os.setxattr(root / "file1025", "system.posix_acl_access", ACL)
        os.setxattr(root / "many", "system.posix_acl_access", ACL)
        os.setxattr(root / "many", "system.posix_acl_default", ACL)
        if as_root():
            os.setxattr(
                root / "file100", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000")
            )
            os.setxattr(root / "file1", "trusted.x", b"t")
            os.setxattr(root / "link60", "security.assay", b"label\0", follow_symlinks=False)
    except OSError:
        return False
    return True


def compare(tree: FileTree, root: Path, *, attributes: bool = True, sizes: bool = False, times: bool = True) -> int:
    """Hold every entry of `tree` against the plain directory `root`; gives how many entries there are."""
    found = {entry.path: entry for entry in tree.walk("/")}
    assert not tree.unreadable, tree.unreadable[:5]
    expected = {"/"}
    for folder, directories, files in os.walk(root):
        inside = "/" + os.path.relpath(folder, root)
        expected |= {os.path.normpath(f"{inside}/{name}") for name in (*directories, *files)}
    assert set(found) - {"/lost+found"} == {"/" + path.lstrip("/") for path in expected} - {"/lost+found"}
    for path, entry in found.items():
        if path in ("/", "/lost+found"):
            continue
        place = f"{root}{path}"
        true = os.lstat(place)
        assert (entry.mode, entry.uid, entry.gid, entry.rdev) == (
            true.st_mode,
            true.st_uid,
            true.st_gid,
            true.st_rdev,
        ), path
        assert not times or entry.mtime == int(true.st_mtime // 1), path
        assert entry.nlink == true.st_nlink or (entry.type == "directory" and not sizes), path
        if sizes or entry.type in ("file", "link"):
            assert entry.size == true.st_size, path
        if entry.type == "link":
            assert tree.readlink(path) == os.readlink(place)
        if entry.type == "file":
            same_content(tree, path, place, true.st_size)
        if attributes:
            ours = {key: value for key, value in tree.xattrs(path).items() if key != "encryption.c"}
            assert ours == {
                key: os.getxattr(place, key, follow_symlinks=False)
                for key in os.listxattr(place, follow_symlinks=False)
            }, path
    return len(found)


def same_content(tree: FileTree, path: str, place: str, size: int) -> None:
    """The bytes at the places that matter; a huge sparse file is looked at where it has something."""
    with open(place, "rb") as stream:
        if size <= 200_000_000:
            whole = stream.read()
            got = b"".join(tree.pread(path, start, 1 << 20) for start in range(0, size + 1, 1 << 20))
            assert got == whole, path
        for offset in (0, 1, 4000, size // 2, 4_899_999_990, size - 5, size, size + 10):
            if offset >= 0:
                stream.seek(offset)
                assert tree.pread(path, offset, 9000) == stream.read(9000), (path, offset)


def exercise(tree: FileTree) -> int:
    """Walk and read everything. Only TargetError may come; gives how many entries could be looked at."""
    count = 0
    for entry in tree.walk("/"):
        count += 1
        for look in (tree.xattrs, tree.readlink, lambda path: tree.read(path, 1 << 20)):
            try:
                look(entry.path)
            except TargetError:
                continue
    return count
