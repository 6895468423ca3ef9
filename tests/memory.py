"""Peak memory of this process since a moment. `ru_maxrss` would be the peak of all tests before, and of the parent."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
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


_MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as out:
    out.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024))
sys.exit(code if code >= 0 else 128 - code)
"""


def measured(command: Sequence[str], peak: Path) -> list[str]:
    """The command behind a small process that writes its peak memory (bytes) to `peak`. A child's `ru_maxrss` begins
    with what its parent held, and a test process holds much."""
    return [sys.executable, "-I", "-S", "-c", _MEASURE, str(peak), *command]


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
