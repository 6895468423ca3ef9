"""The policy file: every key, every mistake with its line; and what its limits and requirements do."""

import jsonschema_rs
import pytest

from scanner.engine import yaml_text
from scanner.gate.policy import Policy, load_policy, template
from scanner.model.errors import ContentError
from scanner.schemas.generate import documents
from tests.unit.gate.sides_lab import NOW, control, gate, record, side

HEAD = "schema: gate-policy/v1\n"


def policy(text: str) -> Policy:
    return load_policy((HEAD + text).encode(), "gate.yaml")


def test_the_template_is_the_default_and_fits_its_schema() -> None:
    written = load_policy(template().encode(), "gate.yaml")
    default = Policy(where=written.where, digest=written.digest)
    assert written == default
    assert (
        list(
            jsonschema_rs.validator_for(documents()["gate-policy"]).iter_errors(
                yaml_text.load(template().encode(), "t")
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("fail_on: [regresion]\n", 2, "no class"),
        ("fail_on: [old_failure:grave]\n", 2, "no severity"),
        ("fail_on: [regression]\nwarn_on:\n  - old_failure\n  - regression\n", 5, "two lists"),
        ("fail_on: regression\n", 2, "list"),
        ("fail-on: [regression]\n", 2, "no key"),
        ("limits:\n  severity:\n    grave: 1\n", 4, "no key"),
        ("limits:\n  severity:\n    high: -1\n", 4, "whole number"),
        ("limits:\n  severity:\n    high: true\n", 4, "whole number"),
        ("limits:\n  framework:\n    stig:\n      failed: 1\n", 5, "no key"),
        ("limits:\n  framework: [stig]\n", 3, "framework"),
        ("limits: 5\n", 2, "mapping"),
        ("profiles: [1]\n", 2, "list of texts"),
        ("max_age_days: 30d\n", 2, "whole number"),
        ("complete: maybe\n", 2, "true or false"),
        ("waivers:\n  unused: ignore\n", 3, "one of"),
        ("supply_chain:\n  materiality: huge\n", 3, "one of"),
        ("supply_chain:\n  signatures: required\n", 3, "true or false"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(ContentError, match=says) as caught:
        policy(text)
    assert caught.value.where == f"gate.yaml:{line}"


@pytest.mark.parametrize("text", ["", "- a\n", "schema: gate-policy/v2\n", "schema: [x]\n"])
def test_a_file_that_is_no_policy(text: str) -> None:
    with pytest.raises(ContentError):
        load_policy(text.encode(), "gate.yaml")


@pytest.mark.parametrize(
    ("severity", "action"), [("critical", "fail"), ("high", "fail"), ("medium", "warn"), ("info", "warn")]
)
def test_a_class_from_a_severity_on(severity: str, action: str) -> None:
    rules = policy("fail_on: ['new_failure:high']\n")
    (found,) = gate(side(record("fail", severity=severity)), side(), rules).differences
    assert found.action == action


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("limits: {severity: {high: 1}}\n", False),
        ("limits: {severity: {high: 2}}\n", True),
        ("limits: {status: {fail: 0}}\n", False),
        ("limits: {status: {fail: 1, unknown: 1, pass: 1}}\n", True),
        ("limits: {status: {pass: 0}}\n", False),
        ("limits: {class: {old_failure: 0}}\n", False),
        ("limits: {class: {old_failure: 1}}\n", True),
        ("limits: {framework: {stig: {fail: 0}}}\n", False),
        ("limits: {framework: {stig: {fail: 1}}}\n", True),
        ("limits: {framework: {cis: {fail: 9}}}\n", False),
    ],
)
def test_limits(text: str, met: bool) -> None:
    """Two results are bad, an old failure and an unknown one: whoever hides a failure does not stay below a limit."""
    records = (record("fail"), record("unknown", "rule-b@00000001"), record("pass", "rule-c@00000001"))
    one = side(*records, controls=(control("fail"),))
    assert gate(one, one, policy(text)).decision == ("met" if met else "not_met")


def test_required_profiles() -> None:
    one = side(record("pass"))
    assert gate(one, one, policy("profiles: [velaos]\n")).decision == "met"
    assert gate(one, one, policy("profiles: [velaos, stig]\n")).decision == "not_met"


@pytest.mark.parametrize(
    ("collected", "met"),
    [
        ("2026-11-20T00:00:00Z", True),
        ("2026-11-10T23:00:00Z", True),
        ("2026-11-09T23:00:00Z", False),
        ("2026-11-21T00:00:00Z", False),
        ("", False),
    ],
)
def test_the_age_of_the_evidence(collected: str, met: bool) -> None:
    """Without an instant of its own, evidence is as old as its judgement at least."""
    one = side(record("pass"), collected=collected, evaluated_at="2026-10-01T00:00:00Z")
    assert gate(one, one, policy("max_age_days: 10\n")).decision == ("met" if met else "not_met")


@pytest.mark.parametrize(("judged", "decision"), [(NOW, "incomplete"), ("2026-10-01T00:00:00Z", "not_met")])
def test_old_evidence_judged_today_is_not_young(judged: str, decision: str) -> None:
    """An assessment does not say when its evidence was collected; its judgement says only how young it is at most."""
    one = side(record("pass"), collected="", evaluated_at=judged)
    found = gate(one, one, policy("max_age_days: 10\n"))
    assert found.decision == decision
    assert ("gate the snapshot or bundle" in found.lines[0]) is (decision == "incomplete")


def test_an_incomplete_assessment_does_not_pass() -> None:
    whole, part = side(record("pass")), side(record("pass"), complete=False, reasons=("half of it is missing",))
    found = gate(part, whole)
    assert (found.decision, found.exit_code) == ("incomplete", 3)
    assert "half of it is missing" in found.lines[0]
    assert gate(part, whole, policy("complete: false\n")).decision == "met"
    # What fails goes before what is open.
    failed = side(record("fail"), complete=False, reasons=("x",))
    assert gate(failed, whole).exit_code == 1
