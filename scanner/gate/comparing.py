"""Comparing two sides, target by target: rule instances first, then evidence, then controls that no result explains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, TypeVar

from scanner.gate.classes import ABSENT, BAD, EXPLAINING, classify
from scanner.gate.sides import Control, Record, Side
from scanner.model.records import dataclass
from scanner.model.rule import SEVERITIES

__all__ = ["Difference", "compare", "different", "severities"]

Waive = Callable[[Record], Mapping[str, Any] | None]
"""The waiver note of a result of the new side, or None."""

_One = TypeVar("_One", Record, Control)
_HOLDING_CONTROL = ("pass", "pass_in_part")
_VERDICTS = ("met", "not_applicable", "not_met")
"""Best first."""
_SAID_NOT_MET = "a person answered: not met"


@dataclass(frozen=True, slots=True)
class Difference:
    """One pair of before and after. `subject`: rule, evidence or control; `name`: the instance, the fact or
    `framework:id`; `before`, `after`: statuses; `waiver`: the note that is about it now, held or expired."""

    role: str
    subject: str
    name: str
    rule: str
    title: str
    severity: str
    klass: str
    before: str
    after: str
    expected_before: str = ""
    expected: str = ""
    found_before: str = ""
    found: str = ""
    reason: str = ""
    places: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    params_before: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    waiver: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry of `differences`, without what the gate does about it."""
        return {
            "role": self.role,
            "subject": self.subject,
            "name": self.name,
            "rule": self.rule,
            "title": self.title,
            "severity": self.severity,
            "class": self.klass,
            "before": self.before,
            "after": self.after,
            "expected_before": self.expected_before,
            "expected": self.expected,
            "found_before": self.found_before,
            "found": self.found,
            "reason": self.reason,
            "places": list(self.places),
            "controls": list(self.controls),
            "params_before": dict(self.params_before),
            "params": dict(self.params),
            "waiver": dict(self.waiver) if self.waiver is not None else None,
        }


def different(old: Side, new: Side) -> list[str]:
    """Why two sides cannot be compared, in sentences: another kind, system, profile or fit."""
    found = []
    if old.kind != new.kind:
        found.append(f"the baseline is of the kind {old.kind}, the new target {new.kind}")
    systems = [str(side.identity.get("os_id") or "unnamed") for side in (old, new)]
    if systems[0] != systems[1]:
        found.append(f"the baseline is the system {systems[0]}, the new target {systems[1]}")
    if set(old.profiles) != set(new.profiles):
        found.append(f"the baseline was judged by {_list(old.profiles)}, the new target by {_list(new.profiles)}")
    found += [f"the new target was not judged by {name}" for name in sorted(old.fits.keys() - new.fits.keys())]
    for name in sorted(old.fits.keys() & new.fits.keys()):
        if old.fits[name] != new.fits[name]:
            words = [side.fits[name].replace("_", " ") for side in (old, new)]
            found.append(f"the {name} fitted the baseline {words[0]}, and fits the new target {words[1]}")
    return found


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(sorted(names)) or "no profile"


def compare(role: str, old: Side | None, new: Side, waive: Waive) -> tuple[list[Difference], int]:
    """Every pair of the two sides that is not `unchanged`, and how many are.

    Without an old side a result that fails is a `failure`; whether enough was judged at all, its completeness says.
    """
    if old is None:
        bad = [record for record in new.records if record.status in BAD]
        found = [
            _difference(role, None, one, "failure" if one.status == "fail" else "no_verdict", waive(one)) for one in bad
        ]
        found += [
            _control(role, None, one, "failure", _SAID_NOT_MET) for one in new.controls if one.holding == "not_met"
        ]
        return found, len(new.records) - len(bad)
    rules = [_rule(role, before, after, waive, old) for before, after in _pairs(old, new)]
    found = [one for one in rules if one.klass != "unchanged"]
    beside = [*_evidence(role, old, new), *_answers(role, old, new), *_controls(role, old, new, found)]
    return [*found, *beside], len(rules) - len(found)


# ---- rules -----------------------------------------------------------------------------------------------------------


def _pairs(old: Side, new: Side) -> Iterator[tuple[Record | None, Record | None]]:
    """Each instance with its counterpart: itself, or the instance of the same rule that serves the same controls."""
    before = {record.instance: record for record in old.records}
    after = {record.instance: record for record in new.records}
    of_old, of_new = _by_rule(old), _by_rule(new)
    met: set[str] = set()
    for name, record in after.items():
        if name in before:
            yield before[name], record
            continue
        near = _nearest(record, of_old.get(record.rule, []))
        if near is not None:
            met.add(near.instance)
        yield near, record
    for name, record in before.items():
        if name not in after and name not in met:
            yield record, _nearest(record, of_new.get(record.rule, []))


def _by_rule(side: Side) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in side.records:
        found.setdefault(record.rule, []).append(record)
    return found


def _nearest(record: Record, others: list[Record]) -> Record | None:
    """The instance that shares most controls; a rule that serves none has nothing but its id."""
    mine = set(record.controls)
    shared = [(len(mine & set(other.controls)), other.instance, other) for other in others]
    best = max(shared, key=lambda one: one[:2], default=None)
    if best is None or (best[0] == 0 and (mine or best[2].controls) and len(others) > 1):
        return None
    return best[2]


def _rule(role: str, before: Record | None, after: Record | None, waive: Waive, old: Side) -> Difference:
    # What the old assessment notes accepts nothing in the new one; a waiver that is given now may name what is gone.
    waiver = waive(after if after is not None else replace(_must(before), waiver=None))
    klass = classify(
        before.status if before else ABSENT,
        after.status if after else ABSENT,
        changed=_changed(before, after),
        half_before=bool(before and before.half),
        half_after=bool(after and after.half),
        waived_before=_state(before.waiver if before else None, old.evaluated_at[:10]),
        waived_after=_state(waiver),
    )
    return _difference(role, before, after, klass, waiver)


def _must(one: _One | None) -> _One:
    assert one is not None
    return one


def _changed(before: Record | None, after: Record | None) -> str:
    if before is None or after is None:
        return ""
    if dict(before.params) != dict(after.params):
        return "parameters"
    known = before.rule_digest and after.rule_digest
    return "rule" if known and before.rule_digest != after.rule_digest else ""


def _state(waiver: Mapping[str, Any] | None, day: str = "") -> str:
    if waiver is None:
        return "none"
    return "expired" if waiver["expired"] or (day and waiver["expires"] < day) else "holding"


def _difference(
    role: str, before: Record | None, after: Record | None, klass: str, waiver: Mapping[str, Any] | None
) -> Difference:
    now = after if after is not None else _must(before)
    return Difference(
        role=role,
        subject="rule",
        name=now.instance,
        rule=now.rule,
        title=now.title,
        severity=_worst([one for one in (before, after) if one is not None]),
        klass=klass,
        before=before.status if before else ABSENT,
        after=after.status if after else ABSENT,
        expected_before=before.expected if before else "",
        expected=after.expected if after else "",
        found_before=before.found if before else "",
        found=after.found if after else "",
        reason="; ".join(filter(None, (_reason(klass, before, after), _severities(before, after)))),
        places=now.places if after else (),
        controls=tuple(sorted({*now.controls, *(before.controls if before else ())})),
        params_before=before.params if before else {},
        params=after.params if after else {},
        waiver=waiver,
    )


def _reason(klass: str, before: Record | None, after: Record | None) -> str:
    changed = _changed(before, after)
    if after is None:
        return "the rule is no longer judged"
    if klass == "evidence_lost" and after.half and before is not None and not before.half:
        return f"both halves were seen before, now the {after.half} alone"
    if changed == "parameters" and before is not None:
        names = sorted(
            name for name in {*before.params, *after.params} if before.params.get(name) != after.params.get(name)
        )
        return f"other parameters: {', '.join(names)}"
    return "the text of the rule changed" if changed else ""


def _severities(before: Record | None, after: Record | None) -> str:
    if before is None or after is None or before.severity == after.severity:
        return ""
    return f"severity {before.severity} before, {after.severity} now: the worse one counts"


def severities(old: Side | None, new: Side) -> dict[str, str]:
    """Instance of the new side -> the worse of its severity before and now: a lowered one hides no failure."""
    pairs = _pairs(old, new) if old is not None else ((None, record) for record in new.records)
    found: dict[str, str] = {}
    for before, after in pairs:
        if after is not None:
            # The first pair is the instance itself; after those come instances that only the baseline has.
            found.setdefault(after.instance, _worst([one for one in (before, after) if one is not None]))
    return found


# ---- evidence --------------------------------------------------------------------------------------------------------


def _evidence(role: str, old: Side, new: Side) -> Iterator[Difference]:
    """Facts that the baseline read and the new side did not, although its rules ask for them."""
    asked = set(old.asked)
    users: dict[str, list[Record]] = {}
    for record in new.records:
        for fact in record.facts:
            users.setdefault(fact, []).append(record)
    for fact, why in sorted(new.unread.items()):
        if fact in old.unread or fact not in asked or fact not in users:
            continue
        yield Difference(
            role=role,
            subject="evidence",
            name=fact,
            rule="",
            title=f"The evidence {fact} is no longer read",
            severity=_worst(users[fact]),
            klass="evidence_lost",
            before="present",
            after="error" if why.startswith("error") else "not_collected",
            expected_before="read",
            expected="read, as for the baseline",
            found_before="read",
            found=why,
            reason=f"{len(users[fact])} rules ask it",
        )


def _worst(records: list[Record]) -> str:
    return min((record.severity for record in records), key=SEVERITIES.index)


# ---- controls --------------------------------------------------------------------------------------------------------


def _answers(role: str, old: Side, new: Side) -> Iterator[Difference]:
    """Controls whose answer by a person was lost or says something worse."""
    before = {control.name: control for control in old.controls}
    after = {control.name: control for control in new.controls}
    for name in (*before, *(name for name in after if name not in before)):
        was, now = before.get(name), after.get(name)
        klass, reason = _answer(was, now)
        if klass:
            yield _control(role, was, now, klass, reason)


def _answer(was: Control | None, now: Control | None) -> tuple[str, str]:
    """(class, reason) of a pair of answers; empty when nothing of it is lost."""
    before, after = was.holding if was else "", now.holding if now else ""
    if before and not after:
        state = "expired" if now and now.answered is False else "gone"
        return "answer_lost", f"the answer of a person is {state}"
    if before and _VERDICTS.index(after) > _VERDICTS.index(before):
        words = [verdict.replace("_", " ") for verdict in (before, after)]
        return "answer_lost", f"a person answered {words[0]} before, and {words[1]} now"
    if after == "not_met":
        if before:
            return "old_failure", _SAID_NOT_MET
        return ("failure_shown" if was else "new_failure"), _SAID_NOT_MET
    return "", ""


def _controls(role: str, old: Side, new: Side, rules: Sequence[Difference]) -> Iterator[Difference]:
    """Controls that are judged in another way than any result says."""
    explained = {control for one in rules for control in one.controls}
    # That a result is better or was judged in another way explains no control that holds no more.
    worse = {control for one in rules if one.klass in EXPLAINING for control in one.controls}
    after = {control.name: control for control in new.controls}
    for before in old.controls:
        now = after.get(before.name)
        if _answer(before, now)[0]:
            continue
        held = before.status in _HOLDING_CONTROL
        lost = held and (now is None or now.status not in _HOLDING_CONTROL)
        if before.name in (worse if lost else explained):
            continue
        if now is None and held:
            yield _control(role, before, now, "regression", "the control is no longer judged")
        elif now is not None and now.status != before.status:
            yield _control(role, before, now, "control_changed", _mapping(before, now))


def _mapping(before: Control, now: Control) -> str:
    if before.coverage != now.coverage:
        return f"coverage {before.coverage.replace('_', ' ')} before, {now.coverage.replace('_', ' ')} now"
    if set(before.results) == set(now.results):
        return "its results do not say why"
    return "it rests on other rules than before"


def _control(role: str, before: Control | None, now: Control | None, klass: str, reason: str) -> Difference:
    one = now if now is not None else _must(before)
    return Difference(
        role=role,
        subject="control",
        name=one.name,
        rule="",
        title=one.title or one.name,
        severity="high",
        klass=klass,
        before=before.status if before else ABSENT,
        after=now.status if now else ABSENT,
        reason=reason,
        controls=(one.name,),
    )
