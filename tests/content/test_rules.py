"""The rule base as a whole: form, cases, and that no verdict comes from evidence that is not there."""

from functools import cache

import pytest

from scanner.engine.cases import CASE_DAY, case_facts, run_case, run_cases, runtime_fact_names
from scanner.engine.content import Content, load
from scanner.engine.judge import Instance, judge
from scanner.engine.params import resolve
from scanner.frameworks import catalog
from scanner.frameworks.lint import findings
from scanner.model.rule import Rule
from tests.content.mutate import without_evidence

CONTENT: Content = load(cache=False)
RULES = [CONTENT.rules.with_cases(name) for name in CONTENT.rules]
LIVE = {"kind": "live", "identity": {"platform": "linux"}}
IMAGE = {"kind": "image", "identity": {"platform": "linux"}}
GOOD = ("pass", "not_applicable")


@cache
def _runtime() -> frozenset[str]:
    return runtime_fact_names()


def _status(rule: Rule, facts: object, target: dict[str, object], params: object, require: str = "both") -> str:
    values, sources = resolve(rule, [("case", params)])  # type: ignore[list-item]
    result = judge(
        Instance(rule, values, sources), facts, target, require=require, today=CASE_DAY, runtime_facts=_runtime()
    )  # type: ignore[arg-type]
    return result.status


def test_there_are_rules() -> None:
    assert len(RULES) >= 80


def test_lint_finds_nothing() -> None:
    assert [f"{one.where}: {one.message}" for one in findings(CONTENT)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_own_cases(rule: Rule) -> None:
    outcomes = list(run_cases(rule))
    assert outcomes
    assert [f"{one.case}: {one.message}" for one in outcomes if not one.ok] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_evidence_no_pass(rule: Rule) -> None:
    for target in (LIVE, IMAGE):
        for require in ("both", "persistent"):
            assert _status(rule, {}, target, {}, require) in ("unknown", "error", "manual")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_taking_evidence_away_makes_no_new_pass(rule: Rule) -> None:
    tried = 0
    for case in rule.tests:
        facts = case_facts(case)
        target = {"kind": case.target, "identity": {"platform": "linux"}}
        # Only where no running half was seen may a profile do without it (frameworks.assess).
        running = any(fact.facet == "runtime" for fact in facts.values())
        for require in ("both",) if running else ("both", "persistent"):
            before = _status(rule, facts, target, case.params, require)
            for what, fewer in without_evidence(facts):
                tried += 1
                after = _status(rule, fewer, target, case.params, require)
                if after in GOOD:
                    assert after == before, f"case {case.name!r}: {before} became {after} with {what}"
    assert tried or "manual" in rule.check


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_verdict_says_expected_and_found(rule: Rule) -> None:
    for case in rule.tests:
        result = run_case(rule, case)
        assert result.expected
        assert result.found
        assert result.explanation


def test_upstream_ids_are_aliases_of_rules() -> None:
    for rule in RULES:
        for alias in rule.upstream:
            assert rule.id in {one.id for one in CONTENT.rules.named(alias)}


CATALOGS = {
    "cis-rhel10": 328,
    "stig-rhel10": 434,
    "nist-800-53-r5": 287,
    "hipaa-164-312": 46,
    "pci-dss-4": 351,
    "velaos": 98,
}


@pytest.mark.parametrize(("framework", "count"), CATALOGS.items())
def test_catalogs_are_complete(framework: str, count: int) -> None:
    controls = catalog.frameworks(CONTENT)[framework].controls
    assert len(controls) == count
    assert all(control.title for control in controls.values())


def test_the_law_names_fifteen_safeguards() -> None:
    controls = catalog.frameworks(CONTENT)["hipaa-164-312"].controls
    assert sum(name.startswith("164.312") for name in controls) == 15
