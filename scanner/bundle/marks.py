"""Reading the marks of facts: which fields of which records name a person, a machine or a place in a network."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from scanner.bundle.telling import NO_HOST, PUBLIC, named
from scanner.model.fact import FactSpec

__all__ = ["condition", "marked", "own_values"]

_SYSTEM_IDS = 1000
_NOBODY = 65534


@cache
def condition(mark: str) -> tuple[str, str, tuple[str, ...]]:
    """Field of a mark, and the field and values that its record must have: `value[key=mailto,mailfrom]`."""
    field, _, rest = mark.partition("[")
    other, _, values = rest.removesuffix("]").partition("=")
    return field, other, tuple(values.split(",")) if values else ()


def marked(spec: FactSpec, record: Mapping[str, Any], words: Collection[str]) -> Iterator[tuple[str, str]]:
    """Field and word for each mark that holds for this record and is of these words."""
    for mark, word in spec.sensitive.items():
        field, other, values = condition(mark)
        if word not in words or field not in record or (word == "user" and _is_system(record)):
            continue
        if not other or str(record.get(other)).lower() in values:
            yield field, word


def own_values(value: Any, word: str) -> Iterator[str]:
    """What a marked field names, but for names that say nothing."""
    public = NO_HOST if word == "host" else PUBLIC
    for text in _texts(value):
        yield from (one for one in named(text, word) if one.strip() and one.lower() not in public)


def _is_system(record: Mapping[str, Any]) -> bool:
    """Whether a record is about an account of the system, whose name says nothing about a person."""
    number = record.get("uid", record.get("gid"))
    return isinstance(number, int) and (number < _SYSTEM_IDS or number == _NOBODY)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
