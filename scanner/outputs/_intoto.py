"""What the in-toto outputs share: the statement, and when a whole assessment may be called passed.

The statements are unsigned; signing them (DSSE) is the bundle's work. Sources: in-toto/attestation, spec/v1/:
statement.md, resource_descriptor.md, field_types.md.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from scanner.model.canonical import canonical, digest
from scanner.outputs._findings import NOT_KNOWN, Finding, Reading

__all__ = ["EXTENSION", "VERIFIER", "details", "passed", "policy", "resource_uri", "statement", "why_not"]

VERIFIER = "https://assay.invalid/verifier"
"""Our TypeURI. The domain is reserved (RFC 2606): who verified is told by the signature, not by this name."""

EXTENSION = "https://assay.invalid/attestation/v1"
"""Name of the extension field that carries what these predicates have no place for; readers ignore unknown fields."""


def statement(reading: Reading, kind: str, predicate: Mapping[str, Any]) -> bytes:
    """An unsigned Statement v1. Its subjects are the image, where it has a digest, and the facts that were judged."""
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": _subjects(reading),
        "predicateType": kind,
        "predicate": dict(predicate),
    }
    return canonical(document) + b"\n"


def _subjects(reading: Reading) -> list[dict[str, Any]]:
    # Subjects match by digest alone: a name of the target would promise what nothing checks.
    given = (("target", reading.target_digest), ("facts", reading.facts_digest))
    return [{"name": name, "digest": {"sha256": value}} for name, value in given if value]


def resource_uri(reading: Reading) -> str:
    """The target as a URI that needs no registry: its digest by RFC 6920, else that of the facts."""
    found = reading.target_digest or reading.facts_digest
    return "ni:///sha-256;" + urlsafe_b64encode(bytes.fromhex(found)).decode("ascii").rstrip("=")


def policy(reading: Reading) -> list[dict[str, Any]]:
    """What was judged by: the rules and controls by digest, and each profile as it was resolved."""
    content = {"name": "rules and controls", "digest": {"sha256": reading.content_digest}}
    profiles = [
        {
            "name": f"profile {one['id']}",
            "digest": {"sha256": digest(dict(one)).removeprefix("sha256:")},
            "annotations": {key: one[key] for key in ("require", "fit", "fit_reason", "min_coverage") if key in one},
        }
        for one in reading.profiles
    ]
    return [content, *profiles]


def why_not(reading: Reading) -> tuple[str, ...]:
    """Why this assessment is not passed, in sentences; nothing when it is. A waiver does not make a failure a pass."""
    reasons = list(reading.reasons)
    by_status: dict[str, list[str]] = {}
    for one in reading.results:
        if one.status not in ("pass", "not_applicable") and not _answered(one, reading):
            by_status.setdefault(one.status, []).append(one.instance)
    for status in ("fail", *NOT_KNOWN):
        if status in by_status:
            reasons.append(f"{status}: {', '.join(by_status[status])}")
    reasons += [
        f"{about.id} does not fit the target" for about in reading.frameworks.values() if about.fit == "foreign"
    ]
    if not any(one.status == "pass" for one in reading.results):
        reasons.append("no rule passed")
    if not reading.complete and not reasons:
        reasons.append("the assessment is incomplete")
    return tuple(reasons)


def passed(reading: Reading) -> bool:
    """Whether everything selected passes, does not apply, or is manual and answered by a person, in full."""
    return not why_not(reading)


def _answered(one: Finding, reading: Reading) -> bool:
    """A manual rule whose every control a person has answered with an answer that holds today."""
    if one.status != "manual" or not one.controls:
        return False
    serves = set(one.controls)
    answers = [control.answered for control in reading.controls if (control.framework, control.id) in serves]
    return all(said and said["holds"] and said["verdict"] in ("met", "not_applicable") for said in answers)


def details(reading: Reading) -> dict[str, Any]:
    """The extension field: every status, halves, waivers, answers and fit."""
    statuses: dict[str, list[str]] = {}
    for one in reading.results:
        statuses.setdefault(one.status, []).append(one.instance)
    found: dict[str, Any] = {
        "complete": reading.complete,
        "reasons": list(reading.reasons),
        "statuses": statuses,
        "fit": {name: {"fit": about.fit, "reason": about.fit_reason} for name, about in reading.frameworks.items()},
    }
    halves = [one.instance for one in reading.results if one.half]
    waivers = {one.instance: _waiver(one.waiver) for one in reading.results if one.waiver is not None}
    answers = [
        {"framework": one.framework, "control": one.id, **one.answered} for one in reading.controls if one.answered
    ]
    if halves:
        found["persistentHalf"] = halves
    if waivers:
        found["waivers"] = waivers
    if answers:
        found["answeredByPerson"] = answers
    return found


def _waiver(waiver: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in waiver.items() if value is not None}
