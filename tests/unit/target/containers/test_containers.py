"""Disk containers made by the real tools hold the same bytes as the raw disk."""

import bz2
import gzip
import lzma
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import LimitError, NotCollectedError, TargetError
from scanner.target import limits
from scanner.target.base import BlockDevice
from scanner.target.containers.base import HEAD, containers
from scanner.target.devices import FileDevice

SIZE = 5 * 1024 * 1024 + 512


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("disk") / "disk.raw"
    chance = random.Random(7)
    with path.open("wb") as stream:
        stream.truncate(SIZE)
        for at in (0, 65_536, 1_000_000, 3_000_000, SIZE - 512):
            stream.seek(at)
            stream.write(chance.randbytes(512) + b"A" * 4096 if at < SIZE - 5000 else chance.randbytes(512))
        stream.truncate(SIZE)
    return path


def opened(path: Path) -> BlockDevice:
    device = FileDevice(path)
    container = next(one for one in containers() if one.probe(device.pread(0, HEAD)))
    return container.open(device)[0]


def whole(device: BlockDevice, step: int = 100_003) -> bytes:
    parts = []
    at = 0
    while at < device.size:
        parts.append(device.pread(at, step))
        at += len(parts[-1])
    return b"".join(parts)


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2", "zstd"])
def test_compressed(kind: str, raw: Path, tmp_path: Path) -> None:
    data = raw.read_bytes()
    half = len(data) // 2
    if kind == "zstd":
        import zstandard

        pack = zstandard.ZstdCompressor().compress
    else:
        pack = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}[kind]
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(pack(data))
    two.write_bytes(pack(data[:half]) + pack(data[half:]))
    for path in (one, two):
        device = opened(path)
        assert device.size == len(data)
        assert whole(device) == data
    cut = tmp_path / "cut"
    cut.write_bytes(one.read_bytes()[: one.stat().st_size // 2])
    try:
        device = opened(cut)
    except TargetError:
        return
    assert data.startswith(whole(device))


def test_a_bomb_is_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_IMAGE", 50_000_000)
    for name, pack in (("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)):
        path = tmp_path / name
        path.write_bytes(pack(bytes(100_000_000)))
        with pytest.raises(LimitError):
            opened(path)


@pytest.mark.parametrize(
    "options",
    [[], ["-c"], ["-o", "cluster_size=512"], ["-o", "cluster_size=2M"], ["-o", "compat=0.10"],
     ["-c", "-o", "compression_type=zstd"], ["-o", "extended_l2=on,cluster_size=128k"]],
    ids=["plain", "compressed", "small", "large", "v2", "zstd", "subclusters"],
)  # fmt: skip
def test_qcow2(options: list[str], raw: Path, tmp_path: Path) -> None:
    if shutil.which("qemu-img") is None:
        pytest.skip("qemu-img is not installed: make test installs it")
    path = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", *options, str(raw), str(path)], check=True)
    device = opened(path)
    data = raw.read_bytes()
    assert device.size >= len(data)
    assert whole(device)[: len(data)] == data
    assert device.pread(65_500, 100) == data[65_500:65_600]
    assert device.pread(device.size, 10) == b""


def test_a_backing_file_is_refused(raw: Path, tmp_path: Path) -> None:
    if shutil.which("qemu-img") is None:
        pytest.skip("qemu-img is not installed: make test installs it")
    path = tmp_path / "child.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(raw), "-F", "raw", str(path)], check=True)
    with pytest.raises(NotCollectedError, match="backing"):
        opened(path)


def test_damaged_qcow2_ends_in_a_target_error(raw: Path, tmp_path: Path) -> None:
    if shutil.which("qemu-img") is None:
        pytest.skip("qemu-img is not installed: make test installs it")
    path = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", "-c", str(raw), str(path)], check=True)
    good = path.read_bytes()
    chance = random.Random(3)
    for number in range(40):
        bad = bytearray(good)
        if number % 2:
            bad = bad[: chance.randrange(len(bad))]
        else:
            for _ in range(8):
                bad[chance.randrange(min(len(bad), 300_000))] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)
        try:
            device = opened(path)
            for at in range(0, min(device.size, 8_000_000), 500_000):
                device.pread(at, 4096)
        except (TargetError, StopIteration):
            continue
