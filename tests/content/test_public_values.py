"""What a public rule has built in makes our rule stricter: it turns a pass into a fail, never a fail into a pass."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from scanner.engine.cases import run_case
from scanner.engine.content import load
from scanner.model.rule import Rule

NOT_STRICTER = {"banner", "local_service", "remote_service"}
"""Values of their own (the text that is shown) and the subject that the id names (one of two PAM stacks)."""


def _built_in() -> Iterator[tuple[Rule, str, dict[str, object]]]:
    rules = load(cache=False).rules
    for name in rules:
        rule = rules.with_cases(name)
        ids = {public for param in rule.params.values() for public in param.public}
        for public in sorted(ids):
            values = {
                param.name: param.public[public]
                for param in rule.params.values()
                if public in param.public and param.name not in NOT_STRICTER
            }
            if values:
                yield rule, public, values


BUILT_IN = list(_built_in())


def test_there_are_such_rules() -> None:
    assert len(BUILT_IN) > 120


@pytest.mark.parametrize(("rule", "public", "values"), BUILT_IN, ids=[public for _, public, _ in BUILT_IN])
def test_public_values_are_stricter_only(rule: Rule, public: str, values: dict[str, object]) -> None:
    """Over every case of the rule, whatever it chooses itself; and in at least one case they make a difference."""
    changed = 0
    for case in rule.tests:
        others = {name: value for name, value in case.params.items() if name not in values}
        ours = run_case(rule, replace(case, params=others)).status
        theirs = run_case(rule, replace(case, params=others | values)).status
        assert theirs != "pass" or ours == "pass", case.name
        assert theirs != "not_applicable" or ours == "not_applicable", case.name
        changed += ours != theirs
    assert changed > 0
