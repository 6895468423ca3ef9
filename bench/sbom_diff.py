"""CPU seconds and peak memory of an SBOM comparison, by size and format; and of `sbomdiff` on the same files.

    python bench/sbom_diff.py [--sizes 50000 500000] [--formats cyclonedx-json …] [--sbomdiff PATH] [OLD NEW]

With OLD and NEW those files are compared. Without, two releases of a corpus (`sbom_corpus`) are made. "whole" is the
command `assay sbom diff OLD NEW -o json=PATH`, process start included; "parts" are the same steps in one process.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.sbom_corpus import FORMATS, write  # noqa: E402 - the path is set above

BUDGET = "budget: 3 s and 500 MiB for two documents of 50,000 components"


def parts(old: str, new: str) -> None:
    """Load and compare in this process, and print what it cost."""
    from scanner.supply_chain.comparing.compare import compare
    from scanner.supply_chain.comparing.materiality import shipped_policy
    from scanner.supply_chain.loading.opening import loaders, open_bom

    gc.set_threshold(200_000, 50, 50)  # as the command has it
    loaders()
    shipped_policy()
    times = [time.process_time()]
    boms = []
    for name in (old, new):
        boms.append(open_bom(Path(name).read_bytes(), name))
        times.append(time.process_time())
    memory = _peak()
    diff = compare(*boms)
    times.append(time.process_time())
    one, two, compared = (after - before for before, after in itertools.pairwise(times))
    print(
        f"  parts: load {one:.2f} s and {two:.2f} s, {memory} MiB; compare {compared:.2f} s, {_peak()} MiB; "
        f"{len(diff.changes)} changes"
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def whole(title: str, command: list[str]) -> None:
    """Run a command and print what it cost with its children."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
    assert process.stdout is not None
    lines = sum(1 for _ in process.stdout)
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024
    print(f"  {title}: {seconds:.2f} s, {memory} MiB; ended {code}; {lines} lines", flush=True)


def pair(old: Path, new: Path, program: str) -> None:
    """Measure one pair, each program in a process of its own."""
    print(f"{old.name}, {new.name}: {old.stat().st_size / 1e6:.0f} and {new.stat().st_size / 1e6:.0f} MB", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        output = f"json={folder}/diff.json"
        command = [sys.executable, "-m", "scanner.cli.main", "sbom", "diff", str(old), str(new), "-q", "-o", output]
        whole("whole", command)
    subprocess.run([sys.executable, __file__, "--parts", str(old), str(new)], check=True)
    if program:
        whole("sbomdiff", [program, str(old), str(new)])


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("files", nargs="*", type=Path, metavar="OLD NEW")
    parser.add_argument("--sizes", nargs="+", type=int, default=[5_000, 50_000])
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS), default=["cyclonedx-json", "spdx-json"])
    parser.add_argument("--sbomdiff", default="", metavar="PATH", help="the sbomdiff command, to compare with")
    parser.add_argument("--parts", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.parts:
        parts(*map(str, given.files))
        return
    print(BUDGET)
    if given.files:
        old, new = (path.resolve() for path in given.files)
        pair(old, new, given.sbomdiff)
        return
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            for name in given.formats:
                old, new = (write(Path(folder), size, only=name, release=release)[0] for release in (1, 2))
                pair(old, new, given.sbomdiff)
                old.unlink()
                new.unlink()


if __name__ == "__main__":
    main()
