"""The flat reading of an assessment that machine formats share: each result and control once, with its words.

What every format must carry stands here once: the status, which half was seen, the waiver, the answer of a person, how
well the framework fits, where the evidence lies. A status that is not one of ours is read as `unknown`, never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner.model.result import CONTROL_STATUSES, STATUSES
from scanner.outputs._text import visible_tree
from scanner.outputs._words import FIT_WORDS, SEVERITIES, STATUS_WORDS, answered_sentence, half_words

__all__ = [
    "NOT_KNOWN",
    "ControlFinding",
    "Finding",
    "FrameworkAbout",
    "Place",
    "Reading",
    "reading_of",
    "unique",
]

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

NOT_KNOWN = ("error", "unknown", "manual")
"""Statuses that say nothing about the requirement: no format writes them as a pass."""


@dataclass(frozen=True, slots=True)
class Place:
    """One piece of evidence. `sha256`: 64 hexadecimal digits, None where a digest would help to guess a secret."""

    source: str
    line: int | None
    offset: int | None
    sha256: str | None

    @property
    def text(self) -> str:
        """`path:line`, `path at offset 512`, or the path alone."""
        if self.line is not None:
            return f"{self.source}:{self.line}"
        return self.source if self.offset is None else f"{self.source} at offset {self.offset}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A result with what its rule says. `controls`: (framework, control id) of every control it serves."""

    instance: str
    rule: str
    title: str
    status: str
    half: str
    severity: str
    facets: Mapping[str, str]
    expected: str
    found: str
    explanation: str
    places: tuple[Place, ...]
    facts: tuple[str, ...]
    params: Mapping[str, Any]
    param_sources: Mapping[str, str]
    upstream: tuple[str, ...]
    waiver: Mapping[str, Any] | None
    claim_verdict: str
    controls: tuple[tuple[str, str], ...]
    area: str
    rationale: str
    remedy: str
    commands: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def waived(self) -> bool:
        """Whether a waiver holds on the day of the assessment."""
        return self.waiver is not None and not self.waiver["expired"]

    @property
    def half_words(self) -> str:
        """`persistent half` beside a pass; beside an unknown also that the running half was not seen; or nothing."""
        return half_words(self.status, self.half)

    @property
    def status_words(self) -> str:
        """The status as people read it, with its half: `pass (persistent half)`."""
        word, half = STATUS_WORDS[self.status], self.half_words
        if not half:
            return word
        return f"{word} ({half})" if half == self.half else f"{word}: {half}"

    @property
    def waiver_words(self) -> str:
        """One sentence on the waiver, or nothing. It never says that the failure is gone."""
        if self.waiver is None:
            return ""
        one = self.waiver
        state = "EXPIRED on" if one["expired"] else "accepted until"
        by = [f"owner {one['owner']}"]
        by += [f"{key} {one[key]}" for key in ("approver", "ticket") if one.get(key)]
        return f"Waiver {one['id']}, {state} {one['expires']} ({', '.join(by)}): {one['reason']}"

    @property
    def locations(self) -> str:
        """Every place, `; ` between them."""
        return "; ".join(place.text for place in self.places)

    @property
    def lines(self) -> tuple[str, ...]:
        """What people must read beside the title, one line each: status with half, expected, found, where, waiver."""
        return tuple(
            f"{label}: {text}"
            for label, text in (
                ("Status", self.status_words),
                ("Expected", self.expected),
                ("Found", self.found),
                ("Where", self.locations),
                ("Waiver", self.waiver_words.removeprefix("Waiver ")),
            )
            if text
        )


@dataclass(frozen=True, slots=True)
class ControlFinding:
    """A control rolled up. `half`: how many of its results rest on the persistent half alone."""

    framework: str
    id: str
    title: str
    status: str
    coverage: str
    note: str
    answered: Mapping[str, Any] | None
    results: tuple[Finding, ...]

    @property
    def half(self) -> int:
        """How many of its results rest on the persistent half alone."""
        return sum(bool(one.half) for one in self.results)

    @property
    def status_words(self) -> str:
        """The status as people read it: `pass (persistent half)`."""
        word = STATUS_WORDS[self.status]
        return f"{word} (persistent half)" if self.half and self.status in ("pass", "pass_in_part") else word

    @property
    def answered_words(self) -> str:
        """What a person said, `by a person: …`, or nothing."""
        return f"by a person: {answered_sentence(self.answered)}" if self.answered else ""


@dataclass(frozen=True, slots=True)
class FrameworkAbout:
    """A framework of the assessment: how well it fits the target, and how much of it was judged."""

    id: str
    title: str
    short: str
    version: str
    publisher: str
    kind: str
    fit: str
    fit_reason: str
    fit_note: str
    counts: Mapping[str, int]
    coverage: Mapping[str, int]
    rules_selected: int
    rules_judged: int

    @property
    def fit_words(self) -> str:
        """`by analogy: velaos 10.1 says it is like rhel 10`."""
        return f"{FIT_WORDS[self.fit]}: {self.fit_reason}" if self.fit_reason else FIT_WORDS[self.fit]


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole assessment, flat. Digests are 64 hexadecimal digits, empty where there is none."""

    target: str
    kind: str
    host: str
    identity: Mapping[str, Any]
    target_digest: str
    facts_digest: str
    content_digest: str
    tool: str
    tool_version: str
    time: str
    profiles: tuple[Mapping[str, Any], ...]
    frameworks: Mapping[str, FrameworkAbout]
    complete: bool
    reasons: tuple[str, ...]
    completeness: Mapping[str, Any]
    results: tuple[Finding, ...]
    controls: tuple[ControlFinding, ...]
    unread: tuple[Mapping[str, Any], ...]

    @property
    def fit_words(self) -> str:
        """How every framework fits, one after the other."""
        return "; ".join(f"{about.short}: {about.fit_words}" for about in self.frameworks.values())

    def failures(self) -> tuple[Finding, ...]:
        """The results that fail, waived or not."""
        return tuple(one for one in self.results if one.status == "fail")


def reading_of(assessment: Mapping[str, Any]) -> Reading:
    """The reading of an assessment JSON. Every text is made visible and bounded, as in the reports."""
    data = visible_tree(dict(assessment))
    serves: dict[str, list[tuple[str, str]]] = {}
    for control in data["controls"]:
        for name in control["results"]:
            serves.setdefault(name, []).append((control["framework"], control["id"]))
    results = tuple(
        _finding(raw, data["rules"].get(raw["rule"], {}), serves.get(raw["instance"], ())) for raw in data["results"]
    )
    by_name = {one.instance: one for one in results}
    target = data["target"]
    identity = target.get("identity") or {}
    return Reading(
        target=_target_name(identity, str(target.get("kind", ""))),
        kind=str(target.get("kind", "")),
        host=str(identity.get("host_name") or ""),
        identity=identity,
        target_digest=_hex(target.get("digest")),
        facts_digest=_hex(data["facts_digest"]),
        content_digest=_hex(data["content_digest"]),
        tool=str(data["tool"].get("name", "")),
        tool_version=str(data["tool"].get("version", "")),
        time=data["evaluated_at"],
        profiles=tuple(data["profiles"]),
        frameworks={name: _framework(name, about) for name, about in data["summary"].items()},
        complete=bool(data["completeness"]["complete"]),
        reasons=tuple(data["completeness"]["reasons"]),
        completeness=data["completeness"],
        results=results,
        controls=tuple(_control(raw, by_name) for raw in data["controls"]),
        unread=tuple(data["unread"]),
    )


def unique(names: Iterable[str]) -> Iterator[str]:
    """The names, a number behind each that was there before: readers drop the second of two equal names."""
    seen: set[str] = set()
    for name in names:
        found, number = name, 1
        while found in seen:
            number += 1
            found = f"{name} ({number})"
        seen.add(found)
        yield found


def _target_name(identity: Mapping[str, Any], kind: str) -> str:
    """What the target calls itself: the host name of a device, else system and image version."""
    host = str(identity.get("host_name") or "")
    if host and host not in ("localhost", "localhost.localdomain"):
        return host
    words = [identity.get("os_name") or identity.get("os_id"), identity.get("image_version")]
    return " ".join(str(word) for word in words if word) or f"{kind or 'target'} without a name"


def _hex(digest: Any) -> str:
    """The digits of a SHA-256; empty for any other digest and for what is none."""
    digits = str(digest or "").removeprefix("sha256:")
    return digits if _SHA256.fullmatch(digits) else ""


def _status(word: Any, known: Sequence[str]) -> str:
    return word if word in known else "unknown"


def _finding(raw: Mapping[str, Any], rule: Mapping[str, Any], serves: Sequence[tuple[str, str]]) -> Finding:
    remedy = rule.get("remediation", {})
    return Finding(
        instance=raw["instance"],
        rule=raw["rule"],
        title=raw["title"],
        status=_status(raw["status"], STATUSES),
        half=raw.get("half") or "",
        severity=raw["severity"] if raw["severity"] in SEVERITIES else "high",  # an unknown word is never the mildest
        facets=raw["facets"],
        expected=raw["expected"],
        found=raw["found"],
        explanation=raw["explanation"],
        places=tuple(_place(one) for one in raw["evidence"]),
        facts=tuple(raw["facts"]),
        params=raw["params"],
        param_sources=raw.get("param_sources", {}),
        upstream=tuple(raw.get("upstream", ())),
        waiver=raw.get("waiver"),
        claim_verdict=raw.get("claim_verdict") or "",
        controls=tuple(serves),
        area=rule.get("area", ""),
        rationale=rule.get("rationale", ""),
        remedy=remedy.get("summary", ""),
        commands=tuple(remedy.get("commands", ())),
        references=tuple(rule.get("references", ())),
    )


def _place(raw: Mapping[str, Any]) -> Place:
    return Place(raw["source"], raw.get("line"), raw.get("offset"), _hex(raw.get("sha256")) or None)


def _control(raw: Mapping[str, Any], by_name: Mapping[str, Finding]) -> ControlFinding:
    return ControlFinding(
        framework=raw["framework"],
        id=raw["id"],
        title=raw["title"],
        status=_status(raw["status"], CONTROL_STATUSES),
        coverage=raw["coverage"],
        note=raw.get("note") or "",
        answered=raw.get("answered"),
        results=tuple(by_name[name] for name in raw["results"] if name in by_name),
    )


def _framework(name: str, about: Mapping[str, Any]) -> FrameworkAbout:
    return FrameworkAbout(
        id=name,
        title=about["title"],
        short=about["short"],
        version=about["version"],
        publisher=about.get("publisher", ""),
        kind=about["kind"],
        fit=about["fit"] if about["fit"] in FIT_WORDS else "foreign",
        fit_reason=about["fit_reason"],
        fit_note=about["fit_note"],
        counts=about["counts"],
        coverage=about["coverage"],
        rules_selected=about["rules_selected"],
        rules_judged=about["rules_judged"],
    )
