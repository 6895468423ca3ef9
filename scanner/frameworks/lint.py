"""Linting content as a whole: facts and fields that rules ask, mappings, coverage statements, profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scanner.collectors.registry import spec_of, split
from scanner.engine.cases import run_cases, runtime_fact_names
from scanner.engine.content import Content
from scanner.engine.evaluate import facts_of
from scanner.engine.judge import halves
from scanner.frameworks import catalog, profiles
from scanner.frameworks.rollup import control_rules
from scanner.frameworks.select import select
from scanner.model.control import Framework
from scanner.model.errors import AssayError
from scanner.model.fact import FactSpec
from scanner.model.records import dataclass
from scanner.model.rule import Rule

__all__ = ["Finding", "findings"]

MAX_TITLE = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the content that is wrong, and where."""

    where: str
    message: str


def findings(content: Content) -> list[Finding]:
    """Everything that is wrong, in the order of the files."""
    known = catalog.frameworks(content)
    found = [finding for name in content.rules for finding in _rule(content.rules.with_cases(name), known)]
    found += _against_schema(content)
    found += [finding for framework in known.values() for finding in _framework(framework, content)]
    for profile in profiles.profiles(content).values():
        try:
            chosen = select(content, known, [profile])
        except AssayError as error:
            found.append(Finding(profile.source, str(error)))
            continue
        if not chosen.instances:
            found.append(Finding(profile.source, "selects no rule"))
        for pattern in (*profile.only, *profile.rules_in, *profile.rules_out, *profile.params):
            if not _any_rule(content, pattern):
                found.append(Finding(profile.source, f"{pattern} names no rule"))
    return found


def _against_schema(content: Content) -> list[Finding]:
    """What the published rule schema says; editors say the same while a rule is written."""
    import json

    import jsonschema_rs

    from scanner import files, schemas

    body = json.loads(files.read_bytes(Path(next(iter(schemas.__path__))) / "rule.json"))
    validator = jsonschema_rs.validator_for(body)
    return [
        Finding(f"rules/{content.rules[name].source}", f"against rules/schema.json: {error.message}")
        for name in content.rules
        for error in validator.iter_errors(content.rules.document(name))
    ]


def _any_rule(content: Content, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return any(
        fnmatchcase(name, pattern) or fnmatchcase(f"{content.rules[name].area}/{name}", pattern)
        for name in content.rules
    )


def _rule(rule: Rule, known: Mapping[str, Framework]) -> Iterator[Finding]:
    where = f"rules/{rule.source}"
    if len(rule.title) > MAX_TITLE or rule.title.endswith("."):
        yield Finding(where, f"the title is a sentence of at most {MAX_TITLE} characters without a full stop")
    for framework, ids in rule.mappings.items():
        if framework not in known:
            yield Finding(where, f"mapped to {framework}, which is no framework")
            continue
        for control in ids:
            if control not in known[framework].controls:
                yield Finding(where, f"{framework} has no control {control}")
            elif rule.id in known[framework].extra_rules.get(control, ()):
                yield Finding(
                    where, f"the pair {framework} {control} stands in the rule and in mapping.yaml; one is enough"
                )
    yield from _facts(rule, where)
    for outcome in run_cases(rule):
        if not outcome.ok:
            yield Finding(where, f"case {outcome.case!r}: {outcome.message}")
    for case in rule.tests:
        for name in case.facts:
            if spec_of(name) is None:
                yield Finding(where, f"case {case.name!r} gives {name}, which no collector declares")


def _facts(rule: Rule, where: str) -> Iterator[Finding]:
    runtime = runtime_fact_names()
    parts = halves(rule.check, runtime)
    clauses: list[tuple[str, Mapping[str, Any]]] = list(parts.items())
    if rule.when is not None:
        clauses.append(("when", rule.when))
    for half, clause in clauses:
        for name in facts_of(clause):
            spec = spec_of(name)
            if spec is None:
                yield Finding(where, f"no collector declares the fact {name}")
                continue
            if (spec.argument is None) != (split(name)[1] is None):
                yield Finding(where, f"{spec.name} {'wants' if spec.argument else 'takes no'} argument")
            if half in ("persistent", "runtime") and spec.facet != half:
                yield Finding(where, f"the {half} half asks {name}, a {spec.facet} fact")
        yield from _fields(clause, where)


def _fields(clause: Mapping[str, Any], where: str) -> Iterator[Finding]:
    """Fields asked that the fact does not declare, and the wrong kind of question for the kind of fact."""
    if "fact" not in clause:
        for part in (*clause.get("all", ()), *clause.get("any", ()), *([clause["not"]] if "not" in clause else ())):
            yield from _fields(part, where)
        return
    spec = spec_of(clause["fact"])
    if spec is None:
        return
    asked = "table" if {"where", "each", "count"} & set(clause) else "object" if "has" in clause else "value"
    if asked != spec.kind:
        yield Finding(where, f"{spec.name} is a fact of kind {spec.kind}, asked as {asked}")
    for key in ("where", "each", "has"):
        yield from _matcher(clause.get(key, {}), spec, where)


def _matcher(matcher: Mapping[str, Any], spec: FactSpec, where: str) -> Iterator[Finding]:
    for name, condition in matcher.items():
        if name in ("any", "all"):
            for one in condition:
                yield from _matcher(one, spec, where)
        elif name == "not":
            yield from _matcher(condition, spec, where)
        elif name not in spec.fields:
            yield Finding(where, f"{spec.name} declares no field {name}")


def _framework(framework: Framework, content: Content) -> Iterator[Finding]:
    where = f"controls/{framework.id}/mapping.yaml"
    mapped = control_rules(framework, {name: content.rules[name].mappings for name in content.rules})
    for control, rules in framework.extra_rules.items():
        for rule in rules:
            if rule not in content.rules:
                yield Finding(where, f"{control}: there is no rule {rule}")
    for control, word in framework.coverage.items():
        if not mapped[control]:
            yield Finding(where, f"{control}: coverage {word}, but no rule is mapped to it")
        if word == "full" and framework.controls[control].assessment != "automated":
            yield Finding(
                where, f"{control}: coverage full, but its catalog says {framework.controls[control].assessment}"
            )
    for rule, values in framework.params.items():
        if rule not in content.rules:
            yield Finding(where, f"params: there is no rule {rule}")
            continue
        names = {name for param in content.rules[rule].params.values() for name in (param.name, *param.alias)}
        for name in values:
            if name not in names:
                yield Finding(where, f"params: {rule} has no parameter {name}")
