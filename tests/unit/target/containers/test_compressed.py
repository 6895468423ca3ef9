"""Compressed images hold the same bytes as the raw disk, and say when they were cut off."""

import bz2
import gzip
import lzma
import random
from pathlib import Path

import pytest

from scanner.model.errors import LimitError
from scanner.target import limits
from scanner.target.contents import explore
from scanner.target.devices import FileDevice
from tests.unit.target.containers.container_lab import make_disk, opened, whole


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_disk(tmp_path_factory.mktemp("disk") / "disk.raw")


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2", "zstd"])
def test_compressed(kind: str, raw: Path, tmp_path: Path) -> None:
    data = raw.read_bytes()
    half = len(data) // 2
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(pack(kind, data))
    two.write_bytes(pack(kind, data[:half]) + pack(kind, data[half:]))
    for path in (one, two):
        device = opened(path)
        assert device.size == len(data)
        assert whole(device) == data
        assert not device.damaged
        assert list(device.notes) == []


def pack(kind: str, data: bytes) -> bytes:
    if kind == "zstd":
        import zstandard

        return zstandard.ZstdCompressor(write_checksum=True).compress(data)
    packed: bytes = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}[kind](data)
    return packed


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2", "zstd"])
def test_what_is_cut_off_says_so(kind: str, tmp_path: Path) -> None:
    data = random.Random(5).randbytes(3_000_000)
    packed = pack(kind, data)
    path = tmp_path / "cut"
    for keep in (len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:keep])
        device = opened(path)
        assert device.damaged
        (note,) = device.notes
        assert note.startswith("cut off near offset"), note
        assert f"after {device.size} bytes is lost" in note
        assert data.startswith(whole(device))
        assert device.size > keep - 1_000_000
    part = explore(FileDevice(path))
    assert (part.kind, part.state, part.notes) == (kind, "damaged", [note])


def test_rubbish_behind_a_gzip_image_is_noted(tmp_path: Path) -> None:
    data = random.Random(5).randbytes(300_000)
    path = tmp_path / "more"
    path.write_bytes(pack("gzip", data) + b"rubbish of some length")
    device = opened(path)
    assert whole(device) == data
    assert device.damaged


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2", "zstd"])
def test_a_wrong_byte_in_the_middle_spoils_all(kind: str, tmp_path: Path) -> None:
    packed = bytearray(pack(kind, random.Random(5).randbytes(300_000)))
    packed[len(packed) // 2] ^= 1
    path = tmp_path / "bad"
    path.write_bytes(packed)
    part = explore(FileDevice(path))
    assert (part.kind, part.state, part.children) == (kind, "damaged", [])


def test_zstd_streams_that_are_complete(tmp_path: Path) -> None:
    import zstandard

    data = random.Random(5).randbytes(600_000) + bytes(600_000)
    skipped = b"\x5e\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
    path = tmp_path / "image"
    for parameters in ({"write_checksum": True}, {"write_checksum": False, "write_content_size": False}):
        packed = zstandard.ZstdCompressor(**parameters).compress(data)
        path.write_bytes(skipped + packed + skipped + packed)
        device = opened(path)
        assert not device.damaged, device.notes
        assert device.size == 2 * len(data)


def test_a_bomb_is_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_IMAGE", 50_000_000)
    for name, pack in (("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)):
        path = tmp_path / name
        path.write_bytes(pack(bytes(100_000_000)))
        with pytest.raises(LimitError):
            opened(path)
