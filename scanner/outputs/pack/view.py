"""What the templates of both reports show, worked out of a pack once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner.frameworks.texts import Source, official, source_of, with_texts
from scanner.model.canonical import canonical
from scanner.outputs._report import ControlView, FrameworkView, Report, ResultView
from scanner.outputs._text import visible, visible_tree
from scanner.outputs._view import view_of
from scanner.outputs._words import CLAIM_WORDS, SEVERITIES
from scanner.outputs.pack.boot import Link, chain
from scanner.outputs.pack.charts import Bar, assessed, of_severities
from scanner.outputs.pack.model import Attachment, File, Pack, Subject
from scanner.outputs.pack.supply import SupplyView, supply_of

__all__ = ["ControlRow", "FrameworkPart", "PackView", "TargetView", "Unread", "pack_view"]

OPEN = ("fail", "error", "unknown", "manual")
"""What is open, worst first. A manual control with an answer that holds is not."""


@dataclass(frozen=True, slots=True)
class ControlRow:
    """A control with its link target, who answered it (as in the assessment) and the documents for it.

    `title`: the publisher's wording where it was imported, with the publisher's rule id; else our own."""

    anchor: str
    control: ControlView
    title: str
    rule_id: str
    answered: Mapping[str, Any] | None
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class FrameworkPart:
    """A framework on a target. `open`: controls by status that need something still. `key`: its name in the filter;
    `wording`: whose words the titles are, None for our own."""

    key: str
    about: FrameworkView
    assessed: Bar
    open: tuple[tuple[str, int], ...]
    wording: Source | None
    rows: tuple[ControlRow, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """Facts that could not be read for the same reason, and how many rules wanted them."""

    state: str
    reason: str
    facts: tuple[str, ...]
    rules: int


@dataclass(frozen=True, slots=True)
class TargetView:
    """One target. `digest`: of what was read, or of its facts where a tree or device has none of its own;
    `profile_options`: what `assay evaluate` must be told to judge it again."""

    number: int
    name: str
    digest: str
    digest_of: str
    kind: str
    report: Report
    completeness: Mapping[str, Any]
    collected_at: str
    clock: str
    failed_collectors: tuple[tuple[str, str], ...]
    reached: tuple[str, ...]
    assessment_sha256: str
    open: Mapping[str, int]
    severities: tuple[Bar, ...]
    worst: tuple[ResultView, ...]
    chain: tuple[Link, ...]
    frameworks: tuple[FrameworkPart, ...]
    failures: tuple[ResultView, ...]
    errors: tuple[ResultView, ...]
    claims: tuple[tuple[str, int], ...]
    unread: tuple[Unread, ...]
    profile_options: str


@dataclass(frozen=True, slots=True)
class PackView:
    """All of it. `more`: targets beside the first; `files`: what the index lists, which is all but the rules."""

    pack: Pack
    title: str
    more: int
    targets: tuple[TargetView, ...]
    totals: Mapping[str, int]
    severities: Mapping[str, int]
    fits: tuple[tuple[FrameworkView, tuple[int, ...]], ...]
    supply: SupplyView
    attachments: tuple[tuple[Attachment, tuple[Mapping[str, Any], ...]], ...]
    files: tuple[File, ...]
    content_files: int
    content_bytes: int

    @property
    def claims(self) -> bool:
        """Whether a vendor's claims were judged."""
        return any(target.claims for target in self.targets)

    @property
    def answers(self) -> bool:
        """Whether people answered, or gave documents."""
        return bool(self.attachments) or any(
            row.answered for target in self.targets for part in target.frameworks for row in part.rows
        )


def pack_view(pack: Pack) -> PackView:
    """The view of a pack. Pure: the same pack gives the same view."""
    names = _names(pack.subjects)
    targets = tuple(
        _target(number, name, subject, pack)
        for number, (name, subject) in enumerate(zip(names, pack.subjects, strict=True), 1)
    )
    listed = tuple(one for one in pack.files if one.role != "content")
    return PackView(
        pack=pack,
        title=targets[0].report.name,
        more=len(targets) - 1,
        targets=targets,
        totals={word: sum(target.open[word] for target in targets) for word in targets[0].open},
        severities=_severities(targets),
        fits=_fits(targets),
        supply=supply_of(pack),
        attachments=tuple((one, tuple(_answers_for(one, pack.subjects))) for one in pack.attachments),
        files=listed,
        content_files=len(pack.files) - len(listed),
        content_bytes=sum(one.size for one in pack.files if one.role == "content"),
    )


# ---- targets -------------------------------------------------------------------------------------------------------


def _names(subjects: Sequence[Subject]) -> list[str]:
    """The name of each target; with the host name, or a number, where several have the same."""
    bare = []
    hosts = []
    for subject in subjects:
        identity = subject.assessment["target"].get("identity") or {}
        bare.append(visible(str(identity.get("os_name") or identity.get("os_id") or "?")))
        hosts.append(visible(str(identity.get("host_name") or "")))
    found = [
        f"{name} ({host})" if bare.count(name) > 1 and host else name for name, host in zip(bare, hosts, strict=True)
    ]
    return [f"{name} #{at}" if found.count(name) > 1 else name for at, name in enumerate(found, 1)]


def _target(number: int, name: str, subject: Subject, pack: Pack) -> TargetView:
    assessment = subject.assessment
    worded = with_texts(assessment, pack.texts)
    report = view_of(assessment)
    by_status = {group.status: group.results for group in report.groups}
    failures, errors = by_status.get("fail", ()), by_status.get("error", ())
    frameworks = tuple(
        _framework(f"t{number}f{one.index}", number, one, worded, pack.attachments) for one in report.frameworks
    )
    own = assessment["target"].get("digest")
    worst = min((one.severity_rank for one in failures), default=len(SEVERITIES))
    return TargetView(
        number=number,
        name=name,
        digest=visible(str(own or assessment["facts_digest"])),
        digest_of="target" if own else "facts",
        kind=str(assessment["target"].get("kind", "")),
        report=report,
        completeness=visible_tree(dict(assessment["completeness"])),
        collected_at=visible(str(subject.run.get("collected_at") or "")),
        clock=visible(str(subject.run.get("clock") or "")),
        failed_collectors=tuple(_failed_collectors(subject.run)),
        reached=tuple(sorted(visible(str(one)) for one in subject.limits.get("reached") or ())),
        assessment_sha256=hashlib.sha256(canonical(dict(assessment)) + b"\n").hexdigest(),
        open=_open(by_status, report, frameworks),
        severities=of_severities(_by_severity(failures)),
        worst=tuple(one for one in failures if one.severity_rank == worst or one.severity_rank < 2)[:6],
        chain=chain(one for group in report.groups for one in group.results),
        frameworks=frameworks,
        failures=tuple(failures),
        errors=tuple(errors),
        claims=_claims(report.frameworks),
        unread=_unread(report.unread),
        profile_options=_options(assessment),
    )


def _unread(items: Sequence[Mapping[str, Any]]) -> tuple[Unread, ...]:
    """Facts that rules wanted, grouped by what kept them from being read; the most wanted first."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in items:
        if one["rules"]:
            found.setdefault((one["state"], one["reason"]), []).append(one)
    groups = [
        Unread(state, reason, tuple(one["fact"] for one in those), sum(one["rules"] for one in those))
        for (state, reason), those in found.items()
    ]
    return tuple(sorted(groups, key=lambda one: (-one.rules, one.state, one.reason)))


def _options(assessment: Mapping[str, Any]) -> str:
    names = "".join(f" --profile {visible(str(one['id']))}" for one in assessment["profiles"])
    return f"{names} --clock {visible(str(assessment['evaluated_at']))}"


def _failed_collectors(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in run.get("collectors") or ():
        if one.get("error"):
            yield visible(str(one.get("id"))), visible(str(one["error"]))


def _open(
    by_status: Mapping[str, Sequence[ResultView]], report: Report, frameworks: Sequence[FrameworkPart]
) -> dict[str, int]:
    """What is open, counted: rules by status, answers that are missing, refuted and overclaimed claims, waivers."""
    claims = dict(_claims(report.frameworks))
    rows = [row for part in frameworks for row in part.rows if row.control.mark == "manual"]
    return {
        "fail": len(by_status.get("fail", ())),
        "error": len(by_status.get("error", ())),
        "unknown": len(by_status.get("unknown", ())),
        "manual": sum(not (row.answered and row.answered["holds"]) for row in rows),
        "claims": claims.get("refuted", 0) + claims.get("overclaim", 0),
        "waived": sum(not (one.waiver or {}).get("expired") for one in report.waivers),
        "expired": sum(bool((one.waiver or {}).get("expired")) for one in report.waivers),
        "half": report.half,
        "incomplete": int(not report.complete),
    }


def _by_severity(failures: Sequence[ResultView]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for one in failures:
        bare, waived = found.get(one.severity, (0, 0))
        holds = bool(one.waiver and not one.waiver.get("expired"))
        found[one.severity] = (bare + (not holds), waived + holds)
    return found


def _severities(targets: Sequence[TargetView]) -> dict[str, int]:
    found: dict[str, int] = {}
    for target in targets:
        for bar in target.severities:
            found[bar.name] = found.get(bar.name, 0) + bar.total
    return {word: count for word, count in found.items() if count}


def _fits(targets: Sequence[TargetView]) -> tuple[tuple[FrameworkView, tuple[int, ...]], ...]:
    """Each framework once for each fit, with the numbers of the targets that it fits so."""
    found: dict[tuple[str, str], tuple[FrameworkView, list[int]]] = {}
    for target in targets:
        for part in target.frameworks:
            place = found.setdefault((part.about.id, part.about.fit + part.about.fit_reason), (part.about, []))
            place[1].append(target.number)
    return tuple((about, tuple(numbers)) for about, numbers in found.values())


def _claims(frameworks: Sequence[FrameworkView]) -> tuple[tuple[str, int], ...]:
    counts = {count.word: count.count for one in frameworks for count in one.verdicts}
    ranked = {words: word for word, words in CLAIM_WORDS.items()}
    return tuple((ranked.get(word, word), count) for word, count in counts.items())


# ---- controls ------------------------------------------------------------------------------------------------------


def _framework(
    key: str, number: int, about: FrameworkView, worded: Mapping[str, Any], papers: Sequence[Attachment]
) -> FrameworkPart:
    raw = [one for one in worded["controls"] if visible(one["framework"]) == about.id]
    given: dict[str, list[Attachment]] = {}
    for paper in papers:
        if visible(paper.framework) == about.id:
            given.setdefault(paper.control, []).append(paper)
    used: set[str] = set()
    rows = tuple(
        ControlRow(
            anchor=_anchor(number, about.id, one["id"], used),
            control=control,
            title=visible(text.title) if text else control.title,
            rule_id=visible(text.rule_id) if text else "",
            answered=visible_tree(one["answered"]) if one.get("answered") else None,
            attachments=tuple(given.get(one["id"], ())),
        )
        for one, control in zip(raw, about.controls, strict=True)
        for text in (official(worded, one["framework"], one["id"]),)
    )
    counts = {count.mark: count.count for count in about.counts}
    still = tuple((word, counts[word]) for word in OPEN if counts.get(word))
    return FrameworkPart(key, about, assessed(about.short, raw), still, source_of(worded, about.id), rows)


def _anchor(number: int, framework: str, control: str, used: set[str]) -> str:
    """A link target that is the same in every report about this control: `t1-stig-rhel10-RHEL-10-600450`."""
    bare = re.sub(r"[^A-Za-z0-9._-]+", "_", f"t{number}-{framework}-{control}")[:120]
    anchor, copy = bare, 2
    while anchor in used:
        anchor, copy = f"{bare}-{copy}", copy + 1
    used.add(anchor)
    return anchor


def _answers_for(paper: Attachment, subjects: Sequence[Subject]) -> Iterator[Mapping[str, Any]]:
    """What people answered of the control that a document belongs to, each answer once."""
    seen: list[Mapping[str, Any]] = []
    for subject in subjects:
        for one in subject.assessment["controls"]:
            answered = one.get("answered")
            if (one["framework"], one["id"]) == (paper.framework, paper.control) and answered and answered not in seen:
                seen.append(answered)
                yield visible_tree(answered)
