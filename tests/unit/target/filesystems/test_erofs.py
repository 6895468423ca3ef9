"""EROFS images made by mkfs.erofs against the tree they were made from.

The mkfs.erofs of Debian 12 (1.5) has LZ4 only. Features of later ones (LZMA, deflate, zstd, fragments, dedupe, 48-bit
layout, compressed metadata) are tested with the images of `fixtures/images` everywhere, and where
ASSAY_EROFS_UTILS names a folder with a newer mkfs.erofs also with fresh ones.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from fixtures.images.erofs import IMAGES, build, image
from scanner.model.errors import DamagedError, MissingError, NotCollectedError, TargetError
from scanner.parsers.crc32c import crc32c
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.erofs import ErofsTree
from tests.tree_lab import ROOT, BytesDevice, FileDevice, compare, mixed, sample, spoil, tool, words

_NEWER = os.environ.get("ASSAY_EROFS_UTILS", "")


def made(image: Path, root: Path, *options: str, newer: bool = False) -> Path:
    """An image of `root`; skips where this mkfs.erofs cannot make it."""
    if newer:
        if not _NEWER:
            pytest.skip("mkfs.erofs of Debian 12 cannot make this; name the folder of a newer one in ASSAY_EROFS_UTILS")
        program = f"{_NEWER}/mkfs.erofs"
    else:
        program = tool("mkfs.erofs", "erofs-utils")
    done = subprocess.run(
        [program, "--quiet", *options, str(image), str(root)], capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return image


def opened(image: Path) -> ErofsTree:
    tree = open_filesystem("erofs", FileDevice(image))
    assert isinstance(tree, ErofsTree)
    return tree


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # mkfs.erofs 1.5 cuts the last byte off a name of 255.
    return sample(tmp_path_factory.mktemp("erofs") / "root", longest=254)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample(
        tmp_path_factory.mktemp("erofs-small") / "root", names=60, large=False, small_owners=True, longest=254
    )


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-x1",),
        ("-x1000",),
        ("-Eforce-inode-extended",),
        ("-Enoinline_data",),
        ("--chunksize=4096",),
        ("--chunksize=65536", "-Eforce-chunk-indexes"),
        ("-zlz4",),
        ("-zlz4hc,9",),
        ("-zlz4hc,12", "-C65536"),
        ("-zlz4", "-C1048576"),
        ("-zlz4hc", "-Elegacy-compress"),
        ("-zlz4hc", "-Enosbcrc"),
        ("-zlz4hc", "-Eztailpacking"),
        ("-zlz4hc", "-C16384", "-Eztailpacking"),
    ],
    ids=" ".join,
)
def test_image_is_the_tree(root: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert compare(opened(made(tmp_path / "image", root, *options)), root) > 2500


@pytest.mark.parametrize(
    "options",
    [
        ("-b512",),
        ("-b1024", "-zlz4hc"),
        ("-b512", "-zdeflate,9", "-C4096"),
        ("-zlzma",),
        ("-zlzma,level=9", "-C262144"),
        ("-zlzma,level=6,dictsize=8388608,lc=2,lp=1,pb=0", "-C65536"),
        ("-zdeflate,9",),
        ("-zdeflate,9", "-C131072"),
        ("-zzstd,15",),
        ("-zzstd,15", "-C1048576"),
        ("-zlz4hc:lzma", "-C65536"),
        ("-zlz4hc", "-Efragments"),
        ("-zlz4hc", "-C65536", "-Efragments"),
        ("-zlzma", "-C65536", "-Eall-fragments"),
        ("-zdeflate", "-Efragments", "-Eztailpacking"),
        ("-zlz4hc", "-Ededupe"),
        ("-zzstd", "-C32768", "-Ededupe", "-Eall-fragments", "-Efragdedupe=inode"),
        ("-zlz4hc", "-Ededupe", "-Efragments", "-Eztailpacking"),
        ("--xattr-prefix=user.long.prefix.of", "--xattr-prefix=trusted.overlay."),
        ("--xattr-prefix=user.long.prefix.of", "-zlzma", "-Eall-fragments"),
        ("-x1", "-Exattr-name-filter"),
        ("-E48bit",),
        ("-E48bit", "-zlz4hc"),
        ("-E48bit", "-zlz4hc", "-C65536", "-Efragments"),
        ("-E48bit", "-zzstd", "-C65536", "-Ededupe"),
        ("-E48bit", "-zlz4hc", "--max-extent-bytes=65536"),
        ("-E48bit", "--chunksize=4096"),
        ("-zlz4hc", "--zD=1"),
        ("-zlzma", "-C32768", "-m32768", "--zD=1"),
        ("-zlz4hc", "-m4096:zstd", "-x1", "--xattr-prefix=user.long.prefix.of"),
        ("--MZ", "-zlz4hc"),
        ("-Edot-omitted",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_image_of_a_newer_mkfs_is_the_tree(root: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert compare(opened(made(tmp_path / "image", root, *options, newer=True)), root) > 2500


@pytest.mark.parametrize("name", IMAGES)
def test_kept_image_is_the_tree(tmp_path: Path, name: str) -> None:
    try:
        root = build(tmp_path / "root")
    except OSError as error:
        pytest.skip(f"this file system holds no user attributes: {error}")
    tree = ErofsTree(BytesDevice(image(name)))
    assert compare(tree, root, owners=False, attribute=lambda name: name.startswith("user.")) == 136


@pytest.mark.parametrize("name", IMAGES)
def test_hostile_kept_images(name: str) -> None:
    data = bytearray(image(name))
    # without the bit that says that the superblock has a checksum
    data[1032] &= 0xFE
    spoil(ErofsTree, bytes(data), spots=(range(1024, 1160), *_metadata(bytes(data))))


@pytest.mark.parametrize("options", [(), ("-zlz4hc",)], ids=" ".join)
def test_compact_inodes_have_the_time_of_the_image(small: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    image = made(tmp_path / "image", small, "-Eforce-inode-compact", "-T1700000000", *options)
    tree = opened(image)
    compare(tree, small, times=False)
    assert {entry.mtime for entry in tree.walk("/")} == {1_700_000_000}


@pytest.mark.parametrize("options", [("-x1",), ("-zlz4hc", "-C65536", "-Eztailpacking")], ids=" ".join)
def test_the_kernel_and_fsck_see_the_same(root: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    image = made(tmp_path / "image", root, *options)
    if not ROOT:
        pytest.skip("mounting needs root")
    mount = tmp_path / "mount"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "erofs", "-o", "loop,ro", image, mount], capture_output=True, timeout=60, check=False
    )
    if done.returncode:
        pytest.skip("this kernel mounts no EROFS here")
    try:
        tree = opened(image)
        compare(tree, mount)
        for entry in tree.walk("/"):
            seen = os.lstat(os.fsencode(mount) + os.fsencode(entry.path))
            assert (entry.inode, entry.nlink, entry.size) == (seen.st_ino, seen.st_nlink, seen.st_size), entry.path
    finally:
        subprocess.run(["umount", mount], timeout=60, check=True)
    target = tmp_path / "extracted"
    subprocess.run(
        [tool("fsck.erofs", "erofs-utils"), f"--extract={target}", "--preserve", image],
        capture_output=True,
        timeout=120,
        check=True,
    )
    tree = opened(image)
    for name in ("large-mixed", "etc/config-100", "mixed"):
        assert tree.read(f"/{name}") == (target / name).read_bytes()


def test_content_on_another_device_is_refused_and_the_rest_is_read(small: Path, tmp_path: Path) -> None:
    image = made(tmp_path / "image", small, "--chunksize=4096", f"--blobdev={tmp_path / 'blob'}")
    tree = opened(image)
    assert compare(tree, small, content=False) > 60
    with pytest.raises(NotCollectedError, match="extra device 1"):
        tree.read("/text-65536")


def test_a_sparse_file_larger_than_its_image(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    size = 5 << 30
    with open(tmp_path / "root/sparse", "wb") as stream:
        stream.truncate(size)
        stream.seek(3 << 30)
        stream.write(b"in the middle")
        stream.seek(size - 3)
        stream.write(b"end")
    image = made(tmp_path / "image", tmp_path / "root", "--chunksize=1048576", newer=True)
    tree = opened(image)
    assert tree.lstat("/sparse").size == size
    assert image.stat().st_size < size
    assert tree.pread("/sparse", size - 5, 100) == b"\0\0end"
    assert tree.pread("/sparse", (3 << 30) - 1, 14) == b"\0in the middle"
    assert tree.pread("/sparse", 1 << 30, 4096) == bytes(4096)


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
    device = FileDevice(made(tmp_path / "image", root, "-zlz4hc"))
    tree = open_filesystem("erofs", device)
    assert sum(1 for _ in tree.walk("/")) > 2500
    assert device.reads < 60


@pytest.mark.parametrize(
    "options",
    [
        ("-zlzma", "-C65536", "-Efragments", "-Ededupe"),
        ("-zzstd", "-Eall-fragments"),
        ("-zdeflate", "-E48bit", "-C16384"),
        ("-zlz4hc", "-m4096:zstd", "--xattr-prefix=user.long.prefix.of", "--zD=1"),
    ],
    ids=" ".join,
)
def test_hostile_images_of_a_newer_mkfs(small: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    data = made(tmp_path / "image", small, *options, "-Enosbcrc", newer=True).read_bytes()
    spoil(ErofsTree, data, spots=(range(1024, 1160), *_metadata(data)))


@pytest.mark.parametrize(
    "options",
    [
        ("-x1",),
        ("--chunksize=4096",),
        ("-zlz4hc", "-Eztailpacking"),
        ("-zlz4hc", "-C16384"),
        ("-zlz4", "-Elegacy-compress"),
    ],
    ids=" ".join,
)
def test_hostile_images(small: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    data = made(tmp_path / "image", small, *options, "-Enosbcrc").read_bytes()
    spoil(ErofsTree, data, spots=(range(1024, 1152), *_metadata(data)))


def _metadata(data: bytes) -> list[range]:
    """Where inodes and directories lie: from the root's block some 24 KiB on."""
    (root,) = struct.unpack_from("<H", data, 1024 + 14)
    (meta,) = struct.unpack_from("<I", data, 1024 + 40)
    start = min((meta << data[1024 + 12]) + root * 32, len(data) // 2)
    return [range(start, min(start + 24_576, len(data)))]


def _patched(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    changed = bytearray(data)
    for place, value in changes:
        changed[place : place + len(value)] = value
    changed[1028:1032] = bytes(4)
    changed[1028:1032] = struct.pack("<I", crc32c(bytes(changed[1024:4096])) ^ 0xFFFFFFFF)
    return bytes(changed)


def test_superblocks_that_are_refused(small: Path, tmp_path: Path) -> None:
    data = made(tmp_path / "image", small).read_bytes()
    ErofsTree(BytesDevice(_patched(data)))
    for place, value, error in (
        (1024, b"XXXX", DamagedError),
        (1036, b"\x03", DamagedError),
        (1036, b"\x3f", DamagedError),
        (1104, struct.pack("<I", 0x8000), NotCollectedError),
        (1114, b"\x02", NotCollectedError),
        (1038, b"\xff\xff", TargetError),
        (1064, b"\xff\xff\xff\xff", TargetError),
    ):
        with pytest.raises(error):
            ErofsTree(BytesDevice(_patched(data, (place, value))))
    flipped = bytearray(data)
    flipped[1100] ^= 1
    with pytest.raises(DamagedError, match="checksum"):
        ErofsTree(BytesDevice(bytes(flipped)))


def test_names_that_are_none_and_directories_in_a_ring(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "root/aaa/bbb")
    os.makedirs(tmp_path / "root/aaa/zzz")
    (tmp_path / "root/ccc").write_bytes(b"x")
    data = made(tmp_path / "image", tmp_path / "root").read_bytes()
    place = data.rindex(b"bbbzzz")
    for name in (b"b/b", b"b\0b", b"zzz", b"..\0"):
        with pytest.raises(DamagedError):
            ErofsTree(BytesDevice(_patched(data, (place, name)))).names("/aaa")
    tree = ErofsTree(BytesDevice(data))
    numbers = {path: tree.node(path).number for path in ("/", "/aaa", "/aaa/bbb")}
    ring = data.replace(struct.pack("<Q", numbers["/aaa/bbb"]), struct.pack("<Q", numbers["/aaa"]))
    tree = ErofsTree(BytesDevice(_patched(ring)))
    assert [entry.path for entry in tree.walk("/")] == ["/", "/aaa", "/aaa/bbb", "/aaa/zzz", "/ccc"]
    assert [path for path, _ in tree.unreadable] == ["/aaa/bbb"]


def test_composefs_keeps_its_attributes_and_has_no_content(small: Path, tmp_path: Path) -> None:
    program = shutil.which("mkcomposefs") or (f"{_NEWER}/mkcomposefs" if _NEWER else None)
    if program is None or not Path(program).exists():
        pytest.skip("mkcomposefs is not installed (Debian 13: composefs)")
    image = tmp_path / "image"
    subprocess.run(
        [program, f"--digest-store={tmp_path / 'objects'}", small, image], timeout=60, check=True, capture_output=True
    )
    tree = opened(image)
    assert tree.composefs
    attributes = tree.xattrs("/text-65536")
    assert attributes["trusted.overlay.redirect"].startswith(b"/")
    assert "trusted.overlay.metacopy" in attributes
    with pytest.raises(NotCollectedError, match="object store"):
        tree.read("/text-65536")
    assert (tmp_path / "objects" / attributes["trusted.overlay.redirect"].decode().lstrip("/")).exists()
    for entry in tree.walk("/"):
        want = small / entry.path.lstrip("/")
        if os.path.lexists(want):
            assert (entry.mode, entry.uid, entry.size) == (
                os.lstat(want).st_mode, os.lstat(want).st_uid, entry.size,
            )  # fmt: skip


def test_a_large_extent_is_decoded_once(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/file").write_bytes(words(1, 3_000_000) + mixed(2, 500_000))
    image = made(tmp_path / "image", tmp_path / "root", "-zlz4hc", "-C1048576")

    class Counting(FileDevice):
        got = 0

        def pread(self, offset: int, length: int) -> bytes:
            Counting.got += length
            return super().pread(offset, length)

    tree = open_filesystem("erofs", CachedDevice.over(_device(Counting, image)))
    content = (tmp_path / "root/file").read_bytes()
    for offset in range(0, len(content), 50_000):
        assert tree.pread("/file", offset, 50_000) == content[offset : offset + 50_000]
    assert Counting.got < 2 * image.stat().st_size


def _device(kind: type[FileDevice], path: Path) -> BlockDevice:
    return kind(path)
