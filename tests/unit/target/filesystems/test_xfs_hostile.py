"""XFS images that lie, are cut short or have bits flipped: only TargetError, no hang, no memory."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import time

import pytest

from scanner.model.errors import DamagedError, LimitError, TargetError
from scanner.target.filesystems import _xfs_super
from scanner.target.filesystems._xfs_fork import Extent
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.xfs import XfsTree
from tests.memory import MIB, grows_less_than
from tests.unit.target.filesystems.ext_lab import Memory, exercise, need
from tests.unit.target.filesystems.xfs_lab import mkfs, sow, xfs_db

RUNS = 200 if os.environ.get("ASSAY_LONG") else 20


@pytest.fixture(autouse=True)
def right_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes a hostile image writes right checksums: without this each test would only meet a wrong one."""
    monkeypatch.setattr(_xfs_super, "checksum", _xfs_super.stored)


@pytest.fixture(scope="module", params=["v5", "v4-1k"])
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small file system with some of everything, as bytes."""
    need("mkfs.xfs", "xfsprogs")
    folder = tmp_path_factory.mktemp("xfs")
    tree = sow(folder / "tree", many=400)
    options = ["-m", "crc=0", "-b", "size=1024", "-i", "size=512"] if request.param != "v5" else []
    made = mkfs(folder / "image", *options, size="16M", tree=tree)
    first = opened(made.read_bytes())
    for name, count in (("file100", 3), ("file512", 120)):
        sets = (f"attr_set -u -v 30 name{number}" for number in range(count))
        xfs_db(made, f"inode {first.lstat('/' + name).inode}", *sets)
    data = made.read_bytes()
    tree_ = opened(data)
    assert exercise(tree_) > 400
    assert tree_.notes == []
    return data


def opened(data: bytes) -> XfsTree:
    tree = open_filesystem("xfs", Memory(data))
    assert isinstance(tree, XfsTree)
    return tree


def changed(data: bytes, *places: tuple[int, bytes]) -> XfsTree:
    """The tree of the image with some bytes replaced."""
    copy = bytearray(data)
    for offset, new in places:
        copy[offset : offset + len(new)] = new
    return opened(bytes(copy))


def inode(data: bytes, path: str) -> int:
    """Where the inode of `path` lies."""
    tree = opened(data)
    return tree._medium.inode_place(tree.lstat(path).inode)


def core(data: bytes) -> int:
    """Bytes of an inode before its fork."""
    return 176 if opened(data)._medium.geometry.version == 5 else 100


def run(data: bytes) -> None:
    """Look at everything, whatever it is; only TargetError and not for long."""
    start = time.monotonic()
    with contextlib.suppress(TargetError):
        exercise(opened(data))
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("seed", range(RUNS))
def test_cut_short(image: bytes, seed: int) -> None:
    chance = random.Random(seed)
    end = int(len(image) ** chance.random()) if seed % 2 else chance.randrange(len(image))
    run(image[:end])


@pytest.mark.parametrize("seed", range(RUNS))
def test_flipped_bits(image: bytes, seed: int) -> None:
    chance = random.Random(1000 + seed)
    written = [place for place in range(0, len(image), 64) if any(image[place : place + 64])]
    copy = bytearray(image)
    for _ in range(chance.choice((1, 10, 100, 1000))):
        copy[chance.choice(written) + chance.randrange(64)] ^= 1 << chance.randrange(8)
    with grows_less_than(256 * MIB):
        run(bytes(copy))


@pytest.mark.parametrize("seed", range(RUNS))
def test_nonsense_in_directories_inodes_and_trees(image: bytes, seed: int) -> None:
    chance = random.Random(2000 + seed)
    tree = opened(image)
    copy = bytearray(image)
    for path in ("/", "/many", "/few", "/file100", "/file512", "/file400000", "/link80"):
        place = tree._medium.inode_place(tree.lstat(path).inode)
        targets = [place, *(tree._medium.place(extent.block) for extent in _extents(tree, path))]
        for _ in range(chance.randrange(4)):
            at = chance.choice(targets) + chance.randrange(256)
            copy[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0", chance.randbytes(4)))
    run(bytes(copy))


def _extents(tree: XfsTree, path: str) -> list[Extent]:
    node = tree.node(path)
    found: list[Extent] = []
    for fork in (node.fork(tree._medium), node.attribute_fork(tree._medium)):
        try:
            found.extend(fork.extents())
        except TargetError:
            continue
    return found


@pytest.mark.parametrize("ancestor", ["/", "/few", "/few/deep"])
def test_a_directory_that_holds_its_parents(image: bytes, ancestor: str) -> None:
    tree = opened(image)
    place = inode(image, "/few/deep") + core(image)
    own, parent = (tree.lstat(path).inode.to_bytes(4, "big") for path in ("/few/deep/er", ancestor))
    tree = changed(image, (image.index(own, place + 6), parent))
    assert tree.lstat("/few/deep/er").type == "directory"
    assert len(list(tree.walk("/"))) < 2000
    assert [path for path, reason in tree.unreadable if "another path" in reason] == ["/few/deep/er"]


@pytest.mark.parametrize("name", [b"/r", b"e/", b"e\0", b"..", b"\0\0"])
def test_names_that_are_none(image: bytes, name: bytes) -> None:
    place = inode(image, "/few/deep") + core(image)
    tree = changed(image, (image.index(b"er", place), name))
    with pytest.raises(DamagedError, match="directory entry named"):
        tree.names("/few/deep")
    list(tree.walk("/"))
    assert [path for path, _ in tree.unreadable] == ["/few/deep"]


def test_absurd_sizes(image: bytes) -> None:
    place = inode(image, "/file100")
    tree = changed(image, (place + 56, struct.pack(">Q", 1 << 60)))
    assert tree.lstat("/file100").size == 1 << 60
    assert tree.pread("/file100", (1 << 60) - 10, 100) == bytes(10)
    assert len(tree.pread("/file100", 1 << 50, 1000)) == 1000
    with pytest.raises(LimitError):
        tree.read("/file100")
    with pytest.raises(DamagedError):
        changed(image, (place + 56, struct.pack(">Q", 1 << 63))).lstat("/file100")
    link = inode(image, "/link80")
    for size in (0, 1 << 40, 65_536, 1025):
        with pytest.raises(DamagedError):
            changed(image, (link + 56, struct.pack(">Q", size))).readlink("/link80")


def extent(first: int, block: int, count: int) -> bytes:
    """An extent record."""
    return (first << 73 | block << 21 | count).to_bytes(16, "big")


def test_extents_that_lie_nowhere(image: bytes) -> None:
    place = inode(image, "/file4097")
    fork = place + core(image)
    for record in (extent(0, 1 << 50, 1), extent(0, 0, 0), extent(0, 5, 0x1FFFFF), extent(0, 1 << 30, 1)):
        tree = changed(image, (fork, record))
        with pytest.raises(DamagedError):
            tree.read("/file4097")
    twice = extent(0, 20, 1) + extent(0, 20, 1)
    with pytest.raises(DamagedError, match="out of order"):
        changed(image, (fork, twice), (place + 76, struct.pack(">I", 2))).read("/file4097")
    with pytest.raises(DamagedError, match="do not fit"):
        changed(image, (place + 76, struct.pack(">I", 0xFFFFFFF))).read("/file4097")
    with pytest.raises(DamagedError, match="has format 9"):
        changed(image, (place + 5, b"\x09")).read("/file4097")


def test_an_extent_tree_that_holds_itself(image: bytes) -> None:
    tree = opened(image)
    geometry = tree._medium.geometry
    place = inode(image, "/file400000")
    number = tree.lstat("/file400000").inode
    block = next(tree.node("/file400000").fork(tree._medium).extents()).block
    at = tree._medium.place(block)
    newer = geometry.version == 5
    header = struct.pack(">4sHHQQ", b"BMA3" if newer else b"BMAP", 1, 1, (1 << 64) - 1, (1 << 64) - 1)
    if newer:
        header += struct.pack(">QQ16sQII", at // 512, 0, bytes(16), number, 0, 0)
    room = (geometry.block_size - len(header)) // 16
    node = header + struct.pack(">Q", 0) + bytes(8 * (room - 1)) + struct.pack(">Q", block)
    space = ((1 << geometry.inode_log) - core(image) - 4) // 16
    root = struct.pack(">HHQ", 2, 1, 0) + bytes(8 * (space - 1)) + struct.pack(">Q", block)
    damaged = changed(image, (place + 5, b"\x03"), (place + 82, b"\0"), (place + core(image), root), (at, node))
    with pytest.raises(DamagedError, match="no block of level 0"):
        damaged.read("/file400000")


def test_an_inode_that_is_free_or_another(image: bytes) -> None:
    place = inode(image, "/file100")
    for offset, new in ((0, b"XX"), (2, b"\0\0"), (4, b"\x09"), (82, b"\xff")):
        tree = changed(image, (place + offset, new))
        with pytest.raises(DamagedError):
            tree.lstat("/file100")
        list(tree.walk("/"))
        assert [path for path, _ in tree.unreadable] == ["/file100"]


def test_attributes_that_are_nonsense(image: bytes) -> None:
    tree = opened(image)
    short = inode(image, "/file100") + core(image) + image[inode(image, "/file100") + 82] * 8
    for offset, new in ((0, b"\xff\xff"), (2, b"\xff"), (4, b"\xff"), (7, b"a\0")):
        with pytest.raises(DamagedError):
            changed(image, (short + offset, new)).xattrs("/file100")
    node = tree.node("/file512")
    place = tree._medium.place(next(node.attribute_fork(tree._medium).extents()).block)
    start = 64 if tree._medium.geometry.version == 5 else 16
    with pytest.raises(DamagedError, match="used twice"):
        changed(image, (place + start + 4, bytes(4))).xattrs("/file512")
    with pytest.raises(DamagedError):
        changed(image, (place + start + 4, b"\xff\xff\xff\xff")).xattrs("/file512")
    with pytest.raises(DamagedError):
        changed(image, (place + 8, b"\0\0")).xattrs("/file512")


def test_superblocks_of_nonsense() -> None:
    for data in (b"", b"XFSB", b"XFSB" + bytes(600), b"XFSB" + b"\xff" * 100_000, bytes(1 << 20)):
        with pytest.raises(TargetError):
            opened(data)


def test_a_huge_device_of_nothing() -> None:
    class Huge(Memory):
        """Exabytes of zeros behind a bad superblock."""

        def pread(self, offset: int, length: int) -> bytes:
            return (self.data + bytes(length))[offset : offset + length] if offset < 512 else bytes(length)

    device = Huge(b"XFSB" + bytes(508))
    device.size = 1 << 60
    start = time.monotonic()
    with pytest.raises(DamagedError, match="version 0"):
        open_filesystem("xfs", device)
    assert time.monotonic() - start < 10
