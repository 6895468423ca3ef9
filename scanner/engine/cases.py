"""Running a rule's own cases (`assay rules test`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.collectors.registry import spec_of, specs
from scanner.engine.judge import Instance, judge
from scanner.engine.params import resolve
from scanner.model.fact import STATES, Evidence, Fact
from scanner.model.records import dataclass
from scanner.model.result import Result
from scanner.model.rule import Rule, RuleCase

__all__ = ["CASE_DAY", "CaseOutcome", "case_facts", "run_case", "run_cases", "runtime_fact_names"]

CASE_DAY = 20_454
"""The day on which every case is judged: 2026-01-01."""


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """One case: whether the rule gave what was expected, and if not, what it gave."""

    rule: str
    case: str
    ok: bool
    message: str
    status: str


def runtime_fact_names() -> frozenset[str]:
    """Declared facts that only a running system has."""
    return frozenset(name for name, spec in specs().items() if spec.facet == "runtime")


def case_facts(case: RuleCase) -> dict[str, Fact]:
    """The facts of a case. On an image, runtime facts are not collected, whatever the case says."""
    facts: dict[str, Fact] = {}
    for name, raw in case.facts.items():
        spec = spec_of(name)
        facet = spec.facet if spec is not None else "persistent"
        if case.target != "live" and facet == "runtime":
            continue
        facts[name] = _fact(name, raw, facet)
    return facts


def _fact(name: str, raw: Any, facet: Any) -> Fact:
    if (
        isinstance(raw, dict)
        and raw.get("state") in STATES
        and set(raw) <= {"state", "value", "reason", "gaps", "source"}
    ):
        source = raw.get("source")
        return Fact(
            name,
            raw["state"],
            facet,
            raw.get("value"),
            raw.get("reason"),
            (Evidence(source),) if source else (),
            tuple(raw.get("gaps", ())),
        )
    return Fact(name, "absent" if raw is None else "present", facet, raw)


def run_case(rule: Rule, case: RuleCase) -> Result:
    """The result of one case."""
    values, sources = resolve(rule, [("case", case.params)])
    target: Mapping[str, Any] = {"kind": case.target, "identity": {"platform": "linux"}}
    return judge(
        Instance(rule, values, sources), case_facts(case), target, today=CASE_DAY, runtime_facts=runtime_fact_names()
    )


def run_cases(rule: Rule) -> Iterator[CaseOutcome]:
    """Every case of the rule, and whether the set of cases is whole (a pass, a fail, one without evidence)."""
    for case in rule.tests:
        result = run_case(rule, case)
        wrong = []
        if result.status != case.expect:
            wrong.append(f"expected {case.expect}, got {result.status} ({result.explanation})")
        wrong.extend(
            f"the {half} half should be {wanted}, is {result.facets[half]}"
            for half, wanted in case.facets.items()
            if result.facets.get(half) != wanted
        )
        if case.says and case.says not in result.explanation:
            wrong.append(f"the explanation lacks {case.says!r}: {result.explanation}")
        yield CaseOutcome(rule.id, case.name, not wrong, "; ".join(wrong), result.status)
    if "manual" in rule.check:
        return
    expected = {case.expect for case in rule.tests}
    for word, there in (
        ("pass", "pass" in expected),
        ("fail", "fail" in expected),
        ("no evidence (unknown or error)", bool(expected & {"unknown", "error"})),
    ):
        if not there:
            yield CaseOutcome(rule.id, f"a case for {word}", False, f"there is no case that expects {word}", "")
