"""ext2, ext3, ext4 images of the real mke2fs against the tree they were made from, and against the kernel."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError
from scanner.target.base import FileTree
from scanner.target.devices import FileDevice
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.ext import ExtTree
from tests.unit.target.filesystems.ext_lab import (
    ACL,
    as_root,
    compare,
    debugfs,
    give_attributes,
    mke2fs,
    need,
    plant,
    run,
)

VARIANTS = {
    "ext2": "-t ext2 -b 1024 -I 256",
    "ext2-plain": "-t ext2 -b 4096 -I 128 -O none",
    "ext3": "-t ext3 -b 2048",
    "ext4": "-t ext4 -b 4096",
    "ext4-1k": "-t ext4 -b 1024",
    "ext4-64k": "-t ext4 -b 65536",
    "no-extents": "-t ext4 -b 1024 -O ^extents,^64bit",
    "inline": "-t ext4 -O inline_data",
    "inline-large": "-t ext4 -b 1024 -I 1024 -O inline_data",
    "bigalloc": "-t ext4 -O bigalloc -C 16384",
    "no-checksum": "-t ext4 -O ^metadata_csum,uninit_bg",
    "no-64bit": "-t ext4 -O ^64bit",
    "meta-bg": "-t ext4 -b 1024 -O meta_bg,^resize_inode,^flex_bg",
    "sparse2": "-t ext4 -b 1024 -O sparse_super2,^resize_inode",
    "seed": "-t ext4 -O metadata_csum_seed -E hash_seed=3c0ad6a7-2b4d-4a5a-8b3a-000000000001",
    "ea-inode": "-t ext4 -O ea_inode,large_dir",
    "no-filetype": "-t ext4 -O ^filetype",
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bool]:
    root = plant(tmp_path_factory.mktemp("ext") / "tree")
    return root, give_attributes(root)


def opened(image: Path) -> ExtTree:
    tree = open_filesystem("ext4", FileDevice(image))
    assert isinstance(tree, ExtTree)
    return tree


INDEXED = ("ext4", "ext4-1k", "ext4-64k", "no-checksum", "inline")


@pytest.mark.parametrize(
    ("variant", "indexed"), [*((name, False) for name in VARIANTS), *((name, True) for name in INDEXED)]
)
def test_image_equals_its_tree(tmp_path: Path, planted: tuple[Path, bool], variant: str, indexed: bool) -> None:
    root, attributes = planted
    if variant == "ext2-plain":
        attributes = False
    image = mke2fs(tmp_path / "image", root, *VARIANTS[variant].split(), size="400M" if "64k" in variant else "96M")
    if indexed:
        run(need("e2fsck", "e2fsprogs"), "-fyD", image)
    tree = opened(image)
    assert tree.notes == []
    assert compare(tree, root, attributes=attributes) > 600
    image.unlink()


def test_times_outside_the_years_of_32_bits(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a").write_text("a")
    image = mke2fs(tmp_path / "image", root, "-t", "ext4", size="8M")
    for low, high, expected in (
        (0xFFFFFFFF, 0, -1),
        (705032704, 1, 5_000_000_000),
        (0x80000000, 1, 1 << 31),
        (5, 3, 3 << 32 | 5),
    ):
        debugfs(image, f"sif a mtime {low:#x}", f"sif a mtime_extra {high}")
        assert opened(image).lstat("/a").mtime == expected, (low, high)


def test_attributes_in_inodes_of_their_own(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a").write_text("a")
    big = bytes(range(256)) * 4  # debugfs sets no more than a block
    (tmp_path / "big").write_bytes(big)
    image = mke2fs(tmp_path / "image", root, "-t", "ext4", "-b", "1024", "-O", "ea_inode", size="8M")
    debugfs(
        image,
        f"ea_set -f {tmp_path}/big a user.big",
        "ea_set a user.next 123",
        f"ea_set -f {tmp_path}/big a trusted.big",
    )
    assert opened(image).xattrs("/a") == {"user.big": big, "user.next": b"123", "trusted.big": big}


def test_an_acl_is_as_the_kernel_gives_it(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a").write_text("a")
    (tmp_path / "acl").write_bytes(ACL)
    image = mke2fs(tmp_path / "image", root, "-t", "ext4", size="8M")
    debugfs(image, f"ea_set -f {tmp_path}/acl a system.posix_acl_access")
    assert opened(image).xattrs("/a") == {"system.posix_acl_access": ACL}


def test_flags_notes_and_case(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "dir").mkdir(parents=True)
    (root / "dir" / "Straße").write_text("a")
    image = mke2fs(tmp_path / "image", root, "-t", "ext4", "-O", "casefold", "-E", "encoding=utf8", size="8M")
    with pytest.raises(MissingError):
        opened(image).lstat("/dir/straße")
    debugfs(image, "sif dir flags 0x40080000", "sif dir/Straße flags 0x180030", "feature needs_recovery", "ssv state 2")
    tree = opened(image)
    assert tree.lstat("/dir/straße").inode == tree.lstat("/dir/Straße").inode == tree.lstat("/dir/STRASSE").inode
    assert tree.flags("/dir") == {"casefold"}
    assert tree.flags("/dir/Straße") == {"immutable", "append_only", "verity"}
    assert tree.notes == ["journal not replayed", "the file system has recorded errors"]


def test_encrypted_inodes_are_not_collected(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "dir").mkdir(parents=True)
    (root / "dir" / "a").write_text("a" * 200)
    (root / "file").write_text("x")
    os.symlink("x" * 100, root / "link")
    image = mke2fs(tmp_path / "image", root, "-t", "ext4", "-O", "encrypt", size="8M")
    debugfs(image, "sif dir flags 0x80800", "sif file flags 0x80800", "sif link flags 0x80800")
    tree = opened(image)
    assert tree.lstat("/dir").type == "directory"
    assert tree.flags("/dir") == {"encrypted"}
    looks = (
        lambda: tree.names("/dir"),
        lambda: tree.lstat("/dir/a"),
        lambda: tree.read("/file"),
        lambda: tree.readlink("/link"),
    )
    for look in looks:
        with pytest.raises(NotCollectedError, match="fscrypt"):
            look()
    list(tree.walk("/"))
    assert tree.unreadable == [("/dir", "unsupported: encrypted (fscrypt)")]


def test_what_is_not_there_and_what_is_something_else(tmp_path: Path, planted: tuple[Path, bool]) -> None:
    tree = opened(mke2fs(tmp_path / "image", planted[0], "-t", "ext4", size="96M"))
    for path in ("/none", "/none/x", "/file1/x", "/link1/x", "/deep/er/x", "/deep/./er", "/\ud800", "/deep/er/"):
        with pytest.raises(MissingError):
            tree.lstat(path)
    for path in ("/deep", "/fifo", "/link1"):
        with pytest.raises(DamagedError):
            tree.pread(path, 0, 1)
    with pytest.raises(DamagedError):
        tree.readlink("/file1")
    with pytest.raises(LimitError):
        tree.read("/tail")
    with pytest.raises(LimitError):
        tree.lstat("/x" * 200)


@pytest.mark.parametrize(
    "options", ["-t ext4 -b 1024", "-t ext4 -b 4096", "-t ext2 -b 1024", "-t ext4 -b 1024 -O meta_bg,^resize_inode"]
)
def test_a_backup_of_the_superblock_and_of_the_descriptors(
    tmp_path: Path, planted: tuple[Path, bool], options: str
) -> None:
    size = "200M" if "4096" in options else "96M"
    image = mke2fs(tmp_path / "image", planted[0], *options.split(), size=size)
    expected = [entry.path for entry in opened(image).walk("/")]
    with open(image, "r+b") as stream:
        stream.seek(1024)
        stream.write(bytes(1024))
        if "meta_bg" not in options:
            stream.write(b"\xff" * (0 if "1024" in options else 2048))
            stream.write(b"\xff" * 1024)
    tree = opened(image)
    assert len(tree.notes) == 1
    assert "the backup at offset" in tree.notes[0]
    assert [entry.path for entry in tree.walk("/")] == expected
    assert tree.unreadable == []


@contextmanager
def mounted(image: Path, place: Path, options: str) -> Iterator[Path]:
    """The image mounted by the kernel, where that can be done."""
    place.mkdir(exist_ok=True)
    if (
        not as_root()
        or subprocess.run(["mount", "-o", f"loop,{options}", image, place], capture_output=True, check=False).returncode
    ):
        pytest.skip("a loop mount needs root and a kernel that allows it")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def _encrypt(folder: Path) -> bool:
    """Give the empty directory a real fscrypt policy; False where the kernel cannot."""
    key = bytearray(struct.pack("<II32sII32x", 2, 0, b"", 64, 0) + bytes(range(64)))
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, 0xC0506617, key)
        fcntl.ioctl(handle, 0x800C6613, struct.pack("<BBBB4x16s", 2, 1, 4, 3, bytes(key[8:24])))
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _written_by_the_kernel(root: Path) -> None:
    plant(root / "planted", longest_link=1000)
    give_attributes(root / "planted")
    crowd = root / "crowd"
    crowd.mkdir()
    for number in range(2500):
        (crowd / f"{number}-{'x' * 40}").touch()
    for number in range(0, 2500, 3):
        (crowd / f"{number}-{'x' * 40}").unlink()
    with open(root / "woven1", "wb") as one, open(root / "woven2", "wb") as two:
        for number in range(60):
            for stream in (one, two):
                stream.write(bytes([number & 255]) * 5000)
                os.fsync(stream.fileno())
    with open(root / "reserved", "wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, 500_000)
        stream.write(b"start")
    os.utime(root / "reserved", (0, 9_000_000_000))
    for number, size in enumerate((100, 900, 3000, 20_000, 60_000)):
        try:
            os.setxattr(root / "woven1", f"user.a{number}", bytes([number]) * size)
            os.setxattr(root / "woven2", f"trusted.a{number}", bytes([number]) * size)
        except OSError:
            break


@pytest.mark.parametrize("options", [VARIANTS[name] for name in ("ext4-1k", "inline", "no-extents", "ea-inode")])
def test_the_kernel_sees_the_same(tmp_path: Path, options: str) -> None:
    encrypt = "^extents" not in options and "ext3" not in options
    image = mke2fs(
        tmp_path / "image", None, *options.split(), *(("-O", "encrypt") if encrypt else ()), "-I", "256", size="128M"
    )
    with mounted(image, tmp_path / "mount", "rw") as place:
        _written_by_the_kernel(place)
        secret = place / "secret"
        secret.mkdir()
        encrypted = encrypt and _encrypt(secret)
        if encrypted:
            (secret / "file").write_text("hidden")
    tree: FileTree = opened(image)
    if encrypted:
        with pytest.raises(NotCollectedError, match="fscrypt"):
            tree.names("/secret")
        assert len(tree.xattrs("/secret")["encryption.c"]) == 40
        with mounted(image, tmp_path / "mount", "rw") as place:
            subprocess.run(["rm", "-r", place / "secret"], check=True)
        tree = opened(image)
    with mounted(image, tmp_path / "mount", "ro") as place:
        assert compare(tree, place, sizes=True) > 2000
