"""bootc with the composefs backend: deployments below /state/deploy, images and objects below /composefs.

Named, not read: its format is still changing, and no real one was at hand to check a reader against. Source: bootc
crates/lib/src/bootc_composefs/ (`composefs=` on the command line, /state/deploy/<digest>).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.model.errors import TargetError
from scanner.target.contents import Part
from scanner.target.layouts.base import Layout, Slot, exists
from scanner.target.loader import argument, choices
from scanner.target.unknown import UnknownTree

__all__ = ["LAYOUT"]

_DIGEST = re.compile(r"[0-9a-f]{64}(?:[0-9a-f]{64})?")
_MAX_DEPLOYMENTS = 256
_REASON = "unsupported: a deployment of bootc's composefs backend"


def _find(parts: Sequence[Part]) -> list[Slot]:
    for part in parts:
        if part.tree is None or not (exists(part.tree, "/composefs/objects") and exists(part.tree, "/state/deploy")):
            continue
        try:
            names = [one for one in part.tree.listdir("/state/deploy") if _DIGEST.fullmatch(one)][:_MAX_DEPLOYMENTS]
        except TargetError:
            continue
        if names:
            part.notes.append(_REASON)
            return _slots(names, part, parts)
    return []


def _slots(names: Sequence[str], part: Part, parts: Sequence[Part]) -> list[Slot]:
    found = choices(parts)
    started = [(argument(one.options or "", "composefs") or "").lstrip("?") for one in found]
    slots: list[Slot] = []
    for name in sorted(names, key=lambda one: started.index(one) if one in started else len(started)):
        role, why = "other", "no boot entry names it"
        if name in started:
            choice = found[started.index(name)]
            role, why = ("rollback" if slots else "active"), f"a boot entry names it ({choice.where})"
        slots.append(Slot(name[:12], role, f"{why}; {_REASON}", part, UnknownTree(_REASON)))
    return slots


LAYOUT = Layout("bootc-composefs", 11, _find)
