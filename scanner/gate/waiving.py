"""Waivers at the gate: layered files, which of them accepts a result, and which are expired, unused or overbroad."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from scanner.engine.content import Content
from scanner.engine.holding import is_day
from scanner.engine.waivers import Waiver, is_early, names, note_of
from scanner.gate.classes import BAD
from scanner.gate.comparing import Difference, Waive
from scanner.gate.policy import Waiving
from scanner.gate.sides import Record, Side
from scanner.model.errors import UsageError
from scanner.model.records import dataclass

__all__ = ["Layer", "Layered", "Problem", "accepted_by", "lint", "noted_problems", "overbroad", "waive_for"]

_NOTED = "noted in the assessment"
_UNAPPROVED = "nobody approved it, and the policy wants an approver"


@dataclass(frozen=True, slots=True)
class Layer:
    """One waiver file: organisation, product, release, in the order given."""

    where: str
    waivers: tuple[Waiver, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a waiver that a person should mend.

    `kind`: expired, unused, created, overbroad, replaced, or the field that is wrong.
    """

    waiver: str
    where: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Layered:
    """Waivers of several files on one day (ISO, UTC).

    A later file stands nearer to the release: of two waivers with one id the later file's holds. Of several that name a
    result, one that still holds goes before one that has expired, then the later file's before the earlier one's.
    """

    layers: tuple[Layer, ...]
    today: str

    def waive(self, side: Side, record: Record) -> Mapping[str, Any] | None:
        """The note of the waiver that names this result, whatever its status; None without one."""
        identity = side.identity
        for waiver, where in self._in_order():
            if is_early(waiver.created, self.today):
                continue
            if names(waiver, record.rule, record.instance, record.upstream, record.controls, identity):
                return {**note_of(waiver, self.today), "layer": where}
        return None

    def _in_order(self) -> list[tuple[Waiver, str]]:
        return sorted(
            ((one, where) for one, where in self.effective().values()), key=lambda one: one[0].expires < self.today
        )

    def effective(self) -> dict[str, tuple[Waiver, str]]:
        """Id -> (waiver, its file), the nearest layer first."""
        found: dict[str, tuple[Waiver, str]] = {}
        for layer in reversed(self.layers):
            for waiver in layer.waivers:
                found.setdefault(waiver.id, (waiver, layer.where))
        return found

    def problems(self, policy: Waiving, accepted: Mapping[str, Collection[str]]) -> Iterator[Problem]:
        """What is wrong with the waivers here. `accepted`: waiver id -> the results whose failure it accepts."""
        effective = self.effective()
        for layer in self.layers:
            for waiver in layer.waivers:
                if effective[waiver.id][1] != layer.where:
                    text = f"replaced by the waiver of that id in {effective[waiver.id][1]}"
                    yield Problem(waiver.id, layer.where, "replaced", text)
        for waiver, where in effective.values():
            results = accepted.get(waiver.id, ())
            if waiver.expires < self.today:
                yield Problem(waiver.id, where, "expired", f"expired on {waiver.expires}")
            elif is_early(waiver.created, self.today):
                yield Problem(waiver.id, where, "created", f"accepts nothing before {waiver.created}")
            elif not results:
                yield Problem(
                    waiver.id, where, "unused", "accepts nothing here: the failure is gone, or the name is wrong"
                )
            for text in overbroad(waiver.expires, self.today, policy, len(results)):
                yield Problem(waiver.id, where, "overbroad", text)
            if policy.approver and results and waiver.approver is None:
                yield Problem(waiver.id, where, "approver", _UNAPPROVED)


def noted_problems(
    sides: Iterable[Side], today: str, policy: Waiving, accepted: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """What is wrong with the waivers that assessments note, by the same policy as those of a file. Notes of one id may
    differ, and then the worst of them counts."""
    notes: dict[str, list[Mapping[str, Any]]] = {}
    for record in (one for side in sides for one in side.records if one.waiver is not None and one.status in BAD):
        note = _noted(record, today) or {**(record.waiver or {}), "early": True, "expired": False}
        notes.setdefault(str(note["id"]), []).append(note)
    for name, some in sorted(notes.items()):
        results = accepted.get(name, ())
        late = [one["expires"] for one in some if one["expired"]]
        early = [one["created"] for one in some if one.get("early")]
        if late:
            yield Problem(name, _NOTED, "expired", f"expired on {min(late)}, or noted as expired")
        if early:
            yield Problem(name, _NOTED, "created", f"accepts nothing before {max(early)}")
        if not late and not early and not results:
            yield Problem(name, _NOTED, "unused", "accepts nothing here")
        last = max((one["expires"] for one in some if is_day(one["expires"])), default=today)
        for text in overbroad(last, today, policy, len(results)):
            yield Problem(name, _NOTED, "overbroad", text)
        if policy.approver and results and not all(str(one.get("approver") or "").strip() for one in some):
            yield Problem(name, _NOTED, "approver", _UNAPPROVED)


def _noted(record: Record, today: str) -> Mapping[str, Any] | None:
    """The waiver that the assessment itself noted, as of today. What the note calls expired stays so; an expiry that is
    no day holds on none."""
    note = record.waiver
    if note is None or is_early(note.get("created"), today):
        return None
    expires = note["expires"]
    return {**note, "expired": note["expired"] or not is_day(expires) or expires < today}


def overbroad(expires: str, today: str, policy: Waiving, results: int = 0) -> Iterator[str]:
    """Why a waiver says more than a waiver should."""
    if results > policy.max_results:
        yield f"accepts {results} results, more than {policy.max_results}"
    days = (date.fromisoformat(expires) - date.fromisoformat(today)).days
    if days > policy.max_days:
        yield f"holds for {days} more days, more than {policy.max_days}"


def lint(layer: Layer, content: Content, controls: Collection[str], today: str, policy: Waiving) -> list[Problem]:
    """What is wrong with the waivers of a file without looking at any target."""
    found: list[Problem] = []
    for waiver in layer.waivers:
        found += [
            Problem(waiver.id, layer.where, kind, text) for kind, text in _mistakes(waiver, content, controls, today)
        ]
        found += [
            Problem(waiver.id, layer.where, "overbroad", text) for text in overbroad(waiver.expires, today, policy)
        ]
    return found


def _mistakes(waiver: Waiver, content: Content, controls: Collection[str], today: str) -> Iterator[tuple[str, str]]:
    if waiver.expires < today:
        yield "expired", f"expired on {waiver.expires}"
    if waiver.created is None:
        yield "created", "does not say when it was created"
    elif is_early(waiver.created, today):
        yield "created", f"created on {waiver.created}, which is yet to come"
    if waiver.approver is None:
        yield "approver", "names no approver"
    elif waiver.approver == waiver.owner:
        yield "approver", "owner and approver are the same person"
    if waiver.target == "*":
        yield "target", "holds for every target; name the system or host"
    if waiver.rule is not None:
        try:
            content.rules.named(waiver.rule)
        except UsageError as error:
            yield "rule", f"{error.message}; {error.hint}"
    elif waiver.control not in controls:
        yield "control", f"there is no control {waiver.control!r}"


def waive_for(layered: Layered | None, side: Side, today: str) -> Waive:
    """How results of a side are waived: by the given files, and without files by what the assessment notes."""
    if layered is None:
        return lambda record: _noted(record, today)
    return lambda record: layered.waive(side, record)


def accepted_by(differences: Iterable[Difference]) -> dict[str, set[str]]:
    """Waiver id -> what it accepts among these accepted differences."""
    found: dict[str, set[str]] = {}
    for one in differences:
        if one.waiver is not None and not one.waiver["expired"]:
            found.setdefault(one.waiver["id"], set()).add(f"{one.role} {one.name}")
    return found
