"""The budgets of the design that exist today: CPU seconds, peak memory, and ratios to plain tools on the same machine.

    python bench/budgets.py [--tree DIR] [--runs N] [--large]

Without --tree a tree of 11,000 entries is made. Every figure is the median of N runs; a ratio is what to compare
between machines: against a bare `python3 -c pass`, and against `find` plus `sha256sum` over the same files. --large
adds a tree of 200,000 files.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ASSAY = [sys.executable, "-m", "scanner.cli.main"]


@dataclass(frozen=True)
class Figure:
    """CPU seconds (user + system) and peak resident memory in MiB of a command with its children."""

    cpu: float
    memory: float


def measure(command: list[str], runs: int) -> Figure:
    """The median of `runs` runs, after one that is not counted."""
    figures = []
    for number in range(runs + 1):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status) not in (0, 3):
            raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
        if number:
            figures.append(Figure(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    return Figure(statistics.median(one.cpu for one in figures), max(one.memory for one in figures))


def make_tree(root: Path, entries: int) -> None:
    """A root tree of about `entries` entries: a small real configuration, and many package files."""
    files = {
        "etc/os-release": 'ID=almalinux\nVERSION_ID="10.1"\nPRETTY_NAME="Bench 10"\n',
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"
        + "".join(f"u{n}:x:{n}:{n}::/home/u{n}:/bin/sh\n" for n in range(1000, 1020)),
        "etc/shadow": "root:*:19000:0:99999:7:::\n",
        "etc/group": "root:x:0:\n",
        "etc/ssh/sshd_config": "PermitRootLogin no\n",
        "etc/fstab": "/dev/sda1 / ext4 defaults 0 1\n",
        "etc/login.defs": "PASS_MAX_DAYS 365\nUMASK 027\n",
        "etc/sudoers": "root ALL=(ALL) ALL\n",
        **{f"etc/sysctl.d/{n:02}.conf": f"kernel.x{n} = {n}\n" for n in range(20)},
        **{f"usr/lib/systemd/system/u{n}.service": f"[Service]\nExecStart=/usr/bin/u{n}\n" for n in range(200)},
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    left = entries - len(files) - 100
    for number in range(left):
        folder = root / f"usr/share/p{number // 50:05}"
        if number % 50 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}").write_text("x" * (number % 2000))


def row(name: str, figure: Figure, base: Figure, budget: str, other: Figure | None = None) -> None:
    """One line of the table."""
    ratio = f"{figure.cpu / base.cpu:7.1f}x"
    against = f"{figure.cpu / other.cpu:7.2f}x" if other else " " * 8
    print(f"{name:<44} {figure.cpu:7.3f} s {figure.memory:7.0f} MiB {ratio} {against}   budget: {budget}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        folder = Path(name)
        tree = options.tree or folder / "tree"
        if not options.tree:
            make_tree(tree, 11_000)
        entries = sum(len(dirs) + len(files) for _, dirs, files in os.walk(tree))
        pyz = folder / "assay-collect.pyz"
        subprocess.run(
            [sys.executable, "-m", "scanner.cli.pyz", "--output", str(pyz)],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        bare = measure([sys.executable, "-c", "pass"], options.runs)
        hashed = measure(["sh", "-c", f"find '{tree}' -xdev -type f -print0 | xargs -0 sha256sum"], options.runs)
        print(f"{'':<44} {'CPU':>9} {'peak':>11} {'bare py':>8} {'find+sha':>8}   tree: {entries} entries")
        row("python3 -c pass", bare, bare, "-")
        row("find + sha256sum over the tree", hashed, bare, "-")
        row("assay --help", measure([*ASSAY, "--help"], options.runs), bare, "0.15 s")
        row(
            "assay rules list (content from the cache)",
            measure([*ASSAY, "rules", "list"], options.runs),
            bare,
            "start-up + 50 ms",
        )
        scan = [*ASSAY, "scan", str(tree), "-q"]
        row(
            "assay scan TREE, every fact and instance",
            measure([*scan, "-o", "json=/dev/null"], options.runs),
            bare,
            "1 s + start-up, 200 MB",
            hashed,
        )
        row(
            "assay-collect.pyz on the tree",
            measure([sys.executable, "-I", "-S", str(pyz), "-o", "/dev/null", str(tree)], options.runs),
            bare,
            "-",
            hashed,
        )
        row(
            "assay-collect.pyz on this machine",
            measure([sys.executable, "-I", "-S", str(pyz), "-o", "/dev/null"], options.runs),
            bare,
            "1 s, 60 MB",
        )
        if options.large:
            make_tree(folder / "large", 200_000)
            row(
                "assay scan, 200,000 files",
                measure([*ASSAY, "scan", str(folder / "large"), "-q", "-o", "json=/dev/null"], 1),
                bare,
                "20 s, 400 MB",
            )


if __name__ == "__main__":
    main()
