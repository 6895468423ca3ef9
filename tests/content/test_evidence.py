"""The frozen snapshots of whole devices: they are what the collectors give, and no verdict rests on missing evidence."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from fixtures.evidence import freeze
from fixtures.targets.velaos.binary import has_policy_compiler
from scanner.engine.cases import CASE_DAY, runtime_fact_names
from scanner.engine.content import load
from scanner.engine.judge import Instance, judge, needed_facts
from scanner.engine.params import resolve
from scanner.model.fact import Fact
from scanner.model.snapshot import Snapshot, fact_json
from tests.content.mutate import without_evidence

DEVICES = sorted(freeze.DEVICES)
GOOD = ("pass", "not_applicable")
HALVES = {"live": "both", "image": "persistent"}


@cache
def frozen(name: str) -> Snapshot:
    return Snapshot.from_json(json.loads(freeze.path(name).read_bytes()), freeze.path(name).name)


@cache
def instances() -> tuple[Instance, ...]:
    content = load(cache=False)
    return tuple(Instance(content.rules[name], *resolve(content.rules[name], [])) for name in content.rules)


def seen(name: str, kind: str) -> dict[str, Fact]:
    """The facts of the device, or those that its image alone would show."""
    return {key: fact for key, fact in frozen(name).facts.items() if kind == "live" or fact.facet == "persistent"}


@pytest.mark.parametrize("name", DEVICES)
def test_the_frozen_snapshot_is_what_the_collectors_give(name: str) -> None:
    if not has_policy_compiler():
        pytest.skip("secilc is not installed: make test installs it")
    now, then = freeze.snapshot(name), frozen(name)
    changed = sorted(
        key
        for key in {*now.facts, *then.facts}
        if key not in now.facts or key not in then.facts or fact_json(now.facts[key]) != fact_json(then.facts[key])
    )
    assert now.facts_digest == then.facts_digest, (
        f"{freeze.path(name).name} does not fit the collectors or the device any more. If the change is meant: "
        f"{freeze.COMMAND}. Changed: {', '.join(changed[:20]) or 'limits'}"
    )


@pytest.mark.parametrize("name", DEVICES)
def test_everything_on_the_device_can_be_read(name: str) -> None:
    facts = frozen(name).facts
    assert {key: fact.reason for key, fact in facts.items() if fact.state == "error"} == {}
    assert {key: fact.gaps for key, fact in facts.items() if fact.gaps} == {}
    devices = ("block.devices", "luks.", "storage.root_volume")
    unseen = {key for key, fact in facts.items() if fact.state == "not_collected" and not key.startswith(devices)}
    assert unseen <= {"name_resolution.servers", "sshd.effective"}


@pytest.mark.parametrize("name", DEVICES)
def test_a_frozen_snapshot_stays_small(name: str) -> None:
    assert freeze.path(name).stat().st_size < 600_000


def changes(fact: Fact) -> Iterator[tuple[str, frozenset[str], Fact | None]]:
    """(what was done, names on the way to the changed field, the fact after it; None = it is gone)."""
    for what, facts in without_evidence({fact.name: fact}):
        place = what.removeprefix(fact.name).rpartition(" ")[0]
        yield what, frozenset(re.findall(r"\.([^.\[ ]+)", place)), facts.get(fact.name)


def words(clause: Any) -> Iterator[str]:
    """Every key of a clause: a field whose name is not among them is not asked."""
    for key, inner in clause.items() if isinstance(clause, dict) else ():
        yield key
        yield from words(inner)
    for inner in clause if isinstance(clause, list) else ():
        yield from words(inner)


@pytest.mark.parametrize("kind", HALVES)
@pytest.mark.parametrize("name", DEVICES)
def test_evidence_taken_away_makes_no_new_pass(name: str, kind: str) -> None:
    facts = seen(name, kind)
    target = {"kind": kind, "identity": {"platform": "linux"}}
    runtime = runtime_fact_names()
    asking: dict[str, list[tuple[Instance, set[str], dict[str, Fact], str]]] = {}
    for instance in instances():
        needed = {key: facts[key] for key in needed_facts(instance, runtime) if key in facts}
        before: str = judge(
            instance, needed, target, require=HALVES[kind], today=CASE_DAY, runtime_facts=runtime
        ).status
        asked = {*words(instance.rule.check), *words(instance.rule.when)}
        for key in needed:
            asking.setdefault(key, []).append((instance, asked, needed, before))
    worse: list[str] = []
    tried = 0
    for key, those in asking.items():
        for what, way, changed in changes(facts[key]):
            for instance, asked, needed, before in those:
                if way and not way & asked:
                    continue
                left = {other: fact for other, fact in needed.items() if other != key}
                if changed is not None:
                    left[key] = changed
                tried += 1
                after = judge(
                    instance, left, target, require=HALVES[kind], today=CASE_DAY, runtime_facts=runtime
                ).status
                if after in GOOD and after != before:
                    worse.append(f"{instance.id}: {before} became {after} with {what}")
    assert worse == []
    assert tried > 8_000
