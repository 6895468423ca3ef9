"""Records are what dataclasses of the standard library are, whoever looks."""

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from scanner.model.records import dataclass

FROZEN = {"frozen": True, "slots": True}


class _Shape:
    name: str
    size: int = 3
    parts: list[str] = dataclasses.field(default_factory=list)

    @property
    def double(self) -> int:
        return self.size * 2


Record: Any = dataclass(**FROZEN)(type("Record", (_Shape,), dict(vars(_Shape))))
Standard: Any = dataclasses.dataclass(**FROZEN)(type("Record", (_Shape,), dict(vars(_Shape))))


@dataclass(frozen=True, slots=True)
class One:
    """A record with a single field."""

    value: Any


@dataclass(frozen=True, slots=True)
class Checked:
    """A record with a look at its fields."""

    low: int
    high: int = dataclasses.field(default=9)

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


@dataclass(frozen=True, slots=True)
class Secret:
    """Options of a field are the standard library's business."""

    name: str
    key: bytes = dataclasses.field(repr=False, compare=False, default=b"")


@dataclass(frozen=True, slots=True)
class Below(One):
    """A base with fields is, too."""

    more: int = 0


@dataclass(slots=True)
class Open:
    """And what is not frozen."""

    value: int


@pytest.mark.parametrize(
    "arguments",
    [(("a",), {}), (("a", 4), {}), (("a", 4, ["x"]), {}), ((), {"name": "b", "parts": ["y"]})],
    ids=["default", "position", "all", "name"],
)
def test_as_the_standard_library_makes_it(arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    given, named = arguments
    mine, other = Record(*given, **named), Standard(*given, **named)
    assert repr(mine) == repr(other)
    assert dataclasses.asdict(mine) == dataclasses.asdict(other)
    assert mine.double == other.double
    assert Record.__match_args__ == Standard.__match_args__ == ("name", "size", "parts")
    assert dataclasses.replace(mine, size=7) == Record(mine.name, 7, mine.parts)
    assert mine != other, "records of two classes are never equal"
    assert copy.deepcopy(mine) == mine
    assert Record.__eq__ is One.__eq__ is not Standard.__eq__, "this is the fast way"


@pytest.mark.parametrize("arguments", [(), ("a", 1, [], 2)], ids=["too few", "too many"])
def test_wrong_arguments(arguments: tuple[Any, ...]) -> None:
    for kind in (Record, Standard):
        with pytest.raises(TypeError):
            kind(*arguments)


def test_a_default_is_made_for_each() -> None:
    first, second = Record("a"), Record("a")
    assert first == second
    assert first.parts is not second.parts


@pytest.mark.parametrize("record", [One(1), Checked(1), Secret("a"), Below(1, 2)], ids=lambda one: type(one).__name__)
def test_nothing_can_be_changed(record: Any) -> None:
    name = dataclasses.fields(record)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, name, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(record, name)
    with pytest.raises((AttributeError, TypeError)):
        record.unheard_of = 1
    assert not hasattr(record, "__dict__")


def test_equality_and_hash() -> None:
    assert len({One(1), One(1), One((1,)), One(True)}) == 2  # as for a tuple, True is 1
    assert One(1) != (1,)
    assert hash(Checked(1, 2)) == hash(Checked(1, 2))
    with pytest.raises(TypeError):
        hash(One([]))


def test_a_look_at_the_fields_is_taken() -> None:
    with pytest.raises(ValueError, match="low is above high"):
        Checked(10)


def test_names_of_the_class_stay_its_own() -> None:
    @dataclass(frozen=True, slots=True)
    class Values:
        values: tuple[int, ...]
        _get: int = 0

        def _values(self) -> int:
            return sum(self.values)

    assert Values((1, 2))._values() == 3
    assert {Values((1, 2)): 1}[Values((1, 2))] == 1
    assert repr(Values((1,))).endswith("Values(values=(1,), _get=0)")


def test_match_and_pickle() -> None:
    match Checked(1, 2):
        case Checked(low, high):
            assert (low, high) == (1, 2)
    assert pickle.loads(pickle.dumps(Checked(1, 2))) == Checked(1, 2)


def test_the_rest_is_left_to_the_standard_library() -> None:
    assert repr(Secret("a", b"k")) == "Secret(name='a')"
    assert Secret("a", b"k") == Secret("a", b"other")
    assert Below(1, 2) != Below(1, 3)
    assert dataclasses.replace(Open(1), value=2) == Open(2)
