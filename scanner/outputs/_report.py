"""What a report for people holds: the shapes that the templates read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanner.outputs._charts import Segment

__all__ = ["ControlView", "Count", "EvidenceView", "FrameworkView", "Group", "Place", "Report", "ResultView"]


@dataclass(frozen=True, slots=True)
class Count:
    """A counted word with the symbol it is shown with."""

    mark: str
    word: str
    count: int


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """One source as it was read. `sha256` is None where a digest would help to guess a secret."""

    id: str
    source: str
    sha256: str | None
    used: int


@dataclass(frozen=True, slots=True)
class Place:
    """One piece of evidence of a result: which source, and where in it."""

    evidence: EvidenceView
    where: str


@dataclass(frozen=True, slots=True)
class ResultView:
    """A result with everything a reader asks: expected, found, where, why, what to do, and whom it concerns."""

    anchor: str
    instance: str
    rule: str
    title: str
    status: str
    mark: str
    word: str
    half: str
    facets: tuple[tuple[str, str], ...]
    severity: str
    severity_rank: int
    expected: str
    found: str
    explanation: str
    places: tuple[Place, ...]
    params: tuple[tuple[str, str, str], ...]
    facts: tuple[str, ...]
    waiver: Mapping[str, Any] | None
    claim: Count | None
    claim_note: str
    rationale: str
    remedy: str
    commands: tuple[str, ...]
    disruption: str
    references: tuple[str, ...]
    upstream: tuple[str, ...]
    serves: tuple[tuple[str, str], ...]
    frameworks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ControlView:
    """A control with its status, how far machines cover it, and the results behind it."""

    anchor: str
    id: str
    title: str
    mark: str
    word: str
    half: int
    coverage: str
    method: str
    note: str
    answered: str
    results: tuple[ResultView, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FrameworkView:
    """A framework: how well it fits the target, counts by status and coverage, every control."""

    index: int
    id: str
    title: str
    short: str
    version: str
    claims: bool
    fit: str
    fit_word: str
    fit_reason: str
    fit_note: str
    total: int
    counts: tuple[Count, ...]
    bar: tuple[Segment, ...]
    coverage: tuple[tuple[str, int], ...]
    coverage_bar: tuple[Segment, ...]
    verdicts: tuple[Count, ...]
    rules_selected: int
    rules_judged: int
    half: int
    controls: tuple[ControlView, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Results of one status, sorted by severity and then by rule."""

    status: str
    heading: str
    results: tuple[ResultView, ...]
    severities: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    name: str
    kind: str
    how: str
    target: tuple[tuple[str, str], ...]
    digests: tuple[tuple[str, str], ...]
    tool: str
    evaluated_at: str
    headline: str
    complete: bool
    completeness: str
    reasons: tuple[str, ...]
    counts: tuple[Count, ...]
    bar: tuple[Segment, ...]
    severities: tuple[tuple[str, int], ...]
    worst: tuple[ResultView, ...]
    half: int
    waived: str
    profiles: tuple[Mapping[str, Any], ...]
    frameworks: tuple[FrameworkView, ...]
    groups: tuple[Group, ...]
    waivers: tuple[ResultView, ...]
    unread: tuple[Mapping[str, Any], ...]
    evidence: tuple[EvidenceView, ...]
