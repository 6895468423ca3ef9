"""OSCAL assessment-results, read by compliance-trestle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trestle.oscal.assessment_results import AssessmentResults

from scanner.outputs.oscal import OUTPUT
from tests.outputs.checklist_matrix import HIPAA, NIST, STIG, checklist, hostile_checklist, official, statuses
from tests.outputs.finding_matrix import by_instance, passing
from tests.outputs.oscal_checks import check, props, ref
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import assessment, large, result, sample

STATE = {"pass": ("satisfied", "pass"), "fail": ("not-satisfied", "fail")}
OTHER = ("not-satisfied", "other")


@pytest.fixture
def written(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Framework -> its result."""
    document = check(AssessmentResults, OUTPUT.render(checklist()), tmp_path)
    return {ref(one, "framework"): one for one in document["results"]}


@pytest.mark.parametrize(
    "document",
    [
        sample(),
        large(),
        official(checklist()),
        assessment([passing(), result(1, "manual")], [], {}),
        *(hostile_checklist(PAYLOADS[name]) for name in sorted(PAYLOADS)),
    ],
)
def test_trestle_reads_it(document: dict[str, Any], tmp_path: Path) -> None:
    found = check(AssessmentResults, OUTPUT.render(document), tmp_path)
    used = {name for one in document["controls"] for name in one["results"]}
    alone = any(one["instance"] not in used for one in document["results"])
    assert len(found["results"]) == len(document["summary"]) + alone


def test_trestle_refuses_what_is_wrong(tmp_path: Path) -> None:
    data = OUTPUT.render(checklist()).replace(b'"not-satisfied"', b'"perhaps"')
    with pytest.raises(Exception, match="perhaps"):
        check(AssessmentResults, data, tmp_path)


def test_every_control_is_a_finding_or_listed_as_not_assessed(written: dict[str, dict[str, Any]]) -> None:
    document = checklist()
    assert set(written) == set(document["summary"])
    for framework, one in written.items():
        given = statuses(document, framework)
        findings = {ref(finding, "control-id"): finding for finding in one.get("findings", [])}
        listed = {name["value"]: name for name in props(one, "control-status")}
        assert set(findings) | set(listed) == set(given)
        assert not set(findings) & set(listed)
        for control, finding in findings.items():
            status = finding["target"]["status"]
            assert (status["state"], status["reason"]) == STATE.get(given[control], OTHER), control
            if given[control] not in STATE:
                assert "Not shown to be satisfied" in status["remarks"]
        for control, name in listed.items():
            assert name["class"] == given[control]
            assert given[control] in ("manual", "not_applicable")
        (selection,) = one["reviewed-controls"]["control-selections"]
        assert len(selection.get("include-controls", [])) == len(findings)
        assert len(selection.get("exclude-controls", [])) == len(listed)


def test_every_result_is_an_observation(written: dict[str, dict[str, Any]]) -> None:
    known = by_instance()
    observed = {ref(one, "instance"): one for one in written[STIG]["observations"] if props(one, "instance")}
    assert set(known) <= set(observed)
    for instance, case in known.items():
        one = observed[instance]
        assert ref(one, "status") == case.status
        assert case.result.expected in one["description"]
        assert bool(props(one, "half")) == bool(case.half)
        assert ("persistent half" in one["description"]) == bool(case.half)
        assert ref(one, "facet-persistent") == case.result.facets["persistent"]
        looked = case.result.facets["persistent"] in ("pass", "fail", "error")
        assert one["methods"] == (["EXAMINE"] if looked else ["UNKNOWN"])
        pieces = [(piece.source, piece.sha256) for piece in case.result.evidence]
        shown = [(e["description"], ref(e, "sha256") if "props" in e else None) for e in one["relevant-evidence"]]
        assert [
            (source + where, sha) for (source, sha), where in zip(pieces, _lines(case.result), strict=True)
        ] == shown


def _lines(one: Any) -> list[str]:
    return [f":{piece.line}" for piece in one.evidence]


def test_a_waiver_is_a_risk_with_a_deadline_and_changes_no_state(written: dict[str, dict[str, Any]]) -> None:
    known = by_instance()
    stig = written[STIG]
    risks = {ref(one, "instance"): one for one in stig["risks"]}
    assert set(risks) == {instance for instance, case in known.items() if case.waiver != "none"}
    for instance, one in risks.items():
        valid = known[instance].waiver == "valid"
        assert one["status"] == ("deviation-approved" if valid else "open")
        assert one.get("deadline") == ("2027-03-31T23:59:59Z" if valid else None)
        assert ("accepted until" if valid else "EXPIRED on") in one["description"]
    linked = {link["risk-uuid"] for finding in stig["findings"] for link in finding.get("related-risks", [])}
    carried = {
        one["uuid"] for instance, one in risks.items() if known[instance].status not in ("manual", "not_applicable")
    }
    assert linked == carried
    failing = [one for one in stig["findings"] if one.get("related-risks")]
    assert {one["target"]["status"]["state"] for one in failing} == {"satisfied", "not-satisfied"}


def test_answers_are_interviews(written: dict[str, dict[str, Any]]) -> None:
    interviews = {
        ref(one, "control-id"): one for one in written[NIST]["observations"] if one["methods"] == ["INTERVIEW"]
    }
    assert set(interviews) == {"AC-1", "AC-2", "AC-3", "AC-4", "AC-2(1)"}
    assert ref(interviews["AC-3"], "verdict") == "not_met"
    assert props(interviews["AC-2"], "verdict")[0]["class"] == "no-longer-holds"
    assert ref(interviews["AC-1"]["relevant-evidence"][0], "sha256") == "ab" * 32
    (finding,) = written[NIST]["findings"]
    assert interviews["AC-2(1)"]["uuid"] in [one["observation-uuid"] for one in finding["related-observations"]]
    assert finding["target"]["status"]["state"] == "not-satisfied"


def test_ids_are_those_of_oscal(written: dict[str, dict[str, Any]]) -> None:
    (nist,) = written[NIST]["findings"]
    assert (nist["target"]["type"], nist["target"]["target-id"]) == ("statement-id", "ac-2.1_smt")
    hipaa = {ref(one, "control-id"): one["target"]["target-id"] for one in written[HIPAA]["findings"]}
    assert hipaa["164.312(a)(1)"] == "_164.312_a_1"
    assert hipaa["164.312(a)[1]"].startswith("_164.312_a_1-")


def test_the_fit_and_what_is_not_complete_are_said(tmp_path: Path, written: dict[str, dict[str, Any]]) -> None:
    assert "(by analogy)" in written[STIG]["title"]
    assert props(written[STIG], "fit")[0]["value"] == "by_analogy"
    assert "persistent half" in written[STIG]["description"]
    document = check(AssessmentResults, OUTPUT.render(checklist()), tmp_path)
    assert "Not complete: 12 rules ended in error" in document["metadata"]["remarks"]
    assert ref(document["metadata"], "complete") == "no"
    titles = {one["uuid"]: one["title"] for one in document["back-matter"]["resources"]}
    assert titles[document["import-ap"]["href"][1:]] == "No assessment plan"
