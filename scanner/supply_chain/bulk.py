"""Making and keeping hundreds of thousands of records at a bearable price.

A frozen dataclass sets every field by a call of its own: 4 µs for those of a `Component`. A record made here is filled
while it is not frozen yet, in a tenth of that time, and frozen by the change of its class, which Python allows for
classes of one layout.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, Field, field, fields, make_dataclass
from typing import Any, ParamSpec, TypeVar

__all__ = ["maker", "without_collector"]

_Fields = ParamSpec("_Fields")
_Record = TypeVar("_Record")


def maker(record: Callable[_Fields, _Record]) -> Callable[_Fields, _Record]:
    """What makes objects of the frozen, slotted dataclass `record` from the same arguments; by position is fastest."""

    def frozen(self: Any) -> None:
        self.__class__ = record

    parts: tuple[Field[Any], ...] = fields(record)  # type: ignore[arg-type]  # a dataclass, which no type can say
    made: Any = make_dataclass(
        f"{record.__name__}Draft",
        [(one.name, Any, _default(one)) for one in parts],
        slots=True,
        namespace={"__post_init__": frozen},
    )
    return made  # type: ignore[no-any-return]


def _default(one: Field[Any]) -> Any:
    if one.default_factory is not MISSING:
        return field(default_factory=one.default_factory)
    return field() if one.default is MISSING else field(default=one.default)


@contextmanager
def without_collector() -> Iterator[None]:
    """No cyclic garbage collection inside: it would look again and again at millions of new objects that hold no cycles
    (half of the time of a document of 50,000 components). What was made counts as old afterwards, so that the next
    round does not look at it either."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                gc.freeze()  # these two move everything to the oldest generation without looking at it
                gc.unfreeze()
            gc.enable()
