"""A worker of a run: in a mount name space of its own, one overlay after the other. Tasks come and go as JSON lines."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tests.conformance.amendments import Amendment, amendments
from tests.conformance.judging import Judge, overall
from tests.conformance.lab.run import mount, own_spaces, run_inside, unmount

SCRIPT = """{first}mkdir /root/lab; cp -r /run/lab/scenario/. /root/lab/; chmod -R 0775 /root/lab; cd /root/lab
bash -x ./{name}; code=$?
{last}cd /run/lab/scenario; for one in *; do rm -rf "/root/lab/$one"; done; rmdir --ignore-fail-on-non-empty /root/lab
exit $code
"""
"""The script runs in a folder of the tree, as in the public suite: what it leaves there belongs to the state."""


class Worker:
    """`base` is the folder of the plain system, `scratch` an empty folder of this worker's own."""

    def __init__(self, base: Path, scenarios: Path, scratch: Path) -> None:
        self.base, self.scenarios, self.scratch = base, scenarios, scratch
        self.judge = Judge()
        self.installed = set((base / "installed").read_text().split())
        self.shared = scenarios / "shared" if (scenarios / "shared").is_dir() else None

    def run(self, task: dict[str, Any]) -> dict[str, Any]:
        """One scenario: a fresh tree, the script, the verdict; where commands complete it, the verdict without them too."""
        known = self.judge.rules(task["rule"])
        if not known:
            return {**task, "got": "no_rule", "verdicts": []}
        missing = [name for name in task["packages"] if not (self.base / "rpms" / f"{name}.rpm").exists()]
        if missing:
            return {**task, "got": "not_run", "verdicts": [], "why": f"the lab has no package {', '.join(missing)}"}
        added = amendments(f"{task['rule']}/{task['name']}")
        result = self._once(task, added)
        if added:
            result["as_written"] = self._once(task, [])["got"]
        return result

    def _once(self, task: dict[str, Any], added: list[Amendment]) -> dict[str, Any]:
        started = time.monotonic()
        area = self.scratch / "tree"
        area.mkdir(parents=True, exist_ok=True)
        mount("lab", area, "tmpfs", options="mode=0755")
        try:
            root = area / "root"
            for name in ("upper", "work", "root"):
                (area / name).mkdir()
            options = f"lowerdir={self.base}/root,upperdir={area}/upper,workdir={area}/work"
            mount("lab", root, "overlay", options=options)
            try:
                return self._prepared(task, root, started, added)
            finally:
                unmount(root)
        finally:
            unmount(area)

    def _prepared(self, task: dict[str, Any], root: Path, started: float, added: list[Amendment]) -> dict[str, Any]:
        packages = " ".join(name for name in task["packages"] if name not in self.installed)
        first = f"dnf install -y {packages} >/dev/null 2>&1; " if packages else ""
        last = "".join(f"{one.commands}; " for one in added)
        command = SCRIPT.format(first=first, name=shlex.quote(task["name"]), last=last)
        state = self.scratch / "state"
        folder = self.scenarios / task["rule"]
        done = run_inside(root, self.base / "rpms", state, command, folder=folder, shared=self.shared)
        ran = time.monotonic()
        runtime = _running_half(root, state, task)
        verdicts = self.judge.verdicts(root, task["rule"], task["variables"], runtime=runtime)
        return {
            **task,
            "area": self.judge.area(task["rule"]),
            "got": overall(verdicts),
            "amended": [one.why for one in added],
            "verdicts": verdicts,
            "code": done.code,
            "output": done.output[-3000:],
            "running_half": runtime,
            "seconds": [round(ran - started, 3), round(time.monotonic() - ran, 3)],
        }


def _running_half(root: Path, state: Path, task: dict[str, Any]) -> bool:
    """Whether the script recorded a running kernel's settings: they become /proc of the tree."""
    if task["template"] != "sysctl" or not (state / "proc").is_dir():
        return False
    shutil.copytree(state / "proc", root / "proc", dirs_exist_ok=True)
    return True


def main(base: str, scenarios: str, scratch: str) -> None:
    """Answer each line of standard input with one line."""
    own_spaces()
    worker = Worker(Path(base), Path(scenarios), Path(scratch))
    for line in sys.stdin:
        task = json.loads(line)
        try:
            result = worker.run(task)
        except Exception as error:  # noqa: BLE001 - one scenario must not end the run; it is listed
            result = {**task, "got": "not_run", "verdicts": [], "why": f"{type(error).__name__}: {error}"}
        result.pop("variables")
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
