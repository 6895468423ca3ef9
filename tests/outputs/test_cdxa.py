"""CycloneDX attestations: the 1.6 schema, every reference, and no score for what nobody knows."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from scanner.outputs.cdxa import OUTPUT
from scanner.supply_chain.checking.schemas import _validator
from tests.outputs.finding_matrix import by_instance, hostile, matrix, only
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import large, result, sample


def validator() -> jsonschema_rs.Validator:
    """The schema that cyclonedx-python-lib ships, read without the network."""
    return _validator("bom-1.6.SNAPSHOT.schema.json")


def document_of(assessment: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(OUTPUT.render(assessment)))


def declared(assessment: dict[str, Any]) -> dict[str, Any]:
    return dict(document_of(assessment)["declarations"])


def references(document: dict[str, Any]) -> tuple[list[str], set[str]]:
    """(every bom-ref, every reference to one)."""
    parts, used = document["declarations"], set()
    refs = [
        one["bom-ref"]
        for standard in document["definitions"]["standards"]
        for one in (standard, *standard["requirements"])
    ]
    for name in ("assessors", "claims", "evidence"):
        refs += [one["bom-ref"] for one in parts[name]]
    refs += [one["bom-ref"] for one in parts["targets"]["components"]]
    for claim in parts["claims"]:
        used |= {claim["target"], *claim.get("evidence", ())}
    for attestation in parts["attestations"]:
        used.add(attestation["assessor"])
        for row in attestation["map"]:
            used |= {row["requirement"], *row.get("claims", ()), *row.get("counterClaims", ())}
            used |= set(row["conformance"].get("mitigationStrategies", ()))
    return refs, used


def rows(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Control id -> its line in the first attestation."""
    known = {one["bom-ref"]: one["identifier"] for one in document["definitions"]["standards"][0]["requirements"]}
    return {known[row["requirement"]]: row for row in document["declarations"]["attestations"][0]["map"]}


@pytest.mark.parametrize("assessment", [matrix(), sample(), large(), hostile(), hostile(words=True)])
def test_the_schema_holds_and_every_reference_has_an_end(assessment: dict[str, Any]) -> None:
    document = document_of(assessment)
    assert [error.message for error in validator().iter_errors(document)] == []
    refs, used = references(document)
    assert len(set(refs)) == len(refs)
    assert used <= set(refs)
    assert len(document["declarations"]["attestations"]) == len(assessment["summary"])


def test_every_status_claims_what_it_may() -> None:
    document = document_of(matrix())
    claims = {one["bom-ref"]: one for one in document["declarations"]["claims"]}
    expected = list(by_instance().values())
    found = rows(document)
    for index, case in enumerate(expected):
        row = found[f"1.{index}"]
        conformance = row["conformance"]
        assert conformance.get("score") == {"pass": 1, "fail": 0}.get(case.status)
        assert bool(row.get("claims")) == (case.status in ("pass", "not_applicable"))
        assert bool(row.get("counterClaims")) == (case.status == "fail")
        assert ("persistent half" in conformance["rationale"]) == bool(case.half)
        assert ("running half" in row["confidence"]["rationale"]) == bool(case.half)
        assert "fit by analogy" in row["confidence"]["rationale"]
        assert bool(conformance.get("mitigationStrategies")) == (case.status == "fail" and case.waiver == "valid")
        assert ("accepted until" in conformance["rationale"]) == (case.waiver == "valid")
        assert ("EXPIRED" in conformance["rationale"]) == (case.waiver == "expired")
        for ref in row.get("claims", ()):
            said = claims[ref]["predicate"]
            assert said.startswith("Met" if case.status == "pass" else "Does not apply")
            assert ("persistent half" in said) == bool(case.half)
        for ref in row.get("counterClaims", ()):
            assert claims[ref]["predicate"].startswith("NOT met")
        if case.status in ("error", "unknown", "manual"):
            assert case.result.found in conformance["rationale"]


def test_no_score_where_nobody_knows_or_a_part_is_left_out() -> None:
    found = rows(document_of(matrix()))
    assert {name for name in ("2.1", "9.1", "9.2", "9.3", "9.4") if "score" in found[name]["conformance"]} == set()
    assert "pass in part" in found["2.1"]["conformance"]["rationale"]


def test_an_answer_stands_in_the_rationale_and_makes_no_claim() -> None:
    found = rows(document_of(matrix()))
    assert "by a person: met, says A. Reviewer" in found["9.1"]["conformance"]["rationale"]
    assert "does NOT hold" in found["9.2"]["conformance"]["rationale"]
    assert not any("claims" in found[name] for name in ("9.1", "9.2", "9.3"))


def test_a_framework_for_another_system_gives_no_confidence() -> None:
    (row,) = rows(document_of(only(result(300, "pass"), fit="foreign"))).values()
    assert row["confidence"]["score"] == 0


def test_a_waiver_is_evidence_with_a_last_day() -> None:
    waivers = [
        one for one in document_of(matrix())["declarations"]["evidence"] if one["propertyName"] == "assay:waiver"
    ]
    (one,) = waivers
    assert one["expires"] == "2027-03-31T23:59:59Z"
    assert one["author"]["name"] == "platform team"


def test_what_may_hold_a_secret_has_no_digest() -> None:
    evidence = {one.get("data", [{}])[0].get("name"): one["description"] for one in declared(sample())["evidence"]}
    assert "no digest" in evidence["/etc/shadow"]
    assert sum("sha256" in text for text in evidence.values()) > 5


def test_we_are_no_third_party() -> None:
    said = declared(sample())
    assert [one["thirdParty"] for one in said["assessors"]] == [False]
    assert not {"signature", "affirmation"} & set(said)


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_no_payload_changes_the_shape(name: str) -> None:
    def shape(document: dict[str, Any]) -> list[Any]:
        return [sorted(one) for one in document["declarations"]["claims"]] + [
            sorted(row) for one in document["declarations"]["attestations"] for row in one["map"]
        ]

    document = document_of(hostile(name))
    assert shape(document) == shape(document_of(sample()))
    assert [error.message for error in validator().iter_errors(document)] == []
