"""`dataclass` for the records of this package: the one of the standard library, made faster where it is frozen.

`@dataclass(frozen=True, slots=True)` writes and compiles seven methods for each class. For the classes that a scan
imports this was a tenth of its whole cost. Here only `__init__` is compiled, when it is first called; comparing,
hashing, showing and pickling work on the fields and are shared by all classes. To its users a record is the same:
`fields`, `replace`, `asdict`, `match`, equality by class and fields, FrozenInstanceError. What asks for more (other
arguments, options of a field, a base class with fields, methods of its own in the place of these) is left to the
standard library.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(**options: bool) -> Any:
        """Decorator with the arguments of `dataclasses.dataclass`."""
        return _record if options == {"frozen": True, "slots": True} else dataclasses.dataclass(**options)


_ABSENT: Any = object()


def _record(cls: type[Any]) -> Any:
    names = tuple(cls.__annotations__)
    if not names or not _plain(cls):
        return dataclasses.dataclass(frozen=True, slots=True)(cls)
    cls.__doc__ = cls.__doc__ or cls.__name__  # without one the standard library writes the signature there
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False, slots=True)(cls)
    get = attrgetter(*names)
    values = get if len(names) > 1 else lambda record: (get(record),)
    own = {"__init__": _first_call(made), "__match_args__": names, "__record_values__": staticmethod(values)}
    for name, member in {**own, **_SHARED}.items():
        setattr(made, name, member)
    for name in ("init", "repr", "eq", "frozen"):  # what a subclass made by the standard library asks
        setattr(made.__dataclass_params__, name, True)
    return made


def _plain(cls: type[Any]) -> bool:
    """Whether no base has fields, no method stands in the place of a shared one, and no field has options."""
    options = [value for value in cls.__dict__.values() if isinstance(value, dataclasses.Field)]
    return (
        not hasattr(cls, "__dataclass_fields__")
        and cls.__dict__.keys().isdisjoint((*_SHARED, "__init__"))
        and all(one.init and one.repr and one.compare and one.hash is None for one in options)
        and not any("ClassVar" in str(words) or "InitVar" in str(words) for words in cls.__annotations__.values())
    )


def _first_call(made: Any) -> Any:
    """An `__init__` that makes the real one: half of the classes that are imported are never used in the same run."""

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807 - it is one
        made.__init__ = _initializer(made)
        made.__init__(self, *given, **named)

    return __init__


def _initializer(made: Any) -> Any:
    """`__init__` as the standard library writes it, setting the slots themselves and so no slower for being frozen."""
    names: dict[str, Any] = {"_absent": _ABSENT}
    head, body = ["self"], []
    for field in dataclasses.fields(made):
        names[f"_set_{field.name}"] = made.__dict__[field.name].__set__
        value = field.name
        if field.default_factory is not dataclasses.MISSING:
            names[f"_make_{field.name}"] = field.default_factory
            head.append(f"{field.name}=_absent")
            value = f"_make_{field.name}() if {field.name} is _absent else {field.name}"
        elif field.default is not dataclasses.MISSING:
            names[f"_default_{field.name}"] = field.default
            head.append(f"{field.name}=_default_{field.name}")
        else:
            head.append(field.name)
        body.append(f" _set_{field.name}(self, {value})")
    if hasattr(made, "__post_init__"):
        body.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(head)}):\n" + "\n".join(body), names)  # noqa: S102 - field names of our own classes
    return names["__init__"]


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self.__record_values__(self) == self.__record_values__(other)


def _hash(self: Any) -> int:
    return hash(self.__record_values__(self))


def _setattr(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:
    return list(self.__record_values__(self))


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__match_args__, state, strict=True):
        object.__setattr__(self, name, value)


_SHARED = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
