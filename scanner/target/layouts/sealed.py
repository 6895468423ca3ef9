"""A disk whose root nobody can read: it is encrypted, damaged, or of a kind without a reader.

What lies beside it is evidence all the same: the header of the encryption, the partition table, the boot partition. So
such a disk is assessed, with a root of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.parsers import signatures
from scanner.target.contents import Part
from scanner.target.layouts.base import Layout, Slot
from scanner.target.unknown import UnknownTree

__all__ = ["LAYOUT"]

_NO_KEY = "; its content is read with --luks-key"
_DATA = ("swap", "swap-suspended", "verity", "unknown", "gpt", "mbr")


def _find(parts: Sequence[Part]) -> list[Slot]:
    closed = [part for part in parts if _is_closed(part)]
    if not closed:
        return []
    # A partition typed as root tells; else the root is most of the disk.
    root = max(closed, key=lambda part: (part.type == "root", part.device.size))
    note = _NO_KEY if root.kind.startswith("luks") else ""
    why = f"no root can be read; the largest part that may hold it is {root.name}, {root.kind}, {root.state}{note}"
    reason = f"the root of the system may lie on {root.name}, which is {root.state} ({root.kind})"
    return [Slot(root.label or root.name, "only", why, root, UnknownTree(reason))]


def _is_closed(part: Part) -> bool:
    """Whether a root may lie on it that nobody can read."""
    if part.tree is not None or part.children or part.kind in _DATA:
        return False
    known = part.kind in signatures.ENCRYPTED or part.kind in signatures.FILE_SYSTEMS or part.kind == "lvm2"
    return known and part.state in ("encrypted", "damaged", "unsupported")


LAYOUT = Layout("sealed", 99, _find)
