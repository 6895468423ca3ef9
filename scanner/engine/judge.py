"""Judging one rule instance: applicability, the two halves, the verdict and its explanation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from typing import Any, cast

from scanner.engine.evaluate import MAX_EVIDENCE, Verdict, evaluate, facts_of
from scanner.engine.params import TODAY, instance_id, substitute
from scanner.engine.status import all_of
from scanner.model.errors import InputError
from scanner.model.fact import Evidence, Fact
from scanner.model.records import dataclass
from scanner.model.result import Result, Status
from scanner.model.rule import Rule

__all__ = ["Instance", "day_of", "halves", "judge", "needed_facts"]

NOT_REQUIRED = "not_required"

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Instance:
    """A rule with resolved parameters, and where each value came from. `id`: rule id + "@" + short digest of the
    parameters."""

    rule: Rule
    params: Mapping[str, Any]
    sources: Mapping[str, str]
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", instance_id(self.rule.id, self.params))


def day_of(instant: str) -> int:
    """The UTC day of an RFC 3339 instant as 2026-01-31T00:00:00Z, in days since 1970-01-01, as /etc/shadow counts them.

    Raises InputError for an instant that no calendar has.
    """
    try:
        if not _INSTANT.fullmatch(instant):
            raise ValueError(instant)
        return (datetime.fromisoformat(instant[:-1]).date() - date(1970, 1, 1)).days
    except ValueError:
        raise InputError(f"{instant[:40]!r} is no time that the calendar has", hint="2026-01-31T00:00:00Z") from None


def halves(check: Mapping[str, Any], runtime_facts: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    """The clauses of a check by half. A check with one clause belongs to the half of its facts."""
    if check and set(check) <= {"persistent", "runtime"}:
        return dict(check)
    if "manual" in check:
        return {}
    names = {name.partition(":")[0] for name in facts_of(check)}
    return {"runtime" if names & runtime_facts else "persistent": check}


def needed_facts(instance: Instance, runtime_facts: frozenset[str]) -> list[str]:
    """Every fact that judging this instance may ask for, `name` or `name:argument`."""
    rule = instance.rule
    clauses = list(halves(rule.check, runtime_facts).values())
    if rule.when is not None:
        clauses.append(rule.when)
    return list(dict.fromkeys(substitute(name, instance.params) for clause in clauses for name in facts_of(clause)))


def judge(
    instance: Instance,
    facts: Mapping[str, Fact],
    target: Mapping[str, Any],
    *,
    today: int,
    require: str = "both",
    runtime_facts: frozenset[str] = frozenset(),
) -> Result:
    """The result of one instance.

    `today`: the day of the evaluation's clock, in days since 1970-01-01 UTC, which a check may ask for as `${today}`.
    `require` says which halves a verdict needs: both, or persistent alone.
    """
    rule = instance.rule
    values = {**instance.params, TODAY: today}
    kind = str(target.get("kind", ""))
    platform = str(target.get("identity", {}).get("platform", "linux"))
    if platform not in rule.platforms or (rule.targets and kind not in rule.targets):
        what = f"this rule judges {', '.join(rule.targets or rule.platforms)}; the target is {kind} ({platform})"
        return _result(instance, "unknown", {}, Verdict("unknown", rule.title, what), what)
    if rule.when is not None:
        applies = evaluate(substitute(rule.when, values), facts, certain=True)
        if applies.status != "pass":
            status = "not_applicable" if applies.status in ("fail", "not_applicable") else applies.status
            why = "does not apply" if status == "not_applicable" else "whether it applies is not known"
            return _result(instance, status, {}, applies, f"{why}: expected {applies.expected}; found {applies.found}")
    if "manual" in rule.check:
        asked = rule.check["manual"]
        verdict = Verdict("manual", asked["evidence"], "a person must answer")
        return _result(instance, "manual", {}, verdict, asked["question"])
    verdicts = {
        half: evaluate(substitute(clause, values), facts) for half, clause in halves(rule.check, runtime_facts).items()
    }
    return _halved(instance, verdicts, require)


def _halved(instance: Instance, verdicts: Mapping[str, Verdict], require: str) -> Result:
    facets = {half: verdict.status for half, verdict in verdicts.items()}
    counted = dict(facets)
    half: str | None = None
    if require == "persistent" and "persistent" in facets and facets.get("runtime") == "unknown":
        # The running half was not asked for; whatever was seen of it nevertheless (drift, an error) counts.
        del counted["runtime"]
        facets["runtime"] = NOT_REQUIRED
        half = "persistent half"
    elif facets.get("persistent") == "pass" and facets.get("runtime") == "unknown":
        half = "persistent half"
    status = all_of(counted.values())
    decided = [verdict for name, verdict in verdicts.items() if name in counted and verdict.status == status]
    verdict = _combined(decided or list(verdicts.values()))
    if half and facets["persistent"] not in ("pass", "fail"):
        half = None  # nothing was shown of it either
    if status in ("pass", "fail") and half:
        note = f"{half} only: the running half was not required"
    elif half:
        note = f"{half} passes ({verdicts['persistent'].found}); the running half was not seen"
    elif facets.get("persistent") == "pass" and facets.get("runtime") == "fail":
        note = "drift: configured rightly, but the running system differs"
    elif facets.get("persistent") == "fail" and facets.get("runtime") == "pass":
        note = "drift: the running system is right, but the next boot will not be"
    else:
        note = ""
    text = f"expected {verdict.expected}; found {verdict.found}"
    return _result(instance, status, facets, verdict, f"{note}: {text}" if note else text, half)


def _combined(verdicts: list[Verdict]) -> Verdict:
    if len(verdicts) == 1:
        return verdicts[0]
    evidence: dict[Evidence, None] = {}
    for verdict in verdicts:
        evidence.update(dict.fromkeys(verdict.evidence))
    return Verdict(
        verdicts[0].status,
        "; and ".join(dict.fromkeys(verdict.expected for verdict in verdicts)),
        "; ".join(dict.fromkeys(verdict.found for verdict in verdicts)),
        tuple(list(evidence)[:MAX_EVIDENCE]),
        parts=tuple(verdicts),
        word="all",
    )


def _result(
    instance: Instance,
    status: str,
    facets: Mapping[str, str],
    verdict: Verdict,
    explanation: str,
    half: str | None = None,
) -> Result:
    rule = instance.rule
    full = {"persistent": NOT_REQUIRED, "runtime": NOT_REQUIRED, **facets}
    return Result(
        instance=instance.id,
        rule=rule.id,
        title=rule.title,
        upstream=rule.upstream,
        status=cast("Status", status),
        facets=full,
        params=instance.params,
        param_sources=instance.sources,
        severity=rule.severity,
        explanation=explanation,
        expected=verdict.expected,
        found=verdict.found,
        evidence=verdict.evidence,
        facts=tuple(_facts_in(verdict)),
        half=half,
    )


def _facts_in(verdict: Verdict) -> list[str]:
    names: dict[str, None] = {}
    todo = [verdict]
    while todo:
        one = todo.pop(0)
        if one.fact:
            names[one.fact] = None
        todo.extend(one.parts)
    return list(names)
