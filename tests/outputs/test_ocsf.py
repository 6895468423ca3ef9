"""OCSF Compliance Findings: the schema's attributes, every status, nothing unknown as a pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanner.outputs.ocsf import OUTPUT
from tests.outputs.finding_matrix import by_instance, hostile, matrix, only
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import large, result, sample

# Attributes from ocsf/ocsf-schema 1.6, events/ and objects/: required ones, other ones that we may write, and at least
# one of which must be there. No installable package carries the schema itself.
SCHEMA: dict[str, tuple[str, str, str]] = {
    "": (
        "activity_id category_uid class_uid type_uid severity_id time metadata finding_info compliance",
        "activity_name category_name class_name type_name severity status status_id message resources remediation "
        "evidences unmapped",
        "",
    ),
    "metadata": ("product version", "log_name", ""),
    "metadata.product": ("", "name vendor_name version", "name uid"),
    "finding_info": ("uid", "title desc analytic", ""),
    "finding_info.analytic": ("type_id", "type uid name version", "name uid"),
    "compliance": (
        "",
        "status status_id status_code status_details standards requirements control control_parameters checks desc",
        "",
    ),
    "compliance.checks": ("", "uid name desc severity severity_id status status_id standards version", ""),
    "compliance.control_parameters": ("name", "value", "value values"),
    "resources": ("", "uid name type hostname version data", "name uid"),
    "remediation": ("desc", "references", ""),
    "evidences": ("", "file data", "data file"),
    "evidences.file": ("name type_id", "path type hashes", ""),
    "evidences.file.hashes": ("algorithm_id value", "algorithm", ""),
}
OPEN = ("unmapped", "resources.data", "evidences.data")
NUMBERS = (
    "activity_id",
    "category_uid",
    "class_uid",
    "type_uid",
    "severity_id",
    "status_id",
    "time",
    "type_id",
    "algorithm_id",
)
LISTS = ("resources", "evidences", "compliance.checks", "compliance.control_parameters", "evidences.file.hashes")
TEXTS = ("compliance.standards", "compliance.requirements", "compliance.status_details", "compliance.checks.standards")

STATUS = {"pass": 1, "fail": 3, "error": 2, "unknown": 2, "manual": 2, "not_applicable": 99}
CAPTIONS = {1: "Pass", 2: "Warning", 3: "Fail"}


def problems(value: Any, path: str = "") -> list[str]:
    """What is wrong with an event, or an object in it, by the schema."""
    if path in OPEN:
        return [] if isinstance(value, dict) else [f"{path} is no object"]
    required, others, one_of = (set(names.split()) for names in SCHEMA[path])
    if not isinstance(value, dict):
        return [f"{path} is no object"]
    found = [f"{path}.{name} is missing" for name in sorted(required - set(value))]
    found += [f"{path}.{name} is unknown" for name in sorted(set(value) - required - others - one_of)]
    found += [f"{path} has none of {one_of}"] if one_of and not one_of & set(value) else []
    for name, inner in value.items():
        found += _inner(inner, name, f"{path}.{name}".lstrip("."))
    return found


def _inner(value: Any, name: str, path: str) -> list[str]:
    if path in LISTS:
        return (
            [text for one in value for text in problems(one, path)]
            if isinstance(value, list)
            else [f"{path} is no list"]
        )
    if path in TEXTS:
        return [] if isinstance(value, list) and all(isinstance(one, str) for one in value) else [f"{path} is no texts"]
    if path in SCHEMA or path in OPEN:
        return problems(value, path)
    kind = int if name in NUMBERS else str
    return [] if type(value) is kind else [f"{path} is no {kind.__name__}"]


def events(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in OUTPUT.render(document).decode("utf-8").splitlines()]


@pytest.mark.parametrize("document", [matrix(), sample(), large(), hostile(), hostile(words=True)])
def test_every_line_is_a_compliance_finding(document: dict[str, Any]) -> None:
    made = events(document)
    assert len(made) >= len(document["results"])
    for event in made:
        assert problems(event) == []
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"] == 200301
        assert event["category_uid"] == 2
        compliance = event["compliance"]
        assert compliance["status"] == CAPTIONS.get(compliance["status_id"], "Not applicable")
    assert len({event["finding_info"]["uid"] for event in made}) == len(made)


def test_every_status_is_mapped_and_none_better_than_it_is() -> None:
    expected = by_instance()
    found = {
        one["unmapped"]["assay"]["instance"]: one for one in events(matrix()) if "instance" in one["unmapped"]["assay"]
    }
    assert set(found) == set(expected)
    for name, event in found.items():
        case = expected[name]
        compliance, ours = event["compliance"], event["unmapped"]["assay"]
        assert compliance["status_id"] == STATUS[case.status]
        assert compliance["status_code"] == ours["status"] == case.status
        assert [check["status_id"] for check in compliance["checks"]] == [STATUS[case.status]]
        assert ours.get("half", "") == case.half
        said = "\n".join(compliance["status_details"])
        assert ("persistent half" in said) == ("persistent half" in event["message"]) == bool(case.half)
        assert ("waiver" in ours) == (case.waiver != "none")
        assert ("accepted until" in said) == (case.waiver == "valid")
        assert ("EXPIRED" in said) == (case.waiver == "expired")
        assert "Fit of CIS RHEL 10: by analogy" in said
        assert event["status_id"] == 1  # a waiver closes and suppresses nothing


def test_controls_of_people_are_no_pass() -> None:
    people = {
        one["compliance"]["control"].split()[0]: one for one in events(matrix()) if not one["compliance"].get("checks")
    }
    assert set(people) == {"9.1", "9.2", "9.3", "9.4"}
    assert {one["compliance"]["status_id"] for one in people.values()} == {2}
    assert "by a person: met" in people["9.1"]["message"]
    assert people["9.1"]["unmapped"]["assay"]["answered"]["holds"] is True
    assert "does NOT hold" in people["9.2"]["message"]


def test_a_finding_keeps_its_name_until_the_target_is_another() -> None:
    def uid(document: dict[str, Any]) -> str:
        return str(events(document)[0]["finding_info"]["uid"])

    failed, passed = only(result(300, "fail")), only(result(300, "pass"))
    assert uid(failed) == uid(passed)
    failed["target"]["identity"]["host_name"] = "another"
    assert uid(failed) != uid(passed)


def test_evidence_and_time_are_there() -> None:
    (event,) = events(only(result(300, "fail")))
    assert event["time"] == 1795176000000
    assert event["evidences"][0]["file"]["hashes"][0]["algorithm_id"] == 3
    assert event["evidences"][0]["data"]["location"].endswith(":12")
    assert "systemctl reload sshd" in event["remediation"]["desc"]
    secret = next(
        one
        for one in events(sample())
        if one.get("evidences", [{"file": {"path": ""}}])[0]["file"]["path"] == "/etc/shadow"
    )
    assert "hashes" not in secret["evidences"][0]["file"]


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_a_payload_stays_inside_its_line(name: str) -> None:
    made, plain = events(hostile(name)), events(sample())
    assert len(made) == len(plain)
    assert [event["compliance"]["status_id"] for event in made] == [event["compliance"]["status_id"] for event in plain]


def test_the_check_finds_mistakes() -> None:
    (event,) = events(only(result(300, "fail")))
    assert problems(event) == []
    del event["finding_info"]["uid"]
    event["compliance"]["checks"][0]["surprise"] = 1
    event["severity_id"] = "4"
    assert len(problems(event)) == 4  # what is unknown is of no known kind either
