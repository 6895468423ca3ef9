"""File systems whose start was overwritten, made by the real tools: found by their copies, and never taken for empty."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scanner.target.contents import Part, explore
from scanner.target.devices import FileDevice
from tests.storage_lab import blank, luks, run, tool

MIB = 1 << 20
MARK = b"what was on it before\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small files, and so many bytes that the first block group does not hold all."""
    root = tmp_path_factory.mktemp("tree")
    (root / "etc").mkdir()
    (root / "etc" / "mark").write_bytes(MARK)
    (root / "blob").write_bytes(random.Random(1).randbytes(3 * MIB))
    return root


def make(kind: str, tree: Path, path: Path) -> Path:
    """A file system with the files of `tree`, where its tool can do that."""
    if kind in ("ext2", "ext3", "ext4"):
        return ext(tree, path, kind)
    if kind == "btrfs":
        run("mkfs.btrfs", "-q", "-L", "data", "--rootdir", str(tree), str(blank(path, 160 * MIB)))
    elif kind == "xfs":
        prototype = path.with_suffix(".proto")
        prototype.write_text(f"/\n0 0\nd--755 0 0\netc d--755 0 0\nmark ---644 0 0 {tree}/etc/mark\n$\n$\n")
        run("mkfs.xfs", "-q", "-L", "data", "-p", str(prototype), str(blank(path, 320 * MIB)))
    else:
        run("mkfs.vfat", "-F", kind.removeprefix("fat"), "-n", "DATA", str(blank(path, 40 * MIB)))
        run("mmd", "-i", str(path), "::/etc")
        run("mcopy", "-i", str(path), str(tree / "etc" / "mark"), "::/etc/mark")
    return path


def ext(tree: Path, path: Path, kind: str = "ext4", *options: str) -> Path:
    """An ext file system of 64 MiB."""
    run(f"mkfs.{kind}", "-q", "-L", "data", "-d", str(tree), *options, str(blank(path, 64 * MIB)))
    return path


def wipe(path: Path, length: int, start: int = 0, data: bytes = b"") -> None:
    """Overwrite bytes with zeros, or with `data` and zeros."""
    with path.open("r+b") as stream:
        stream.seek(start)
        stream.write(data[:length].ljust(length, b"\0"))


def seen(path: Path) -> Part:
    return explore(FileDevice(path))


@pytest.mark.parametrize(
    ("kind", "length", "label"),
    [
        ("ext2", 4096, "data"),
        ("ext3", 4096, "data"),
        ("ext4", 4096, "data"),
        ("btrfs", MIB, "data"),
        ("xfs", 4096, "data"),
        ("fat32", 512, "DATA"),
        ("fat32", 2048, "DATA"),
    ],
)
@pytest.mark.parametrize("rubbish", [False, True], ids=["zeros", "rubbish"])
def test_read_by_the_copy(kind: str, length: int, label: str, rubbish: bool, tree: Path, tmp_path: Path) -> None:
    path = make(kind, tree, tmp_path / "image")
    good = seen(path)
    wipe(path, length, data=random.Random(4).randbytes(length) if rubbish else b"")
    part = seen(path)
    assert (part.kind, part.state, part.label) == (good.kind, "damaged", label)
    assert part.uuid == good.uuid
    assert "start is damaged" in part.notes[0]
    assert "by the copy at offset" in part.notes[0]
    assert part.tree is not None
    assert part.tree.read("/etc/mark") == MARK


@pytest.mark.parametrize(
    "options",
    [("-b", "1024"), ("-b", "2048"), ("-O", "bigalloc"), ("-O", "sparse_super2"), ("-O", "^metadata_csum"),
     ("-O", "^sparse_super,^resize_inode"), ("-O", "meta_bg,^resize_inode")],
    ids=lambda one: " ".join(one),
)  # fmt: skip
def test_ext_of_other_shapes(options: tuple[str, ...], tree: Path, tmp_path: Path) -> None:
    size = 5000 if "bigalloc" in options else 300
    path = blank(tmp_path / "image", size * MIB)
    run("mkfs.ext4", "-q", "-d", str(tree), *options, str(path))
    wipe(path, 2048)
    part = seen(path)
    assert (part.kind, part.state) == ("ext4", "damaged"), part
    assert part.tree is not None, part.notes
    assert part.tree.read("/etc/mark") == MARK


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_what_is_recognised_only_is_named(kind: str, tree: Path, tmp_path: Path) -> None:
    """The first inodes are gone, too: nothing can be read, but it is not empty either."""
    path = make(kind, tree, tmp_path / "image")
    wipe(path, 4 * MIB)
    if kind == "ext4":  # mkfs moves the tables of a small file system together: all of them
        wipe(path, 7 * MIB)
    part = seen(path)
    assert (part.kind, part.state, part.tree) == (kind, "damaged", None)
    assert "nothing in it could be read" in part.notes[0]


@pytest.mark.parametrize("kind", ["fat12", "fat16"])
def test_small_fat_keeps_no_copy(kind: str, tree: Path, tmp_path: Path) -> None:
    path = blank(tmp_path / "image", 8 * MIB if kind == "fat12" else 32 * MIB)
    run("mkfs.vfat", "-F", kind.removeprefix("fat"), str(path))
    wipe(path, 512)
    part = seen(path)
    assert (part.kind, part.state, part.tree) == ("vfat", "damaged", None)
    assert part.notes[0] == "the start is damaged; vfat was recognised by its tables: nothing in it could be read"


def test_file_systems_that_nobody_reads_here(tmp_path: Path) -> None:
    exfat, ntfs, f2fs = tmp_path / "exfat", tmp_path / "ntfs", tmp_path / "f2fs"
    sector = bytearray(512)
    sector[3:11], sector[108], sector[510:] = b"EXFAT   ", 9, b"\x55\xaa"
    wipe(blank(exfat, MIB), 512, 12 * 512, bytes(sector))
    sector[3:11] = b"NTFS    "
    wipe(blank(ntfs, MIB), 512, MIB - 512, bytes(sector))
    wipe(blank(f2fs, MIB), 4, 4096 + 1024, b"\x10\x20\xf5\xf2")
    for path in (exfat, ntfs, f2fs):
        part = seen(path)
        assert (part.kind, part.state) == (path.name, "damaged")
        assert len(part.notes) >= 1


@pytest.mark.parametrize("size", ["16k", "128k", "4m"])
def test_a_lost_primary_luks_header(size: str, tmp_path: Path) -> None:
    path = luks(tmp_path / "image", options=("--luks2-metadata-size", size, "--luks2-keyslots-size", "4m"))
    good = seen(path)
    assert (good.kind, good.state, good.notes) == ("luks2", "encrypted", [])
    wipe(path, 4096)
    part = seen(path)
    assert (part.kind, part.state, part.uuid) == ("luks2", "encrypted", good.uuid)
    assert len(part.notes) == 1
    assert "damaged" in part.notes[0]


def test_a_file_system_in_the_padding_of_luks_is_passed_over(tmp_path: Path) -> None:
    """The kernel opens the encryption; a file system that was put into the same bytes must not be assessed instead."""
    path, other = luks(tmp_path / "image"), blank(tmp_path / "other")
    run("mkfs.ext4", "-q", str(other))
    wipe(path, 1024, 1024, other.read_bytes()[1024:2048])
    part = seen(path)
    assert (part.kind, part.state, part.tree) == ("luks2", "encrypted", None)
    assert part.notes == ["signs of ext4 stand in it as well, and are passed over"]


def test_blank_and_unknown(tmp_path: Path) -> None:
    path = blank(tmp_path / "image", 64 * MIB)
    assert (seen(path).kind, seen(path).state) == ("unknown", "empty")
    wipe(path, 400_000, 40 * MIB, b"\1" * 400_000)
    part = seen(path)
    assert (part.kind, part.state, part.notes) == ("unknown", "unsupported", ["no known signature"])


def test_a_superblock_inside_a_file_is_no_copy(tree: Path, tmp_path: Path) -> None:
    """A copy stands where it says itself: that of an image which is a file in a lost partition stands elsewhere."""
    inner = ext(tree, tmp_path / "inner", "ext4", "-b", "1024").read_bytes()
    path = blank(tmp_path / "image", 64 * MIB)
    backup = inner[8193 * 1024 : 8194 * 1024]
    wipe(path, 1024, 32768 * 1024, backup)
    wipe(path, 1024, 24577 * 1024, backup)
    assert (seen(path).kind, seen(path).state) == ("unknown", "unsupported")


def test_what_a_partition_type_promises(tree: Path, tmp_path: Path) -> None:
    """Old copies in a partition that is for something else say nothing of it."""
    inner = make("ext4", tree, tmp_path / "inner")
    wipe(inner, 4096)
    disk = blank(tmp_path / "disk", 160 * MIB)
    words = ("-n", "1:2048:+64M", "-t", "1:8304", "-n", "2:0:+64M", "-t", "2:8200", "-n", "3:0:+4M", "-t", "3:8302")
    run("sgdisk", *words, str(disk))
    with disk.open("r+b") as stream:
        for start in (1, 65):
            stream.seek(start * MIB)
            stream.write(inner.read_bytes())
    root, swap, home = seen(disk).children
    assert (root.kind, root.state, root.type, root.label) == ("ext4", "damaged", "root", "data")
    assert root.tree is not None
    assert root.tree.read("/etc/mark") == MARK
    assert (swap.kind, swap.state, swap.type) == ("unknown", "unsupported", "swap")
    assert (home.kind, home.state, home.type) == ("unknown", "empty", "home")


def test_spoiled_starts_raise_nothing(tree: Path, tmp_path: Path) -> None:
    tool("mkfs.ext4")
    path = ext(tree, tmp_path / "image", "ext4", "-b", "1024")
    chance = random.Random(6)
    wipe(path, 2048)
    for _ in range(20):
        wipe(path, 8, 8193 * 1024 + chance.randrange(0x200), chance.randbytes(8))
        assert seen(path).state in ("damaged", "unsupported")
