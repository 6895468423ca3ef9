"""The decision: what the policy does about each difference, the limits beside it, and the sentence that says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date
from typing import Any

import scanner
from scanner.gate.classes import ACTIONS, BAD, CLASSES
from scanner.gate.comparing import Difference, compare, different, severities
from scanner.gate.policy import Policy
from scanner.gate.result import Check, Decided, Gate
from scanner.gate.sides import Side, roles
from scanner.gate.supply import Paper, check_papers
from scanner.gate.waiving import Layered, accepted_by, noted_problems, waive_for
from scanner.model.errors import InputError
from scanner.model.records import dataclass
from scanner.model.rule import SEVERITIES

__all__ = ["Compared", "decide"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One argument of the gate: its name, what it was (assessment, snapshot, bundle, target or baseline), its targets,
    and in words whether it was verified. `accepted`: of a recorded baseline, who accepted it and why."""

    name: str
    source: str
    sides: tuple[Side, ...]
    verified: str = ""
    accepted: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The `new` or `baseline` of the result."""
        return {
            "name": self.name,
            "source": self.source,
            "verified": self.verified,
            "accepted": dict(self.accepted),
            "targets": [_about(role, side) for role, side in roles(self.sides).items()],
        }


def _about(role: str, side: Side) -> dict[str, Any]:
    return {
        "role": role,
        "name": side.name,
        "kind": side.kind,
        "target_digest": side.target_digest,
        "assessment": side.assessment,
        "facts_digest": side.facts_digest,
        "content_digest": side.content_digest,
        "profiles": list(side.profiles),
        "evaluated_at": side.evaluated_at,
        "collected": side.collected,
        "complete": side.complete,
    }


def decide(
    new: Compared,
    old: Compared | None,
    policy: Policy,
    *,
    now: str,
    layered: Layered | None = None,
    papers: Sequence[Paper] = (),
    apart: Sequence[str] = (),
    allow_different: bool = False,
    rejudged: bool = False,
    day_given: bool = False,
    unsigned: Mapping[str, str] | None = None,
) -> Gate:
    """Whether the new release may go out.

    `now`: the instant of the gate, RFC 3339 in UTC; `day_given`: whether the command line named it; `layered`: waivers
    given to the gate, which then count in the place of those that the assessment notes; `papers`: documents of the
    supply chain; `apart`: what else keeps the two from being compared, in sentences; `unsigned`: side -> state of
    the check about it, of sides that must be signed and are not.
    """
    of_new = roles(new.sides)
    of_old = roles(old.sides) if old is not None else {}
    apart = [*apart, *_apart(of_old, of_new)] if old is not None else []
    stopped = bool(apart) and not allow_different
    found: list[Difference] = []
    unchanged = 0
    for role, side in of_new.items() if not stopped else ():
        more, same = compare(role, of_old.get(role), side, waive_for(layered, side, now[:10]))
        found += more
        unchanged += same
    decided = [Decided(one, _action(one, policy)) for one in found]
    decided.sort(key=_order)
    checks = [
        *_unsigned(unsigned or {}),
        *_missing(of_old, of_new),
        *_required(of_new, policy),
        *_days_of(of_new, now),
        *_judged(of_new),
        *(_old_evidence(of_new, policy, now) if policy.max_age is not None else ()),
        *(_whole(of_new) if policy.complete else ()),
        *_limits(of_old, of_new, policy, decided, layered, now[:10]),
        *check_papers(policy.supply_chain, papers, _digests(of_new)),
        *_waivers(layered, of_new, policy, decided, now[:10]),
    ]
    decision = _decision(decided, checks, stopped)
    sentence, lines = _why(decision, decided, checks, apart, old)
    return Gate(
        decision=decision,
        sentence=sentence,
        lines=lines,
        tool={"name": "assay", "version": scanner.__version__},
        evaluated_at=now,
        policy={"where": policy.where, "digest": policy.digest},
        rejudged=rejudged,
        new=new.to_json(),
        baseline=old.to_json() if old is not None else None,
        different=tuple(apart),
        notes=(*_day_notes(now, day_given), *_notes(of_old, of_new, old, decided, rejudged)),
        differences=tuple(decided),
        unchanged=unchanged,
        checks=tuple(checks),
    )


# ---- what is compared ------------------------------------------------------------------------------------------------


def _apart(of_old: Mapping[str, Side], of_new: Mapping[str, Side]) -> Iterator[str]:
    for role in sorted(of_old.keys() | of_new.keys()):
        if role not in of_new:
            yield f"the baseline has a target {role}, the new release has none"
        elif role not in of_old:
            yield f"the new release has a target {role}, the baseline has none"
        else:
            yield from different(of_old[role], of_new[role])


def _digests(sides: Mapping[str, Side]) -> frozenset[str]:
    return frozenset(side.target_digest for side in sides.values() if side.target_digest)


def _action(one: Difference, policy: Policy) -> str:
    wanted = policy.action(one.klass, one.severity)
    # A waiver changes what the gate does, and no status. Where nothing would be done, there is nothing to accept.
    return "accepted" if _held(one.waiver) and (one.after in BAD or wanted != "note") else wanted


def _order(one: Decided) -> tuple[int, int, int, str, str]:
    difference = one.difference
    severity = SEVERITIES.index(difference.severity) if difference.severity in SEVERITIES else 0
    classes = tuple(CLASSES)
    return ACTIONS.index(one.action), severity, classes.index(difference.klass), difference.role, difference.name


# ---- checks beside the comparison ------------------------------------------------------------------------------------


def _unsigned(states: Mapping[str, str]) -> Iterator[Check]:
    for name, state in states.items():
        yield Check("signed", state, f"{name}: not signed, although it is said who must have signed; name its bundle")


def _missing(of_old: Mapping[str, Side], of_new: Mapping[str, Side]) -> Iterator[Check]:
    """A target that is gone cannot fail: --allow-different must not let it vanish."""
    for role in of_old:
        if role not in of_new:
            yield Check("targets", "failed", f"the baseline has a target {role}, the new release has none")


def _required(sides: Mapping[str, Side], policy: Policy) -> Iterator[Check]:
    for name in policy.profiles:
        without = [role for role, side in sides.items() if name not in side.profiles]
        if without:
            yield Check(
                "profiles", "failed", f"the policy requires the profile {name}; {', '.join(without)}: not judged by it"
            )
        else:
            yield Check("profiles", "ok", f"judged by the profile {name}, as required")


def _old_evidence(sides: Mapping[str, Side], policy: Policy, now: str) -> Iterator[Check]:
    allowed = policy.max_age or 0
    for role, side in sides.items():
        # Evidence is never younger than its judgement; it may be much older.
        instant = side.collected or side.evaluated_at
        words = "collected" if side.collected else "judged (when it was collected is not known)"
        days = _days(instant, now)
        text = f"{role}: the evidence was {words} {days} days ago, {allowed} are allowed"
        if days < 0:
            text = f"{role}: the evidence was {words} on {instant[:10]}, after the day of the gate"
            yield Check("max_age", "failed", text)
        elif days > allowed:
            yield Check("max_age", "failed", text)
        elif not side.collected:
            yield Check("max_age", "incomplete", f"{text}; gate the snapshot or bundle, which says when")
        else:
            yield Check("max_age", "ok", text)


def _days(instant: str, now: str) -> int:
    try:
        return (date.fromisoformat(now[:10]) - date.fromisoformat(instant[:10])).days
    except ValueError:
        raise InputError(
            f"{instant} is no instant that the calendar has", hint="use the file as it was written"
        ) from None


def _days_of(sides: Mapping[str, Side], now: str) -> Iterator[Check]:
    for role, side in sides.items():
        if _days(side.evaluated_at, now) < 0:
            text = f"{role}: judged on {side.evaluated_at[:10]}, after the day of the gate ({now[:10]})"
            yield Check("clock", "incomplete", f"{text}, on which a waiver may still hold that has expired since")


def _judged(sides: Mapping[str, Side]) -> Iterator[Check]:
    """No pass from absence: where no rule gave a verdict, nothing can stand against a release."""
    for role, side in sides.items():
        if not side.records:
            yield Check("judged", "incomplete", f"{role}: there is no result at all")
        elif all(record.status not in ("pass", "fail") for record in side.records):
            yield Check("judged", "incomplete", f"{role}: not one of {len(side.records)} results says pass or fail")


def _whole(sides: Mapping[str, Side]) -> Iterator[Check]:
    for role, side in sides.items():
        for reason in side.reasons if not side.complete else ():
            yield Check("complete", "incomplete", f"{role}: the assessment is incomplete: {reason}")


def _limits(
    of_old: Mapping[str, Side],
    of_new: Mapping[str, Side],
    policy: Policy,
    decided: Sequence[Decided],
    layered: Layered | None,
    today: str,
) -> Iterator[Check]:
    counted: Counter[tuple[str, str]] = Counter()
    frameworks: Counter[tuple[str, str]] = Counter()
    for role, side in of_new.items():
        waive = waive_for(layered, side, today)
        worse = severities(of_old.get(role), side) if policy.by_severity else {}
        for record in side.records if policy.by_severity or policy.by_status else ():
            if record.status in BAD and not _held(waive(record)):
                counted["severity", worse.get(record.instance, record.severity)] += 1
                counted["status", record.status] += 1
            elif record.status not in BAD:
                counted["status", record.status] += 1
        frameworks.update((control.framework, control.status) for control in side.controls)
        for framework in policy.by_framework:
            if all(control.framework != framework for control in side.controls):
                yield Check("limits", "failed", f"{framework} has a limit, and {side.name} was not judged by it")
    for one in decided:
        if one.action != "accepted":
            counted["class", one.difference.klass] += 1
    limits = {"severity": policy.by_severity, "status": policy.by_status, "class": policy.by_class}
    for kind, allowed in limits.items():
        for word, most in allowed.items():
            yield _limit(f"{kind} {word}", counted[kind, word], most)
    for framework, allowed in policy.by_framework.items():
        for word, most in allowed.items():
            yield _limit(f"controls of {framework}: {word}", frameworks[framework, word], most)


def _held(waiver: Mapping[str, Any] | None) -> bool:
    return waiver is not None and not waiver["expired"]


def _limit(what: str, count: int, most: int) -> Check:
    state = "ok" if count <= most else "failed"
    return Check("limits", state, f"{what.replace('_', ' ')}: {count}, allowed {most}")


def _waivers(
    layered: Layered | None, of_new: Mapping[str, Side], policy: Policy, decided: Sequence[Decided], today: str
) -> Iterator[Check]:
    accepted = accepted_by([one.difference for one in decided if one.action == "accepted"])
    actions = {"fail": "failed", "warn": "warning", "note": "ok"}
    states = {
        "overbroad": actions[policy.waivers.overbroad],
        "unused": actions[policy.waivers.unused],
        "approver": "failed",
        "replaced": "ok",
        "created": "warning",
        # What an expired waiver was about fails by itself (waiver_lost); one that is about nothing is litter.
        "expired": "warning",
    }
    if layered is not None:
        problems = layered.problems(policy.waivers, accepted)
    else:
        problems = noted_problems(of_new.values(), today, policy.waivers, accepted)
    for one in problems:
        yield Check("waivers", states[one.kind], f"waiver {one.waiver} ({one.where}): {one.kind}: {one.text}")


# ---- the decision and its words --------------------------------------------------------------------------------------


def _decision(decided: Sequence[Decided], checks: Sequence[Check], stopped: bool) -> str:
    if stopped:
        return "different"
    actions = {one.action for one in decided}
    states = {one.state for one in checks}
    if "fail" in actions or "failed" in states:
        return "not_met"
    return "incomplete" if "incomplete" in actions or "incomplete" in states else "met"


def _why(
    decision: str, decided: Sequence[Decided], checks: Sequence[Check], apart: Sequence[str], old: Compared | None
) -> tuple[str, tuple[str, ...]]:
    """The sentence, and up to two lines more that name the worst."""
    if decision == "different":
        return f"Not compared: {apart[0]}.", (*apart[1:2], "--allow-different compares them all the same.")
    if decision == "met":
        kept = Counter(one.difference.klass for one in decided if one.action in ("warn", "accepted"))
        accepted = sum(one.action == "accepted" for one in decided)
        against = "against the baseline" if old is not None else "without a baseline"
        more = f"; {_counted(kept)} shown below" if kept else ""
        waived = f" ({accepted} accepted by waivers)" if accepted else ""
        return f"Nothing stands against this release, judged {against}{more}{waived}.", ()
    action, state = ("fail", "failed") if decision == "not_met" else ("incomplete", "incomplete")
    guilty = [one.difference for one in decided if one.action == action]
    broken = [one for one in checks if one.state == state]
    parts = [_counted(Counter(one.klass for one in guilty))] if guilty else []
    if broken:
        parts.append(f"{len(broken)} {'requirement' if len(broken) == 1 else 'requirements'} of the policy not met")
    lead = "The release does not pass" if decision == "not_met" else "The gate cannot decide"
    named = [f"{one.severity}: {one.title} [{one.rule or one.name}]: {_change(one)}" for one in guilty]
    named += [one.text for one in broken]
    lines = named[:2] if len(named) <= 2 else [named[0], f"{named[1]}; and {len(named) - 2} more"]
    return f"{lead}: {'; '.join(parts)}.", tuple(lines)


def _change(one: Difference) -> str:
    words = (one.after,) if one.klass == "failure" else (one.before, one.after)
    return " → ".join(word.replace("_", " ") for word in words)


def _counted(classes: Counter[str]) -> str:
    return ", ".join(f"{classes[name]} {_words(name, classes[name])}" for name in CLASSES if classes[name])


def _words(name: str, count: int) -> str:
    """`1 regression`, `3 old failures`, `2 waiver lost`."""
    plural = "s" if count != 1 and name.endswith(("regression", "failure", "rule")) else ""
    return name.replace("_", " ") + plural


def _day_notes(now: str, day_given: bool) -> Iterator[str]:
    if day_given:
        yield f"The day of the gate was given: {now[:10]} (--clock)."


def _notes(
    of_old: Mapping[str, Side],
    of_new: Mapping[str, Side],
    old: Compared | None,
    decided: Sequence[Decided],
    rejudged: bool,
) -> Iterator[str]:
    if old is None:
        yield "There is no baseline: every failure counts. Record one with assay gate accept."
        return
    pairs = [(of_old[role], side) for role, side in of_new.items() if role in of_old]
    if any(before.facts_digest == after.facts_digest for before, after in pairs):
        yield "Baseline and new release show the same evidence."
    if rejudged:
        yield "Both were judged again by the rules that are installed here: every difference is one of the evidence."
    elif any(before.content_digest != after.content_digest for before, after in pairs):
        yield "Baseline and new release were judged by different content; --rejudge judges both by the same."
        if any(not record.rule_digest for before, _ in pairs for record in before.records):
            yield "The baseline does not say which text its rules had: a changed rule would look like a changed system."
    versions = {side.tool for pair in pairs for side in pair}
    if len(versions) > 1:
        yield f"They were made by different versions of Assay ({', '.join(sorted(versions))})."
    if any(one.difference.klass == "not_comparable" for one in decided):
        yield "Where rule and status changed together, --rejudge (with snapshots or bundles) says which it was."
