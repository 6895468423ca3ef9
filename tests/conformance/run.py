"""Run a folder of scenarios and say how far our verdicts agree.

    python -m tests.conformance.run SCENARIOS [--json FILE] [--only RULE ...] [--jobs 2]

Needs root, unshare (util-linux) and rpmbuild. Ends 0 when at least --at-least percent agree.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from tests.conformance.disagreements import sections
from tests.conformance.lab.build import build
from tests.conformance.report import summary
from tests.conformance.scenario import Scenario, scenarios


def missing() -> str | None:
    """What keeps this machine from running scenarios, or None."""
    if os.geteuid() != 0:
        return "needs root: trees have owners, and overlays are mounted"
    for tool, package in (
        ("unshare", "util-linux"),
        ("rpmbuild", "rpm"),
        ("rpm", "rpm"),
        ("gawk", "gawk"),
        ("secilc", "secilc"),
    ):
        if shutil.which(tool) is None:
            return f"{tool} is not installed (Debian package {package})"
    return None


def run(
    found: Iterable[Scenario], folder: Path, lab: Path, jobs: int, log: TextIO | None = None
) -> list[dict[str, Any]]:
    """The results by rule and name; each is written to `log` as a JSON line when it is there."""
    tasks = iter([one for one in found if one.selected])
    lock = threading.Lock()
    results: list[dict[str, Any]] = []
    base = build(lab)
    with tempfile.TemporaryDirectory(prefix="conformance-") as scratch:
        threads = [
            threading.Thread(target=_work, args=(tasks, lock, results, log, base, folder, Path(scratch) / str(number)))
            for number in range(jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sorted(results, key=lambda one: (one["rule"], one["name"]))


def _work(
    tasks: Iterator[Scenario],
    lock: threading.Lock,
    results: list[dict[str, Any]],
    log: TextIO | None,
    base: Path,
    folder: Path,
    scratch: Path,
) -> None:
    scratch.mkdir()
    command = ["unshare", "--net", "--uts", "--ipc", sys.executable, "-m", "tests.conformance.worker"]
    with subprocess.Popen(
        [*command, str(base), str(folder), str(scratch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        while True:
            with lock:
                one = next(tasks, None)
            if one is None:
                break
            task = {
                "rule": one.rule,
                "name": one.name,
                "expected": one.expected,
                "template": one.template,
                "packages": one.packages,
                "variables": dict(one.variables),
            }
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the worker ended at {one.id}")
            with lock:
                results.append(json.loads(line))
                if log is not None:
                    log.write(line)
                    log.flush()
        process.stdin.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", type=Path)
    parser.add_argument("--json", type=Path, help="write every result to this file, one a line")
    parser.add_argument("--only", action="append", default=[], help="regular expression over rule/name; repeatable")
    parser.add_argument("--lab", type=Path, default=Path(tempfile.gettempdir()) / "assay-conformance")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--at-least", type=int, default=97, help="percent that must agree")
    given = parser.parse_args()
    reason = missing()
    if reason is not None:
        sys.exit(f"conformance: {reason}")
    wanted = [re.compile(pattern) for pattern in given.only]
    found = [one for one in scenarios(given.scenarios) if not wanted or any(one_re.search(one.id) for one_re in wanted)]
    with given.json.open("w") if given.json else nullcontext() as log:
        results = run(found, given.scenarios.resolve(), given.lab, given.jobs, log)
    text, percent = summary(results, sections())
    print(text)
    sys.exit(0 if percent >= given.at_least else 1)


if __name__ == "__main__":
    main()
