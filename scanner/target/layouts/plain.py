"""Root file systems as they are: one, or several told apart by boot entries, partition type and place.

On btrfs the root may be a subvolume that is not the default one (`rootflags=subvol=`). Source: btrfs(5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.model.errors import ParseError, TargetError
from scanner.parsers import fstab
from scanner.target.base import FileTree
from scanner.target.command_line_mounts import boot_mounts
from scanner.target.contents import Part
from scanner.target.device_names import part_named
from scanner.target.filesystems.btrfs import BtrfsTree
from scanner.target.layouts.base import Layout, Slot, exists, is_root
from scanner.target.layouts.ranked import ranked
from scanner.target.loader import Choice, argument, choices, text_of
from scanner.target.mount_wishes import Wish, wishes
from scanner.target.root import is_initrd

__all__ = ["LAYOUT"]

_SNAPSHOTS = (".snapshots", "timeshift-btrfs", "snapshots")
_MAX_SUBVOLUMES = 1000
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


def _find(parts: Sequence[Part]) -> list[Slot]:
    found = choices(parts)
    boot = boot_mounts(parts)
    roots: dict[int, tuple[FileTree, str]] = {}
    for part in parts:
        inside = _named_subvolume(part.tree, found) if isinstance(part.tree, BtrfsTree) else None
        if inside is None and part.tree is not None and not is_initrd(part.tree):
            if is_root(part.tree):
                inside = part.tree, ""
            elif _awaits_usr(part.tree, boot.wishes):
                inside = part.tree, "; its /usr is mounted from elsewhere"
        if inside is None and isinstance(part.tree, BtrfsTree):
            inside = _first_subvolume(part.tree)
        if inside is not None:
            roots[id(part)] = inside
    # The Discoverable Partitions Specification: a partition typed as root is the root, whatever else looks like one.
    # A root whose own fstab names another one is a copy of it, or what an update left behind.
    candidates = sorted(
        (part for part in parts if id(part) in roots),
        key=lambda part: (part.type != "root", _names_another(roots[id(part)][0], part, parts)),
    )
    if len(candidates) == 1:
        (part,) = candidates
        tree, said = roots[id(part)]
        why = f"the only file system that holds the root of a system{said}{_elsewhere(found, part, parts)}"
        return [Slot(part.label or part.name, "only", why, part, tree)]
    slots = []
    for one in ranked(candidates, found, parts, "root", by_label=False):
        tree, said = roots[id(one.part)]
        typed = "" if one.choice is not None or one.part.type != "root" else "; its partition is typed as root"
        slots.append(Slot(one.part.label or one.part.name, one.role, f"{one.why}{typed}{said}", one.part, tree))
    return slots


def _awaits_usr(tree: FileTree, extra: Sequence[Wish]) -> bool:
    """Whether this is a root without /usr, which is mounted before anything runs."""
    if not (exists(tree, "/etc") and exists(tree, "/usr")):
        return False
    return any(wish.target == "/usr" for wish in wishes(tree, [], extra))


def _names_another(tree: FileTree, part: Part, parts: Sequence[Part]) -> bool:
    """Whether the line of fstab for the root names another part of this image."""
    for raw in (text_of(tree, "/etc/fstab") or "").split("\n")[: fstab.MAX_LINES]:
        try:
            line = next(iter(fstab.parse(raw)), None)
        except ParseError:
            continue
        if line is not None and line.target == "/":
            meant = part_named(line.source, parts)
            return meant is not None and not any(one is part for one in meant.walk())
    return False


def _elsewhere(found: Sequence[Choice], part: Part, parts: Sequence[Part]) -> str:
    """Words for a boot entry that starts another root than the only one here."""
    spec = argument(found[0].options or "", "root") if found else None
    if not spec or "=" not in spec:  # names such as /dev/sda2 say nothing about the medium
        return ""
    meant = part_named(spec, parts)
    if meant is not None and any(one is part for one in meant.walk()):
        return ""
    other = f"{meant.name}, which is {meant.state} ({meant.kind})" if meant is not None else "no part of this image"
    return f"; but the boot entry names {spec}, {other} ({found[0].where})"


def _named_subvolume(tree: BtrfsTree, found: Sequence[Choice]) -> tuple[FileTree, str] | None:
    """The subvolume that a boot entry names, which counts before the default one of the file system."""
    for choice in found:
        flags = dict(one.partition("=")[::2] for one in (argument(choice.options or "", "rootflags") or "").split(","))
        name, number = flags.get("subvol"), flags.get("subvolid", "")
        wanted = name.strip("/") if name else int(number) if _NUMBER.fullmatch(number) else None
        inside = _at(tree, wanted) if wanted is not None else None
        if inside is not None:
            return inside, f"; subvolume {name or number!r}, as a boot entry has it ({choice.where})"
    return None


def _first_subvolume(tree: BtrfsTree) -> tuple[FileTree, str] | None:
    """The first subvolume that is a root and no snapshot."""
    try:
        names = [one.path.strip("/") for one in tree.subvolumes()[:_MAX_SUBVOLUMES]]
    except TargetError:
        return None
    for name in names:
        inside = None if set(name.split("/")) & set(_SNAPSHOTS) else _at(tree, name)
        if inside is not None:
            return inside, f"; subvolume {name!r}, the first that holds a root"
    return None


def _at(tree: BtrfsTree, name: str | int) -> FileTree | None:
    try:
        inside = tree.at(name)
    except TargetError:
        return None
    return inside if is_root(inside) else None


LAYOUT = Layout("plain", 90, _find)
