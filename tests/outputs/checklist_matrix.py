"""Every status, waiver, half and answer as controls of a STIG, of NIST 800-53 and of HIPAA, for the control formats."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.frameworks.texts import with_texts
from scanner.model.result import ControlResult, Result
from tests.outputs.finding_matrix import ANSWER, LAPSED, Case, cases, control
from tests.outputs.report_poison import WORDS
from tests.outputs.report_sample import STIG as STIG_ABOUT
from tests.outputs.report_sample import assessment, result, sha

__all__ = [
    "FORMATS",
    "HIPAA",
    "NIST",
    "STIG",
    "case_of",
    "checklist",
    "hostile_checklist",
    "official",
    "props_of",
    "reader",
    "statuses",
]

FORMATS = ("cklb", "hdf", "oscal", "oscal-component", "oscal-poam", "xccdf")
STIG, NIST, HIPAA = "stig-rhel10", "nist-800-53-r5", "hipaa-164-312"

BENCHMARK = {
    "id": "RHEL_10_STIG",
    "title": "Red Hat Enterprise Linux 10 Security Technical Implementation Guide",
    "version": "1",
    "release": "2",
    "date": "2026-07-01",
}
NOT_MET = {**ANSWER, "verdict": "not_met", "statement": "No review took place."}
NOT_APPLICABLE = {**ANSWER, "verdict": "not_applicable", "statement": "There is no such room."}
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "met": ANSWER,
    "lapsed": LAPSED,
    "not_met": NOT_MET,
    "not_applicable": NOT_APPLICABLE,
}


def props_of(number: int) -> dict[str, Any]:
    """What DISA calls the control: group, rule with its revision, CCI."""
    return {
        "vuln": f"V-{280000 + number}",
        "rule": f"SV-{280000 + number}r{1184000 + number}_rule",
        "severity": ("high", "medium", "low")[number % 3],
        "srg": ["SRG-OS-000033-GPOS-00014"],
        "cci": ["CCI-000068", "CCI-000877"],
        "nist": ["AC-17(2)", "SC-13"],
    }


def stig_id(number: int) -> str:
    return f"RHEL-10-{600000 + number * 10}"


def case_of(control_id: str) -> Case | None:
    """The case behind a STIG control of the matrix; None for the mixed ones."""
    number = (int(control_id.removeprefix("RHEL-10-")) - 600000) // 10
    made = cases()
    return made[number] if number < len(made) else None


def mixed() -> list[tuple[str, str, tuple[Result, ...]]]:
    """(status, coverage, results) of controls on which several results, or none, decide."""
    passed, half = result(400, "pass"), result(401, "pass", half="persistent half")
    failed, error = result(402, "fail"), result(403, "error")
    unknown, manual, away = result(404, "unknown"), result(405, "manual"), result(406, "not_applicable")
    return [
        ("unknown", "automated", (passed, unknown)),
        ("fail", "automated", (failed, error)),
        ("fail", "automated", (passed, failed)),
        ("error", "automated", (passed, error, unknown)),
        ("pass", "automated", (passed, away)),
        ("pass", "automated", (passed, half)),
        ("pass_in_part", "partial", (passed, half)),
        ("manual", "partial", (passed, manual)),
        ("manual", "partial", (away,)),
        ("unknown", "not_yet", ()),
        ("manual", "manual", ()),
        ("manual", "inherited", ()),
        ("not_applicable", "not_applicable", ()),
    ]


def checklist(fit: str = "by_analogy") -> dict[str, Any]:
    """The matrix: a STIG control for each case, the mixed ones, answers; NIST and HIPAA over the same results."""
    made = cases()
    controls: list[ControlResult] = []
    for number, case in enumerate(made):
        one = control(STIG, stig_id(number), case.status, case.result)
        controls.append(replace(one, props=props_of(number)))
    for number, (status, coverage, used) in enumerate(mixed(), len(made)):
        one = control(STIG, stig_id(number), status, *used, coverage=coverage, note="Who sees to it?")
        controls.append(replace(one, props=props_of(number)))
    for number, (name, answer) in enumerate(ANSWERS.items(), 1):
        one = control(NIST, f"AC-{number}", "manual", coverage="manual", answered=answer, note=f"Answered: {name}")
        controls.append(replace(one, props={"oscal": f"ac-{number}"}))
    enhanced = control(NIST, "AC-2(1)", "pass_in_part", made[0].result, coverage="partial", answered=ANSWER)
    controls.append(replace(enhanced, props={"oscal": "ac-2.1"}))
    controls += [
        control(HIPAA, "164.312(a)(1)", "fail", made[6].result),
        control(HIPAA, "164.312(a)[1]", "pass", made[0].result),
    ]
    others = {used.instance: used for _, _, results in mixed() for used in results}
    about = {**STIG_ABOUT, "fit": fit, "publisher": "DISA", "catalog": 600, "benchmark": BENCHMARK}
    return assessment(
        [*(case.result for case in made), *others.values()],
        controls,
        {
            HIPAA: {"title": "HIPAA Security Rule", "short": "HIPAA", "version": "2013"},
            NIST: {"title": "NIST SP 800-53 Revision 5", "short": "NIST 800-53", "version": "5.1.1"},
            STIG: about,
        },
        ("12 rules ended in error: something needed could not be read",),
    )


def statuses(document: Mapping[str, Any], framework: str) -> dict[str, str]:
    """Control id -> status, of one framework."""
    return {one["id"]: one["status"] for one in document["controls"] if one["framework"] == framework}


def official(document: Mapping[str, Any], text: str = "", *, revised: bool = False) -> dict[str, Any]:
    """The document with publisher's texts for the first STIG control, `text` behind each; `revised`: of a later release."""
    first = stig_id(0)
    texts = {
        "schema": "assay/texts/v1",
        "framework": STIG,
        "title": "Red Hat Enterprise Linux 10 Security Technical Implementation Guide",
        "benchmark": "RHEL_10_STIG",
        "version": "1",
        "release": "Release: 3 Benchmark Date: 01 Oct 2026" if revised else "Release: 2 Benchmark Date: 01 Jul 2026",
        "description": "",
        "source": "U_RHEL_10_V1R3_STIG.zip",
        "member": "manual.xml",
        "sha256": sha("zip"),
        "profiles": [],
        "check": {"ours": "V1R2", "same": not revised, "new": [], "gone": [], "revised": [first] if revised else []},
        "controls": {
            first: {
                "id": first,
                "title": "RHEL 10 must be official." + text,
                "text": "",
                "discussion": "Because it must.\n\nSecond paragraph." + text,
                "group_id": "V-280000",
                "group_title": "SRG-OS-000001-GPOS-00001",
                "rule_id": "SV-280000r9999999_rule" if revised else "SV-280000r1184000_rule",
                "severity": "high",
                "weight": "10.0",
                "check": "Verify it:\n\n$ verify\n\nIf not, this is a finding." + text,
                "check_id": "C-1_chk",
                "check_file": "Red_Hat_Enterprise_Linux_10_STIG.xml",
                "fix": "Configure it." + text,
                "fix_id": "F-1_fix",
                "ccis": ["CCI-000366"],
                "legacy_ids": ["V-1"],
                "reference": "5733",
                "documentable": "false",
            }
        },
    }
    return with_texts(document, {STIG: texts})


_STRICT = {
    "schema",
    "evaluated_at",
    "facts_digest",
    "content_digest",
    "sha256",
    "digest",
    "expires",
    "date",
    "valid_until",
    "verdict",
    "severity",
}
"""What the schemas give a strict form: no evidence gets there."""


def hostile_checklist(payload: str) -> dict[str, Any]:
    """The checklist with a payload behind every free text: names of rules, controls and frameworks too."""
    document = checklist()
    names = {one["rule"] for one in document["results"]} | set(document["summary"])

    def walk(value: Any, key: str) -> Any:
        if isinstance(value, str):
            return value if key in WORDS | _STRICT else value + payload
        if isinstance(value, list):
            return [walk(one, key) for one in value]
        if isinstance(value, dict):
            return {name + payload if name in names else name: walk(one, name) for name, one in value.items()}
        return value

    found: dict[str, Any] = walk(document, "")
    return found


def reader(script: str, *arguments: str) -> Any:
    """What a script of tests/outputs/readers makes of its arguments, with the npm packages of .ci/test-npm."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay-tests" / "npm"
    node = shutil.which("node")
    if node is None or not (cache / "list").is_file():
        pytest.skip("node or the npm packages of .ci/test-npm are not installed: make test installs them")
    source = Path(__file__).parent / "readers" / script
    done = subprocess.run([node, str(source), str(cache), *arguments], capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)
