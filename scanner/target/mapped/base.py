"""The contract of a mapper: what the kernel's device mapper would make of the parts of an image."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache

import scanner.target.mapped as package
from scanner.model.records import dataclass
from scanner.target.contents import MAX_NESTING, Part

__all__ = ["Mapper", "assemble", "mappers"]


@dataclass(frozen=True, slots=True)
class Mapper:
    """`map` looks at all parts of an image and hangs what it can make of them below the part it came from.

    It is given the outermost part and the keys that the user brought (content of key files), adds children by
    `scanner.target.contents.explore`, says in `state` and `notes` what it did or could not do, and returns whether it
    added anything. It is called again while any mapper adds something, and must not add the same twice. It never raises
    for what the medium holds.
    """

    id: str
    map: Callable[[Part, Sequence[bytes]], bool]


@cache
def mappers() -> tuple[Mapper, ...]:
    """Every mapper, by id."""
    found = []
    for info in pkgutil.iter_modules(package.__path__):
        mapper = getattr(importlib.import_module(f"{package.__name__}.{info.name}"), "MAPPER", None)
        if isinstance(mapper, Mapper):
            found.append(mapper)
    return tuple(sorted(found, key=lambda one: one.id))


def assemble(contents: Part, keys: Sequence[bytes] = ()) -> None:
    """Let every mapper add what it can, until none has anything left: volumes in encryption in volumes."""
    for _ in range(MAX_NESTING):
        added = [mapper.map(contents, keys) for mapper in mappers()]
        if not any(added):
            return
