"""Records made quickly are those of the plain way; the collector is as it was afterwards."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from scanner.supply_chain.bulk import maker, without_collector
from scanner.supply_chain.comparing.matching import Pair
from scanner.supply_chain.model import Component, Relation


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("record", "values"),
    [
        (Relation, ("a", "contains", "b")),
        (Pair, (1, 2, "purl")),
        (Component, tuple(f"{number}" for number, _ in enumerate(fields(Component)))),
        (Component, ("ref", "name")),
    ],
)
def test_a_record_is_the_one_of_the_class(record: Callable[..., Any], values: tuple[Any, ...]) -> None:
    made, plain = maker(record)(*values), record(*values)
    assert type(made) is type(plain)
    assert (made, repr(made)) == (plain, repr(plain))
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(made)[0].name, "other")


def test_defaults_are_not_shared() -> None:
    make = maker(Component)
    assert make("a", "a").hashes is not make("b", "b").hashes


def test_a_field_without_default_is_asked_for() -> None:
    with pytest.raises(TypeError, match="target"):
        maker(Relation)("a", "contains")  # type: ignore[call-arg]


def test_nothing_is_collected_inside_and_what_was_made_is_old() -> None:
    gc.collect()
    with without_collector():
        assert not gc.isenabled()
        kept = [[number] for number in range(5000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    young = {id(one) for generation in (0, 1) for one in gc.get_objects(generation)}
    assert young.isdisjoint(map(id, kept))


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    with without_collector():
        pass
    assert not gc.isenabled()


def test_the_collector_is_on_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="x"), without_collector():
        raise ValueError("x")
    assert gc.isenabled()


def test_what_someone_else_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with without_collector():
            pass
        assert gc.get_freeze_count() == frozen
    finally:
        gc.unfreeze()
