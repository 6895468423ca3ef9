"""OCSF Compliance Finding (class 2003) as JSON lines: an event a result, then one for each control no rule judges.

One event a line is what log shippers and SIEM collectors take as it is; importers that want an array get one by
`jq -s .`. Source: ocsf/ocsf-schema 1.6, events/findings/compliance_finding.json and objects/compliance.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from scanner.model.canonical import canonical
from scanner.outputs._findings import ControlFinding, Finding, Place, Reading, reading_of
from scanner.outputs._identifiers import identifier, target_name
from scanner.outputs._text import written
from scanner.outputs._words import STATUS_WORDS
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_VERSION = "1.6.0"

_STATUS = {"pass": (1, "Pass"), "fail": (3, "Fail"), "not_applicable": (99, "Not applicable")}
_NO_RESULT = (2, "Warning")
"""In OCSF's words: the check did not yield a result due to missing information."""

_SEVERITY = {
    "critical": (5, "Critical"),
    "high": (4, "High"),
    "medium": (3, "Medium"),
    "low": (2, "Low"),
    "info": (1, "Informational"),
}


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    same = target_name(assessment)
    return b"".join(canonical(event) + b"\n" for event in _events(reading, same))


def _events(reading: Reading, same: str) -> Iterator[dict[str, Any]]:
    common = _common(reading)
    titles = {(one.framework, one.id): one.title for one in reading.controls}
    for one in reading.results:
        yield {**common, **_result(one, reading, titles, identifier("ocsf", same, one.instance))}
    for control in reading.controls:
        if not control.results or control.answered:
            uid = identifier("ocsf", same, control.framework, control.id)
            yield {**common, **_control(control, reading, uid)}


def _common(reading: Reading) -> dict[str, Any]:
    instant = datetime.strptime(reading.time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    product = {"name": "Assay", "vendor_name": "Assay", "version": reading.tool_version}
    return {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200301,
        "type_name": "Compliance Finding: Create",
        "time": int(instant.timestamp()) * 1000,
        "status_id": 1,
        "status": "New",
        "metadata": {"version": _VERSION, "product": product, "log_name": "assay"},
        "resources": [_resource(reading)],
    }


def _resource(reading: Reading) -> dict[str, Any]:
    about = {
        "uid": reading.target_digest or reading.facts_digest,
        "name": reading.target,
        "type": reading.kind,
        "hostname": reading.host,
        "version": str(reading.identity.get("image_version") or reading.identity.get("os_version") or ""),
    }
    data = {"facts_digest": reading.facts_digest, "target_digest": reading.target_digest}
    return {**{key: value for key, value in about.items() if value}, "data": data}


def _result(one: Finding, reading: Reading, titles: Mapping[tuple[str, str], str], uid: str) -> dict[str, Any]:
    severity_id, severity = _SEVERITY[one.severity]
    status_id, status = _STATUS.get(one.status, _NO_RESULT)
    standards = _standards(reading, {framework for framework, _ in one.controls})
    check = {
        "uid": one.rule,
        "name": one.title,
        "severity": severity,
        "severity_id": severity_id,
        "status": status,
        "status_id": status_id,
        "standards": standards,
    }
    compliance: dict[str, Any] = {
        "status": status,
        "status_id": status_id,
        "status_code": one.status,
        "status_details": [*one.lines, *_fits(reading, {framework for framework, _ in one.controls})],
        "standards": standards,
        "requirements": [f"{framework} {control}" for framework, control in one.controls],
        "checks": [check],
        "desc": one.expected,
    }
    if one.controls:
        compliance["control"] = "; ".join(
            f"{control} {titles[framework, control]}" for framework, control in one.controls
        )
    if one.params:
        compliance["control_parameters"] = [
            {"name": name, "value": written(value)} for name, value in one.params.items()
        ]
    found: dict[str, Any] = {
        "severity_id": severity_id,
        "severity": severity,
        "message": f"{one.status_words}: {one.title}: {one.found}",
        "finding_info": _info(uid, one.title or one.rule, one.rationale, reading, one.rule),
        "compliance": compliance,
        "unmapped": {"assay": _unmapped(one)},
    }
    if one.remedy:
        found["remediation"] = {"desc": "\n".join((one.remedy, *one.commands))}
    if one.places:
        found["evidences"] = [_evidence(place) for place in one.places]
    return found


def _info(uid: str, title: str, desc: str, reading: Reading, rule: str) -> dict[str, Any]:
    analytic = {"type_id": 1, "type": "Rule", "uid": rule, "name": title, "version": reading.content_digest}
    return {"uid": uid, "title": title, **({"desc": desc} if desc else {}), "analytic": analytic}


def _evidence(place: Place) -> dict[str, Any]:
    name = place.source.rsplit("/", 1)[-1] or place.source
    file: dict[str, Any] = {"name": name, "path": place.source, "type_id": 0, "type": "Unknown"}
    if place.sha256:
        file["hashes"] = [{"algorithm_id": 3, "algorithm": "SHA-256", "value": place.sha256}]
    return {"file": file, "data": {"location": place.text}}


def _standards(reading: Reading, names: set[str]) -> list[str]:
    return [
        " ".join(filter(None, (about.title or name, about.version)))
        for name, about in reading.frameworks.items()
        if name in names
    ]


def _fits(reading: Reading, names: set[str]) -> list[str]:
    return [f"Fit of {about.short}: {about.fit_words}" for name, about in reading.frameworks.items() if name in names]


def _unmapped(one: Finding) -> dict[str, Any]:
    found: dict[str, Any] = {"instance": one.instance, "status": one.status, "facets": dict(one.facets)}
    if one.half:
        found["half"] = one.half
    if one.waiver is not None:
        found["waiver"] = {key: value for key, value in one.waiver.items() if value is not None}
    if one.claim_verdict:
        found["claim_verdict"] = one.claim_verdict
    return found


def _control(one: ControlFinding, reading: Reading, uid: str) -> dict[str, Any]:
    """A control without a result of its own, or with a person's answer: never a Pass."""
    status_id, status = _STATUS["fail"] if one.status == "fail" else _NO_RESULT
    if one.status == "not_applicable":
        status_id, status = _STATUS["not_applicable"]
    words = f"{STATUS_WORDS[one.status]}; covered: {one.coverage.replace('_', ' ')}"
    title = f"{one.id} {one.title}"
    return {
        "severity_id": 0,
        "severity": "Unknown",
        "message": "; ".join(filter(None, (f"{title}: {words}", one.answered_words))),
        "finding_info": _info(uid, title, one.note, reading, f"{one.framework} {one.id}"),
        "compliance": {
            "status": status,
            "status_id": status_id,
            "status_code": one.status,
            "status_details": [
                text for text in (words, one.answered_words, one.note, *_fits(reading, {one.framework})) if text
            ],
            "standards": _standards(reading, {one.framework}),
            "requirements": [f"{one.framework} {one.id}"],
            "control": title,
        },
        "unmapped": {
            "assay": {
                "status": one.status,
                "coverage": one.coverage,
                **({"answered": dict(one.answered)} if one.answered else {}),
            }
        },
    }


OUTPUT = Output("ocsf", "OCSF Compliance Findings as JSON lines, for SIEM collectors.", ".ocsf.jsonl", _render)
