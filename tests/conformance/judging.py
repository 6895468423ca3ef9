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
from scanner.engine.params import find, resolve
from scanner.model.errors import AssayError
from scanner.model.rule import Param, Rule
from scanner.target.opening import open_path

FIXED: Mapping[str, Mapping[str, Any]] = {"sshd_enable_warning_banner": {"banner": "/etc/issue"}}
"""Values that a public rule has built in and ours takes as a parameter, by public id, as the framework mappings do."""

_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_AMOUNTS = {"sshd_rekey_limit": {"var_rekey_limit_size": "bytes", "var_rekey_limit_time": "seconds"}}
"""Public rule -> variables that hold a number with a unit, and the parameter of ours that holds the plain number."""


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
        instances = [_instance(rule, {**variables, **FIXED.get(name, {})}) for rule in rules]
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


def _instance(rule: Rule, variables: Mapping[str, str]) -> Instance:
    """The rule with the values of the variables it has aliases for; a value that is no value of ours is left out."""
    given = {
        alias: _value(param, variables[alias])
        for param in rule.params.values()
        for alias in param.alias
        if alias in variables
    }
    given |= {name: variables[name] for name in rule.params if name in variables}
    amounts = {variable: name for public in rule.upstream for variable, name in _AMOUNTS.get(public, {}).items()}
    for variable, name in amounts.items():
        amount = variables.get(variable, "")
        if name in rule.params and amount[:-1].isdigit() and amount[-1] in _UNITS:
            given[name] = str(int(amount[:-1]) * _UNITS[amount[-1]])
    try:
        return Instance(rule, *resolve(rule, [("scenario", given)]))
    except AssayError:
        fitting: dict[str, Any] = {}
        for alias, value in given.items():
            try:
                resolve(rule, [("scenario", {alias: value})])
            except AssayError:
                continue
            if find(rule, alias) is not None:
                fitting[alias] = value
        return Instance(rule, *resolve(rule, [("scenario", fitting)]))


def _value(param: Param, text: str) -> str:
    """The public form of a list is `a|b`, ours is `a,b`."""
    return text.replace("|", ",") if param.type == "list" else text


def overall(verdicts: list[dict[str, Any]]) -> str:
    """One word for several rules: the worst of them; not applicable only when all are."""
    words = [one["status"] for one in verdicts]
    for word in ("error", "unknown", "fail", "manual"):
        if word in words:
            return word
    return "pass" if "pass" in words else words[0] if words else "no_rule"
