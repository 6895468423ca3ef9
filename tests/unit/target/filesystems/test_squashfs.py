"""Squashfs images made by mksquashfs against the tree they were made from."""

from __future__ import annotations

import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError, TargetError
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.squashfs import SquashfsTree
from tests.tree_lab import ROOT, BytesDevice, FileDevice, compare, sample, spoil, tool

COMPRESSIONS = ("gzip", "lzo", "lz4", "xz", "zstd", "lzma")


def kept(name: str) -> bool:
    """Squashfs has no place for ACLs."""
    return not name.startswith("system.")


def made(image: Path, root: Path, *options: str) -> Path:
    """An image of `root`; skips where this mksquashfs lacks the compression."""
    program = tool("mksquashfs", "squashfs-tools")
    done = subprocess.run(
        [program, str(root), str(image), "-noappend", "-quiet", "-no-progress", *options],
        capture_output=True,
        timeout=300,
        check=False,
    )
    if b"is not supported" in done.stderr + done.stdout:
        pytest.skip("this mksquashfs lacks the compression")
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return image


def opened(image: Path) -> SquashfsTree:
    tree = open_filesystem("squashfs", FileDevice(image))
    assert isinstance(tree, SquashfsTree)
    return tree


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample(tmp_path_factory.mktemp("squashfs") / "root")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample(tmp_path_factory.mktemp("squashfs-small") / "root", names=60, large=False)


@pytest.mark.parametrize(
    "options",
    [
        *(("-comp", name) for name in COMPRESSIONS),
        ("-comp", "gzip", "-b", "4096"),
        ("-comp", "lzo", "-Xalgorithm", "lzo1x_1", "-b", "8192"),
        ("-comp", "lzo", "-Xalgorithm", "lzo1x_1_11"),
        ("-comp", "lz4", "-Xhc", "-b", "4096"),
        ("-comp", "xz", "-Xbcj", "x86", "-b", "64K", "-Xdict-size", "50%"),
        ("-comp", "zstd", "-b", "1M", "-Xcompression-level", "22"),
        ("-noI", "-noD", "-noF", "-noX"),
        ("-no-fragments",),
        ("-always-use-fragments",),
        ("-no-exports", "-no-duplicates", "-nopad"),
    ],
    ids=" ".join,
)
def test_image_is_the_tree(root: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert compare(opened(made(tmp_path / "image", root, *options)), root, attribute=kept) > 2500


def test_the_kernel_and_unsquashfs_see_the_same(root: Path, tmp_path: Path) -> None:
    image = made(tmp_path / "image", root)
    listing = subprocess.run(
        [tool("unsquashfs", "squashfs-tools"), "-lln", "-d", "", image], capture_output=True, timeout=60, check=True
    )
    listed = re.findall(
        r"^([dlcbps-][rwxsStT-]{9}) (\d+)/(\d+)\b", listing.stdout.decode(errors="replace"), re.MULTILINE
    )
    tree = opened(image)
    entries = list(tree.walk("/"))
    assert sorted((int(uid), int(gid)) for _, uid, gid in listed) == sorted((entry.uid, entry.gid) for entry in entries)
    if not ROOT:
        pytest.skip("mounting needs root")
    mount = tmp_path / "mount"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "squashfs", "-o", "loop,ro", image, mount], capture_output=True, timeout=60, check=False
    )
    if done.returncode:
        pytest.skip("this kernel mounts no squashfs here")
    try:
        compare(tree, mount, attribute=kept)
        for entry in entries:
            seen = os.lstat(os.fsencode(mount) + os.fsencode(entry.path))
            assert (entry.inode, entry.nlink, entry.size) == (seen.st_ino, seen.st_nlink, seen.st_size), entry.path
    finally:
        subprocess.run(["umount", mount], timeout=60, check=True)


def test_a_directory_of_many_names(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    for number in range(12_000):
        (tmp_path / f"root/{'name' * 12}-{number}").touch()
    tree = opened(made(tmp_path / "image", tmp_path / "root"))
    assert len(tree.names("/")) == 12_000
    for number in (0, 1, 256, 11_999):
        assert tree.lstat(f"/{'name' * 12}-{number}").type == "file"
    with pytest.raises(MissingError):
        tree.lstat(f"/{'name' * 12}-12000")


def test_a_sparse_file_larger_than_its_image(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    size = (4 << 30) + (1 << 20)
    with open(tmp_path / "root/sparse", "wb") as stream:
        stream.truncate(size)
        stream.seek(3 << 30)
        stream.write(b"in the middle")
        stream.seek(size - 3)
        stream.write(b"end")
    image = made(tmp_path / "image", tmp_path / "root", "-b", "1M")
    tree = opened(image)
    assert tree.lstat("/sparse").size == size
    assert image.stat().st_size < 1 << 20
    assert tree.pread("/sparse", size - 5, 100) == b"\0\0end"
    assert tree.pread("/sparse", (3 << 30) - 1, 14) == b"\0in the middle"
    assert tree.pread("/sparse", 1 << 30, 4096) == bytes(4096)
    with pytest.raises(LimitError):
        tree.read("/sparse")


def test_missing_and_wrong_kinds(small: Path, tmp_path: Path) -> None:
    tree = opened(made(tmp_path / "image", small))
    for path in ("/nothing", "/etc/nothing", "/size-0/x", "/links/short/x"):
        with pytest.raises(MissingError):
            tree.lstat(path)
    for path in ("/etc", "/special/fifo", "/links/short"):
        with pytest.raises(DamagedError):
            tree.pread(path, 0, 1)
    with pytest.raises(DamagedError):
        tree.readlink("/etc")
    assert tree.read("/links/short") == (small / "etc/config-100").read_bytes()


def test_few_reads_of_the_device(root: Path, tmp_path: Path) -> None:
    device = FileDevice(made(tmp_path / "image", root))
    tree = open_filesystem("squashfs", device)
    assert sum(1 for _ in tree.walk("/")) > 2500
    assert device.reads < 60


@pytest.mark.parametrize(
    "options", [("-noI", "-noX"), *(("-comp", name, "-b", "4096") for name in COMPRESSIONS)], ids=" ".join
)
def test_hostile_images(small: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    data = made(tmp_path / "image", small, *options).read_bytes()
    tables = range(struct.unpack_from("<Q", data, 64)[0], len(data))
    spoil(SquashfsTree, data, spots=(range(96), tables))


def test_superblocks_that_are_refused(small: Path, tmp_path: Path) -> None:
    data = made(tmp_path / "image", small).read_bytes()
    far = struct.pack("<Q", 1 << 60)
    for place, value, error in (
        (0, b"XXXX", DamagedError),
        (12, struct.pack("<I", 0), DamagedError),
        (12, struct.pack("<I", 1 << 30), DamagedError),
        (20, b"\x07\0", NotCollectedError),
        (22, b"\x1e\0", DamagedError),
        (28, b"\3\0", NotCollectedError),
        (32, far, TargetError),
        (48, far, TargetError),
        (64, far, TargetError),
    ):
        spoiled = data[:place] + value + data[place + len(value) :]
        with pytest.raises(error):
            SquashfsTree(BytesDevice(spoiled))
    spoiled = data[:72] + far + data[80:]
    with pytest.raises(DamagedError):
        SquashfsTree(BytesDevice(spoiled)).names("/")
    spoiled = data[:56] + far + data[64:]
    with pytest.raises(DamagedError):
        SquashfsTree(BytesDevice(spoiled)).xattrs("/etc/config-100")


def test_names_that_are_none_and_directories_in_a_ring(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "root/aaa/bbb")
    os.makedirs(tmp_path / "root/aaa/zzz")
    (tmp_path / "root/ccc").write_bytes(b"x")
    data = made(tmp_path / "image", tmp_path / "root", "-noI", "-noD").read_bytes()
    place = data.rindex(b"bbb")
    for name in (b"b/b", b"b\0b", b"zzz"):
        tree = SquashfsTree(BytesDevice(data[:place] + name + data[place + 3 :]))
        with pytest.raises(DamagedError):
            tree.names("/aaa")
        assert tree.read("/ccc") == b"x"
    # the entry says where in the inode table its inode stands: let it be that of the parent
    tree = SquashfsTree(BytesDevice(data))
    (parent,) = (tree.entries(tree.node("/"))[name] for name in ["aaa"])
    ring = data[: place - 8] + struct.pack("<H", parent & 0xFFFF) + data[place - 6 :]
    tree = SquashfsTree(BytesDevice(ring))
    assert [entry.path for entry in tree.walk("/")] == ["/", "/aaa", "/aaa/bbb", "/aaa/zzz", "/ccc"]
    assert [path for path, _ in tree.unreadable] == ["/aaa/bbb"]
