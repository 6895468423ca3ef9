"""A small disk, its containers as qemu-img makes them, and what spoils them."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.model.errors import TargetError
from scanner.target.base import BlockDevice
from scanner.target.containers.base import container_of
from scanner.target.devices import FileDevice

ROUNDS = 200 if os.environ.get("ASSAY_LONG") else 20
SIZE = 5 * 1024 * 1024 + 512


def make_disk(path: Path, size: int = SIZE) -> Path:
    """A sparse disk with random bytes and runs of one letter in a few places, and in its last sector."""
    chance = random.Random(7)
    with path.open("wb") as stream:
        stream.truncate(size)
        for at in (0, 65_536, 1_000_000, 3_000_000):
            stream.seek(at)
            stream.write(chance.randbytes(512) + b"A" * 4096)
        stream.seek(size - 512)
        stream.write(chance.randbytes(512))
    return path


def convert(raw: Path, to: Path, kind: str, options: str = "") -> Path:
    """The disk in another container."""
    words = ["-O", kind, *(["-o", options] if options else []), str(raw), str(to)]
    qemu_img("convert", "-f", "raw", *words)
    return to


def qemu_img(*words: str) -> None:
    """Run qemu-img, or skip the test."""
    if shutil.which("qemu-img") is None:
        pytest.skip("qemu-img is not installed (Debian: qemu-utils)")
    for _ in range(10):
        done = subprocess.run(["qemu-img", *words], capture_output=True)
        # Its key derivation gives up on a busy machine, where it cannot measure its own speed.
        if done.returncode == 0 or b"accurate CPU usage" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr


def patch(path: Path, at: int, data: bytes) -> None:
    """Overwrite bytes; a negative offset counts from the end."""
    with path.open("r+b") as stream:
        stream.seek(at, 0 if at >= 0 else 2)
        stream.write(data)


def opened(path: Path) -> BlockDevice:
    """The disk inside the container."""
    device = FileDevice(path)
    container = container_of(device)
    assert container is not None, f"{path.name} is not recognised"
    (inside,) = container.open(device)
    return inside


def whole(device: BlockDevice, step: int = 100_003) -> bytes:
    """All bytes of a device, read in odd steps."""
    parts = []
    at = 0
    while at < device.size:
        parts.append(device.pread(at, step))
        assert parts[-1], f"nothing at offset {at}"
        at += len(parts[-1])
    return b"".join(parts)


def spoiled(good: bytes, reach: int = 1 << 20) -> Iterator[bytes]:
    """Truncations and bit flips (in the first `reach` bytes and the last sectors) at fixed places."""
    chance = random.Random(11)
    for _ in range(ROUNDS):
        yield good[: chance.randrange(len(good))]
    for number in range(ROUNDS):
        bad = bytearray(good)
        for _ in range(1 + number % 8):
            first, last = (0, min(len(bad), reach)) if number % 4 else (max(0, len(bad) - 2048), len(bad))
            bad[chance.randrange(first, last)] ^= 1 << chance.randrange(8)
        yield bytes(bad)


def survives(path: Path, good: bytes, reach: int = 1 << 20) -> int:
    """Open and read every spoiled copy; only TargetError may come out. Gives how many were refused or broke off."""
    refused = 0
    for bad in spoiled(good, reach):
        path.write_bytes(bad)
        try:
            with_container = container_of(FileDevice(path))
            if with_container is None:
                refused += 1
                continue
            (device,) = with_container.open(FileDevice(path))
            for at in range(0, min(device.size, 8_000_000), 250_000):
                assert len(device.pread(at, 4096)) == min(4096, device.size - at)
        except TargetError:
            refused += 1
    return refused
