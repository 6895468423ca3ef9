"""Hash trees of the real veritysetup on plain files: same root hash, and damage found where it is."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, NotCollectedError, TargetError
from scanner.target.base import BlockDevice
from scanner.target.devices import FileDevice
from scanner.target.verity import check, from_partition_uuids, in_partition_uuids, superblock


class _Memory(BlockDevice):
    def __init__(self, data: bytes) -> None:
        self.name, self.size, self.data = "memory", len(data), data

    def pread(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def formatted(data: Path, hashes: Path, *options: str) -> str:
    """The root hash that veritysetup prints."""
    tool = shutil.which("veritysetup", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if tool is None:
        pytest.skip("veritysetup is not installed (Debian package cryptsetup-bin)")
    done = subprocess.run([tool, "format", *options, data, hashes], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"veritysetup {' '.join(options)}: {done.stderr}")
    found = re.search(r"Root hash:\s*([0-9a-f]+)", done.stdout)
    assert found, done.stdout
    return found[1]


VARIANTS = [
    "",
    "--salt=-",
    "--hash=sha1",
    "--hash=sha512 --salt=00112233",
    "--hash=sha384",
    "--format=0",
    "--format=0 --hash=sha1",
    "--data-block-size=1024 --hash-block-size=512",
    "--data-block-size=512 --hash-block-size=4096",
    "--data-block-size=4096 --hash-block-size=1024 --hash=sha512",
]


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("blocks", [1, 2, 128, 129, 700])
def test_the_root_hash_is_the_tools_own(tmp_path: Path, options: str, blocks: int) -> None:
    data, hashes = tmp_path / "data", tmp_path / "hashes"
    data.write_bytes(random.Random(blocks).randbytes(4096 * (blocks // 2)) + bytes(4096 * (blocks - blocks // 2)))
    root = formatted(data, hashes, *options.split())
    verity = superblock(FileDevice(hashes))
    found = check(verity, FileDevice(data), FileDevice(hashes))
    assert found.sound
    assert found.root_hash == found.stored_root_hash == root
    assert found.bytes == data.stat().st_size
    assert len(verity.uuid) == 36


def test_one_device_holds_both(tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.write_bytes(os.urandom(300 * 4096))
    root = formatted(both, both, f"--hash-offset={300 * 4096}", "--data-blocks=300")
    device = FileDevice(both)
    found = check(superblock(device, 300 * 4096), device, device)
    assert found.sound and found.root_hash == root


def test_damage_is_told_apart(tmp_path: Path) -> None:
    data, hashes = tmp_path / "data", tmp_path / "hashes"
    data.write_bytes(os.urandom(20_000 * 512))
    root = formatted(data, hashes, "--data-block-size=512", "--hash-block-size=512")
    content, tree = data.read_bytes(), hashes.read_bytes()
    verity = superblock(_Memory(tree))
    levels = verity.levels()
    assert levels == [1250, 79, 5, 1]

    changed = bytearray(content)
    changed[7000 * 512 + 5] ^= 1
    changed[19_999 * 512] ^= 1
    found = check(verity, _Memory(bytes(changed)), _Memory(tree))
    assert (found.damaged_data, found.damaged_hashes, found.first_damaged) == (2, 0, 7000 * 512)
    assert found.stored_root_hash == root != found.root_hash and not found.sound

    # A hash of the data's own level: the kernel refuses that block for its parent, and the data for it.
    changed = bytearray(tree)
    changed[verity.tree + (1 + 5 + 79) * 512 + 3 * 32] ^= 1
    found = check(verity, _Memory(content), _Memory(bytes(changed)))
    assert (found.damaged_data, found.damaged_hashes, found.first_damaged) == (1, 1, 3 * 512)
    assert found.root_hash == found.stored_root_hash == root and not found.sound

    changed = bytearray(tree)
    changed[verity.tree] ^= 1
    found = check(verity, _Memory(content), _Memory(bytes(changed)))
    assert (found.damaged_data, found.damaged_hashes) == (0, 1)
    assert found.root_hash == root != found.stored_root_hash


def test_memory_stays_small(tmp_path: Path) -> None:
    data, hashes = tmp_path / "data", tmp_path / "hashes"
    data.write_bytes(os.urandom(1 << 20) * 24)
    root = formatted(data, hashes)
    verity = superblock(FileDevice(hashes))
    assert check(verity, FileDevice(data), FileDevice(hashes)).root_hash == root
    tracemalloc.start()
    check(verity, FileDevice(data), FileDevice(hashes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_nonsense(tmp_path: Path) -> None:
    data, hashes = tmp_path / "data", tmp_path / "hashes"
    data.write_bytes(os.urandom(200 * 4096))
    formatted(data, hashes)
    content, tree = data.read_bytes(), hashes.read_bytes()
    verity = superblock(_Memory(tree))
    for outcome, device in (
        (DamagedError, _Memory(content[:-1])),
        (DamagedError, _Memory(b"")),
    ):
        with pytest.raises(outcome):
            check(verity, device, _Memory(tree))
    with pytest.raises(DamagedError, match="tree ends"):
        check(verity, _Memory(content), _Memory(tree[:-1]))
    with pytest.raises(LimitError):
        check(verity, _Memory(content), _Memory(tree), limit=1 << 19)
    with pytest.raises(DamagedError, match="no verity superblock"):
        superblock(_Memory(content))
    for place, new, outcome in (
        (8, b"\2", NotCollectedError),
        (12, b"\2", NotCollectedError),
        (32, b"whirlpool\0", NotCollectedError),
        (64, b"\1\0\0\0", DamagedError),
        (68, b"\0\0\0\0", DamagedError),
        (72, bytes(8), DamagedError),
        (80, b"\xff\xff", DamagedError),
    ):
        with pytest.raises(outcome):
            superblock(_Memory(tree[:place] + new + tree[place + len(new) :]))
    chance = random.Random(5)
    for _ in range(200):
        changed = bytearray(tree)
        for _ in range(3):
            changed[chance.randrange(90)] = chance.choice((0, 1, 0x80, 0xFF))
        try:
            check(superblock(_Memory(bytes(changed))), _Memory(content), _Memory(bytes(changed)))
        except TargetError:
            continue


def test_partition_uuids() -> None:
    root = "00112233445566778899aabbccddeeff" + "ffeeddccbbaa99887766554433221100"
    first, last = "00112233-4455-6677-8899-aabbccddeeff", "FFEEDDCC-BBAA-9988-7766-554433221100"
    assert from_partition_uuids(first, last) == root
    assert in_partition_uuids(root, first, last)
    assert in_partition_uuids(root[:32] + "00" * 32 + root[32:], first, last)
    assert not in_partition_uuids(root, last, first)
    assert not in_partition_uuids(root[:40], first, last)
