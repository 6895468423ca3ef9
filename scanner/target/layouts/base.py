"""Slots: the root trees an image holds, and how layouts find them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import field
from functools import cache

import scanner.target.layouts as package
from scanner.model.records import dataclass
from scanner.target.base import FileTree
from scanner.target.contents import Part
from scanner.target.root import exists, is_root

__all__ = ["Layout", "Slot", "exists", "is_root", "layouts"]


@dataclass(slots=True)
class Slot:
    """One system that the image could boot.

    `role`: active, rollback, recovery, installer, only, or other. `why`: the sentence that says how the role was found.
    `part` holds its root file system; `mounts` are trees that the layout itself puts over it (place -> tree).

    Where a root costs much to open, `finish` gives part, tree and mounts once the slot is chosen; it never raises for
    what the medium holds.
    """

    name: str
    role: str
    why: str
    part: Part
    tree: FileTree
    mounts: dict[str, FileTree] = field(default_factory=dict)
    finish: Callable[[], tuple[Part, FileTree, dict[str, FileTree]]] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """`find` gives the slots of the readable parts, the one that boots first first; empty when it is another layout.

    `rank`: a special layout is asked before a general one (lower first).
    """

    id: str
    rank: int
    find: Callable[[Sequence[Part]], list[Slot]]


@cache
def layouts() -> tuple[Layout, ...]:
    """Every layout, special ones first."""
    found = []
    for info in pkgutil.iter_modules(package.__path__):
        layout = getattr(importlib.import_module(f"{package.__name__}.{info.name}"), "LAYOUT", None)
        if isinstance(layout, Layout):
            found.append(layout)
    return tuple(sorted(found, key=lambda one: (one.rank, one.id)))
