"""Judging a prepared tree in process, as `assay check --root TREE --rule ID --param NAME=VALUE` does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanner.collectors.take import instant, take
from scanner.engine import content
from scanner.engine.cases import runtime_fact_names
from scanner.engine.content import Content
from scanner.engine.judge import Instance, day_of, judge, needed_facts
from scanner.engine.params import built_in, find, resolve
from scanner.model.errors import AssayError
from scanner.model.rule import Rule
from scanner.target.opening import open_path


class Judge:
    """Rules loaded once, trees judged one after the other."""

    def __init__(self) -> None:
        self._content: Content = content.load()
        self._runtime = runtime_fact_names()
        self._today = day_of(instant(time.time()))

    def rules(self, name: str) -> list[Rule]:
        """The rules that a public id stands for; none when we have no such rule."""
        try:
            return list(self._content.rules.named(name))
        except AssayError:
            return []

    def area(self, name: str) -> str:
        """The folder of the first rule that a public id stands for."""
        found = self.rules(name)
        return found[0].area if found else ""

    def verdicts(
        self, root: Path, name: str, variables: Mapping[str, str], *, runtime: bool = False
    ) -> list[dict[str, Any]]:
        """One result a rule. Without `runtime` the persistent half alone must decide."""
        rules = self.rules(name)
        instances = [_instance(rule, name, variables) for rule in rules]
        target = open_path(root, runtime=runtime)
        try:
            wanted = {fact for one in instances for fact in needed_facts(one, self._runtime)}
            snapshot = take(target, wanted)
        finally:
            target.close()
        require = "both" if runtime else "persistent"
        found = []
        for one in instances:
            result = judge(
                one, snapshot.facts, snapshot.target, today=self._today, require=require, runtime_facts=self._runtime
            )
            found.append(
                {
                    "rule": result.rule,
                    "status": result.status,
                    "facets": dict(result.facets),
                    "explanation": result.explanation,
                    "params": {
                        key: result.params[key] for key, source in result.param_sources.items() if source != "rule"
                    },
                    "facts": {
                        fact: snapshot.facts[fact].reason or snapshot.facts[fact].state
                        for fact in result.facts
                        if fact in snapshot.facts
                    },
                }
            )
        return found


def _instance(rule: Rule, name: str, variables: Mapping[str, str]) -> Instance:
    """The rule with the variables that it has names for, as given; a value that is no value of ours is left out."""
    given = {}
    for alias, value in variables.items():
        if find(rule, alias) is not None:
            try:
                resolve(rule, [("scenario", {alias: value})])
            except AssayError:
                continue
            given[alias] = value
    return Instance(rule, *resolve(rule, [("scenario", given), ("public rule", built_in(rule, name))]))


def overall(verdicts: list[dict[str, Any]]) -> str:
    """One word for several rules: the worst of them; not applicable only when all are."""
    words = [one["status"] for one in verdicts]
    for word in ("error", "unknown", "fail", "manual"):
        if word in words:
            return word
    return "pass" if "pass" in words else words[0] if words else "no_rule"
