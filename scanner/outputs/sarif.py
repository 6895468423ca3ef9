"""SARIF 2.1.0 with everything in it: each status, the waivers, the controls with their answers, what could not be read.

For viewers and aggregators that read `kind`. GitHub does not: see `sarif-github`. § names sections of SARIF 2.1.0 plus
errata 01.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.model.canonical import canonical
from scanner.outputs._findings import ControlFinding, Finding, Place, Reading, reading_of
from scanner.outputs._sarif import (
    SCHEMA,
    TARGET_BASE,
    automation_id,
    device_location,
    driver,
    level,
    message,
    result_properties,
    rule_index,
    rule_properties,
    suppressions,
    uri,
)
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_KINDS = {"pass": "pass", "fail": "fail", "not_applicable": "notApplicable"}
"""Status -> `kind` (§3.27.9). The rest is `review`; an error is a notification and no result."""


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    return canonical({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(reading)]}) + b"\n"


def _run(reading: Reading) -> dict[str, Any]:
    rules = rule_index(reading.results)
    numbers = {name: number for number, name in enumerate(rules)}
    places = _artifacts(reading)
    taxa = _taxa(reading)
    return {
        "tool": {"driver": {**driver(reading, [_rule(one) for one in rules.values()]), **_supported(reading)}},
        "automationDetails": {"id": automation_id(reading)},
        "invocations": [_invocation(reading, numbers)],
        "originalUriBaseIds": {TARGET_BASE: {"description": {"text": "The root of the inspected system."}}},
        "artifacts": [_artifact(place) for place in places],
        "results": [_result(one, numbers, places, taxa) for one in reading.results if one.status != "error"],
        "taxonomies": _taxonomies(reading),
        "columnKind": "unicodeCodePoints",
        "properties": _about(reading),
    }


# ---- rules and controls ----------------------------------------------------------------------------------------------


def _rule(one: Finding) -> dict[str, Any]:
    return {
        "id": one.rule,
        "shortDescription": {"text": message(one.title or one.rule)},
        "fullDescription": {"text": message(one.rationale or one.title or one.rule)},
        "help": {"text": message("\n".join(filter(None, (one.remedy, *one.commands, *one.references))) or one.title)},
        "defaultConfiguration": {"level": level(one.severity)},
        "properties": rule_properties(one, ["security", "compliance", *filter(None, [one.area])]),
    }


def _supported(reading: Reading) -> dict[str, Any]:
    return {
        "supportedTaxonomies": [{"name": name, "index": index} for index, name in enumerate(reading.frameworks)],
    }


def _controls(reading: Reading) -> dict[str, list[ControlFinding]]:
    found: dict[str, list[ControlFinding]] = {name: [] for name in reading.frameworks}
    for control in reading.controls:
        if control.framework in found:
            found[control.framework].append(control)
    return found


def _taxonomies(reading: Reading) -> list[dict[str, Any]]:
    """A framework is a taxonomy, a control a taxon with its rolled-up status (§3.19.3)."""
    found = []
    for name, controls in _controls(reading).items():
        about = reading.frameworks[name]
        found.append(
            {
                "name": name,
                "fullName": about.title or name,
                **({"version": about.version} if about.version else {}),
                "shortDescription": {"text": message(f"{about.title}. Fit to this target: {about.fit_words}")},
                "isComprehensive": False,
                "taxa": [_taxon(control) for control in controls],
                "properties": {"fit": about.fit, "fitReason": about.fit_reason, "fitNote": about.fit_note},
            }
        )
    return found


def _taxon(control: ControlFinding) -> dict[str, Any]:
    words = f"{control.title}. Status: {control.status_words}; covered: {control.coverage.replace('_', ' ')}"
    said = "; ".join(filter(None, (words, control.answered_words)))
    properties: dict[str, Any] = {"status": control.status, "coverage": control.coverage}
    if control.half:
        properties["persistentHalf"] = control.half
    if control.answered:
        properties["answered"] = dict(control.answered)
    if control.note:
        properties["note"] = control.note
    return {"id": control.id, "shortDescription": {"text": message(said)}, "properties": properties}


def _taxa(reading: Reading) -> dict[str, list[dict[str, Any]]]:
    """Instance -> references to the controls it serves."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number, (name, controls) in enumerate(_controls(reading).items()):
        for index, control in enumerate(controls):
            for one in control.results:
                reference = {"id": control.id, "index": index, "toolComponent": {"name": name, "index": number}}
                found.setdefault(one.instance, []).append(reference)
    return found


# ---- results ---------------------------------------------------------------------------------------------------------


def _artifacts(reading: Reading) -> dict[Place, int]:
    """Every source once, by name and digest, with its number."""
    sources = {Place(one.source, None, None, one.sha256) for finding in reading.results for one in finding.places}
    return {
        place: number for number, place in enumerate(sorted(sources, key=lambda one: (one.source, one.sha256 or "")))
    }


def _artifact(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {"location": {"uri": uri(place.source), "uriBaseId": TARGET_BASE}}
    if place.sha256:
        found["hashes"] = {"sha-256": place.sha256}
    return found


def _location(place: Place, artifacts: Mapping[Place, int]) -> dict[str, Any]:
    found = device_location(place)
    found["physicalLocation"]["artifactLocation"]["index"] = artifacts[Place(place.source, None, None, place.sha256)]
    return found


def _result(
    one: Finding,
    numbers: Mapping[str, int],
    artifacts: Mapping[Place, int],
    taxa: Mapping[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    kind = _KINDS.get(one.status, "review")
    found: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": numbers[one.rule],
        "kind": kind,
        "level": level(one.severity) if kind == "fail" else "none",
        "message": {"text": message("\n".join((one.title or one.rule, *one.lines)))},
        "partialFingerprints": {"assayInstance/v1": one.instance},
        "properties": result_properties(one),
    }
    if one.places:  # readers take the first of any list of locations, so none of them is empty
        found["locations"] = [_location(place, artifacts) for place in one.places]
    if one.instance in taxa:
        found["taxa"] = taxa[one.instance]
    if suppressed := suppressions(one):
        found["suppressions"] = suppressed
    return found


# ---- the run ---------------------------------------------------------------------------------------------------------


def _invocation(reading: Reading, numbers: Mapping[str, int]) -> dict[str, Any]:
    return {
        "executionSuccessful": reading.complete,
        "endTimeUtc": reading.time,
        "toolExecutionNotifications": list(_notifications(reading, numbers)),
    }


def _notifications(reading: Reading, numbers: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Why the assessment is incomplete, every rule that ended in error, every fact that could not be read (§3.58)."""
    for reason in reading.reasons:
        yield {"level": "error", "message": {"text": message(f"Incomplete: {reason}")}}
    for one in reading.results:
        if one.status == "error":
            yield {
                "level": "error",
                "message": {"text": message("\n".join((one.title or one.rule, *one.lines)))},
                "associatedRule": {"id": one.rule, "index": numbers[one.rule]},
                "properties": result_properties(one),
            }
    for fact in reading.unread:
        yield {
            "level": "error" if fact["state"] == "error" else "note",
            "message": {"text": message(f"{fact['fact']} was not read whole: {fact['state']}: {fact['reason']}")},
            "properties": {"fact": fact["fact"], "state": fact["state"], "rules": fact["rules"]},
        }


def _about(reading: Reading) -> dict[str, Any]:
    return {
        "target": {"name": reading.target, "kind": reading.kind, "identity": dict(reading.identity)},
        "targetDigest": reading.target_digest,
        "factsDigest": reading.facts_digest,
        "contentDigest": reading.content_digest,
        "profiles": [dict(profile) for profile in reading.profiles],
        "fit": reading.fit_words,
        "completeness": dict(reading.completeness),
    }


OUTPUT = Output(
    "sarif",
    "SARIF 2.1.0 with every status; for GitHub take sarif-github, which holds failures only.",
    ".sarif",
    _render,
)
