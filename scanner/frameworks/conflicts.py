"""Where frameworks want different things of one setting, and whether one value can satisfy all of them.

Each framework judges with its own parameters, so a device can pass one and fail another. What every instance demands of
a fact is read from its check: only demands that must hold for a pass (no branch of an `any`) count. Demands on the same
question are put together; where no value is left, no device can satisfy all of them as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from scanner.engine.conditions import show
from scanner.engine.content import Content
from scanner.engine.judge import Instance, halves
from scanner.engine.params import resolve, substitute
from scanner.frameworks.rollup import control_rules
from scanner.model.canonical import canonical
from scanner.model.control import Framework
from scanner.model.records import dataclass

__all__ = ["CONFLICTS_SCHEMA", "OPERATORS", "VERDICTS", "Conflict", "Wish", "conflicts"]

CONFLICTS_SCHEMA = "assay/conflicts/v1"

VERDICTS = ("contradiction", "depends", "undecided", "satisfiable")
"""No value satisfies all; each demand holds under its own condition only; a person must compare; one value does."""

_COMPARED = ("equals", "in", "at_least", "at_most", "mode_within")
OPERATORS = (*_COMPARED, "parameter")
"""How a wish compares; `parameter`: the value of a rule's parameter that is no plain comparison."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one rule of one framework demands: `value` under `operator`; `controls` are the framework's reason.

    `none_will_do`: having no such record at all satisfies it too.
    """

    framework: str
    rule: str
    operator: str
    value: Any
    controls: tuple[str, ...]
    none_will_do: bool = False


@dataclass(slots=True)
class Conflict:
    """One question with different demands. `question`: fact, choice of records and field, or a rule's parameter.

    `verdict`: see VERDICTS; `satisfied_by`: the values that meet every demand, in words.
    """

    question: str
    wishes: list[Wish] = field(default_factory=list)
    verdict: str = "undecided"
    satisfied_by: str = ""


def conflicts(content: Content, known: Mapping[str, Framework], chosen: Sequence[str] = ()) -> list[Conflict]:
    """Every question on which the chosen frameworks (all, when none is named) differ; the hardest first."""
    asked: dict[str, Conflict] = {}
    explained: set[str] = set()
    parameters: dict[str, Conflict] = {}
    for framework in known.values():
        if chosen and framework.id not in chosen:
            continue
        for instance, controls in _instances(content, framework):
            name = instance.rule.id
            for question, operator, value, none in _demands(instance):
                _add(asked, question, Wish(framework.id, name, operator, value, controls, none))
            for parameter, value in instance.params.items():
                _add(parameters, f"{name} {parameter}", Wish(framework.id, name, "parameter", value, controls))
    found = [one for one in asked.values() if _differ(one.wishes)]
    for conflict in found:
        _decide(conflict, content)
        explained |= {wish.rule for wish in conflict.wishes}
    found += [
        one for one in parameters.values() if _differ(one.wishes) and not {wish.rule for wish in one.wishes} & explained
    ]
    return sorted(found, key=lambda one: (VERDICTS.index(one.verdict), one.question))


def _add(table: dict[str, Conflict], question: str, wish: Wish) -> None:
    conflict = table.setdefault(question, Conflict(question))
    if wish not in conflict.wishes:
        conflict.wishes.append(wish)


def _instances(content: Content, framework: Framework) -> Iterator[tuple[Instance, tuple[str, ...]]]:
    serving: dict[str, list[str]] = {}
    mappings = {name: content.rules[name].mappings for name in content.rules}
    for control, rules in control_rules(framework, mappings).items():
        for one in rules:
            serving.setdefault(one, []).append(control)
    for name in sorted(serving):
        rule = content.rules[name]
        params, sources = resolve(rule, [(framework.id, framework.params.get(name, {}))])
        yield Instance(rule, params, sources), tuple(serving[name])


def _demands(instance: Instance) -> Iterator[tuple[str, str, Any, bool]]:
    for clause in halves(instance.rule.check, frozenset()).values():
        yield from _of_clause(substitute(clause, instance.params))


def _of_clause(clause: Any) -> Iterator[tuple[str, str, Any, bool]]:
    if not isinstance(clause, Mapping):
        return
    for part in clause.get("all", ()) if "fact" not in clause else ():
        yield from _of_clause(part)
    if "fact" not in clause:
        return
    subject = str(clause["fact"])
    where = clause.get("where")
    if where:
        subject += f" where {canonical(where).decode()}"
    none = clause.get("if_empty") == "pass"
    for place, conditions in (("", clause), *((f" field {name}", one) for name, one in _fields(clause))):
        for operator in _COMPARED:
            if operator in conditions:
                yield subject + place, operator, conditions[operator], none


def _fields(clause: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for word in ("each", "has"):
        matcher = clause.get(word)
        for name, condition in matcher.items() if isinstance(matcher, Mapping) else ():
            if name not in ("any", "all", "not"):
                yield name, condition if isinstance(condition, Mapping) else {"equals": condition}


def _differ(wishes: Sequence[Wish]) -> bool:
    """Whether two frameworks, or two rules, put different values under the same operator."""
    by_operator: dict[str, set[str]] = {}
    for wish in wishes:
        by_operator.setdefault(wish.operator, set()).add(show(wish.value))
    return any(len(values) > 1 for values in by_operator.values())


def _decide(conflict: Conflict, content: Content) -> None:
    conflict.satisfied_by = _solution(conflict.wishes)
    if not conflict.satisfied_by and all(wish.none_will_do for wish in conflict.wishes):
        conflict.satisfied_by = "having none"
    if conflict.satisfied_by:
        conflict.verdict = "satisfiable"
        return
    conditions = {canonical(content.rules[wish.rule].when) for wish in conflict.wishes}
    conflict.verdict = "contradiction" if len(conditions) == 1 else "depends"


def _solution(wishes: Sequence[Wish]) -> str:
    """The values that meet all wishes, in words; empty when there is none."""
    allowed: list[str] | None = None
    for wish in wishes:
        if wish.operator in ("equals", "in"):
            mine = [show(one) for one in (wish.value if wish.operator == "in" else [wish.value])]
            allowed = mine if allowed is None else [one for one in allowed if one in mine]
    low = max((int(wish.value) for wish in wishes if wish.operator == "at_least"), default=None)
    high = min((int(wish.value) for wish in wishes if wish.operator == "at_most"), default=None)
    modes = [int(str(wish.value), 8) for wish in wishes if wish.operator == "mode_within"]
    if modes:
        strictest = modes[0]
        for mode in modes:
            strictest &= mode
        return f"{strictest:04o} or stricter"
    if allowed is not None:
        return " or ".join(one for one in allowed if _within(one, low, high))
    if low is not None and high is not None:
        return f"{low} to {high}" if low < high else str(low) if low == high else ""
    return f"{high} or less" if high is not None else f"{low} or more"


def _within(value: str, low: int | None, high: int | None) -> bool:
    if low is None and high is None:
        return True
    if not value.lstrip("+-").isdigit():
        return False
    return (low is None or int(value) >= low) and (high is None or int(value) <= high)
