"""OSCAL component-definition, read by compliance-trestle: nothing that was not shown stands there as implemented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trestle.oscal.component import ComponentDefinition

from scanner.outputs.oscal_component import OUTPUT
from tests.outputs.checklist_matrix import HIPAA, NIST, STIG, checklist, hostile_checklist, statuses
from tests.outputs.finding_matrix import only, with_statuses
from tests.outputs.oscal_checks import check, props, ref
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import large, sample

IMPLEMENTED = {"pass": "implemented", "pass_in_part": "partial"}


def written(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    target, scanner = check(ComponentDefinition, OUTPUT.render(document), folder)["components"]
    assert scanner["type"] == "validation"
    found: dict[str, Any] = target
    return found


@pytest.mark.parametrize(
    "document", [sample(), large(), *(hostile_checklist(PAYLOADS[name]) for name in sorted(PAYLOADS))]
)
def test_trestle_reads_it(document: dict[str, Any], tmp_path: Path) -> None:
    assert written(document, tmp_path)["title"]


def test_only_what_passes_is_implemented_and_the_rest_is_listed(tmp_path: Path) -> None:
    document = checklist()
    found = {ref(one, "framework"): one for one in written(document, tmp_path)["control-implementations"]}
    assert set(found) == {STIG, NIST, HIPAA}
    for framework, one in found.items():
        given = statuses(document, framework)
        shown = {ref(each, "control-id"): each for each in one["implemented-requirements"]}
        assert set(shown) == {control for control, status in given.items() if status in IMPLEMENTED}
        for control, each in shown.items():
            (word,) = (prop["value"] for prop in each["props"] if prop["name"] == "implementation-status")
            assert word == IMPLEMENTED[given[control]]
        others = {prop["value"]: prop for prop in props(one, "control-status")}
        assert {control: prop["class"] for control, prop in others.items()} == {
            control: status for control, status in given.items() if status not in IMPLEMENTED
        }
        assert all("Not shown to be implemented" in prop["remarks"] for prop in others.values())


def test_waivers_halves_answers_and_fit_are_there(tmp_path: Path) -> None:
    found = {ref(one, "framework"): one for one in written(checklist(), tmp_path)["control-implementations"]}
    stig = found[STIG]
    assert "fit by analogy" in stig["description"]
    assert "persistent half" in stig["description"]
    halves = [one for one in stig["implemented-requirements"] if props(one, "persistent-half")]
    assert halves
    assert all("persistent half" in one["description"] for one in halves)
    remarks = "\n".join(prop["remarks"] for prop in props(stig, "control-status"))
    assert "Waiver W-12, accepted until 2027-03-31" in remarks
    assert "EXPIRED on 2026-01-31" in remarks
    answers = "\n".join(prop["remarks"] for prop in props(found[NIST], "control-status"))
    assert "met, says A. Reviewer" in answers


@pytest.mark.parametrize("status", ["fail", "error", "unknown", "manual", "not_applicable"])
def test_a_framework_of_which_nothing_was_shown_stands_at_the_component(status: Any, tmp_path: Path) -> None:
    found = written(with_statuses(status), tmp_path)
    assert "control-implementations" not in found
    assert [(one["value"], one["class"]) for one in props(found, "control-status")] == [("1.1", status)]


def test_the_component_keeps_its_id(tmp_path: Path) -> None:
    first, second = checklist(), only()
    assert written(first, tmp_path)["uuid"] == written(second, tmp_path)["uuid"]
