"""From what was opened to what is compared: assessments as they are, snapshots judged here, or both judged again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from scanner.engine.content import Content
from scanner.frameworks.inputs import Inputs, evaluate, inputs_of
from scanner.gate.deciding import Compared
from scanner.gate.opening import Opened, Subject
from scanner.gate.sides import Side, side_of
from scanner.model.errors import InputError, UsageError
from scanner.model.snapshot import Snapshot

__all__ = ["Judge", "compared", "judged_differently"]

Judge = Callable[[Snapshot], Inputs]
"""With what a snapshot is judged that carries no inputs of its own: profiles, parameters, clock."""


def compared(opened: Opened, judge: Judge, content: Callable[[], Content], again: Inputs | None = None) -> Compared:
    """What the gate compares. `again`: both sides are judged with these inputs, whatever was judged before; each keeps
    the waivers and answers of its own."""
    if opened.baseline is not None:
        if again is not None:
            raise UsageError(
                "a recorded baseline holds no evidence and cannot be judged again",
                where=opened.name,
                hint="name the snapshot or the bundle of the baseline, or leave --rejudge away",
            )
        return opened.baseline
    if again is not None and opened.redacted:
        raise UsageError("a bundle with hidden values cannot be judged again", where=opened.name)
    sides = tuple(_side(opened, one, judge, content, again) for one in opened.subjects)
    return Compared(opened.name, opened.source, sides, opened.verified)


def judged_differently(old: Opened, new: Opened) -> list[str]:
    """What the two were judged with that differs, in sentences.

    To judge both again as the new one was would hide it: a rule that its profile leaves out, a value that it loosens.
    """
    found = []
    for before, now in zip(old.subjects, new.subjects, strict=False):
        inputs = [(one.assessment or {}).get("inputs") for one in (before, now)]
        if inputs[0] and inputs[1]:
            values = _changed(inputs[0]["params"], inputs[1]["params"])
            profiles = _changed(_documents(inputs[0]), _documents(inputs[1]))
            told = (("other values on the command line", values), ("another text of the profile", profiles))
            found += [f"the new release was judged with {words}: {', '.join(names)}" for words, names in told if names]
    return found


def _documents(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {one["id"]: one["document"] for one in inputs["profiles"]}


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _side(opened: Opened, subject: Subject, judge: Judge, content: Callable[[], Content], again: Inputs | None) -> Side:
    snapshot = subject.snapshot
    collected = str(snapshot.run.get("collected_at", "")) if snapshot is not None else ""
    if again is None and subject.assessment is not None:
        return side_of(subject.assessment, collected)
    if snapshot is None:
        raise UsageError(
            "an assessment alone cannot be judged again",
            where=opened.name,
            hint="name its snapshot or bundle in its place",
        )
    inputs = judge(snapshot) if again is None else again
    if again is not None and subject.assessment is not None and subject.assessment.get("inputs"):
        own = inputs_of(subject.assessment, content())
        inputs = replace(again, waivers=own.waivers, answers=own.answers)
    if not inputs.profiles:
        raise InputError("no profile was chosen", where=opened.name)
    return side_of(evaluate(snapshot, content(), inputs).to_json(), collected)
