"""FAT images of the real mkfs.vfat and mtools against the tree they were made from; damaged and crafted ones."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import subprocess
import time
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError, TargetError
from scanner.target.devices import FileDevice
from scanner.target.filesystems._fat_dir import parse
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.fat import FatTree
from tests.unit.target.filesystems.ext_lab import Memory, exercise, need

ROUNDS = 200 if os.environ.get("ASSAY_LONG") else 20
SIZES = {12: "4M", 16: "16M", 32: "40M"}
NAMES = (
    "lower.txt", "UPPER.TXT", "MiXed.TxT", "noext", "two.dots.conf", "with space.conf", "Grüße 漢字.efi", "a+b,c;d=[e].x",
    "thirteen-char", "fourteen--char", "l" * 190, ".hidden", "BOOTX64.EFI", "x",
)  # fmt: skip


def fill(root: Path, many: int) -> Path:
    chance = random.Random(5)
    (root / "EFI" / "BOOT").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "many").mkdir()
    for name in NAMES:
        (root / "EFI" / name).write_bytes(name.encode() * 3)
    for size in (0, 1, 511, 512, 513, 2048, 4096, 8192, 8193, 300_000):
        (root / f"file{size}").write_bytes(chance.randbytes(size))
    for number in range(many):
        (root / "many" / f"a rather long name {number:05d}.conf").write_bytes(b"%d" % number)
    for number, (folder, directories, files) in enumerate(os.walk(root)):
        for name in (*directories, *files):
            os.utime(Path(folder) / name, (0, 1_400_000_000 + 86_402 * 2 * number))
    return root


def tool(name: str, image: Path, *words: str) -> None:
    """An mtools command on the image, times in UTC."""
    environment = {**os.environ, "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [need(name, "mtools"), "-i", image, *words], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr


def make(folder: Path, root: Path, bits: int, *options: str) -> Path:
    image = folder / f"fat{bits}"
    with open(image, "wb") as stream:
        stream.truncate(int(SIZES[bits][:-1]) << 20)
    cluster = ("-s", "1") if bits == 32 or "-S" in options else ("-s", "4")
    subprocess.run(
        [need("mkfs.vfat", "dosfstools"), "-F", str(bits), *cluster, *options, "-n", "ESP", image],
        check=True,
        capture_output=True,
    )
    tool("mcopy", image, "-s", "-m", *(str(entry) for entry in sorted(root.iterdir())), "::/")
    return image


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("fat") / "tree", 400)


def compare(tree: FatTree, root: Path) -> None:
    found = {entry.path: entry for entry in tree.walk("/")}
    assert not tree.unreadable
    expected = {f"/{path.relative_to(root)}": path for path in root.rglob("*")}
    assert set(found) == {"/", *expected}
    assert len({entry.inode for entry in found.values()}) == len(found)
    for path, place in expected.items():
        entry, true = found[path], place.stat()
        assert entry.type == ("directory" if place.is_dir() else "file")
        if place.is_file():
            assert (entry.size, entry.mtime) == (true.st_size, int(true.st_mtime)), path
            data = place.read_bytes()
            assert tree.read(path) == data, path
            assert tree.pread(path, 500, 3000) == data[500:3500]
        with pytest.raises(NotCollectedError):
            tree.xattrs(path)


@pytest.mark.parametrize("bits", SIZES)
def test_image_equals_its_tree(tmp_path: Path, planted: Path, bits: int) -> None:
    tree = open_filesystem("vfat", FileDevice(make(tmp_path, planted, bits)))
    assert isinstance(tree, FatTree)
    assert tree._geometry.bits == bits
    assert tree.notes == []
    assert tree.lost == {"owner", "mode", "xattrs"}
    compare(tree, planted)


@pytest.mark.parametrize(("bits", "options"), [(12, "-S 4096"), (16, "-f 1 -R 8"), (16, "-g 255/63 -h 2048")])
def test_other_shapes(tmp_path: Path, planted: Path, bits: int, options: str) -> None:
    compare(FatTree(FileDevice(make(tmp_path, planted, bits, *options.split()))), planted)


@pytest.mark.parametrize("bits", SIZES)
def test_deleted_files_are_gone_and_fragments_come_together(tmp_path: Path, planted: Path, bits: int) -> None:
    image = make(tmp_path, planted, bits)
    tool("mdel", image, *(f"::/many/a rather long name {number:05d}.conf" for number in range(0, 400, 2)))
    big = random.Random(1).randbytes(900_000)
    (tmp_path / "big").write_bytes(big)
    longest = "y" * 255 if bits != 32 else "y" * 190  # mtools adds one cluster to a directory, two would be needed
    tool("mcopy", image, str(tmp_path / "big"), f"::/empty/{longest}")
    tool("mcopy", image, "-o", str(tmp_path / "big"), "::/many/big")
    tree = FatTree(FileDevice(image))
    assert len(tree.names("/many")) == 201
    assert tree.read("/many/big") == tree.read(f"/empty/{longest}") == big
    with pytest.raises(MissingError):
        tree.lstat("/many/a rather long name 00002.conf")


def test_look_up_ignores_case_and_knows_the_alias(tmp_path: Path, planted: Path) -> None:
    tree = FatTree(FileDevice(make(tmp_path, planted, 16)))
    for path in ("/efi/boot", "/EFI/bootx64.efi", "/efi/GRÜSSE 漢字.EFI".replace("SS", "ß"), "/EFI/THIRTE~1"):
        assert tree.lstat(path).path == path
    for path in ("/efi/none", "/EFI/x/y", "/EFI/", "/EFI/.", "/EFI/\udcff"):
        with pytest.raises(MissingError):
            tree.lstat(path)
    for look in (lambda: tree.pread("/EFI", 0, 1), lambda: tree.readlink("/EFI/x")):
        with pytest.raises(DamagedError):
            look()
    with pytest.raises(LimitError):
        tree.lstat("/x" * 200)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[int, bytes]:
    folder = tmp_path_factory.mktemp("hostile")
    root = fill(folder / "tree", 60)
    return {bits: make(folder, root, bits).read_bytes() for bits in SIZES}


def record(data: bytes | bytearray, name: bytes) -> int:
    """Where the short entry of a file stands."""
    assert data.count(name) >= 1, name
    return data.index(name)


def test_lower_case_flags_and_damaged_long_names(images: dict[int, bytes]) -> None:
    data = bytearray(images[16])
    place = record(data, b"BOOTX64 EFI")
    for flags, name in ((0x08, "bootx64.EFI"), (0x10, "BOOTX64.efi"), (0x18, "bootx64.efi")):
        data[place + 12] = flags
        assert name in FatTree(Memory(bytes(data))).names("/EFI")
    place = record(data, b"THIRTE~1")
    data[place - 32 + 13] ^= 1
    names = FatTree(Memory(bytes(data))).names("/EFI")
    assert "THIRTE~1" in names
    assert "thirteen-char" not in names


def test_long_names_beyond_the_basic_plane_and_in_bad_order() -> None:
    short = b"AB~1    EFI"
    total = 0
    for byte in short:
        total = ((total & 1) << 7) + (total >> 1) + byte & 0xFF
    text = "😀 and \ud800 bad".encode("utf-16-le", "surrogatepass") + b"\0\0"
    text = text.ljust(52, b"\xff")
    pieces = []
    for order, part in ((0x42, text[26:]), (1, text[:26])):
        pieces.append(bytes([order]) + part[:10] + b"\x0f\0" + bytes([total]) + part[10:22] + b"\0\0" + part[22:])
    entry = short + b"\x20" + bytes(20)
    assert list(parse(b"".join(pieces) + entry, 0, "test").items) == ["😀 and \ufffd bad"]
    for wrong in ((1, 0), (0,), (1,), (0, 1, 1), (1, 1)):
        data = b"".join(pieces[number] for number in wrong) + entry
        assert list(parse(data, 0, "test").items) == ["AB~1.EFI"], wrong


@pytest.mark.parametrize("bits", SIZES)
def test_chains_in_a_circle(images: dict[int, bytes], bits: int) -> None:
    data = bytearray(images[bits])
    tree = FatTree(Memory(bytes(data)))
    own = tree._geometry
    for path in ("/file300000", "/many"):
        item = tree._find(path)
        for target in (item.cluster, 0, own.clusters + 2, 1):
            changed = bytearray(data)
            second = tree._table._next(item.cluster)
            place = own.table + second * bits // 8
            if bits == 12:
                old = int.from_bytes(changed[place : place + 2], "little")
                value = (old & 0xF | target << 4) if second & 1 else (old & 0xF000 | target)
                changed[place : place + 2] = value.to_bytes(2, "little")
            else:
                changed[place : place + bits // 8] = target.to_bytes(bits // 8, "little")
            with pytest.raises(DamagedError, match="chain"):
                (FatTree(Memory(bytes(changed))).read if path != "/many" else FatTree(Memory(bytes(changed))).names)(
                    path
                )


def test_a_directory_within_itself(images: dict[int, bytes]) -> None:
    data = bytearray(images[16])
    tree = FatTree(Memory(bytes(data)))
    for name, cluster in (
        (b"BOOT       ", tree._find("/EFI").cluster),
        (b"BOOTX64 EFI", tree._find("/EFI/BOOT").cluster),
        (b"EMPTY      ", tree._find("/EFI").cluster),
    ):
        changed = bytearray(data)
        place = record(changed, name)
        changed[place + 11] = 0x10
        struct.pack_into("<H", changed, place + 26, cluster)
        hostile = FatTree(Memory(bytes(changed)))
        assert len(list(hostile.walk("/"))) < 120
        assert hostile.unreadable, name


@pytest.mark.parametrize("bits", SIZES)
@pytest.mark.parametrize("name", [b"BOOT/64 EFI", b"BO\0TX64 EFI", b"           ", b".          ", b"UPPER   TXT"])
def test_names_that_cannot_be(images: dict[int, bytes], bits: int, name: bytes) -> None:
    hostile = FatTree(Memory(images[bits].replace(b"BOOTX64 EFI", name)))
    list(hostile.walk("/"))
    assert [path for path, _ in hostile.unreadable] == ["/EFI"]


def test_reading_directories_again_and_again_has_an_end(images: dict[int, bytes]) -> None:
    tree = FatTree(Memory(images[16]))
    tree._budget = 1 << 20
    with pytest.raises(LimitError):
        for _ in range(300_000):
            tree._in_clusters(tree._find("/many").cluster, "/many")


def survive(data: bytes) -> None:
    start = time.monotonic()
    with contextlib.suppress(TargetError):
        exercise(FatTree(Memory(data)))
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("bits", SIZES)
def test_truncated_and_bits_flipped(images: dict[int, bytes], bits: int) -> None:
    chance = random.Random(bits)
    image = images[bits]
    used = [place for place in range(0, len(image), 16) if image[place : place + 16] != bytes(16)]
    for _ in range(ROUNDS):
        survive(image[: chance.choice((chance.randrange(len(image)), chance.choice(used)))])
        data = bytearray(image)
        for _ in range(5):
            data[chance.choice(used) + chance.randrange(16)] ^= 1 << chance.randrange(8)
        survive(bytes(data))


@pytest.mark.parametrize("bits", SIZES)
def test_absurd_numbers_in_the_boot_sector(images: dict[int, bytes], bits: int) -> None:
    for place in range(11, 66):
        for number in (0, 1, 0x7F, 0xFF, 0xFFFF, 0xFFFFFFFF):
            data = bytearray(images[bits][: 1 << 20])
            struct.pack_into("<I" if number > 0xFF else "<B", data, place, number)
            survive(bytes(data))


def test_the_backup_boot_sector_and_notes(images: dict[int, bytes]) -> None:
    data = bytearray(images[32])
    data[0x41] |= 1
    assert FatTree(Memory(bytes(data))).notes == ["not cleanly unmounted"]
    data[11:13] = b"\0\0"
    tree = FatTree(Memory(bytes(data)))
    assert "the backup boot sector at offset 3072 is used" in tree.notes[0]
    assert len(list(tree.walk("/"))) > 80
    with pytest.raises(DamagedError):
        FatTree(Memory(bytes(100)))
    assert "shorter" in FatTree(Memory(images[16][:5_000_000])).notes[0]
