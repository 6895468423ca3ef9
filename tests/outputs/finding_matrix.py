"""Every status with every waiver and every half, for the tests of the machine formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import cycle, product
from typing import Any

from scanner.model.result import STATUSES, ControlResult, Result, Status
from tests.outputs.report_poison import PAYLOADS, poisoned
from tests.outputs.report_sample import CIS, CLAIMS, SEVERITIES, assessment, result, sample, waiver

WAIVERS: Mapping[str, dict[str, Any] | None] = {
    "none": None,
    "valid": waiver(),
    "expired": waiver(id="W-3", expires="2026-01-31", expired=True),
}
HALVES = ("", "persistent half")
ANSWER: dict[str, Any] = {
    "verdict": "met",
    "by": "A. Reviewer",
    "date": "2026-10-01",
    "valid_until": "2027-10-01",
    "holds": True,
    "statement": "Reviewed every month.",
    "evidence": [{"name": "minutes of 1 October", "sha256": "ab" * 32}],
}
LAPSED: dict[str, Any] = {**ANSWER, "valid_until": "2026-10-31", "holds": False}


@dataclass(frozen=True, slots=True)
class Case:
    """One result of the matrix and what it is made of."""

    status: Status
    waiver: str
    half: str
    result: Result


def cases() -> list[Case]:
    """36 of them, each of another rule."""
    made = []
    severities = cycle(SEVERITIES)
    for number, (status, note, half) in enumerate(product(STATUSES, WAIVERS, HALVES), 100):
        one = result(number, status, severity=next(severities), half=half or None, waiver=WAIVERS[note])
        made.append(Case(status, note, half, one))
    return made


def by_instance() -> dict[str, Case]:
    return {case.result.instance: case for case in cases()}


def control(
    framework: str, id: str, status: str, *used: Result, coverage: str = "automated", **more: Any
) -> ControlResult:
    return ControlResult(framework, id, f"Title of {id}", status, coverage, tuple(one.instance for one in used), **more)


def matrix() -> dict[str, Any]:
    """An assessment of all cases: a control for each, and controls that only people can answer."""
    made = cases()
    controls = [control("cis-rhel10", f"1.{index}", case.status, case.result) for index, case in enumerate(made)]
    controls += [
        control("cis-rhel10", "2.1", "pass_in_part", made[0].result, coverage="partial"),
        control("cis-rhel10", "9.1", "manual", coverage="manual", answered=ANSWER, note="Who reviews them?"),
        control("cis-rhel10", "9.2", "manual", coverage="manual", answered=LAPSED),
        control("cis-rhel10", "9.3", "manual", coverage="manual", note="Who may enter?"),
        control("cis-rhel10", "9.4", "unknown", coverage="not_yet"),
        control("velaos", "velaos.disk.seal", "fail", made[6].result),
    ]
    reasons = ("12 rules ended in error: something needed could not be read",)
    return assessment([case.result for case in made], controls, {"cis-rhel10": CIS, "velaos": CLAIMS}, reasons)


def only(
    *results: Result, status: str = "", answered: Mapping[str, Any] | None = None, fit: str = "exact"
) -> dict[str, Any]:
    """A complete assessment of these results, all of them under one control."""
    rolled = status or (results[0].status if results else "unknown")
    one = control("cis-rhel10", "1.1", rolled, *results, answered=answered)
    return assessment(list(results), [one], {"cis-rhel10": {**CIS, "fit": fit, "fit_note": ""}})


def passing(number: int = 300, half: str | None = None) -> Result:
    return result(number, "pass", half=half)


def with_statuses(*statuses: Status) -> dict[str, Any]:
    return only(*(result(300 + index, status) for index, status in enumerate(statuses)))


def hostile(*names: str, words: bool = False) -> dict[str, Any]:
    """The sample poisoned with these payloads (all by default), but for what the schema gives a strict form."""
    chosen = [PAYLOADS[name] for name in names] or list(PAYLOADS.values())
    strict = {key: sample()[key] for key in ("evaluated_at", "facts_digest", "content_digest")}
    document = {**poisoned(*chosen, words=words), **strict}
    for made, plain in zip(document["results"], sample()["results"], strict=True):
        for one, other in zip(made["evidence"], plain["evidence"], strict=True):
            one["sha256"] = other["sha256"]
    return document


def harmless() -> dict[str, Any]:
    """What `hostile` must look like: the sample without the target's digest, for a poisoned digest is none."""
    return {**sample(), "target": {**sample()["target"], "digest": None}}


def renamed(one: Result, instance: str, **params: Any) -> Result:
    """The same rule with other parameters: another instance."""
    return replace(one, instance=instance, params=params)
