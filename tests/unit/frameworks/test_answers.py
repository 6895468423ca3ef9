"""Answers of people: read strictly, shown beside the status, never instead of it."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.engine.content import load
from scanner.frameworks import catalog
from scanner.frameworks.answers import answer_controls, load_answers
from scanner.model.errors import ContentError
from scanner.model.result import ControlResult

KNOWN = catalog.frameworks(load())
FULL = {
    "framework": "pci-dss-4",
    "control": "12.1.1",
    "verdict": "met",
    "by": "a.person@example.org",
    "date": "2026-01-10",
    "valid_until": "2026-12-31",
    "statement": "The policy is kept in the intranet.",
}


def _file(*answers: dict[str, Any]) -> bytes:
    lines = ["schema: answers/v1", "answers:"]
    for answer in answers:
        lines.append("  - {" + ", ".join(f'{key}: "{value}"' for key, value in answer.items()) + "}")
    return "\n".join(lines).encode()


def _control(coverage: str = "manual", status: str = "manual") -> ControlResult:
    return ControlResult("pci-dss-4", "12.1.1", "t", status, coverage, ())


def _answered(control: ControlResult, *answers: dict[str, Any], today: str = "2026-06-01", host: str = "a") -> Any:
    loaded = load_answers(_file(*answers), "answers.yaml", KNOWN)
    return answer_controls([control], loaded, {"host_name": host}, today)[0]


def test_an_answer_is_shown_and_changes_no_status() -> None:
    control = _answered(_control(), FULL)
    assert control.status == "manual"
    assert control.answered["verdict"] == "met"
    assert control.answered["by"] == "a.person@example.org"
    assert control.answered["holds"] is True


@pytest.mark.parametrize(("today", "holds"), [("2026-01-09", False), ("2026-12-31", True), ("2027-01-01", False)])
def test_an_answer_holds_for_its_time_only(today: str, holds: bool) -> None:
    assert _answered(_control(), FULL, today=today).answered["holds"] is holds


def test_what_rules_decide_takes_no_answer() -> None:
    assert _answered(_control("automated", "fail"), FULL).answered is None
    assert _answered(_control("partial", "fail"), FULL).status == "fail"


def test_an_answer_for_this_target_stands_before_one_for_all() -> None:
    mine = FULL | {"target": "lab-*", "verdict": "not_met"}
    assert _answered(_control(), FULL, mine, host="lab-1").answered["verdict"] == "not_met"
    assert _answered(_control(), FULL, mine, host="prod").answered["verdict"] == "met"
    assert _answered(_control(), mine, host="prod").answered is None


def test_evidence_is_kept_with_its_digest() -> None:
    data = _file(FULL)[:-1] + b', evidence: [{name: policy.pdf, sha256: "' + b"ab" * 32 + b'"}]}'
    (answer,) = load_answers(data, "answers.yaml", KNOWN)
    assert answer.evidence == ({"name": "policy.pdf", "sha256": "ab" * 32},)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": "99.9"}, "has no control '99.9'"),
        ({"framework": "pci"}, "there is no framework 'pci'"),
        ({"verdict": "pass"}, "`verdict` is one of"),
        ({"valid_until": "soon"}, "`valid_until` is a day"),
        ({"valid_until": "2025-01-01"}, "lies before"),
        ({"by": ""}, "`by` is missing"),
        ({"statement": ""}, "`statement` is missing"),
        ({"mood": "good"}, "`mood` is no part"),
        ({"evidence": "policy.pdf"}, "`evidence` is a list"),
    ],
)
def test_a_wrong_answer_is_refused_with_its_place(change: dict[str, str], message: str) -> None:
    with pytest.raises(ContentError, match=message) as caught:
        load_answers(_file(FULL | change), "answers.yaml", KNOWN)
    assert "answers.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"schema: waivers/v1", b"schema: answers/v1\nanswers: 5", b"schema: answers/v1\nanswers: [5]"]
)
def test_other_documents_are_refused(data: bytes) -> None:
    with pytest.raises(ContentError):
        load_answers(data, "answers.yaml", KNOWN)


def test_one_control_is_answered_once() -> None:
    with pytest.raises(ContentError, match="answered twice"):
        load_answers(_file(FULL, FULL | {"verdict": "not_met"}), "answers.yaml", KNOWN)
