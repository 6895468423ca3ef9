"""btrfs images of the real mkfs.btrfs, made without root, against the tree they were made from."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError
from scanner.target.devices import FileDevice
from scanner.target.filesystems._btrfs_items import inode, name_hash
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.btrfs import BtrfsTree, open_btrfs
from tests.unit.target.filesystems.btrfs_lab import blocks, btrfs, items, mkfs, mounted, seal, seal_superblocks
from tests.unit.target.filesystems.ext_lab import Memory, compare, give_attributes, plant

VARIANTS = {
    "default": "",
    "small-nodes": "-n 4096",
    "large-nodes": "-n 65536",
    "mixed": "-M -m single -d single",
    "dup": "-m dup -d dup",
    "raid0": "-m raid0 -d raid0",
    "holes": "-O ^no-holes",
    "sectors": "-s 8192 -n 16384",
    "sha256": "--csum sha256",
    "blake2": "--csum blake2",
    "xxhash": "--csum xxhash",
}


def opened(image: Path) -> BtrfsTree:
    tree = open_filesystem("btrfs", FileDevice(image))
    assert isinstance(tree, BtrfsTree)
    return tree


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bool]:
    """The planted tree, less what mkfs.btrfs 6.2 cannot copy: device numbers, and holes (it writes gigabytes)."""
    root = plant(tmp_path_factory.mktemp("btrfs") / "tree", longest_link=1500)
    for name in ("tail", "holes", "null", "disk"):
        (root / name).unlink(missing_ok=True)
    return root, give_attributes(root)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An image whose metadata has two copies; its files are named by their contents."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "tree").mkdir()
    for number in range(40):
        (folder / "tree" / f"file{number}").write_bytes(b"%d" % number * 5000)
    mkfs(folder / "image", "-n", "4096", "-m", "dup", tree=folder / "tree")
    return (folder / "image").read_bytes()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_entry_is_as_in_the_tree(planted: tuple[Path, bool], tmp_path: Path, variant: str) -> None:
    root, attributes = planted
    image = tmp_path / "image"
    mkfs(image, *VARIANTS[variant].split(), tree=root)
    tree = opened(image)
    assert compare(tree, root, attributes=attributes, times=False) > 500
    assert tree.notes == (["checksums not verified: xxhash64"] if variant == "xxhash" else [])
    if variant == "default":
        with mounted(image, tmp_path / "mount") as kernel:
            compare(tree, kernel, sizes=True)


def test_a_directory_of_thousands(tmp_path: Path) -> None:
    folder = tmp_path / "tree" / "many"
    folder.mkdir(parents=True)
    for number in range(6000):
        (folder / f"name{number}").touch()
    mkfs(tmp_path / "image", tree=tmp_path / "tree")
    tree = opened(tmp_path / "image")
    assert sorted(tree.names("/many")) == sorted(f"name{number}" for number in range(6000))
    assert tree.stat("/many/name5999").size == 0
    with pytest.raises(MissingError):
        tree.stat("/many/name6000")


def test_inodes_and_hashes_are_what_the_tool_prints(small: bytes, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(small)
    dump = btrfs("inspect-internal", "dump-tree", "-t", "fs", tmp_path / "image")
    for number in range(40):
        assert f"DIR_ITEM {name_hash(b'file%d' % number)})" in dump
    tree = opened(tmp_path / "image")
    (top,) = tree.subvolumes()
    assert (top.id, top.path, top.read_only, top.default) == (5, "/", False, True)
    assert f"uuid {top.uuid}" in btrfs("inspect-internal", "dump-tree", "-t", "root", tmp_path / "image")
    assert tree.at(5).stat("/file1") == tree.at("/").stat("/file1") == tree.stat("/file1")
    with pytest.raises(MissingError):
        tree.at("@")
    with pytest.raises(MissingError):
        tree.at(7)


def test_device_numbers_are_the_kernels_own() -> None:
    raw = bytearray(160)
    struct.pack_into("<I", raw, 52, 0o060644)
    struct.pack_into("<Q", raw, 56, 259 << 20 | 70_000)
    struct.pack_into("<q", raw, 136, -5)
    assert inode(bytes(raw), 1)[5:] == ((259 << 8) | (70_000 & 0xFF) | (70_000 & ~0xFF) << 12, 0, -5)


def test_restored_files_are_the_same(small: bytes, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(small)
    (tmp_path / "out").mkdir()
    btrfs("restore", tmp_path / "image", tmp_path / "out")
    tree = opened(tmp_path / "image")
    for number in range(40):
        assert tree.read(f"/file{number}") == (tmp_path / "out" / f"file{number}").read_bytes()


def test_metadata_is_read_from_its_other_copy(small: bytes) -> None:
    image = bytearray(small)
    kept: set[int] = set()
    damaged = 0
    for start in blocks(image, 4096):
        (address,) = struct.unpack_from("<Q", image, start + 48)
        if address in kept:
            image[start + 2000] ^= 0x10
            damaged += 1
        kept.add(address)
    assert damaged > 5
    tree = open_btrfs(Memory(bytes(image)))
    assert sum(entry.type == "file" for entry in tree.walk()) == 40
    image = bytearray(small)
    seen: set[int] = set()
    for start in blocks(image, 4096):
        (address,) = struct.unpack_from("<Q", image, start + 48)
        if address not in seen:
            image[start + 2000] ^= 0x10
        seen.add(address)
    tree = open_btrfs(Memory(bytes(image)))
    assert sum(entry.type == "file" for entry in tree.walk()) == 40
    assert any("other copy: metadata checksum mismatch" in note for note in tree.notes)


def test_data_that_changed_is_damage(small: bytes) -> None:
    image = bytearray(small)
    place = image.find(b"17" * 4000)
    image[place + 100] ^= 1
    tree = open_btrfs(Memory(bytes(image)))
    with pytest.raises(DamagedError, match=rf"data checksum mismatch at device offset {place} "):
        tree.read("/file17")
    assert tree.pread("/file17", 4096, 4000) == (b"17" * 5000)[4096:8096]
    assert tree.read("/file18") == b"18" * 5000


def test_data_is_read_from_its_other_copy(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"content!" * 1000)
    mkfs(tmp_path / "image", "-d", "dup", tree=tmp_path / "tree")
    image = bytearray((tmp_path / "image").read_bytes())
    places = [image.find(b"content!" * 500)]
    places.append(image.find(b"content!" * 500, places[0] + 8192))
    for place in places:
        image[place + 5000] ^= 1
        tree = open_btrfs(Memory(bytes(image)))
        if place == places[0]:
            assert tree.read("/file") == b"content!" * 1000
            assert tree.notes == [
                f"data read by its other copy: checksum mismatch at device offset {places[0] + 4096}"
            ]  # fmt: skip
    with pytest.raises(DamagedError, match="data checksum mismatch"):
        tree.read("/file")


def test_superblock_copies(small: bytes) -> None:
    image = bytearray(small)
    image[65536 + 200] ^= 1
    tree = open_btrfs(Memory(bytes(image)))
    assert tree.read("/file3") == b"3" * 5000
    assert "copy at offset 67108864" in tree.notes[0]
    image[(64 << 20) + 200] ^= 1
    with pytest.raises(DamagedError, match="superblock checksum mismatch at offset 65536"):
        open_btrfs(Memory(bytes(image)))

    image = bytearray(small)
    struct.pack_into("<Q", image, (64 << 20) + 72, 1000)
    seal_superblocks(image)
    tree = open_btrfs(Memory(bytes(image)))
    assert tree.notes == ["superblock copy at offset 67108864 is newer than the one a mount uses"]

    tree = open_btrfs(Memory(small[: 100 << 20]))
    assert "its file system" in tree.notes[0]


@pytest.mark.parametrize(
    ("bit", "text"),
    [
        (13, "extent tree v2"),
        (14, "raid stripe tree"),
        (15, "encryption"),
        (40, "features 0x10000000000"),
    ],
)
def test_unknown_features_are_named(small: bytes, bit: int, text: str) -> None:
    image = bytearray(small)
    (features,) = struct.unpack_from("<Q", image, 65536 + 188)
    struct.pack_into("<Q", image, 65536 + 188, features | 1 << bit)
    seal_superblocks(image)
    with pytest.raises(NotCollectedError, match=f"^unsupported: btrfs {text}"):
        open_btrfs(Memory(bytes(image)))


def test_a_tree_log_is_told(small: bytes) -> None:
    image = bytearray(small)
    struct.pack_into("<Q", image, 65536 + 96, 1 << 30)
    seal_superblocks(image)
    assert open_btrfs(Memory(bytes(image))).notes == ["tree log not replayed"]


def test_an_encrypted_extent_is_not_collected(small: bytes) -> None:
    image = bytearray(small)
    for start in blocks(image, 4096):
        for key, place, _ in items(image, start):
            if key[1] == 108:
                image[place + 17] = 1
        seal(image, start, 4096)
    tree = open_btrfs(Memory(bytes(image)))
    assert tree.stat("/file4").size == 5000
    with pytest.raises(NotCollectedError, match="unsupported: btrfs encryption"):
        tree.read("/file4")


def test_devices_that_are_not_here_are_named(tmp_path: Path) -> None:
    images = [tmp_path / f"disk{number}" for number in range(4)]
    mkfs(images, "-m", "raid10", "-d", "raid10")
    outcomes = []
    for image in images:
        try:
            outcomes.append(open_btrfs(FileDevice(image)).stat("/").type)
        except NotCollectedError as error:
            assert "on a device that is not here: device" in str(error)
            outcomes.append("elsewhere")
    assert sorted(outcomes) == ["directory", "directory", "elsewhere", "elsewhere"]

    mkfs(images[:3], "-m", "raid5", "-d", "raid5")
    with pytest.raises(NotCollectedError, match="unsupported: btrfs raid5"):
        open_btrfs(FileDevice(images[0]))


def test_other_uuid_for_the_metadata(small: bytes, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(small)
    done = subprocess.run(["btrfstune", "-f", "-m", image], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this btrfstune has no -m (Debian package btrfs-progs)")
    tree = opened(image)
    assert hashlib.sha256(tree.read("/file7")).digest() == hashlib.sha256(b"7" * 5000).digest()


def test_limits_of_files(small: bytes) -> None:
    tree = open_btrfs(Memory(small))
    with pytest.raises(LimitError):
        tree.read("/file3", 4999)
    with pytest.raises(DamagedError):
        tree.pread("/", 0, 10)
    with pytest.raises(DamagedError):
        tree.readlink("/file3")
