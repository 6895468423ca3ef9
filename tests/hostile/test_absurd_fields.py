"""Every number of every superblock set to what cannot be, checksums made right: an answer, in time and memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scanner.model.errors import TargetError
from scanner.target.base import BlockDevice, FileTree
from scanner.target.filesystems import _xfs_super
from scanner.target.filesystems.base import open_filesystem
from tests.hostile.image_makers import MAKERS, sow
from tests.hostile.test_images import LONG
from tests.memory import MIB, grows_less_than
from tests.unit.target.filesystems import btrfs_lab

# kind of image: the word of its signature, where its superblock lies, and the byte orders of its numbers
SUPERBLOCKS = {
    "ext2": ("ext2", range(1024, 1288), ("little",)),
    "xfs": ("xfs", range(0, 272), ("big",)),
    "btrfs": ("btrfs", range(65536 + 32, 65536 + 0x2C0), ("little",)),
    "squashfs-plain": ("squashfs", range(0, 96), ("little",)),
    "erofs-lz4": ("erofs", range(1024, 1152), ("little",)),
    "fat": ("vfat", range(0, 90), ("little",)),
    "iso": ("iso9660", range(16 * 2048, 16 * 2048 + 200), ("little", "big")),
}


class Patched(BlockDevice):
    """An image with other bytes at one place."""

    def __init__(self, data: bytes, at: int, new: bytes) -> None:
        self.name, self.size = "patched", len(data)
        self._data, self._at, self._new = data, at, new

    def pread(self, offset: int, length: int) -> bytes:
        found = self._data[offset : offset + length]
        start, end = max(offset, self._at), min(offset + len(found), self._at + len(self._new))
        if start >= end:
            return found
        new = self._new[start - self._at : end - self._at]
        return found[: start - offset] + new + found[end - offset :]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sow(tmp_path_factory.mktemp("absurd") / "tree")


@pytest.mark.parametrize("kind", SUPERBLOCKS)
def test_absurd_numbers(kind: str, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xfs_super, "checksum", _xfs_super.stored)
    data = MAKERS[kind].make(tree, tmp_path).read_bytes()
    word, spots, orders = SUPERBLOCKS[kind]
    assert _use(lambda: open_filesystem(word, Patched(data, 0, b""))) > 300
    refused = 0
    with grows_less_than(256 * MIB):
        for at, new in _changes(spots, orders):
            device = Patched(data, *_sealed(data, at, new) if kind == "btrfs" else (at, new))
            start = time.process_time()
            refused += _use(lambda device=device: open_filesystem(word, device)) == 0  # type: ignore[misc]
            assert time.process_time() - start < 10, (at, new)
    assert refused > 10


def _changes(spots: range, orders: tuple[str, ...]) -> Iterator[tuple[int, bytes]]:
    for width in (2, 4, 8) if LONG else (4,):
        top = 1 << 8 * width
        for at in spots[::width]:
            for value in (0, 1, top - 1, top - 2, top // 2):
                for order in orders:
                    yield at, value.to_bytes(width, order)  # type: ignore[arg-type]


def _sealed(data: bytes, at: int, new: bytes) -> tuple[int, bytes]:
    """The superblock of btrfs with a checksum that fits."""
    block = bytearray(data[65536 : 65536 + 4096])
    block[at - 65536 : at - 65536 + len(new)] = new
    btrfs_lab.seal(block, 0, 4096)
    return 65536, bytes(block)


def _use(open_tree: Callable[[], FileTree]) -> int:
    """How many entries could be walked; some are read."""
    seen = 0
    with contextlib.suppress(TargetError):
        tree = open_tree()
        for entry in tree.walk("/"):
            seen += 1
            if entry.type == "file" and seen % 7 == 0:
                with contextlib.suppress(TargetError):
                    tree.pread(entry.path, 0, 65_536)
                    tree.xattrs(entry.path)
            if seen > 2_000:
                break
    return seen
