"""btrfs images: made by mkfs without root, filled by the kernel with it, and changed so that their checksums still fit."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from scanner.parsers.crc32c import crc32c
from tests.unit.target.filesystems.ext_lab import as_root, need

_SUPERBLOCKS = (64 << 10, 64 << 20)


def mkfs(images: Path | Sequence[Path], *options: str, tree: Path | None = None, size: int = 128 << 20) -> None:
    """Make a btrfs file system on plain files, filled with `tree`."""
    paths = [images] if isinstance(images, Path) else list(images)
    for path in paths:
        with path.open("wb") as stream:
            stream.truncate(size)
    content = ("--rootdir", str(tree)) if tree else ()
    words = [need("mkfs.btrfs", "btrfs-progs"), "-q", *options, *content, *map(str, paths)]
    done = subprocess.run(words, capture_output=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"mkfs.btrfs {' '.join(options)}: {done.stderr.decode(errors='replace')[-300:]}")


def _quiet(*words: str | Path) -> str:
    return subprocess.run([*map(str, words)], capture_output=True, check=True, timeout=60).stdout.decode().strip()


@contextmanager
def mounted(images: Path | Sequence[Path], where: Path, options: str = "ro") -> Iterator[Path]:
    """The images mounted by the kernel. Skips where that is not possible."""
    if not as_root():
        pytest.skip("only root can mount (the same is compared with the plain tree elsewhere)")
    where.mkdir(exist_ok=True)
    loops: list[str] = []
    up = False
    try:
        try:
            for path in [images] if isinstance(images, Path) else images:
                loops.append(_quiet("losetup", "--find", "--show", path))
            for loop in loops[1:]:
                _quiet(need("btrfs", "btrfs-progs"), "device", "scan", loop)
            _quiet("mount", "-t", "btrfs", "-o", options, loops[0], where)
            up = True
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"this machine mounts no btrfs: {getattr(error, 'stderr', error)!r}")
        yield where
    finally:
        if up:
            _quiet("umount", where)
        for loop in loops:
            _quiet("losetup", "--detach", loop)


def btrfs(*words: str | Path) -> str:
    """Output of the btrfs tool."""
    return _quiet(need("btrfs", "btrfs-progs"), *words)


def blocks(image: bytes | bytearray, node: int) -> list[int]:
    """Offsets of the metadata blocks in an image (all copies, also old ones)."""
    fsid = bytes(image[65536 + 32 : 65536 + 48])
    found = []
    place = image.find(fsid)
    while place >= 0:
        start = place - 32
        if start >= 0 and not start % 4096 and start not in _SUPERBLOCKS and start + node <= len(image):
            generation, owner, _, level = struct.unpack_from("<QQIB", image, start + 80)
            if level < 8 and generation and owner:
                found.append(start)
        place = image.find(fsid, place + 1)
    return found


def seal(image: bytearray, start: int, size: int) -> None:
    """Make the checksum of the block at `start` fit again."""
    image[start : start + 4] = crc32c(bytes(image[start + 32 : start + size])).to_bytes(4, "little")


def seal_superblocks(image: bytearray) -> None:
    """Make the checksums of all superblocks fit again."""
    for place in _SUPERBLOCKS:
        if place + 4096 <= len(image) and image[place + 64 : place + 72] == b"_BHRfS_M":
            seal(image, place, 4096)


def items(image: bytes | bytearray, start: int) -> list[tuple[tuple[int, int, int], int, int]]:
    """Key, offset in the image and size of each item of the leaf at `start`; nothing for an inner node."""
    count, level = struct.unpack_from("<IB", image, start + 96)
    if level:
        return []
    found = []
    for index in range(count):
        objectid, kind, offset, place, size = struct.unpack_from("<QBQII", image, start + 101 + 25 * index)
        found.append(((objectid, kind, offset), start + 101 + place, size))
    return found


def write_mixed(where: Path) -> None:
    """A file of text that packs well and noise that does not, with a hole: several extents of every kind."""
    noise = os.urandom(200_000)
    with where.open("wb") as stream:
        stream.write(b"".join(b"%d lines of text that packs\n" % number for number in range(40_000)))
        stream.write(noise)
        stream.seek(3_000_000)
        stream.write(b"the end\n" * 1000)
