"""CycloneDX 1.6 attestations (CDXA): standards, claims with evidence, and how far each requirement is met.

A pass is a claim, a failure a counter-claim with score 0. Error, unknown and manual make no claim and get no score: the
rationale says why. Source: CycloneDX/specification, schema/bom-1.6.schema.json, `declarations` and `definitions`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scanner.model.canonical import canonical
from scanner.outputs._findings import ControlFinding, Finding, FrameworkAbout, Place, Reading, reading_of, unique
from scanner.outputs._identifiers import assessment_digest, identifier
from scanner.outputs._words import STATUS_WORDS, number
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TARGET = "target"
_ASSESSOR = "assessor"

_COMPONENTS = {"live": "device", "archive": "container"}
"""Target kind -> component type; everything else is an operating system."""

_SCORES = {"pass": 1, "fail": 0}
"""Conformance of a control. Of any other status nobody knows how far it conforms: no score is written."""


@dataclass(frozen=True, slots=True)
class _Refs:
    """`bom-ref` of everything that is pointed at: instance -> claim, source -> evidence, waiver id -> waiver."""

    claims: Mapping[str, str]
    evidence: Mapping[tuple[str, str], str]
    waivers: Mapping[str, str]
    requirements: Mapping[int, str]


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    refs = _refs(reading)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{identifier('cdxa', assessment_digest(assessment))}",
        "version": 1,
        "metadata": _metadata(reading),
        "definitions": {"standards": [_standard(name, reading, refs) for name in reading.frameworks]},
        "declarations": {
            "assessors": [_assessor(reading)],
            "attestations": [_attestation(name, reading, refs) for name in reading.frameworks],
            "claims": [_claim(one, refs) for one in reading.results if one.instance in refs.claims],
            "evidence": [*_evidence(refs), *_waivers(reading.results, refs)],
            "targets": {"components": [_target(reading)]},
        },
    }
    return canonical(document) + b"\n"


def _refs(reading: Reading) -> _Refs:
    claimed = [one for one in reading.results if one.status in ("pass", "fail", "not_applicable")]
    sources = sorted({_source(place) for one in claimed for place in one.places})
    waivers = sorted({str(one.waiver["id"]) for one in reading.results if one.waiver is not None and one.waived})
    named = unique(f"requirement {one.framework} {one.id}" for one in reading.controls)
    return _Refs(
        claims=dict(
            zip((one.instance for one in claimed), unique(f"claim {one.instance}" for one in claimed), strict=True)
        ),
        evidence={source: f"evidence {index}" for index, source in enumerate(sources, 1)},
        waivers={name: f"waiver {index}" for index, name in enumerate(waivers, 1)},
        requirements=dict(enumerate(named)),
    )


def _source(place: Place) -> tuple[str, str]:
    return place.source, place.sha256 or ""


def _properties(**given: str) -> list[dict[str, str]]:
    return [{"name": f"assay:{name}", "value": value} for name, value in given.items() if value]


# ---- who, what -------------------------------------------------------------------------------------------------------


def _metadata(reading: Reading) -> dict[str, Any]:
    tool = {"type": "application", "name": reading.tool or "assay", "version": reading.tool_version}
    profiles = "; ".join(f"{one['id']} (requires: {one['require']}, fit: {one['fit']})" for one in reading.profiles)
    return {
        "timestamp": reading.time,
        "tools": {"components": [tool]},
        "properties": _properties(
            profiles=profiles,
            facts_digest=f"sha256:{reading.facts_digest}",
            content_digest=f"sha256:{reading.content_digest}",
            complete="yes" if reading.complete else "no",
            incomplete_because="; ".join(reading.reasons),
        ),
    }


def _assessor(reading: Reading) -> dict[str, Any]:
    return {
        "bom-ref": _ASSESSOR,
        "thirdParty": False,
        "organization": {"name": f"{reading.tool or 'assay'} {reading.tool_version}, run by the vendor or owner"},
    }


def _target(reading: Reading) -> dict[str, Any]:
    version = str(reading.identity.get("image_version") or reading.identity.get("os_version") or "")
    found: dict[str, Any] = {
        "bom-ref": _TARGET,
        "type": _COMPONENTS.get(reading.kind, "operating-system"),
        "name": reading.target,
        "properties": _properties(kind=reading.kind, facts_digest=f"sha256:{reading.facts_digest}"),
    }
    if version:
        found["version"] = version
    if reading.target_digest:
        found["hashes"] = [{"alg": "SHA-256", "content": reading.target_digest}]
    return found


# ---- requirements ----------------------------------------------------------------------------------------------------


def _mine(framework: str, reading: Reading) -> list[tuple[int, ControlFinding]]:
    return [(index, one) for index, one in enumerate(reading.controls) if one.framework == framework]


def _standard(name: str, reading: Reading, refs: _Refs) -> dict[str, Any]:
    about = reading.frameworks[name]
    found = {"bom-ref": f"standard {name}", "name": about.title or name, "description": f"Fit: {about.fit_words}"}
    found |= {key: value for key, value in (("version", about.version), ("owner", about.publisher)) if value}
    return {
        **found,
        "requirements": [_requirement(one, refs.requirements[index]) for index, one in _mine(name, reading)],
    }


def _requirement(one: ControlFinding, ref: str) -> dict[str, Any]:
    return {
        "bom-ref": ref,
        "identifier": one.id,
        "title": one.title,
        "properties": _properties(
            status=one.status,
            coverage=one.coverage,
            persistent_half=str(one.half) if one.half else "",
            answered=one.answered_words,
            note=one.note,
        ),
    }


def _attestation(name: str, reading: Reading, refs: _Refs) -> dict[str, Any]:
    about = reading.frameworks[name]
    rows = [_row(one, refs.requirements[index], about, refs) for index, one in _mine(name, reading)]
    return {"summary": _summary(about, reading), "assessor": _ASSESSOR, "map": rows}


def _summary(about: FrameworkAbout, reading: Reading) -> str:
    counts = ", ".join(f"{count} {STATUS_WORDS.get(word, word)}" for word, count in about.counts.items())
    text = f"{about.title}: controls {counts or 'none'}. Fit: {about.fit_words}."
    text += f" {about.rules_judged} of {number(about.rules_selected, 'rule')} got a verdict."
    return text if reading.complete else f"{text} INCOMPLETE: {'; '.join(reading.reasons)}."


def _row(one: ControlFinding, ref: str, about: FrameworkAbout, refs: _Refs) -> dict[str, Any]:
    against = [result for result in one.results if result.status == "fail"]
    claims = [result for result in one.results if result.instance in refs.claims and result.status != "fail"]
    waivers = {str(result.waiver["id"]) for result in against if result.waiver is not None and result.waived}
    conformance: dict[str, Any] = {"rationale": _rationale(one)}
    if one.status in _SCORES:
        conformance["score"] = _SCORES[one.status]
    if waivers:
        conformance["mitigationStrategies"] = sorted(refs.waivers[name] for name in waivers)
    found: dict[str, Any] = {"requirement": ref, "conformance": conformance}
    if claims:
        found["claims"] = [refs.claims[result.instance] for result in claims]
    if against:
        found["counterClaims"] = [refs.claims[result.instance] for result in against]
    doubts = [f"fit {about.fit_words}"] if about.fit != "exact" else []
    doubts += ["the running half was not seen"] if one.half else []
    if doubts:
        found["confidence"] = {"rationale": "; ".join(doubts)} | ({"score": 0} if about.fit == "foreign" else {})
    return found


def _rationale(one: ControlFinding) -> str:
    """The status in words, what no claim stands for, waivers and what a person answered."""
    counted = Counter(result.status_words for result in one.results)
    parts = [f"{one.status_words}; covered: {one.coverage.replace('_', ' ')}"]
    parts += [f"{count} {words}" for words, count in sorted(counted.items())]
    parts += [
        f"{result.rule}: {result.found}" for result in one.results if result.status in ("error", "unknown", "manual")
    ]
    parts += sorted({result.waiver_words for result in one.results if result.waiver is not None})
    parts += [text for text in (one.answered_words, one.note) if text]
    return "; ".join(parts)


# ---- claims and evidence ---------------------------------------------------------------------------------------------


def _claim(one: Finding, refs: _Refs) -> dict[str, Any]:
    said = {"pass": "Met", "fail": "NOT met", "not_applicable": "Does not apply"}[one.status]
    half = f" ({one.half_words})" if one.half_words else ""
    evidence = [refs.evidence[source] for source in dict.fromkeys(_source(place) for place in one.places)]
    return {
        "bom-ref": refs.claims[one.instance],
        "target": _TARGET,
        "predicate": f"{said}{half}: {one.title}",
        "reasoning": "\n".join(one.lines),
        **({"evidence": evidence} if evidence else {}),
    }


def _evidence(refs: _Refs) -> list[dict[str, Any]]:
    return [
        {
            "bom-ref": ref,
            "propertyName": "assay:evidence",
            "description": f"{source}, sha256 {digest}"
            if digest
            else f"{source}, no digest: it would help to guess a secret",
            "data": [{"name": source}],
        }
        for (source, digest), ref in refs.evidence.items()
    ]


def _waivers(results: Iterable[Finding], refs: _Refs) -> list[dict[str, Any]]:
    """Valid waivers, once each: an accepted risk and its last day, never a claim that the requirement is met."""
    found: dict[str, dict[str, Any]] = {}
    for one in results:
        if one.waiver is not None and one.waived:
            name = str(one.waiver["id"])
            found[name] = {
                "bom-ref": refs.waivers[name],
                "propertyName": "assay:waiver",
                "description": one.waiver_words,
                "author": {"name": str(one.waiver["owner"])},
                **({"expires": f"{one.waiver['expires']}T23:59:59Z"} if _DAY.fullmatch(one.waiver["expires"]) else {}),
            }
    return [found[name] for name in sorted(found)]


OUTPUT = Output("cdxa", "CycloneDX 1.6 attestations: claims and evidence for each requirement.", ".cdx.json", _render)
