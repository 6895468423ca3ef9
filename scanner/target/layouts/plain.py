"""Root file systems as they are: one, or several (A/B) told apart by partition type and label."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.target.contents import Part
from scanner.target.layouts.base import Layout, Slot, is_root

__all__ = ["LAYOUT"]


def _find(parts: Sequence[Part]) -> list[Slot]:
    roots = [part for part in parts if part.tree is not None and is_root(part.tree)]
    # The Discoverable Partitions Specification: a partition typed as root is the root, whatever else looks like one.
    roots.sort(key=lambda part: part.type != "root")
    slots = []
    for number, part in enumerate(roots):
        assert part.tree is not None
        if len(roots) == 1:
            role, why = "only", "the only file system that holds the root of a system"
        elif number == 0:
            role, why = "active", _why(part, len(roots))
        else:
            role, why = "other", "holds the root of a system as well"
        slots.append(Slot(part.label or part.name, role, why, part, part.tree))
    return slots


def _why(part: Part, count: int) -> str:
    if part.type == "root":
        return f"its partition is typed as root (Discoverable Partitions Specification), of {count} that look like one"
    return f"the first of {count} file systems that hold the root of a system"


LAYOUT = Layout("plain", 90, _find)
