"""HDF: what Heimdall's own library works out of the file is what our roll-up says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scanner.outputs.hdf import OUTPUT
from tests.outputs.checklist_matrix import NIST, STIG, case_of, checklist, official, reader, statuses, stig_id
from tests.outputs.finding_matrix import passing
from tests.outputs.report_sample import assessment, result

STATUS = {
    "pass": "Passed",
    "fail": "Failed",
    "error": "Profile Error",
    "unknown": "Not Reviewed",
    "manual": "Not Reviewed",
    "pass_in_part": "Not Reviewed",
    "not_applicable": "Not Applicable",
}
IMPACT = {"critical": 0.9, "high": 0.7, "medium": 0.5, "low": 0.3, "info": 0.1}


def written(document: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    profiles = json.loads(OUTPUT.render(document))["profiles"]
    return {profile["name"]: {control["id"]: control for control in profile["controls"]} for profile in profiles}


def texts(control: dict[str, Any]) -> Iterator[str]:
    for one in control["results"]:
        yield from (one.get("message", ""), one.get("skip_message", ""))


def test_heimdall_works_out_our_roll_up(tmp_path: Path) -> None:
    document = checklist()
    file = tmp_path / "hdf.json"
    file.write_bytes(OUTPUT.render(document))
    read = {name: {one[0]: one[1:] for one in controls} for name, controls in reader("heimdall.cjs", str(file))}
    assert set(read) == set(document["summary"])
    for framework, controls in read.items():
        given = statuses(document, framework)
        assert set(controls) == set(given)
        for control, (status, _, waived, _, _) in controls.items():
            assert status == STATUS[given[control]], (framework, control)
            assert not waived  # "waived" there means Not Applicable


def test_every_status_waiver_and_half() -> None:
    for control, found in written(checklist())[STIG].items():
        case = case_of(control)
        if case is None:
            continue
        (one,) = found["results"]
        assert (one.get("skip_message") or one["message"]) and one["start_time"] == "2026-11-20T12:00:00Z"
        said = "\n".join(texts(found))
        assert case.result.expected in said
        assert ("persistent half" in said) == bool(case.half)
        assert found["tags"]["assay"]["persistent_half"] == ([case.result.instance] if case.half else [])
        assert found["tags"]["assay"]["status"] == case.status
        waiver = found.get("waiver_data")
        assert (waiver is not None) == (case.waiver == "valid")
        if waiver:
            assert waiver["skipped_due_to_waiver"] is False
            assert waiver["expiration_date"] == "2027-03-31"
            assert "Waiver W-12, accepted until 2027-03-31" in waiver["justification"]
        assert ("EXPIRED on 2026-01-31" in said) == (case.waiver == "expired")
        severity = found["tags"]["severity"]
        assert found["impact"] == (0 if case.status == "not_applicable" else IMPACT[severity])


def test_tags_are_those_that_saf_reads() -> None:
    tags = written(checklist())[STIG][stig_id(0)]["tags"]
    assert (tags["gid"], tags["rid"], tags["stig_id"]) == ("V-280000", "SV-280000r1184000_rule", "RHEL-10-600000")
    assert tags["cci"] == ["CCI-000068", "CCI-000877"]
    assert tags["nist"] == ["AC-17(2)", "SC-13"]
    assert tags["gtitle"] == "SRG-OS-000033-GPOS-00014"
    assert written(checklist())[NIST]["AC-2(1)"]["tags"]["nist"] == ["AC-2(1)"]


def test_an_answer_is_an_attestation_only_while_it_holds() -> None:
    found = written(checklist())[NIST]
    attested = {
        control: one["attestation_data"]["status"] for control, one in found.items() if "attestation_data" in one
    }
    assert attested == {"AC-1": "passed", "AC-3": "failed", "AC-2(1)": "passed"}
    assert found["AC-1"]["attestation_data"]["updated_by"] == "A. Reviewer"
    for control in found.values():
        answered = control["tags"]["assay"]["answered"]
        assert answered["statement"] in control["desc"] + "".join(texts(control))
    assert "does NOT hold" in "".join(texts(found["AC-2"]))


def test_info_is_no_zero_impact() -> None:
    document = assessment([result(1, "fail", severity="info")], [], {})
    ((control,),) = ([*one.values()] for one in written(document).values())
    assert control["impact"] == 0.1


def test_rules_without_a_framework_are_there() -> None:
    found = written(assessment([passing(), result(1, "unknown")], [], {}))
    assert set(found) == {"without-framework"}
    assert [one["tags"]["assay"]["status"] for one in found["without-framework"].values()] == ["pass", "unknown"]


def test_totals_and_the_words_about_the_framework() -> None:
    document = checklist()
    report = json.loads(OUTPUT.render(document))
    given = [one["status"] for one in document["controls"]]
    totals = {word: one["total"] for word, one in report["statistics"]["controls"].items()}
    assert totals["passed"] == given.count("pass")
    assert totals["failed"] == given.count("fail")
    assert sum(totals.values()) == len(given)
    stig = next(profile for profile in report["profiles"] if profile["name"] == STIG)
    assert stig["title"].endswith("(by analogy)")
    assert "persistent half" in stig["summary"]
    assert "Assay's own wording" in stig["summary"]
    supplied = json.loads(OUTPUT.render(official(document)))["profiles"][-1]
    assert "the publisher's where they were supplied" in supplied["summary"]
    assert supplied["controls"][0]["title"] == "RHEL 10 must be official."
