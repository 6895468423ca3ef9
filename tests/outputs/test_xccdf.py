"""XCCDF 1.2: valid by oscap, shown by its report, and read by STIG Manager."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from scanner.outputs.xccdf import OUTPUT
from tests.outputs.checklist_matrix import (
    STIG,
    case_of,
    checklist,
    hostile_checklist,
    official,
    reader,
    statuses,
)
from tests.outputs.finding_matrix import passing
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import assessment, large, result, sample

NS = {"x": "http://checklists.nist.gov/xccdf/1.2", "a": "urn:assay:xccdf"}
RESULT = {
    "pass": "pass",
    "pass_in_part": "unknown",
    "fail": "fail",
    "error": "error",
    "unknown": "unknown",
    "not_applicable": "notapplicable",
    "manual": "notchecked",
}
NO_PLATFORM = "no platform specified"
"""The one remark oscap may make: an assessment is about one target and names no platforms it would apply to."""


def parsed(document: dict[str, Any]) -> ET.Element:
    return ET.fromstring(OUTPUT.render(document))


def outcome_of(root: ET.Element) -> ET.Element:
    (found,) = root.findall("x:TestResult", NS)
    return found


def by_control(root: ET.Element, framework: str) -> dict[str, ET.Element]:
    """Control id -> its rule-result."""
    group = root.find(f"x:Group[@id='xccdf_assay_group_{framework}']", NS)
    assert group is not None
    names = {rule.get("id"): rule.findtext("x:version", "", NS) for rule in group.findall("x:Rule", NS)}
    results = {one.get("idref"): one for one in outcome_of(root).findall("x:rule-result", NS)}
    return {name: results[rule] for rule, name in names.items()}


def oscap(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("oscap") is None:
        pytest.skip("oscap is not installed (Debian package openscap-scanner)")
    return subprocess.run(["oscap", *arguments], capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(
    "document",
    [
        checklist(),
        sample(),
        large(),
        official(checklist()),
        assessment([passing()], [], {}),
        *(hostile_checklist(PAYLOADS[name]) for name in sorted(PAYLOADS)),
    ],
)
def test_oscap_validates_it(document: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "xccdf.xml"
    file.write_bytes(OUTPUT.render(document))
    done = oscap("xccdf", "validate", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    said = [one for one in (done.stdout + done.stderr).splitlines() if one.strip() and not one.startswith("<?xml")]
    assert [one for one in said if NO_PLATFORM not in one] == []


def test_oscap_refuses_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "xccdf.xml"
    file.write_bytes(OUTPUT.render(checklist()).replace(b"<result>fail</result>", b"<result>waived</result>", 1))
    assert oscap("xccdf", "validate", str(file)).returncode != 0


def test_oscap_reports_on_every_control(tmp_path: Path) -> None:
    file, page = tmp_path / "xccdf.xml", tmp_path / "report.html"
    document = checklist()
    file.write_bytes(OUTPUT.render(document))
    done = oscap("xccdf", "generate", "report", "--output", str(page), str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    shown = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", page.read_text())))
    for one in document["controls"]:
        assert f"{one['id']} {one['title']}" in shown
    assert "Waiver W-12, accepted until 2027-03-31" in shown
    assert "Waiver W-3, EXPIRED on 2026-01-31" in shown
    assert "persistent half" in shown
    assert "fit by analogy" in shown
    assert "met, says A. Reviewer" in shown


def test_every_status_waiver_and_half() -> None:
    document = checklist()
    found, given = by_control(parsed(document), STIG), statuses(document, STIG)
    assert set(found) == set(given)
    for control, one in found.items():
        outcome = one.findtext("x:result", "", NS)
        assert outcome == RESULT[given[control]], control
        case = case_of(control)
        if case is None:
            continue
        (message,) = one.findall("x:message", NS)
        assert message.text is not None
        assert f"Expected: {case.result.expected}" in message.text
        assert ("persistent half" in message.text) == bool(case.half)
        assert ("EXPIRED on 2026-01-31" in message.text) == (case.waiver == "expired")
        assert ("accepted until 2027-03-31" in message.text) == (case.waiver == "valid")
        waivers = one.findall("x:metadata/a:waiver", NS)
        assert len(waivers) == (case.waiver != "none")
        for waiver in waivers:
            assert waiver.get("approver") == "CISO"
            assert waiver.get("expired") == ("true" if case.waiver == "expired" else "false")
            assert waiver.get("instance") == case.result.instance
            assert case.result.waiver is not None
            assert waiver.text == case.result.waiver["reason"]


def test_each_framework_has_a_score_in_which_what_is_not_known_is_no_pass() -> None:
    document = checklist()
    root = parsed(document)
    scores = {(one.get("system") or "").rpartition(":")[2]: one for one in outcome_of(root).findall("x:score", NS)}
    assert set(scores) == set(document["summary"])
    for framework, score in scores.items():
        given = [RESULT[one] for one in statuses(document, framework).values()]
        counted = [one for one in given if one in ("pass", "fail", "error", "unknown")]
        assert score.text == f"{counted.count('pass')}.0"
        assert score.get("maximum") == f"{len(counted)}.0"
        about = root.findtext(f"x:Group[@id='xccdf_assay_group_{framework}']/x:description", "", NS)
        left_out = f"The score leaves out {len(given) - len(counted)} controls"
        assert (left_out in about) == (len(given) > len(counted))
        assert ("by analogy" in about) == (framework == STIG)


def test_an_answer_stands_in_the_message_and_changes_nothing() -> None:
    found = by_control(parsed(checklist()), "nist-800-53-r5")
    assert {one.findtext("x:result", "", NS) for one in found.values()} == {"notchecked", "unknown"}
    assert "met, says A. Reviewer on 2026-10-01, holds until 2027-10-01" in found["AC-1"].findtext("x:message", "", NS)
    assert "does NOT hold" in found["AC-2"].findtext("x:message", "", NS)


def test_stig_rules_have_disas_ids_and_cci() -> None:
    found = by_control(parsed(checklist()), STIG)
    first = found["RHEL-10-600000"]
    assert first.get("idref") == "xccdf_mil.disa.stig_rule_SV-280000r1184000_rule"
    idents = [(one.get("system"), one.text) for one in first.findall("x:ident", NS)]
    assert ("http://cyber.mil/cci", "CCI-000068") in idents
    # A pass of one revision is no pass of the next.
    supplied = by_control(parsed(official(checklist(), revised=True)), STIG)["RHEL-10-600000"]
    assert supplied.get("idref") == first.get("idref")
    assert "of SV-280000r9999999_rule, another revision" in supplied.findtext("x:message", "", NS)


def test_stig_manager_reads_the_stig_among_the_frameworks(tmp_path: Path) -> None:
    document = checklist()
    file = tmp_path / "xccdf.xml"
    file.write_bytes(OUTPUT.render(document))
    read = reader("stig_manager.cjs", "xccdf", str(file))
    (found,) = read["checklists"]
    assert found["benchmarkId"] == "RHEL_10_STIG"
    wanted = {one["props"]["rule"]: RESULT[one["status"]] for one in document["controls"] if one["framework"] == STIG}
    reviews = {one["ruleId"]: one for one in found["reviews"] if one["ruleId"].startswith("SV-")}
    assert set(reviews) == set(wanted)
    for rule, review in reviews.items():
        known = wanted[rule] in ("pass", "fail", "notapplicable")
        assert review["result"] == (wanted[rule] if known else "notchecked")
        assert review["detail"].startswith("Assay: ")


def test_of_two_frameworks_with_the_same_stig_rules_each_rule_has_its_own_id() -> None:
    document = checklist()
    document["summary"]["stig-copy"] = document["summary"][STIG]
    document["controls"] += [
        {**one, "framework": "stig-copy"} for one in document["controls"] if one["framework"] == STIG
    ]
    root = parsed(document)
    ids = [one.get("id") for one in root.iter(f"{{{NS['x']}}}Rule")]
    assert len(set(ids)) == len(ids) == len(document["controls"])
    assert len(outcome_of(root).findall("x:rule-result", NS)) == len(ids)


def test_rules_without_a_framework_are_there() -> None:
    root = parsed(assessment([passing(), result(1, "unknown")], [], {}))
    assert sorted(one.findtext("x:result", "", NS) for one in by_control(root, "without-framework").values()) == [
        "pass",
        "unknown",
    ]
