"""Making XFS images: from a plain tree with mkfs.xfs -p (no root), or filled by the kernel where that is allowed."""

from __future__ import annotations

import os
import random
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scanner.parsers.crc32c import crc32c
from tests.unit.target.filesystems.ext_lab import as_root, need, run

SMALL = {"TEST_DIR": "1", "TEST_DEV": "1", "QA_CHECK_FS": "1"}
"""What lets mkfs.xfs make file systems below 300 MB."""


def mkfs(image: Path, *options: str, size: str = "32M", tree: Path | None = None) -> Path:
    """An XFS image, with the content of `tree` as far as a protofile can say it."""
    run("/usr/bin/truncate", "-s", size, image)
    more: tuple[str, ...] = ()
    if tree is not None:
        proto = image.with_suffix(".proto")
        proto.write_bytes(b"/dev/null\n0 0\n" + _proto(tree, b"") + b"$\n")
        more = ("-p", str(proto))
    done = subprocess.run(
        [need("mkfs.xfs", "xfsprogs"), "-q", *options, *more, str(image)],
        env={**os.environ, **SMALL},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return image


def _proto(tree: Path, name: bytes) -> bytes:
    """One entry of a protofile and what is below it."""
    place = os.fsencode(tree)
    got = os.lstat(place)
    mode = b"%c%c%03o %d %d" % (
        b"u-"[not got.st_mode & stat.S_ISUID],
        b"g-"[not got.st_mode & stat.S_ISGID],
        got.st_mode & 0o777,
        got.st_uid,
        got.st_gid,
    )
    start = name + b" " if name else b""
    if stat.S_ISDIR(got.st_mode):
        inside = [_proto(tree / os.fsdecode(child), child) for child in sorted(os.listdir(place))]
        return start + b"d" + mode + b"\n" + b"".join(inside) + (b"$\n" if name else b"")
    if stat.S_ISLNK(got.st_mode):
        return start + b"l" + mode + b" " + os.readlink(place) + b"\n"
    if stat.S_ISCHR(got.st_mode) or stat.S_ISBLK(got.st_mode):
        letter = b"c" if stat.S_ISCHR(got.st_mode) else b"b"
        return start + letter + mode + b" %d %d\n" % (os.major(got.st_rdev), os.minor(got.st_rdev))
    if stat.S_ISFIFO(got.st_mode):
        return start + b"p" + mode + b"\n"
    return start + b"-" + mode + b" " + place + b"\n"


def sow(root: Path, *, many: int = 1500) -> Path:
    """A tree of what a protofile can say: no spaces in names, no times, hard links, sockets or attributes.

    Links are no longer than fits an inode of version 5: mkfs.xfs 6.1 leaves out the header of longer ones.
    """
    chance = random.Random(21)
    root.mkdir(parents=True)
    for size in (0, 1, 100, 511, 512, 513, 4095, 4096, 4097, 70_000, 400_000):
        (root / f"file{size}").write_bytes(chance.randbytes(size))
    (root / "many").mkdir()
    for number in range(many):
        (root / "many" / f"{number:05d}-{'n' * (number % 60)}").write_bytes(b"%d" % number if number % 10 == 0 else b"")
    (root / "few" / "deep" / "er").mkdir(parents=True)
    (root / "few" / ("l" * 200)).write_text("long")
    (root / "few" / "deep" / "er" / "Grüße漢字").write_text("deep")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe\x01name")).write_bytes(b"no text")
    for size in (1, 80, 156, 157, 240, 335, 336):
        os.symlink("t" * size, root / f"link{size}")
    os.symlink(b"\xff/\xfe", root / "linkraw")
    os.mkfifo(root / "fifo")
    os.chmod(root / "file100", 0o6755)
    os.chmod(root / "file1", 0 if as_root() else 0o400)
    if as_root():
        os.mknod(root / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(root / "disk", 0o660 | stat.S_IFBLK, os.makedev(259, 70_000))
        os.chown(root / "file512", 70_000, 4_294_967_294)
    return root


@contextmanager
def mounted(image: Path, place: Path, options: str = "rw") -> Iterator[Path]:
    """The image mounted by the kernel, where that can be done."""
    place.mkdir(exist_ok=True)
    words = ["mount", "-t", "xfs", "-o", f"loop,nouuid,{options}", str(image), str(place)]
    if not as_root() or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a loop mount needs root and a kernel that allows it")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def xfs_db(image: Path, *commands: str) -> str:
    """Run xfs_db commands that may write."""
    words = [word for command in commands for word in ("-c", command)]
    return run(need("xfs_db", "xfsprogs"), "-x", *words, str(image))


def patch(image: Path, offset: int, data: bytes) -> None:
    """Overwrite bytes."""
    with open(image, "r+b") as stream:
        stream.seek(offset)
        stream.write(data)


def seal_superblock(image: Path, start: int, offset: int, data: bytes) -> None:
    """Overwrite bytes of the superblock at `start` and make its checksum right again."""
    patch(image, start + offset, data)
    with open(image, "rb") as stream:
        stream.seek(start)
        sector = stream.read(512)
    patch(image, start + 224, crc32c(sector[:224] + bytes(4) + sector[228:]).to_bytes(4, "little"))
