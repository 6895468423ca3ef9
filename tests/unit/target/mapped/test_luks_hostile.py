"""Damaged and crafted LUKS volumes, with the right key at hand: never a traceback, never long, never much memory."""

from __future__ import annotations

import hashlib
import os
import random
import struct
import time
from pathlib import Path

import pytest

from scanner.boot.luks_material import read_lock
from scanner.boot.luks_unlock import Work, unlock
from scanner.model.errors import TargetError
from scanner.target.contents import Part, explore
from scanner.target.mapped.base import assemble
from scanner.target.mapped.luks import NOT_OPENED
from tests.memory import grows_less_than
from tests.storage_lab import rewrite
from tests.unit.target.mapped.luks_lab import KEY, MIB, Memory, root_file_system, volume

ROUNDS = 200 if os.environ.get("ASSAY_LONG") else 20
KINDS = (1, 2)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[int, bytes]:
    folder = tmp_path_factory.mktemp("hostile")
    root = root_file_system(folder).read_bytes()
    made = {version: volume(folder / f"v{version}", root, version=version) for version in KINDS}
    return {version: path.read_bytes() for version, path in made.items()}


def survive(data: bytes) -> Part:
    """What was made of a volume with its key; every byte and file in it is read as far as it goes."""
    start = time.monotonic()
    part = explore(Memory(data))
    assemble(part, [KEY])
    for one in part.walk():
        try:
            one.device.pread(max(0, one.device.size - 5000), 10_000)
            for entry in one.tree.walk() if one.tree is not None else ():
                if one.tree is not None and entry.type == "file":
                    one.tree.pread(entry.path, 0, 100_000)
        except TargetError:
            continue
    assert time.monotonic() - start < 10
    return part


def data_offset(version: int, image: bytes) -> int:
    """Where header and key material end: the file system takes the last four megabytes."""
    return len(image) - 4 * MIB


@pytest.mark.parametrize("version", KINDS)
def test_whole(images: dict[int, bytes], version: int) -> None:
    (child,) = survive(images[version]).children
    assert (child.kind, child.state) == ("ext4", "read")


@pytest.mark.parametrize("version", KINDS)
def test_truncated(images: dict[int, bytes], version: int) -> None:
    chance = random.Random(f"cut {version}")
    image = images[version]
    end = data_offset(version, image)
    for number in range(ROUNDS):
        length = chance.randrange(len(image) if number % 2 else end)
        part = survive(image[:length])
        assert not (length < end and part.children)


@pytest.mark.parametrize("version", KINDS)
def test_bits_flipped(images: dict[int, bytes], version: int) -> None:
    """In the header, in key material, in what both leave free, and in the data; five at a time."""
    chance = random.Random(f"flip {version}")
    image = images[version]
    for number in range(ROUNDS):
        data = bytearray(image)
        end = (1024, 32 * 1024, data_offset(version, image), len(image))[number % 4]
        for _ in range(5):
            data[chance.randrange(end)] ^= 1 << chance.randrange(8)
        survive(bytes(data))


def test_one_flipped_bit_of_key_material_closes_the_slot(images: dict[int, bytes]) -> None:
    for version in KINDS:
        data = bytearray(images[version])
        place = 32 * 1024 + 3000 if version == 2 else 8 * 512 + 3000
        data[place] ^= 1
        part = survive(bytes(data))
        assert (part.state, part.notes) == ("encrypted", [NOT_OPENED])


def test_absurd_numbers_in_the_luks1_header(images: dict[int, bytes]) -> None:
    places = [104, 108, 164, *range(208, 256, 4)]
    numbers = [(place, number) for place in places for number in (0, 1, 7, 0x7FFFFFFF, 0xFFFFFFFF)]
    # Slots 1 to 7 were never used: switched on, they hold nothing.
    numbers += [(208 + 48 * slot, 0x00AC71F3) for slot in range(1, 8)]
    opened = 0
    for place, number in numbers:
        data = bytearray(images[1])
        data[place : place + 4] = number.to_bytes(4, "big")
        part = survive(bytes(data))
        opened += bool(part.children)
    assert 7 <= opened < len(numbers)


def test_many_slots_cannot_cost_more_than_one_budget(tmp_path: Path, images: dict[int, bytes]) -> None:
    """Thirty-two slots that each ask for the most a slot may ask for: only the first few are tried."""
    path = tmp_path / "v"
    path.write_bytes(images[2])

    def greedy(body: dict[str, dict[str, dict[str, object]]]) -> None:
        slot = body["keyslots"]["0"]
        expensive = {**slot, "kdf": {**slot["kdf"], "iterations": 300_000}}  # type: ignore[dict-item]
        body["keyslots"] = {str(number): expensive for number in range(32)}
        body["digests"]["0"]["keyslots"] = [str(number) for number in range(32)]

    rewrite(path, greedy)
    lock = read_lock(Memory(path.read_bytes()).pread)
    problems: list[str] = []
    work = Work(2 * 600_000 + 100_000)
    assert unlock(lock, Memory(path.read_bytes()).pread, b"wrong", work, problems) is None
    assert len(problems) == 30
    assert all("units of work for the keys of this image" in problem for problem in problems)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 1_000_000,
        b'{"a":' * 500_000,
        b'{"keyslots":{"0":' + b"9" * 100_000 + b"}}",
        b'{"keyslots":{' + b",".join(b'"%d":{}' % number for number in range(50_000)) + b"}}",
        b'{"keyslots":{},"segments":{},"digests":{},"tokens":{},"config":' + b"[[]" + b",[]" * 600_000 + b"]}",
        b'{"keyslots":{},"segments":{"0":{"type":"crypt","offset":"1e9"}},"digests":{},"tokens":{},"config":{}}',
    ],
)
def test_json_bombs(text: bytes) -> None:
    size = 4 * MIB
    header = bytearray(4096)
    struct.pack_into(">6sHQQ48s32s", header, 0, b"LUKS\xba\xbe", 2, size, 1, b"", b"sha256")
    body = text.ljust(size - 4096, b"\0")
    header[448:480] = hashlib.sha256(bytes(header) + body).digest()
    with grows_less_than(400 * MIB):
        part = survive(bytes(header) + body + bytes(5 * MIB))
    assert part.children == []
    assert part.notes


def test_many_volumes_and_keys(tmp_path: Path, images: dict[int, bytes]) -> None:
    path = tmp_path / "v"
    path.write_bytes(images[2])
    part = explore(Memory(path.read_bytes()))
    assemble(part, [b"%d" % number for number in range(10)] + [KEY])
    assert part.notes == ["opened with the key given, keyslot 0"]
