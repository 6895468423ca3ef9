"""What the two SARIF outputs share: rules, levels, messages. SARIF 2.1.0 plus errata 01; § names its sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from scanner.outputs._findings import Finding, Place, Reading

__all__ = [
    "SCHEMA",
    "TARGET_BASE",
    "automation_id",
    "device_location",
    "driver",
    "level",
    "message",
    "result_properties",
    "rule_index",
    "rule_properties",
    "suppressions",
    "uri",
]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
TARGET_BASE = "TARGET"
"""`uriBaseId` of paths on the inspected system (§3.14.14): no consumer takes them for files of its repository."""

_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}

_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5", "info": "0.5"}
"""Where GitHub and DefectDojo find our severities again: over 9.0 critical, from 7.0 high, from 4.0 medium."""


def level(severity: str) -> str:
    """The SARIF level of a failure of this severity (§3.27.10)."""
    return _LEVELS[severity]


def message(text: str) -> str:
    """A plain text message in which `[words](target)` from evidence is no embedded link (§3.11.6)."""
    return text.replace("](", "] (")


def uri(source: str) -> str:
    """A path on the target as a URI reference relative to its root (§3.4)."""
    return quote(source.lstrip("/"), safe="/") or "."


def rule_index(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Rule id -> one of its findings, sorted: the order of `rules`."""
    found: dict[str, Finding] = {}
    for one in findings:
        found.setdefault(one.rule, one)
    return {name: found[name] for name in sorted(found)}


def driver(reading: Reading, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`tool.driver` (§3.19)."""
    version = reading.tool_version
    return {
        "name": "Assay",
        **({"version": version, "semanticVersion": version} if version else {}),
        "rules": list(rules),
    }


def rule_properties(one: Finding, tags: Sequence[str]) -> dict[str, Any]:
    """The property bag of a rule; `security-severity` and `precision` are what GitHub reads."""
    return {
        "tags": list(tags),
        "security-severity": _SCORES[one.severity],
        "precision": "very-high",
        "severity": one.severity,
    }


def automation_id(reading: Reading) -> str:
    """`category/run` (§3.17.2): what was judged on which target, then when. Another target is another category."""
    profiles = "+".join(str(profile["id"]) for profile in reading.profiles) or "assessment"
    parts = ("assay", profiles, reading.target, reading.time)
    return "/".join(quote(part, safe="+-._~: ()") for part in parts)


def suppressions(one: Finding) -> list[dict[str, Any]]:
    """The waiver of a failure, while it holds (§3.35).

    An expired one is not written: readers take any suppression for one that holds.
    """
    if one.waiver is None or not one.waived or one.status != "fail":
        return []
    properties = {key: one.waiver[key] for key in ("id", "owner", "approver", "ticket", "expires") if one.waiver[key]}
    return [
        {
            "kind": "external",
            "status": "accepted",
            "justification": one.waiver_words,
            "properties": properties,
        }
    ]


def result_properties(one: Finding) -> dict[str, Any]:
    """What SARIF has no place for: our status, which half was proved, the instance and its parameters."""
    found: dict[str, Any] = {
        "instance": one.instance,
        "status": one.status,
        "severity": one.severity,
        "facets": dict(one.facets),
        "expected": one.expected,
        "found": one.found,
        "controls": [f"{framework}:{control}" for framework, control in one.controls],
    }
    if one.half:
        found["half"] = one.half
    if one.params:
        found["parameters"] = dict(one.params)
    if one.waiver is not None:
        found["waiver"] = {key: value for key, value in one.waiver.items() if value is not None}
    if one.claim_verdict:
        found["claimVerdict"] = one.claim_verdict
    return found


def device_location(place: Place) -> dict[str, Any]:
    """A path on the target. A region only where a line is known: readers ask every region for its line."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(place.source), "uriBaseId": TARGET_BASE}}
    if place.line is not None:
        physical["region"] = {"startLine": place.line}
    return {"physicalLocation": physical, "message": {"text": message(place.text)}}
