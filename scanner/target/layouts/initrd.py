"""An initrd on its own: a tree that runs until it mounts the root of the system. Asked when there is no system.

It has the folders of a system and is none: what it lacks, the system may have. `scanner.target.partial` therefore calls
nothing absent in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.target.contents import Part
from scanner.target.layouts.base import Layout, Slot, exists
from scanner.target.root import is_initrd

__all__ = ["LAYOUT"]

_WHY = "an initrd: it runs until the root of the system is mounted, so what it lacks the system may have"


def _find(parts: Sequence[Part]) -> list[Slot]:
    return [
        Slot(part.name, "initrd", _WHY, part, part.tree)
        for part in parts
        if part.tree is not None and (is_initrd(part.tree) or (part.kind == "cpio" and exists(part.tree, "/init")))
    ]


LAYOUT = Layout("initrd", 95, _find)
