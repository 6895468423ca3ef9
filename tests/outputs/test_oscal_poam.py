"""OSCAL plan of action and milestones, read by compliance-trestle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trestle.oscal.poam import PlanOfActionAndMilestones

from scanner.outputs.oscal_poam import OUTPUT
from tests.outputs.checklist_matrix import NIST, STIG, checklist, hostile_checklist
from tests.outputs.finding_matrix import by_instance, only, passing
from tests.outputs.oscal_checks import check, props, ref
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import assessment, large, result, sample

OPEN = ("fail", "error", "unknown")


def written(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    return check(PlanOfActionAndMilestones, OUTPUT.render(document), folder)


@pytest.mark.parametrize(
    "document", [sample(), large(), *(hostile_checklist(PAYLOADS[name]) for name in sorted(PAYLOADS))]
)
def test_trestle_reads_it(document: dict[str, Any], tmp_path: Path) -> None:
    assert written(document, tmp_path)["poam-items"]


def test_every_result_that_is_open_is_an_item_with_its_risk(tmp_path: Path) -> None:
    document = written(checklist(), tmp_path)
    items = {ref(one, "instance"): one for one in document["poam-items"] if props(one, "instance")}
    risks = {one["uuid"]: one for one in document["risks"]}
    wanted = {one["instance"]: one for one in checklist()["results"] if one["status"] in OPEN}
    assert set(items) == set(wanted)
    for instance, one in items.items():
        (link,) = one["related-risks"]
        risk = risks[link["risk-uuid"]]
        assert ref(one, "status") == ref(risk, "status") == wanted[instance]["status"]
        case = by_instance().get(instance)
        waiver = case.waiver if case else "none"
        status = "open" if wanted[instance]["status"] == "fail" else "investigating"
        assert risk["status"] == ("deviation-approved" if waiver == "valid" else status)
        assert risk.get("deadline") == ("2027-03-31T23:59:59Z" if waiver == "valid" else None)
        assert risk["remediations"][0]["lifecycle"] == "recommendation"
        assert ("persistent half" in one["description"]) == bool(wanted[instance]["half"])
        assert bool(props(one, "half")) == bool(wanted[instance]["half"])


def test_what_waits_for_a_person_is_an_item_of_its_framework(tmp_path: Path) -> None:
    document = written(checklist(), tmp_path)
    waiting = {ref(one, "framework"): one for one in document["poam-items"] if props(one, "framework")}
    assert set(waiting) == {STIG, NIST}
    assert [one["value"] for one in props(waiting[NIST], "control-id")] == ["AC-2"]  # its answer holds no longer
    stig = {one["value"]: one["class"] for one in props(waiting[STIG], "control-id")}
    assert set(stig.values()) == {"manual", "unknown", "pass_in_part"}
    assert len(stig) == sum(
        one["framework"] == STIG
        and one["status"] in ("manual", "unknown", "pass_in_part")
        and not {"fail", "error", "unknown"} & {status(name) for name in one["results"]}
        for one in checklist()["controls"]
    )
    (refused,) = (one for one in document["poam-items"] if one["title"].startswith("Not met, says a person"))
    assert ref(refused, "control-id") == "AC-3"


def status(instance: str) -> str:
    found: str = next(one["status"] for one in checklist()["results"] if one["instance"] == instance)
    return found


def test_the_id_of_an_item_stays_from_plan_to_plan(tmp_path: Path) -> None:
    def ids(document: dict[str, Any]) -> dict[str, str]:
        return {one["title"]: one["uuid"] for one in written(document, tmp_path)["poam-items"]}

    now, later, elsewhere = checklist(), checklist(), checklist()
    later["evaluated_at"] = "2027-02-01T00:00:00Z"
    elsewhere["target"]["identity"]["host_name"] = "vela-0043"
    assert ids(now) == ids(later)
    assert not set(ids(now).values()) & set(ids(elsewhere).values())
    assert written(now, tmp_path)["uuid"] != written(later, tmp_path)["uuid"]


def test_the_fit_of_every_framework_is_said(tmp_path: Path) -> None:
    about = {one["title"]: one["description"] for one in written(checklist(), tmp_path)["back-matter"]["resources"]}
    assert len(about) == 3
    assert "Fit: by analogy" in about["DISA STIG Red Hat Enterprise Linux 10 V1R2"]


def test_nothing_open_is_said(tmp_path: Path) -> None:
    (item,) = written(only(passing()), tmp_path)["poam-items"]
    assert item["title"] == "Nothing is open"


def test_a_person_is_asked_for_results_of_no_framework_too(tmp_path: Path) -> None:
    (item,) = written(assessment([result(1, "manual")], [], {}), tmp_path)["poam-items"]
    assert "no rule decided" in item["title"]
