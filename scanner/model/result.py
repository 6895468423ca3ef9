"""Results: one rule instance judged on one snapshot, controls rolled up, and the assessment that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal, TypeAlias

from scanner.model.fact import Evidence, Json
from scanner.model.records import dataclass

__all__ = [
    "ASSESSMENT_SCHEMA",
    "CONTROL_STATUSES",
    "STATUSES",
    "Assessment",
    "ControlResult",
    "Result",
    "Status",
    "evidence_json",
    "result_from",
]

ASSESSMENT_SCHEMA = "assay/assessment/v1"

Status: TypeAlias = Literal["pass", "fail", "error", "unknown", "not_applicable", "manual"]
STATUSES: tuple[Status, ...] = ("pass", "fail", "error", "unknown", "not_applicable", "manual")
CONTROL_STATUSES = ("pass", "pass_in_part", "fail", "error", "unknown", "manual", "not_applicable")


@dataclass(frozen=True, slots=True)
class Result:
    """One rule instance on one target. `facets`: persistent and runtime, each a status or `not_required`."""

    instance: str
    rule: str
    title: str
    upstream: tuple[str, ...]
    status: Status
    facets: Mapping[str, str]
    params: Mapping[str, Any]
    param_sources: Mapping[str, str]
    severity: str
    explanation: str
    expected: str
    found: str
    evidence: tuple[Evidence, ...]
    facts: tuple[str, ...]
    half: str | None = None
    waiver: Mapping[str, Any] | None = None
    claim_verdict: str | None = None

    def to_json(self) -> dict[str, Json]:
        """The entry of `results` in the assessment JSON."""
        return {
            "instance": self.instance,
            "rule": self.rule,
            "title": self.title,
            "upstream": list(self.upstream),
            "status": self.status,
            "facets": dict(self.facets),
            "half": self.half,
            "params": dict(self.params),
            "param_sources": dict(self.param_sources),
            "severity": self.severity,
            "explanation": self.explanation,
            "expected": self.expected,
            "found": self.found,
            "evidence": [evidence_json(evidence) for evidence in self.evidence],
            "facts": list(self.facts),
            "waiver": dict(self.waiver) if self.waiver is not None else None,
            "claim_verdict": self.claim_verdict,
        }


def result_from(raw: Mapping[str, Any]) -> Result:
    """A result from its checked JSON: what `Result.to_json` wrote."""
    evidence = tuple(
        Evidence(one["source"], one.get("line"), one.get("offset"), one.get("sha256")) for one in raw["evidence"]
    )
    lists = {name: tuple(raw[name]) for name in ("upstream", "facts")}
    return Result(**{**raw, **lists, "evidence": evidence})


def evidence_json(evidence: Evidence) -> dict[str, Json]:
    """Evidence as JSON; keys that do not apply are left out, `sha256` is null where a secret may be inside."""
    out: dict[str, Json] = {"source": evidence.source, "sha256": evidence.sha256}
    if evidence.line is not None:
        out["line"] = evidence.line
    if evidence.offset is not None:
        out["offset"] = evidence.offset
    return out


@dataclass(frozen=True, slots=True)
class ControlResult:
    """One control of one framework: the roll-up of the instances that this framework's mapping chose.

    `props`: what its publisher calls it in other lists (STIG group and rule id, CCI, 800-53 ids), if the catalog says.
    """

    framework: str
    id: str
    title: str
    status: str
    coverage: str
    results: tuple[str, ...]
    note: str = ""
    answered: Mapping[str, Any] | None = None
    props: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The entry of `controls` in the assessment JSON; `props` is left out when there are none."""
        return {
            "framework": self.framework,
            "id": self.id,
            "title": self.title,
            "status": self.status,
            "coverage": self.coverage,
            "results": list(self.results),
            "note": self.note,
            "answered": dict(self.answered) if self.answered is not None else None,
            **({"props": dict(self.props)} if self.props else {}),
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything right of the snapshot: a pure function of snapshot, content, parameters, waivers and clock."""

    tool: Mapping[str, str]
    content_digest: str
    target: Mapping[str, Json]
    facts_digest: str
    profiles: tuple[Mapping[str, Json], ...]
    evaluated_at: str
    results: tuple[Result, ...]
    controls: tuple[ControlResult, ...]
    summary: Mapping[str, Json]
    completeness: Mapping[str, Json]
    rules: Mapping[str, Json] = field(default_factory=dict)
    unread: tuple[Mapping[str, Json], ...] = ()
    inputs: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The assessment file."""
        return {
            "schema": ASSESSMENT_SCHEMA,
            "tool": dict(self.tool),
            "content_digest": self.content_digest,
            "target": dict(self.target),
            "facts_digest": self.facts_digest,
            "profiles": [dict(profile) for profile in self.profiles],
            "evaluated_at": self.evaluated_at,
            "summary": dict(self.summary),
            "completeness": dict(self.completeness),
            "results": [result.to_json() for result in self.results],
            "controls": [control.to_json() for control in self.controls],
            "rules": dict(self.rules),
            "unread": [dict(item) for item in self.unread],
            "inputs": dict(self.inputs),
        }
