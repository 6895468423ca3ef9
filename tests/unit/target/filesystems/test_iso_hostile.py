"""ISO 9660 images that lie, are cut short or have bits flipped: only TargetError, no hang, no memory."""

from __future__ import annotations

import contextlib
import os
import random
import time
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, NotCollectedError, TargetError
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.iso import IsoTree
from tests.memory import MIB, grows_less_than
from tests.unit.target.filesystems.ext_lab import Memory, exercise, give_attributes
from tests.unit.target.filesystems.iso_lab import both, grow, record, small, xorriso

RUNS = 200 if os.environ.get("ASSAY_LONG") else 20


@pytest.fixture(scope="module", params=["-R --xattr-any --acl -J", "--norock -J", "--norock"])
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small image with some of everything, as bytes."""
    folder: Path = tmp_path_factory.mktemp("iso")
    tree = grow(folder / "tree", many=200)
    give_attributes(tree)
    data = xorriso(folder / "image", tree, *request.param.split(), "-b", "file4096", "-no-emul-boot").read_bytes()
    found = opened(data)
    assert exercise(found) > 200
    assert found.notes == []
    return data


def opened(data: bytes) -> IsoTree:
    tree = open_filesystem("iso9660", Memory(data))
    assert isinstance(tree, IsoTree)
    return tree


def run(data: bytes) -> None:
    """Look at everything, whatever it is; only TargetError and not for long."""
    start = time.monotonic()
    with contextlib.suppress(TargetError):
        exercise(opened(data))
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("seed", range(RUNS))
def test_cut_short(image: bytes, seed: int) -> None:
    chance = random.Random(seed)
    run(image[: int(len(image) ** chance.random()) if seed % 2 else chance.randrange(len(image))])


@pytest.mark.parametrize("seed", range(RUNS))
def test_flipped_bits(image: bytes, seed: int) -> None:
    chance = random.Random(1000 + seed)
    metadata = len(image) if seed % 3 == 0 else 200 * 1024
    written = [place for place in range(32768, metadata, 64) if any(image[place : place + 64])]
    copy = bytearray(image)
    for _ in range(chance.choice((1, 10, 100, 1000))):
        copy[chance.choice(written) + chance.randrange(64)] ^= 1 << chance.randrange(8)
    with grows_less_than(256 * MIB):
        run(bytes(copy))


def test_a_directory_that_holds_its_parents() -> None:
    inner = b"".join(
        (
            record(b"\0", 21, 2048, 2),
            record(b"\1", 20, 2048, 2),
            record(b"UP", 20, 2048, 2),
            record(b"SELF", 21, 2048, 2),
        )
    )
    tree = opened(
        small(
            record(b"DIR", 21, 2048, 2), record(b"ROOT", 20, 2048, 2), record(b"SAME", 21, 2048, 2), blocks={21: inner}
        )
    )
    assert len(list(tree.walk("/"))) == 6
    assert sorted(path for path, reason in tree.unreadable if "another path" in reason) == [
        "/dir/self",
        "/dir/up",
        "/root",
        "/same",
    ]


@pytest.mark.parametrize("name", [b"A/B", b"A\0B", b".", b"..", b";1", b"..;1", b""])
def test_names_that_are_none(name: bytes) -> None:
    tree = opened(small(record(b"SOUND.;1", 30, 1), record(name, 30, 1)))
    with pytest.raises(DamagedError, match="directory entry named"):
        tree.names("/")


@pytest.mark.parametrize("name", [b"\0", b"\1"])
def test_dots_in_the_wrong_place(name: bytes) -> None:
    with pytest.raises(DamagedError, match="second entry"):
        opened(small(record(b"SOUND.;1", 30, 1), record(name, 20, 2048, 2))).names("/")


def test_the_same_name_twice() -> None:
    tree = opened(small(record(b"A.;1", 30, 1), record(b"a.;1", 31, 1)))
    with pytest.raises(DamagedError, match="twice"):
        tree.lstat("/a")


def test_absurd_sizes_and_places() -> None:
    tree = opened(
        small(
            record(b"FAR.;1", 0xFFFFFFFF, 0xFFFFFFFF), record(b"LONG.;1", 30, 0xFFFFFFFF), record(b"OVER.;1", 60, 20000)
        )
    )
    assert tree.lstat("/far").size == 0xFFFFFFFF
    for path in ("/far", "/over"):
        with pytest.raises(DamagedError):
            tree.read(path)
    assert tree.pread("/long", 0, 2048) == bytes(2048)
    with pytest.raises(TargetError):
        tree.read("/long")
    tree = opened(
        small(record(b"FAR", 1 << 31, 2048, 2), record(b"LONG", 21, 0xFFFFFFFF, 2), record(b"OVER", 60, 1 << 20, 2))
    )
    for path, error in (("/far", DamagedError), ("/long", LimitError), ("/over", DamagedError)):
        with pytest.raises(error):
            tree.names(path)


def test_records_that_are_nonsense() -> None:
    sound = record(b"A.;1", 30, 1)
    for broken in (bytes([10]) + sound[1:], sound[:32] + b"\xff" + sound[33:]):
        with pytest.raises(DamagedError, match="directory record of"):
            opened(small(broken)).names("/")


def test_descriptors_of_nonsense() -> None:
    whole = small()
    for data in (b"", bytes(100), bytes(1 << 20), bytes(0x8001) + b"CD001" + b"\xff" * 100, whole[: 17 * 2048]):
        with pytest.raises(TargetError):
            opened(data)
    broken = bytearray(small())
    broken[16 * 2048 + 128 : 16 * 2048 + 130] = b"\0\0"
    with pytest.raises(NotCollectedError, match="blocks of 0 bytes"):
        opened(bytes(broken))
    broken = bytearray(small())
    broken[16 * 2048 + 158 : 16 * 2048 + 166] = both(1 << 30)
    with pytest.raises(DamagedError):
        opened(bytes(broken))


def test_continuation_areas_that_all_share() -> None:
    fields = b"SP\7\1\xbe\xef\0PX\x24\1" + both(0o40755) + both(2) + both(0) + both(0)
    far = b"CE\x1c\1" + both(100) + both(0) + both(1 << 20)
    px = b"PX\x24\1" + both(0o100644) + both(1) + both(0) + both(0)
    records = [record(b"\0", 64, 30 * 2048, 2, fields), record(b"\1", 64, 30 * 2048, 2, px)]
    records += [record(b"%03d" % number, 40, 1, 0, px + far) for number in range(400)]
    directory = b""
    for part in records:
        if len(directory) % 2048 + len(part) > 2048:
            directory += bytes(-len(directory) % 2048)
        directory += part
    data = bytearray(small()) + bytes(2 << 20)
    data[64 * 2048 : 64 * 2048 + len(directory)] = directory
    data[100 * 2048 : 100 * 2048 + (1 << 20)] = b"XX\4\1" * (1 << 18)
    data[16 * 2048 + 158 : 16 * 2048 + 166] = both(64)
    start = time.monotonic()
    with pytest.raises(LimitError, match="continued fields"):
        opened(bytes(data)).names("/")
    assert time.monotonic() - start < 10


def test_a_huge_directory_of_nothing() -> None:
    device = Memory(small(record(b"DIR", 22, 60 << 20, 2)) + bytes(64 << 20))
    tree = open_filesystem("iso9660", device)
    start = time.monotonic()
    assert tree.names("/dir") == []
    assert time.monotonic() - start < 10
