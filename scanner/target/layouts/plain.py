"""Root file systems as they are: one, or several told apart by boot entries, partition type and place.

On btrfs the root may be a subvolume that is not the default one (`rootflags=subvol=`). Source: btrfs(5).
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.model.errors import TargetError
from scanner.target.base import FileTree
from scanner.target.contents import Part
from scanner.target.filesystems.btrfs import BtrfsTree
from scanner.target.layouts.base import Layout, Slot, is_root
from scanner.target.layouts.ranked import ranked
from scanner.target.loader import Choice, argument, choices
from scanner.target.root import is_initrd

__all__ = ["LAYOUT"]

_SNAPSHOTS = (".snapshots", "timeshift-btrfs", "snapshots")
_MAX_SUBVOLUMES = 1000


def _find(parts: Sequence[Part]) -> list[Slot]:
    found = choices(parts)
    roots: dict[int, tuple[FileTree, str]] = {}
    for part in parts:
        if part.tree is not None and is_root(part.tree) and not is_initrd(part.tree):
            roots[id(part)] = part.tree, ""
        elif isinstance(part.tree, BtrfsTree):
            inside = _subvolume(part.tree, found)
            if inside is not None:
                roots[id(part)] = inside
    # The Discoverable Partitions Specification: a partition typed as root is the root, whatever else looks like one.
    candidates = sorted((part for part in parts if id(part) in roots), key=lambda part: part.type != "root")
    if len(candidates) == 1:
        (part,) = candidates
        tree, said = roots[id(part)]
        why = f"the only file system that holds the root of a system{said}"
        return [Slot(part.label or part.name, "only", why, part, tree)]
    slots = []
    for one in ranked(candidates, found, parts, "root", by_label=False):
        tree, said = roots[id(one.part)]
        typed = "" if one.choice is not None or one.part.type != "root" else "; its partition is typed as root"
        slots.append(Slot(one.part.label or one.part.name, one.role, f"{one.why}{typed}{said}", one.part, tree))
    return slots


def _subvolume(tree: BtrfsTree, found: Sequence[Choice]) -> tuple[FileTree, str] | None:
    """The subvolume that is a root: the one that a boot entry names, else the first that is no snapshot."""
    for choice in found:
        flags = dict(one.partition("=")[::2] for one in (argument(choice.options or "", "rootflags") or "").split(","))
        inside = _at(tree, flags["subvol"].strip("/")) if flags.get("subvol") else None
        if inside is not None:
            return inside, f"; subvolume {flags['subvol']!r}, as a boot entry has it ({choice.where})"
    try:
        names = [one.path.strip("/") for one in tree.subvolumes()[:_MAX_SUBVOLUMES]]
    except TargetError:
        return None
    for name in names:
        inside = None if set(name.split("/")) & set(_SNAPSHOTS) else _at(tree, name)
        if inside is not None:
            return inside, f"; subvolume {name!r}, the first that holds a root"
    return None


def _at(tree: BtrfsTree, name: str) -> FileTree | None:
    try:
        inside = tree.at(name)
    except TargetError:
        return None
    return inside if is_root(inside) else None


LAYOUT = Layout("plain", 90, _find)
