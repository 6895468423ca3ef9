"""Disks whose partition table is damaged, lost, cut off or one of two: what is shown of them."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.target.contents import MAX_PARTS, Part, explore
from scanner.target.devices import FileDevice
from scanner.target.image import ImageTarget, NoRootError
from scanner.target.opening import open_path
from tests.storage_lab import blank, run, tool

MIB = 1 << 20
SIZE = 96 * MIB
LAST = SIZE // 512 - 1


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GPT, an ESP with FAT32 and a root with ext4."""
    folder = tmp_path_factory.mktemp("disk")
    root = folder / "tree"
    for name in ("etc", "usr/lib", "bin"):
        (root / name).mkdir(parents=True)
    (root / "etc" / "os-release").write_text("ID=debian\n", encoding="utf-8")
    esp, system, disk = blank(folder / "esp", 40 * MIB), blank(folder / "root", 32 * MIB), blank(folder / "disk", SIZE)
    run("mkfs.vfat", "-F", "32", "-n", "ESP", str(esp))
    run("mkfs.ext4", "-q", "-L", "root", "-d", str(root), str(system))
    run("sgdisk", "-n", "1:2048:+40M", "-t", "1:ef00", "-n", "2:0:+32M", "-t", "2:8304", "-n", "3:0:0", str(disk))
    with disk.open("r+b") as stream:
        for start, part in ((1, esp), (41, system)):
            stream.seek(start * MIB)
            stream.write(part.read_bytes())
    return disk


def spoilt(disk: Path, to: Path, *places: tuple[int, int]) -> Path:
    """A copy of the disk with zeros in (first sector, sectors)."""
    shutil.copyfile(disk, to)
    with to.open("r+b") as stream:
        for first, count in places:
            stream.seek(first * 512)
            stream.write(bytes(count * 512))
    return to


def seen(path: Path) -> Part:
    return explore(FileDevice(path))


def kinds(part: Part) -> list[tuple[str, str]]:
    return [(child.kind, child.type or "") for child in part.children]


SOUND = [("vfat", "esp"), ("ext4", "root"), ("unknown", "linux")]


@pytest.mark.parametrize(
    ("places", "note"),
    [
        ([], None),
        ([(1, 33)], "GPT: the primary copy is damaged; the backup was used"),
        ([(0, 34)], "GPT: the primary copy is damaged; the backup was used"),
        ([(2, 1)], "GPT: the primary copy is damaged; the backup was used"),
        ([(LAST, 1)], "GPT: the backup at the end is missing"),
    ],
    ids=["sound", "primary", "primary and MBR", "entries", "backup"],
)
def test_one_copy_is_enough(places: list[tuple[int, int]], note: str | None, disk: Path, tmp_path: Path) -> None:
    part = seen(spoilt(disk, tmp_path / "disk", *places))
    assert (part.kind, part.state) == ("gpt", "read")
    assert part.notes == ([note] if note else [])
    assert kinds(part) == SOUND


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([(1, 33), (LAST, 1)], "the protective MBR is there, both copies of the GPT are lost"),
        ([(2, 1), (LAST - 32, 33)], "the entries do not match their checksum"),
    ],
    ids=["headers", "entries"],
)
def test_both_copies_lost(places: list[tuple[int, int]], words: str, disk: Path, tmp_path: Path) -> None:
    path = spoilt(disk, tmp_path / "disk", *places)
    part = seen(path)
    assert (part.kind, part.state, part.children) == ("gpt", "damaged", [])
    assert words in part.notes[0]
    with pytest.raises(NoRootError) as caught:
        open_path(path)
    assert caught.value.contents.notes == part.notes
    assert caught.value.layout()["parts"] == [
        {"name": "disk", "kind": "gpt", "type": None, "size": str(SIZE), "label": None, "uuid": None,
         "state": "damaged", "notes": part.notes}
    ]  # fmt: skip


def test_a_disk_that_was_cut_off_is_read_as_far_as_it_goes(disk: Path, tmp_path: Path) -> None:
    packed = tmp_path / "disk.gz"
    whole = gzip.compress(disk.read_bytes()[: 60 * MIB] + b"?" * 1000, 1)
    packed.write_bytes(whole[:-300])
    target = open_path(packed)
    assert isinstance(target, ImageTarget)
    outer, inner = target.contents, target.contents.children[0]
    assert (outer.kind, outer.state) == ("gzip", "damaged")
    assert outer.notes[0].startswith("cut off near offset")
    assert inner.notes[0] == "GPT: the backup at the end is missing"
    assert inner.notes[1] == "the disk ends before the end of partition 2, 3: it may be cut off"
    assert kinds(inner) == SOUND
    assert "lie beyond the end of the disk" in inner.children[1].notes[-1]
    assert inner.children[2].state == "damaged"
    assert target.tree.read("/etc/os-release") == b"ID=debian\n"
    target.close()


def test_hybrid_of_iso_and_gpt(tmp_path: Path) -> None:
    tool("grub-mkrescue")
    (tmp_path / "tree" / "boot" / "grub").mkdir(parents=True)
    (tmp_path / "tree" / "boot" / "grub" / "grub.cfg").write_text("set timeout=1\n", encoding="utf-8")
    run("grub-mkrescue", "-o", f"{tmp_path}/iso", f"{tmp_path}/tree")
    part = seen(tmp_path / "iso")
    assert (part.kind, part.state) == ("iso9660", "read")
    assert part.tree is not None
    assert part.tree.read("/boot/grub/grub.cfg") == b"set timeout=1\n"
    assert "a partition table (gpt) stands in its first sectors" in part.notes
    assert kinds(part) == [("vfat", "esp")]
    assert part.children[0].tree is not None
    assert part.children[0].tree.names("/")


def test_hybrid_of_iso_and_mbr_with_an_appended_partition(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x", encoding="utf-8")
    esp = blank(tmp_path / "esp", 2 * MIB)
    run("mkfs.vfat", str(esp))
    run("xorriso", "-as", "mkisofs", "-o", f"{tmp_path}/iso", "-append_partition", "2", "0xef", str(esp),
        f"{tmp_path}/tree")  # fmt: skip
    part = seen(tmp_path / "iso")
    assert part.kind == "iso9660"
    assert ("vfat", "esp") in kinds(part)


def mbr(*entries: tuple[int, int, int]) -> bytes:
    """A boot sector with partitions (type, first sector, sectors)."""
    out = bytearray(512)
    for number, (kind, first, count) in enumerate(entries):
        out[446 + 16 * number : 462 + 16 * number] = (
            bytes([0, 0, 0, 0, kind, 0, 0, 0]) + first.to_bytes(4, "little") + count.to_bytes(4, "little")
        )
    out[510:] = b"\x55\xaa"
    return bytes(out)


def test_extended_partitions_are_said(tmp_path: Path) -> None:
    path = blank(tmp_path / "disk", 8 * MIB)
    with path.open("r+b") as stream:
        stream.write(mbr((0x83, 2048, 2048), (0x05, 4096, 8192)))
    part = seen(path)
    assert kinds(part) == [("unknown", "linux")]
    assert part.notes == ["MBR: logical partitions in the extended partition are not looked at"]


def test_a_table_behind_the_numbers_of_an_old_fat(tmp_path: Path) -> None:
    """A boot loader keeps the numbers of the FAT that was there before: both are shown, neither hides the other."""
    path = blank(tmp_path / "disk", 64 * MIB)
    run("mkfs.vfat", "-n", "OLD", str(path))
    system = blank(tmp_path / "root", 16 * MIB)
    run("mkfs.ext4", "-q", "-L", "new", str(system))
    with path.open("r+b") as stream:
        stream.seek(446)
        stream.write(mbr((0x83, 16 * 2048, 16 * 2048))[446:])
        stream.seek(16 * MIB)
        stream.write(system.read_bytes())
    part = seen(path)
    assert (part.kind, part.label) == ("vfat", "OLD")
    assert [(child.kind, child.label) for child in part.children] == [("ext4", "new")]
    assert "a partition table (mbr) stands in its first sectors" in part.notes


def test_tables_in_partitions_end(tmp_path: Path) -> None:
    """Each of 100 partitions is the rest of the disk, which starts with such a table again."""
    path = blank(tmp_path / "disk", 4 * MIB)
    with path.open("r+b") as stream:
        for step in range(8):
            stream.seek(step * 512)
            stream.write(mbr(*[(0x83, 1, 4000)] * 4))
    part = seen(path)
    assert 0 < len(list(part.walk())) <= 5 * MAX_PARTS


CONTAINERS = {
    "qcow2": ("qcow2", ""),
    "monolithicSparse": ("vmdk", ""),
    "streamOptimized": ("vmdk", "subformat=streamOptimized"),
    "dynamic": ("vpc", "force_size=on"),
    "fixed": ("vpc", "subformat=fixed,force_size=on"),
    "vhdx": ("vhdx", ""),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_whole_disk_in_every_container(name: str, packed: bool, disk: Path, tmp_path: Path) -> None:
    kind, options = CONTAINERS[name]
    path = tmp_path / "image"
    run("qemu-img", "convert", "-O", kind, *(["-o", options] if options else []), str(disk), str(path))
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    target = open_path(path)
    assert isinstance(target, ImageTarget)
    table = [part for part in target.contents.walk() if part.kind == "gpt"]
    assert [(part.state, part.notes, kinds(part)) for part in table] == [("read", [], SOUND)]
    assert target.tree.read("/etc/os-release") == b"ID=debian\n"
    (device,) = target.devices()
    assert device.size == SIZE
    target.close()


def test_show_says_what_is_there_though_nothing_can_be_assessed(disk: Path, tmp_path: Path) -> None:
    path = spoilt(disk, tmp_path / "disk", (41 * 2048, 16384))
    done = CliRunner().invoke(app, ["target", "show", str(path)])
    assert done.exit_code == 3
    lines = done.stdout.splitlines()
    assert lines[0] == "disk  gpt  96 MiB"
    assert lines[1] == "  disk1  vfat  type esp  “ESP”  40 MiB"
    assert lines[2].startswith("  disk2  ")
    assert "type root" in lines[2]
    assert any("DAMAGED" in line or "UNSUPPORTED" in line for line in lines), lines
    done = CliRunner().invoke(app, ["target", "show", "--json", str(path)])
    assert json.loads(done.stdout)["parts"][0]["kind"] == "gpt"
