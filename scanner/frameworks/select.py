"""Which rule instances a set of profiles chooses, and which control of which framework each one serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from scanner.engine.content import Content
from scanner.engine.judge import Instance, needed_facts
from scanner.engine.params import find, resolve
from scanner.frameworks.rollup import control_rules
from scanner.model.control import Control, Framework, Profile, Selection
from scanner.model.errors import ContentError, UsageError
from scanner.model.records import dataclass
from scanner.model.rule import Rule

__all__ = ["ChosenControl", "Selected", "plan", "select"]


@dataclass(frozen=True, slots=True)
class ChosenControl:
    """A control with the rules mapped to it, the instances chosen for it, and whether that is all of them."""

    control: Control
    rules: tuple[str, ...]
    instances: tuple[str, ...]
    whole: bool


@dataclass(slots=True)
class Selected:
    """Instances by id, and for each framework its chosen controls. `profile_instances`: profile -> its instances."""

    instances: dict[str, Instance] = field(default_factory=dict)
    controls: dict[str, dict[str, ChosenControl]] = field(default_factory=dict)
    profile_instances: dict[str, set[str]] = field(default_factory=dict)


def _hits(patterns: tuple[str, ...], rule: Rule) -> bool:
    if not patterns:
        return False
    names = (rule.id, f"{rule.area}/{rule.id}", *rule.upstream)
    plain, wild = _sorted_out(patterns)
    return not plain.isdisjoint(names) or any(fnmatchcase(name, pattern) for pattern in wild for name in names)


@cache
def _sorted_out(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Patterns that are plain names, which is nearly all, and those with a wildcard."""
    wild = tuple(pattern for pattern in patterns if any(sign in pattern for sign in "*?["))
    return frozenset(patterns).difference(wild), wild


def _levels(control: Control, selection: Selection) -> bool:
    if selection.controls and control.id not in selection.controls:
        return False
    return not selection.levels or bool(set(selection.levels) & set(control.levels))


def select(
    content: Content,
    known: Mapping[str, Framework],
    profiles: Sequence[Profile],
    overrides: Mapping[str, Any] | None = None,
) -> Selected:
    """The instances of `profiles`. `overrides` are parameters from the command line (name or public alias -> value).

    Values come from the command line over the profile over the framework's mapping over the rule's default.
    """
    mappings = {name: content.rules[name].mappings for name in content.rules}
    selected = Selected()
    for profile in profiles:
        mine = selected.profile_instances.setdefault(profile.id, set())
        for selection in profile.frameworks:
            framework = known.get(selection.framework)
            if framework is None:
                raise ContentError(f"there is no framework {selection.framework}", where=profile.source)
            _check_selection(framework, selection, profile)
            by_control = control_rules(framework, mappings)
            chosen = selected.controls.setdefault(framework.id, {})
            chosen_instance = _chooser(content, profile, framework, overrides or {}, selected)
            for control in framework.controls.values():
                if not _levels(control, selection):
                    continue
                ids = by_control[control.id]
                taken = [name for one in ids if (name := chosen_instance(one)) is not None]
                mine.update(taken)
                before = chosen.get(control.id)
                names = set(taken) | set(before.instances if before else ())
                whole = len(taken) == len(ids) or (before is not None and before.whole)
                chosen[control.id] = ChosenControl(control, tuple(ids), tuple(sorted(names)), whole)
        there = {selected.instances[one].rule.id for one in mine}
        for name in content.rules if profile.rules_in else ():
            rule = content.rules[name]
            if _hits(profile.rules_in, rule) and not _hits(profile.rules_out, rule):
                instance = _instance(rule, profile, None, overrides or {})
                if rule.id not in there:
                    selected.instances[instance.id] = instance
                    mine.add(instance.id)
    _check_overrides(selected, overrides or {})
    return selected


def _chooser(
    content: Content, profile: Profile, framework: Framework, overrides: Mapping[str, Any], selected: Selected
) -> Callable[[str], str | None]:
    """Rule id -> id of the instance that the profile chooses of it for the framework, None when it chooses none.

    The instances are added to `selected`. Each is made once, however many controls the rule is mapped to.
    """

    @cache
    def chosen(name: str) -> str | None:
        rule = content.rules.get(name)
        if rule is None or (profile.only and not _hits(profile.only, rule)) or _hits(profile.rules_out, rule):
            return None
        instance = _instance(rule, profile, framework, overrides)
        key = instance.id
        selected.instances[key] = instance
        return key

    return chosen


def _check_selection(framework: Framework, selection: Selection, profile: Profile) -> None:
    """A level or control that does not exist would silently choose nothing."""
    levels = {level for control in framework.controls.values() for level in control.levels}
    for word, given, there in (
        ("level", selection.levels, levels),
        ("control", selection.controls, set(framework.controls)),
    ):
        for one in given:
            if one not in there:
                raise ContentError(f"{framework.id} has no {word} {one}", where=profile.source)


def _instance(rule: Rule, profile: Profile, framework: Framework | None, overrides: Mapping[str, Any]) -> Instance:
    layers: list[tuple[str, Mapping[str, Any]]] = [
        ("command line", overrides),
        (f"profile {profile.id}", profile.params.get(rule.id, {})),
    ]
    if framework is not None:
        layers.append((f"framework {framework.id}", framework.params.get(rule.id, {})))
    for source, given in layers[1:]:
        for name in given:
            if find(rule, name) is None:
                # Left alone, the rule would be judged with another value than its author wrote down.
                raise ContentError(f"{source} gives {rule.id} a parameter {name!r}, which it does not have")
    values, sources = resolve(rule, layers)
    return Instance(rule, values, sources)


def _check_overrides(selected: Selected, overrides: Mapping[str, Any]) -> None:
    known = {
        name
        for instance in selected.instances.values()
        for param in instance.rule.params.values()
        for name in (param.name, *param.alias)
    }
    for name in overrides:
        if name not in known:
            raise UsageError(f"no selected rule has a parameter {name!r}", hint="assay rules show RULE lists them")


def plan(instances: Sequence[Instance], runtime_facts: frozenset[str]) -> list[str]:
    """Every fact that these instances may ask for, sorted."""
    return sorted({name for instance in instances for name in needed_facts(instance, runtime_facts)})
