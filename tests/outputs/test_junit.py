"""JUnit XML as a public reader understands it, and the habits of GitLab and Jenkins."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import junitparser
import pytest

from scanner.outputs.junit import OUTPUT
from tests.outputs.finding_matrix import by_instance, harmless, hostile, matrix, only, passing, renamed
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import large, result, sample

OUTCOMES = {
    "pass": None,
    "fail": junitparser.Failure,
    "error": junitparser.Error,
    "unknown": junitparser.Error,
    "not_applicable": junitparser.Skipped,
    "manual": junitparser.Skipped,
}

ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "testcase": {"classname", "name", "time"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "testcase": {"properties", "failure", "error", "skipped", "system-out"},
    "properties": {"property"},
}
"""Elements and attributes that testmoapp/junitxml lists as common to the tools."""


def suites(document: dict[str, Any]) -> list[junitparser.TestSuite]:
    return list(junitparser.JUnitXml.fromstring(OUTPUT.render(document)))


def outcome(case: junitparser.TestCase) -> type | None:
    (kind,) = {type(one) for one in case.result} or {None}
    return kind


def properties(holder: Any) -> dict[str, str]:
    # The reader knows properties of suites only; those of tests stand in the same element.
    return {one.get("name"): one.get("value") for one in holder._elem.iterfind("properties/property")}


@pytest.mark.parametrize("document", [matrix(), sample(), large(), hostile(), hostile(words=True)])
def test_the_form_is_what_tools_share(document: dict[str, Any]) -> None:
    root = ET.fromstring(OUTPUT.render(document))
    assert root.tag == "testsuites"
    for parent in root.iter():
        assert set(parent.attrib) == ATTRIBUTES[parent.tag]
        assert {child.tag for child in parent} <= CHILDREN.get(parent.tag, set())
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names)
    assert len({name for _, name in names}) == len(names)
    for suite in root:
        outcomes = [child.tag for case in suite.iter("testcase") for child in case]
        counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        assert {name: int(suite.get(name, "")) for name in counted} == {
            name: outcomes.count(tag) for name, tag in counted.items()
        }
    assert int(root.get("tests", "")) == len(names)


def test_every_status_has_its_outcome() -> None:
    rules, *_ = suites(matrix())
    expected = by_instance()
    found = {properties(case)["instance"]: case for case in rules}
    assert set(found) == set(expected)
    for name, case in found.items():
        made = expected[name]
        about = properties(case)
        assert outcome(case) is OUTCOMES[made.status]
        assert about["status"] == made.status
        assert about.get("half", "") == made.half
        assert ("waiver" in about) == (made.waiver != "none")
        said = case.result[0].text if case.result else case.system_out
        assert ("persistent half" in said) == bool(made.half)
        if made.status in ("fail", "error", "unknown"):
            start = {"none": made.status, "valid": "WAIVED: ", "expired": "WAIVER EXPIRED: "}[made.waiver]
            assert case.result[0].message.startswith(start)


def test_only_what_passed_is_a_plain_test() -> None:
    plain = [case for suite in suites(matrix()) for case in suite if outcome(case) is None]
    assert {properties(case)["status"] for case in plain} == {"pass"}


def test_controls_of_people_are_skipped_with_their_answers() -> None:
    rules, people = suites(matrix())
    assert people.name == "cis-rhel10"
    assert {case.name for case in people} == {f"cis-rhel10 9.{number}" for number in (1, 2, 3, 4)}
    assert {outcome(case) for case in people} == {junitparser.Skipped}
    said = {case.name[-3:]: case.result[0].message for case in people}
    assert "by a person: met, says A. Reviewer" in said["9.1"]
    assert "does NOT hold" in said["9.2"]
    assert "nobody answered" in said["9.3"]
    assert "not yet" in said["9.4"]
    assert "by analogy" in properties(rules)["fit cis-rhel10"]
    assert properties(rules)["complete"].startswith("NO: ")


def test_names_stay_when_parameters_change_unless_a_rule_has_two_instances() -> None:
    one = passing()
    (alone,) = suites(only(renamed(one, f"{one.rule}@11111111")))
    assert [case.name for case in alone] == [one.rule]
    (two,) = suites(only(renamed(one, f"{one.rule}@11111111"), renamed(one, f"{one.rule}@22222222", allowed=["x"])))
    assert [case.name for case in two] == [f"{one.rule}@11111111", f"{one.rule}@22222222"]


def test_a_test_belongs_to_target_and_area() -> None:
    (rules,) = suites(only(result(300, "fail")))
    assert [case.classname for case in rules] == ["vela-0042.sample"]
    assert rules.timestamp == "2026-11-20T12:00:00"


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_no_payload_changes_the_shape(name: str) -> None:
    def shape(document: dict[str, Any]) -> list[tuple[str, int]]:
        return [(one.tag, len(one)) for one in ET.fromstring(OUTPUT.render(document)).iter()]

    assert shape(hostile(name)) == shape(harmless())
