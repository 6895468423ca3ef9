"""Taking evidence away, piece by piece: every fact, and every field of every record at any depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from scanner.model.fact import Fact

Facts = dict[str, Fact]

MAX_RECORDS = 12
"""Records of one table that are taken apart field by field: the first and the last ones."""

BROKEN = {"state": "error", "reason": "permission"}


def without_evidence(facts: Mapping[str, Fact]) -> Iterator[tuple[str, Facts]]:
    """(what was done, facts) for every way to lose one piece of evidence."""
    for name, fact in facts.items():
        rest = {key: value for key, value in facts.items() if key != name}
        yield f"{name} removed", rest
        yield f"{name} error", {**rest, name: Fact(name, "error", fact.facet, reason="permission")}
        yield f"{name} not collected", {**rest, name: Fact(name, "not_collected", fact.facet, reason="nobody looked")}
        if fact.state != "present":
            continue
        if isinstance(fact.value, list | dict):
            yield f"{name} incomplete", {**rest, name: replace(fact, gaps=("permission: somewhere",))}
        for what, value in _without_a_field(fact.value, name):
            yield what, {**rest, name: replace(fact, value=value)}


def _without_a_field(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            rest = {other: item for other, item in value.items() if other != key}
            yield f"{path}.{key} removed", rest
            yield f"{path}.{key} broken", {**rest, key: BROKEN}
            for what, changed in _without_a_field(inner, f"{path}.{key}"):
                yield what, {**rest, key: changed}
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        chosen = range(len(value)) if len(value) <= MAX_RECORDS else [0, 1, 2, len(value) - 1]
        for index in chosen:
            for what, changed in _without_a_field(value[index], f"{path}[{index}]"):
                yield what, [*value[:index], changed, *value[index + 1 :]]
