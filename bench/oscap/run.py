"""Running the two scanners on a tree, and what it cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bench.oscap.compare import Verdict

__all__ = ["FRAMEWORKS", "Cost", "assay", "oscap", "oscap_verdicts", "our_verdicts", "release_of"]

FRAMEWORKS = ("cis-l2-server", "cis-l2-workstation", "stig", "pci-dss", "hipaa", "nist-moderate")
"""The profiles of "every framework at once"."""

_ROOT = Path(__file__).parents[2]
_XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"
_RULE = "xccdf_org.ssgproject.content_rule_"
_PROFILE = "xccdf_org.ssgproject.content_profile_stig"
_WORDS = {"not_applicable": "notapplicable", "manual": "notchecked"}
_FINDINGS = {"oscap": (0, 2), "assay": (0, 3)}


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall time and of CPU (user + system, children included), and peak resident memory in MiB."""

    wall: float
    cpu: float
    memory: float


def oscap(binary: str, content: Path, tree: Path, results: Path) -> Cost:
    """Judge `tree` by the STIG profile of `content`; the verdicts go to `results`.

    As oscap-chroot does it. Debian's librpm looks for its database in the home folder: a home with the place in a macro
    file makes it look where the tree has it.
    """
    home = results.parent / "home"
    home.mkdir(exist_ok=True)
    (home / ".rpmmacros").write_text("%_dbpath /usr/lib/sysimage/rpm\n", encoding="utf-8")
    environment = {"OSCAP_PROBE_ROOT": str(tree), "OSCAP_EVALUATION_TARGET": f"chroot://{tree}", "HOME": str(home)}
    command = [binary, "xccdf", "eval", "--skip-valid", "--profile", _PROFILE, "--results", str(results), str(content)]
    return _measured("oscap", command, environment)


def assay(tree: Path, profiles: Sequence[str], out: Path) -> Cost:
    """Judge `tree` by these profiles; the assessment goes to `out`. Bytecode is kept, as an installation has it."""
    environment = {"PYTHONPYCACHEPREFIX": str(out.parent / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    command = [sys.executable, "-m", "scanner.cli.main", "scan", str(tree), "-q", *chosen, "-o", f"json={out}"]
    return _measured("assay", command, environment)


# A process of its own, for the peak of a child counts what its parent held when it was made.
_MEASURE = """
import json, resource, subprocess, sys, time
start = time.monotonic()
try:
    code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, timeout=600).returncode
except subprocess.TimeoutExpired:  # threads of oscap 1.3 at times wait for each other
    sys.exit("no end after 600 s; try again")
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def _measured(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    around = [sys.executable, "-I", "-S", "-c", _MEASURE, *command]
    done = subprocess.run(around, capture_output=True, cwd=_ROOT, env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name}: {done.stderr.decode(errors='replace')[-1000:]}")
    code, *cost = json.loads(done.stdout)
    if code not in _FINDINGS[name]:
        raise SystemExit(f"{name} ended with {code}: {done.stderr.decode(errors='replace')[-1000:]}")
    return Cost(*cost)


def oscap_verdicts(results: Path) -> dict[str, Verdict]:
    """Public rule id -> verdict, of the rules that the profile selects."""
    found = {}
    for result in ElementTree.parse(results).iter(f"{_XCCDF}rule-result"):
        status = result.findtext(f"{_XCCDF}result", "")
        why = "; ".join(message.text or "" for message in result.iter(f"{_XCCDF}message"))
        if status != "notselected":
            found[result.get("idref", "").removeprefix(_RULE)] = Verdict(status, why)
    return found


def our_verdicts(assessment: Mapping[str, Any]) -> dict[str, list[Verdict]]:
    """Public rule id -> our verdicts in XCCDF words: several rules of ours may have the same alias."""
    found: dict[str, list[Verdict]] = {}
    for result in assessment["results"]:
        status = _WORDS.get(result["status"], result["status"])
        for alias in result["upstream"]:
            found.setdefault(alias, []).append(Verdict(status, result["explanation"], result["instance"]))
    return found


def load(path: Path) -> Any:
    """A JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))


def release_of(content: Path) -> int:
    """The major release of RHEL that a data stream is for, by its name. Raises SystemExit for another one."""
    for major in (10, 9):
        if f"rhel{major}-" in content.name:
            return major
    raise SystemExit(f"{content.name}: name a data stream of RHEL 9 or 10, as ssg-rhel10-ds.xml")
