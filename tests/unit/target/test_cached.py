"""The remembering device gives the same bytes with fewer reads and bounded memory."""

import random

import pytest

from scanner.model.errors import DamagedError, LimitError
from scanner.target import limits
from scanner.target.base import BlockDevice
from scanner.target.cached import CHUNK, CachedDevice


class _Device(BlockDevice):
    """Bytes in memory that count their reads; `step` hands them out in parts, `bad` is an unreadable place."""

    def __init__(self, data: bytes, *, step: int = 1 << 30, bad: int = -1, size: int | None = None) -> None:
        self.name = "memory"
        self.size = len(data) if size is None else size
        self.data, self.step, self.bad, self.reads = data, step, bad, 0

    def pread(self, offset: int, length: int) -> bytes:
        self.reads += 1
        if offset <= self.bad < offset + length:
            raise DamagedError("bad sector", where=self.name)
        return self.data[offset : offset + min(length, self.step)]


DATA = random.Random(7).randbytes(11 * CHUNK + 1234)


@pytest.mark.parametrize("step", [1 << 30, 5000])
def test_every_read_gives_the_bytes_of_the_device(step: int) -> None:
    device = CachedDevice(_Device(DATA, step=step), chunks=3)
    chance = random.Random(1)
    for _ in range(300):
        offset, length = (
            chance.randrange(len(DATA) + 100),
            chance.choice((0, 1, 300, 5000, CHUNK, 3 * CHUNK, 9 * CHUNK)),
        )
        assert device.pread(offset, length) == DATA[offset : offset + length]
        assert len(device._chunks) <= 3


def test_near_reads_cost_one_read_of_the_device() -> None:
    below = _Device(DATA)
    device = CachedDevice(below)
    for offset in range(0, CHUNK, 256):
        device.pread(offset, 256)
    assert below.reads == 1
    device.pread(0, 5 * CHUNK)
    device.pread(0, 5 * CHUNK)
    assert below.reads == 3, "a long read is not remembered"
    assert CachedDevice.over(device) is device
    assert CachedDevice.over(below).pread(1, 2) == DATA[1:3]


def test_a_bad_sector_hides_only_itself() -> None:
    device = CachedDevice(_Device(DATA, bad=1000))
    assert device.pread(2000, 10) == DATA[2000:2010]
    with pytest.raises(DamagedError):
        device.pread(900, 200)


def test_a_device_that_ends_before_its_size() -> None:
    device = CachedDevice(_Device(DATA[: CHUNK + 100], size=1 << 60))
    assert device.pread(CHUNK + 90, 100) == DATA[CHUNK + 90 : CHUNK + 100]
    assert device.pread(CHUNK - 10, 3 * CHUNK) == DATA[CHUNK - 10 : CHUNK + 100]
    assert device.pread(1 << 59, 4096) == b""
    assert device.exact(CHUNK, 100) == DATA[CHUNK : CHUNK + 100]
    with pytest.raises(DamagedError, match="ends after"):
        device.exact(CHUNK, 101)


def test_reads_that_make_no_sense() -> None:
    device = CachedDevice(_Device(b"", size=1 << 60))
    for offset, length in ((-1, 1), (0, -1)):
        with pytest.raises(DamagedError):
            device.pread(offset, length)
    with pytest.raises(LimitError):
        device.pread(0, limits.MAX_DEVICE_READ + 1)
