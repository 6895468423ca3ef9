"""Damaged and crafted ext images: only TargetError comes out, soon, and no walk runs in circles."""

from __future__ import annotations

import os
import random
import struct
import time
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, NotCollectedError, TargetError
from scanner.target.filesystems.ext import ExtTree
from tests.unit.target.filesystems.ext_lab import Memory, debugfs, exercise, give_attributes, mke2fs, plant

ROUNDS = 200 if os.environ.get("ASSAY_LONG") else 20
KINDS = {
    "checked": "-t ext4 -b 1024 -O inline_data",
    "unchecked": "-t ext4 -b 1024 -O ^metadata_csum,^uninit_bg,inline_data",
    "indirect": "-t ext2 -b 1024 -I 256",
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("hostile")
    root = plant(folder / "tree", many=100)
    give_attributes(root)
    (root / "holes").write_bytes((root / "holes").read_bytes()[:3_000_000])
    return {
        name: mke2fs(folder / name, root, *options.split(), size="12M").read_bytes() for name, options in KINDS.items()
    }


def survive(data: bytes) -> int:
    """Entries that could be looked at; anything but a TargetError, or more than ten seconds, fails the test."""
    start = time.monotonic()
    try:
        count = exercise(ExtTree(Memory(data)))
    except TargetError:
        count = 0
    assert time.monotonic() - start < 10
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_truncated(images: dict[str, bytes], kind: str) -> None:
    chance = random.Random(f"cut {kind}")
    whole = survive(images[kind])
    assert whole > 140
    for _ in range(ROUNDS):
        assert survive(images[kind][: chance.randrange(len(images[kind]))]) <= whole


@pytest.mark.parametrize("kind", KINDS)
def test_bits_flipped(images: dict[str, bytes], kind: str) -> None:
    """Flips where something stands, most of it metadata; five at a time."""
    chance = random.Random(f"flip {kind}")
    image = images[kind]
    used = [place for place in range(0, len(image), 16) if image[place : place + 16] != bytes(16)]
    early = [place for place in used if place < 1 << 20]
    for number in range(ROUNDS):
        data = bytearray(image)
        for _ in range(5):
            data[chance.choice(early if number % 2 else used) + chance.randrange(16)] ^= 1 << chance.randrange(8)
        survive(bytes(data))


@pytest.mark.parametrize("kind", KINDS)
def test_absurd_numbers_in_the_superblock(images: dict[str, bytes], kind: str) -> None:
    for place in range(0, 0x180, 4):
        for number in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            data = bytearray(images[kind])
            struct.pack_into("<I", data, 1024 + place, number)
            try:
                tree = ExtTree(Memory(bytes(data)))
                tree.names("/")
            except TargetError:
                continue


def crafted(tmp_path: Path, *commands: str, options: str = KINDS["unchecked"]) -> ExtTree:
    """A small image changed by debugfs."""
    root = tmp_path / "tree"
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "file").write_bytes(b"x" * 20_000)
    os.symlink("y" * 200, root / "link")
    image = mke2fs(tmp_path / "image", root, *options.replace(",inline_data", "").split(), size="4M")
    debugfs(image, *commands)
    return ExtTree(Memory(image.read_bytes()))


def test_a_directory_within_itself(tmp_path: Path) -> None:
    tree = crafted(tmp_path, "ln a a/b/c/loop", "ln a a/b/other", "ln / a/b/root")
    paths = [entry.path for entry in tree.walk("/")]
    assert len(paths) < 20
    assert {path for path, _ in tree.unreadable} == {"/a/b/c/loop", "/a/b/other", "/a/b/root"}


def test_a_directory_with_two_names_in_one_directory(tmp_path: Path) -> None:
    tree = crafted(tmp_path, "ln a/b a/again")
    assert len(list(tree.walk("/"))) < 20
    assert {path for path, _ in tree.unreadable} == {"/a/b", "/a/again"}


@pytest.mark.parametrize("size", [1 << 40, 1 << 60, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_absurd_sizes(tmp_path: Path, size: int) -> None:
    tree = crafted(tmp_path, f"sif a/file size {size}", f"sif a size {size}", f"sif link size {size & 0xFFFFFFFF}")
    start = time.monotonic()
    exercise(tree)
    assert time.monotonic() - start < 10
    for path in ("/a/file", "/a"):
        with pytest.raises((DamagedError, LimitError)):
            tree.read(path)


def test_an_extent_tree_that_points_at_itself(tmp_path: Path) -> None:
    tree = crafted(tmp_path)
    inode = tree._inodes.get(tree.lstat("/a/file").inode)
    data = bytearray(tree._inodes._device._device.data)  # type: ignore[attr-defined]
    place = data.index(inode.raw) + 40
    node = struct.pack("<HHHHI", 0xF30A, 1, 4, 5, 0) + struct.pack("<IIHH", 0, 3000, 0, 0)
    data[place : place + len(node)] = node
    for level in (4, 3, 5):
        inner = struct.pack("<HHHHI", 0xF30A, 84, 84, level, 0)
        inner += b"".join(struct.pack("<IIHH", number, 3000, 0, 0) for number in range(84))
        data[3000 * 1024 : 3000 * 1024 + len(inner)] = inner
        with pytest.raises(DamagedError):
            ExtTree(Memory(bytes(data))).read("/a/file")


def test_indirect_blocks_in_a_ring(tmp_path: Path) -> None:
    tree = crafted(
        tmp_path,
        *(f"sif a/file block[{name}] 3000" for name in ("IND", "DIND", "TIND")),
        f"sif a/file size {1 << 33}",
        options=KINDS["indirect"],
    )
    data = bytearray(tree._inodes._device._device.data)  # type: ignore[attr-defined]
    data[3000 * 1024 : 3001 * 1024] = struct.pack("<I", 3000) * 256
    ring = ExtTree(Memory(bytes(data)))
    with pytest.raises(LimitError):
        ring.read("/a/file", 1 << 22)


@pytest.mark.parametrize("name", [b"x/y", b"x\0y", b"...", b".", b""])
def test_names_that_cannot_be(tmp_path: Path, name: bytes) -> None:
    tree = crafted(tmp_path)
    data = bytes(tree._inodes._device._device.data)  # type: ignore[attr-defined]
    old = b"\4\1file"
    assert data.count(old) == 1
    new = bytes([len(name)]) + b"\1" + name.ljust(4, b"\0")
    hostile = ExtTree(Memory(data.replace(old, new)))
    if name == b"...":
        assert "..." in hostile.names("/a")
        return
    list(hostile.walk("/"))
    assert [path for path, _ in hostile.unreadable] == ["/a"]


def test_a_damaged_checksum_is_said(tmp_path: Path) -> None:
    tree = crafted(tmp_path, options="-t ext4 -b 1024")
    data = bytearray(tree._inodes._device._device.data)  # type: ignore[attr-defined]
    raw = tree._inodes.get(tree.lstat("/a/file").inode).raw
    data[data.index(raw)] ^= 1
    with pytest.raises(DamagedError, match="checksum of inode"):
        ExtTree(Memory(bytes(data))).lstat("/a/file")
    list((damaged := ExtTree(Memory(bytes(data)))).walk("/"))
    assert [path for path, _ in damaged.unreadable] == ["/a/file"]


@pytest.mark.parametrize(
    ("bit", "word"), [(0x1, "compression"), (0x8, "external journal"), (0x1000, "dirdata"), (0x800000, "0x800000")]
)
def test_features_that_cannot_be_read_are_named(tmp_path: Path, bit: int, word: str) -> None:
    tree = crafted(tmp_path)
    data = bytearray(tree._inodes._device._device.data)  # type: ignore[attr-defined]
    data[1024 + 0x60 : 1024 + 0x64] = struct.pack("<I", int.from_bytes(data[1024 + 0x60 : 1024 + 0x64], "little") | bit)
    with pytest.raises(NotCollectedError, match=f"unsupported: .*{word}"):
        ExtTree(Memory(bytes(data)))


def test_reading_directories_again_and_again_has_an_end(tmp_path: Path) -> None:
    tree = crafted(tmp_path)
    with pytest.raises(LimitError):
        for _ in range(200_000):
            tree._directories.read(tree._inodes.get(2))
