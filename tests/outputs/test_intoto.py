"""The in-toto statements as the in-toto project's own package reads them, and when they may say PASSED."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from scanner.outputs._intoto import EXTENSION
from scanner.outputs.base import Output
from scanner.outputs.intoto_svr import OUTPUT as SVR
from scanner.outputs.intoto_test_result import OUTPUT as TESTS
from scanner.outputs.vsa import OUTPUT as VSA
from tests.outputs.finding_matrix import (
    ANSWER,
    HALVES,
    LAPSED,
    WAIVERS,
    by_instance,
    hostile,
    matrix,
    only,
    passing,
    with_statuses,
)
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import large, result, sample

OUTPUTS = (TESTS, VSA, SVR)
NEVER_PASSED = ("fail", "error", "unknown", "manual")


def predicate(output: Output, document: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(output.render(document))["predicate"])


def verdict(document: dict[str, Any]) -> str:
    return str(predicate(VSA, document)["verificationResult"])


def outcome(document: dict[str, Any]) -> str:
    return str(predicate(TESTS, document)["result"])


@pytest.mark.parametrize("document", [matrix(), sample(), large(), hostile(), hostile(words=True)])
@pytest.mark.parametrize("output", OUTPUTS, ids=lambda one: one.id)
def test_the_package_of_in_toto_reads_them(output: Output, document: dict[str, Any]) -> None:
    data = output.render(document)
    message = json_format.Parse(data, statement_pb2.Statement())
    Statement.copy_from_pb(message).validate()
    said = json.loads(data)
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert all(list(one["digest"]) == ["sha256"] and len(one["digest"]["sha256"]) == 64 for one in said["subject"])
    assert {one["name"] for one in said["subject"]} <= {"target", "facts"}  # never a host name


def test_the_predicates_are_what_their_definitions_ask() -> None:
    said = predicate(TESTS, matrix())
    parsed = json_format.ParseDict(said, test_result_pb2.TestResult(), ignore_unknown_fields=True)
    assert list(parsed.passed_tests) == said["passedTests"]
    for one in parsed.configuration:
        ResourceDescriptor.copy_from_pb(one).validate()
    summary = predicate(VSA, matrix())
    assert isinstance(summary["verifiedLevels"], list)
    # The package's message takes one level only, the specification a list.
    rest = {**summary, "verifiedLevels": summary["verifiedLevels"][0]}
    read = json_format.ParseDict(rest, vsa_pb2.VerificationSummary(), ignore_unknown_fields=True)
    assert read.verification_result == "FAILED"
    assert read.resource_uri.startswith("ni:///sha-256;")
    shown = predicate(SVR, matrix())
    assert set(shown) == {"verifier", "timeCreated", "properties", EXTENSION}
    assert shown["verifier"]["policies"]


def test_every_status_stands_where_it_may() -> None:
    said, expected = predicate(TESTS, matrix()), by_instance()
    lists = {
        name: [one for one, case in expected.items() if case.status in statuses and bool(case.half) in halves]
        for name, statuses, halves in (
            ("passedTests", ("pass",), (False,)),
            ("warnedTests", ("pass",), (True,)),
            ("failedTests", ("fail", "error", "unknown"), (True, False)),
        )
    }
    assert {name: said[name] for name in lists} == lists
    assert said["result"] == "FAILED"
    more = said[EXTENSION]
    assert {name for names in more["statuses"].values() for name in names} == set(expected)
    assert set(more["persistentHalf"]) == {name for name, case in expected.items() if case.half}
    assert {name: one["expired"] for name, one in more["waivers"].items()} == {
        name: case.waiver == "expired" for name, case in expected.items() if case.waiver != "none"
    }
    assert [(one["control"], one["holds"]) for one in more["answeredByPerson"]] == [("9.1", True), ("9.2", False)]
    assert more["fit"]["cis-rhel10"]["fit"] == "by_analogy"
    assert more["complete"] is False


def test_only_passes_are_properties() -> None:
    expected = by_instance()
    properties = predicate(SVR, matrix())["properties"]
    assert sorted(properties) == sorted(
        f"ASSAY_RULE_{'PERSISTENT_HALF_' if case.half else ''}{name}"
        for name, case in expected.items()
        if case.status == "pass"
    )
    assert predicate(SVR, only(passing(), fit="foreign"))["properties"] == []


def test_a_whole_pass_is_passed() -> None:
    for document in (with_statuses("pass"), with_statuses("pass", "not_applicable")):
        assert verdict(document) == "PASSED"
        assert outcome(document) == "PASSED"
        assert predicate(VSA, document)["verifiedLevels"] == ["ASSAY_RULES_CIS_RHEL10"]


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("note", sorted(WAIVERS))
@pytest.mark.parametrize("status", NEVER_PASSED)
def test_one_rule_that_is_not_known_or_fails_spoils_it(status: Any, note: str, half: str) -> None:
    document = only(passing(), result(301, status, half=half or None, waiver=WAIVERS[note]))
    assert verdict(document) == "FAILED"
    assert predicate(VSA, document)["verifiedLevels"] == ["FAILED"]
    assert predicate(VSA, document)[EXTENSION]["whyFailed"]
    assert outcome(document) == ("WARNED" if status == "manual" else "FAILED")


def test_nothing_that_passed_is_no_pass() -> None:
    for document in (only(), with_statuses("not_applicable"), with_statuses("not_applicable", "manual")):
        assert verdict(document) == "FAILED"
        assert outcome(document) == "FAILED"


def test_incomplete_or_foreign_is_never_passed() -> None:
    document = with_statuses("pass")
    document["completeness"] |= {"complete": False, "reasons": ["profile x does not fit this target"]}
    assert (verdict(document), outcome(document)) == ("FAILED", "FAILED")
    assert predicate(VSA, document)[EXTENSION]["whyFailed"] == ["profile x does not fit this target"]
    document["completeness"] |= {"reasons": []}
    assert (verdict(document), outcome(document)) == ("FAILED", "FAILED")
    foreign = only(passing(), fit="foreign")
    assert (verdict(foreign), outcome(foreign)) == ("FAILED", "WARNED")


def test_half_a_proof_and_analogy_stand_in_the_level() -> None:
    document = only(passing(half="persistent half"), fit="by_analogy")
    assert verdict(document) == "PASSED"
    assert predicate(VSA, document)["verifiedLevels"] == ["ASSAY_RULES_CIS_RHEL10_BY_ANALOGY_PERSISTENT_HALF"]
    assert outcome(document) == "WARNED"


def test_a_manual_rule_counts_only_with_an_answer_that_holds() -> None:
    def with_answer(answer: dict[str, Any] | None) -> dict[str, Any]:
        return only(passing(), result(301, "manual"), status="manual", answered=answer)

    assert verdict(with_answer(ANSWER)) == "PASSED"
    assert predicate(VSA, with_answer(ANSWER))["verifiedLevels"] == ["ASSAY_RULES_CIS_RHEL10_WITH_ANSWERS"]
    for answer in (None, LAPSED, {**ANSWER, "verdict": "not_met"}):
        assert verdict(with_answer(answer)) == "FAILED"
    # A rule that serves no control is answered by nobody.
    alone = with_answer(ANSWER)
    alone["controls"][0]["results"] = alone["controls"][0]["results"][:1]
    assert verdict(alone) == "FAILED"


def test_no_level_borrows_the_words_of_slsa() -> None:
    document = with_statuses("pass")
    document["controls"][0]["framework"] = "SLSA build level 3"
    document["summary"] = {"SLSA build level 3": document["summary"]["cis-rhel10"]}
    levels = predicate(VSA, document)["verifiedLevels"]
    assert levels == ["ASSAY_RULES_SLSA_BUILD_LEVEL_3"]


def test_subjects_are_the_image_and_the_facts() -> None:
    document = with_statuses("pass")
    image, facts = (one.removeprefix("sha256:") for one in (document["target"]["digest"], document["facts_digest"]))
    for output in OUTPUTS:
        said = json.loads(output.render(document))
        assert [one["digest"]["sha256"] for one in said["subject"]] == [image, facts]
    document["target"]["digest"] = None
    assert [one["name"] for one in json.loads(VSA.render(document))["subject"]] == ["facts"]


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_no_payload_changes_a_verdict(name: str) -> None:
    for output in OUTPUTS:
        made, plain = predicate(output, hostile(name)), predicate(output, sample())
        assert set(made) == set(plain)
        assert made.get("result") == plain.get("result")
        assert made.get("verificationResult") == plain.get("verificationResult")
