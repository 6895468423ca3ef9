"""btrfs images that are cut, flipped and crafted: only TargetError comes out, in bounded time and memory."""

from __future__ import annotations

import os
import random
import struct
import time
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, TargetError
from scanner.target.filesystems.btrfs import open_btrfs
from tests.unit.target.filesystems.btrfs_lab import blocks, items, mkfs, mounted, seal, seal_superblocks
from tests.unit.target.filesystems.ext_lab import Memory, as_root, exercise

LONG = bool(os.environ.get("ASSAY_LONG"))
ROUNDS = 200 if LONG else 20
NODE = 4096
SUPER = 65536


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file system of 16 MiB with everything small in it, and some hundred metadata blocks."""
    folder = tmp_path_factory.mktemp("hostile")
    tree = folder / "tree"
    tree.mkdir()
    chance = random.Random(3)
    for number in range(150):
        inner = tree / f"d{number % 7}" / f"e{number % 3}"
        inner.mkdir(parents=True, exist_ok=True)
        (inner / f"f{number}").write_bytes(chance.randbytes((10, 900, 5000, 20_000)[number % 4]))
    for number in range(20):
        os.symlink(f"../d{number % 7}/e0", tree / f"link{number}")
    os.link(tree / "d0" / "e0" / "f0", tree / "hard")
    mkfs(folder / "image", "-M", "-n", "4096", "-m", "single", "-d", "single", tree=tree, size=16 << 20)
    data = (folder / "image").read_bytes()[: 16 << 20]
    assert exercise(open_btrfs(Memory(data))) > 180
    return data


def survives(data: bytes) -> None:
    """Walk and read everything; anything but a TargetError escapes."""
    start = time.monotonic()
    try:
        tree = open_btrfs(Memory(data))
        tree.subvolumes()
        exercise(tree)
    except TargetError:
        pass
    assert time.monotonic() - start < 10


def used(image: bytes) -> list[int]:
    """Metadata blocks that a walk reads."""
    tree = open_btrfs(Memory(image))
    exercise(tree)
    tree.subvolumes()
    return sorted({tree._opened.volume.copies(logical)[0] for logical in tree._opened.volume._blocks})


def crafted(image: bytes, change: dict[int, bytes]) -> Memory:
    """The image with bytes replaced and every checksum fitting again."""
    data = bytearray(image)
    for place, new in change.items():
        data[place : place + len(new)] = new
    for start in blocks(data, NODE):
        seal(data, start, NODE)
    seal_superblocks(data)
    return Memory(bytes(data))


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_truncated(image: bytes, seed: int) -> None:
    survives(image[: random.Random(seed).randrange(SUPER, len(image))])


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_bits_flipped_anywhere_that_is_used(image: bytes, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(image)
    places = [*used(image), SUPER]
    for _ in range(chance.choice((1, 10, 200))):
        data[chance.choice(places) + chance.randrange(NODE)] ^= 1 << chance.randrange(8)
    survives(bytes(data))


@pytest.mark.parametrize("seed", range(ROUNDS * 3))
def test_bits_flipped_under_fitting_checksums(image: bytes, seed: int) -> None:
    chance = random.Random(1000 + seed)
    data = bytearray(image)
    places = used(image)
    for _ in range(chance.choice((1, 3, 30))):
        start = chance.choice(places)
        within = chance.choice((chance.randrange(80, 400), chance.randrange(NODE)))
        data[start + within] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, data[start + within] ^ 1 << chance.randrange(8)))
        seal(data, start, NODE)
    survives(bytes(data))


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_superblock_of_nonsense_under_a_fitting_checksum(image: bytes, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(image)
    for _ in range(3):
        place = SUPER + chance.choice((chance.randrange(72, 299), chance.randrange(811, 1000)))
        data[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
    seal_superblocks(data)
    survives(bytes(data))


@pytest.mark.parametrize(("offset", "size"), [(80, 8), (88, 8), (112, 8), (144, 4), (148, 4), (160, 4), (164, 8)])
@pytest.mark.parametrize("value", [0, 1, 0x7FFFFFFF, (1 << 64) - 1, 1 << 60])
def test_absurd_numbers_in_the_superblock(image: bytes, offset: int, size: int, value: int) -> None:
    data = bytearray(image)
    data[SUPER + offset : SUPER + offset + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
    seal_superblocks(data)
    survives(bytes(data))


def test_every_number_of_every_item_once_absurd(image: bytes) -> None:
    """For one leaf of each kind: each eight bytes of each item replaced by large numbers."""
    kinds: dict[int, list[tuple[int, int, int]]] = {}
    for start in used(image):
        for key, place, size in items(image, start):
            kinds.setdefault(key[1], []).append((start, place, size))
    step = 1 if LONG else 3
    count = 0
    for kind, found in sorted(kinds.items()):
        if kind not in (1, 12, 84, 96, 108, 128, 132, 228):
            continue
        start, place, size = found[len(found) // 2]
        for offset in range(0, min(size, 240), 8 * step if kind not in (84, 96, 108) else 4):
            for value in (0xFFFF_FFFF_FFFF_FFFF, 1 << 60):
                new = value.to_bytes(8, "little")[: max(0, size - offset)]
                data = bytearray(image)
                data[place + offset : place + offset + len(new)] = new
                seal(data, start, NODE)
                survives(bytes(data))
                count += 1
    assert count > 30


def directory_records(image: bytes, name: bytes) -> list[int]:
    """Where the records of a name lie, in DIR_ITEM and DIR_INDEX items."""
    found = []
    for start in used(image):
        for key, place, size in items(image, start):
            if key[1] in (84, 96) and image[place + 30 : place + size] == name:
                found.append(place)
    assert len(found) == 2
    return found


@pytest.mark.parametrize("name", [b"a/b", b"a\0b", b"..\0", b".", b".."])
def test_names_that_are_none(image: bytes, name: bytes) -> None:
    change = {place + 30: name.ljust(4, b"x")[:4] for place in directory_records(image, b"hard")}
    if name in (b".", b".."):
        change = {}
        for place in directory_records(image, b"hard"):
            change[place + 27] = struct.pack("<H", len(name))
            change[place + 25] = struct.pack("<H", 4 - len(name))
            change[place + 30] = name
    tree = open_btrfs(crafted(image, change))
    with pytest.raises(DamagedError):
        tree.names("/")


def test_a_name_that_is_listed_but_not_found(image: bytes) -> None:
    tree = open_btrfs(crafted(image, {directory_records(image, b"hard")[1] + 30: b"herd"}))
    with pytest.raises(DamagedError, match="lists other names than it finds"):
        tree.names("/")
    both = {place + 30: b"herd" for place in directory_records(image, b"hard")}
    with pytest.raises(DamagedError, match="misplaced name"):
        open_btrfs(crafted(image, both)).names("/")


def test_a_directory_inside_itself(image: bytes) -> None:
    tree = open_btrfs(Memory(image))
    outer = tree.stat("/d1").inode
    change = {}
    for start in used(image):
        for key, place, size in items(image, start):
            if key[0] == outer and key[1] in (84, 96) and image[place + 30 : place + size] == b"e1":
                change[place] = outer.to_bytes(8, "little")
    assert len(change) == 2
    tree = open_btrfs(crafted(image, change))
    walked = [entry.path for entry in tree.walk()]
    assert len(walked) < 400
    assert [path for path, _ in tree.unreadable] == ["/d1/e1"]
    assert "another path" in tree.unreadable[0][1]


def test_a_tree_that_leads_to_itself(image: bytes) -> None:
    loops = 0
    for start in used(image):
        count, level = struct.unpack_from("<IB", image, start + 96)
        if not level:
            continue
        logical = image[start + 48 : start + 56]
        first = image[start + 101 + 17 : start + 101 + 33]
        for index in range(count):
            pointer = start + 101 + 33 * index + 17
            survives(crafted(image, {pointer: logical}).data)
            survives(crafted(image, {pointer: first}).data)
            loops += 1
            if index > 3:
                break
    assert loops > 2


def test_a_file_of_2_to_the_60(image: bytes) -> None:
    number = open_btrfs(Memory(image)).stat("/hard").inode
    change = {
        place + 16: (1 << 60).to_bytes(8, "little")
        for start in used(image)
        for key, place, _ in items(image, start)
        if key == (number, 1, 0)
    }
    tree = open_btrfs(crafted(image, change))
    assert tree.stat("/hard").size == 1 << 60
    assert tree.pread("/hard", 1 << 59, 1000) == bytes(1000)
    with pytest.raises(TargetError):
        tree.read("/hard")


@pytest.mark.parametrize("method", ["zlib", "lzo", "zstd"])
def test_compressed_extents_of_nonsense(tmp_path: Path, method: str) -> None:
    if not as_root():
        pytest.skip("only a mount as root compresses (mkfs.btrfs before 6.11 does not)")
    path = tmp_path / "image"
    mkfs(path, "-n", "4096", "-M", size=24 << 20)
    with mounted(path, tmp_path / "kernel", f"rw,nodatasum,compress-force={method}") as root:
        for number in range(24):
            (root / f"f{number}").write_bytes((b"%d lines\n" % number) * (10_000 if number % 2 else 100))
    data = path.read_bytes()
    extents = [
        (start, place, size)
        for start in used(data)
        for key, place, size in items(data, start)
        if key[1] == 108 and data[place + 16]
    ]
    assert len(extents) > 20
    device = open_btrfs(Memory(data))._opened.volume
    chance = random.Random(9)
    for _ in range(ROUNDS):
        changed = bytearray(data)
        for start, place, size in chance.sample(extents, 10):
            if size == 53 and chance.random() < 0.7:
                (logical,) = struct.unpack_from("<Q", data, place + 21)
                place = device.copies(logical)[0]
                changed[place + chance.randrange(200)] ^= 1 << chance.randrange(8)
            else:
                changed[place + chance.randrange(size)] ^= 1 << chance.randrange(8)
            seal(changed, start, NODE)
        survives(bytes(changed))
