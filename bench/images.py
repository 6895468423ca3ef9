"""Scanning an image against mounting it and scanning the mount: CPU seconds, wall seconds and peak memory.

    python bench/images.py [--tree DIR] [--entries N] [--runs N]

Without --tree a tree of 9,000 entries is made. A mount needs root and a kernel that knows the file system; where that
is not given, its columns stay empty. The budget (design): an image costs no more than twice the CPU of its tree, and
300 MB whatever its size.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from budgets import ASSAY, ROOT, make_tree

_SCRATCH = 2 << 30


@dataclass(frozen=True)
class Figure:
    """Medians of wall and CPU seconds, and the highest resident memory in MiB."""

    wall: float
    cpu: float
    memory: float


def measure(command: list[str], runs: int) -> Figure:
    """After one run that is not counted."""
    figures = []
    for number in range(runs + 1):
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 3):
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        if number:
            figures.append((time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    wall, cpu, memory = zip(*figures, strict=True)
    return Figure(statistics.median(wall), statistics.median(cpu), max(memory))


def _sparse(path: Path) -> str:
    with path.open("wb") as stream:
        stream.truncate(_SCRATCH)
    return str(path)


PACKINGS: dict[str, Callable[[Path, Path], list[str]]] = {
    "ext4": lambda tree, image: ["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(tree), str(image), "2G"],
    "btrfs": lambda tree, image: ["mkfs.btrfs", "-q", "--rootdir", str(tree), _sparse(image)],
    "squashfs": lambda tree, image: ["mksquashfs", str(tree), str(image), "-quiet", "-no-progress", "-comp", "zstd"],
    "erofs": lambda tree, image: ["mkfs.erofs", str(image), str(tree)],
    "erofs lz4hc": lambda tree, image: ["mkfs.erofs", "-zlz4hc", str(image), str(tree)],
    "tar": lambda tree, image: ["tar", "-C", str(tree), "--xattrs", "--format=pax", "-cf", str(image), "."],
}
_MOUNTED = {"ext4": "ext4", "btrfs": "btrfs", "squashfs": "squashfs", "erofs": "erofs", "erofs lz4hc": "erofs"}


@contextmanager
def mounted(image: Path, kind: str | None, place: Path) -> Iterator[Path | None]:
    """The image mounted read-only, or None where that is not possible."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", str(kind), "-o", "loop,ro", str(image), str(place)]
    if kind is None or os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def scan(what: Path) -> list[str]:
    """The command that scans it."""
    return [*ASSAY, "scan", str(what), "-q", "-o", "json=/dev/null"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--entries", type=int, default=9_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        folder = Path(name)
        tree = options.tree or folder / "tree"
        if not options.tree:
            make_tree(tree, options.entries)
            for needed in ("bin", "sbin"):
                (tree / needed).mkdir(exist_ok=True)
        start = measure([*ASSAY, "--help"], options.runs)
        plain = measure(scan(tree), options.runs)
        heads = "".join(f"{word:>10}" for word in ("wall", "CPU", "peak"))
        print(f"{'':<14} {heads} of tree   mount:{heads}")
        print(f"{'start-up':<14} {start.wall:>10.2f} s {start.cpu:>6.2f} s {start.memory:>5.0f} MiB")
        print(f"{'plain tree':<14} {plain.wall:>10.2f} s {plain.cpu:>6.2f} s {plain.memory:>5.0f} MiB {'1.0x':>8}")
        for kind, pack in PACKINGS.items():
            image = folder / "image"
            image.unlink(missing_ok=True)
            subprocess.run(pack(tree, image), check=True, capture_output=True)
            own = measure(scan(image), options.runs)
            ratio = (own.cpu - start.cpu) / (plain.cpu - start.cpu)
            line = f"{kind:<14} {own.wall:>10.2f} s {own.cpu:>6.2f} s {own.memory:>5.0f} MiB {ratio:>7.1f}x"
            with mounted(image, _MOUNTED.get(kind), folder / "mount") as place:
                if place is not None:
                    other = measure(scan(place), options.runs)
                    line += f"   {other.wall:>10.2f} s {other.cpu:>6.2f} s {other.memory:>5.0f} MiB"
            print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
