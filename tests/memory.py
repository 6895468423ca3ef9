"""Peak memory of this process since a moment. `ru_maxrss` would be the peak of all tests before, and of the parent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1024 * 1024


def high_water() -> int:
    """Bytes of the highest resident set since the last reset (VmHWM, proc(5))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("/proc/self/status names no VmHWM")


@contextmanager
def grows_less_than(limit: int) -> Iterator[None]:
    """Fail when what runs inside needs more than `limit` bytes on top of what is there."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this kernel does not let a process reset its peak memory")
    before = high_water()
    yield
    assert high_water() - before < limit
