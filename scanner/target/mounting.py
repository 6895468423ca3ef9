"""What the running system would mount over a root tree: by the layout, fstab, .mount units and partition types."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.model.errors import MissingError, TargetError
from scanner.target.base import FileTree
from scanner.target.composite import ComposedTree, SubTree
from scanner.target.contents import Part
from scanner.target.device_names import crypttab_of, part_named
from scanner.target.filesystems.btrfs import BtrfsTree
from scanner.target.layouts.base import Slot, exists
from scanner.target.mount_wishes import Wish, wishes
from scanner.target.overlay import OverlayTree
from scanner.target.unknown import UnknownTree

__all__ = ["mounts_of"]

_TYPED = {"home": "/home", "srv": "/srv", "var": "/var", "usr": "/usr", "boot": "/boot"}
_TABLES = ("gpt", "mbr")
_PSEUDO = frozenset(
    ("tmpfs", "ramfs", "proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs",
     "configfs", "efivarfs", "bpf", "mqueue", "hugetlbfs", "pstore", "fusectl", "binfmt_misc", "autofs")
)  # fmt: skip
_REMOTE = ("nfs", "cifs", "smb", "9p", "virtiofs", "fuse", "ceph", "gluster", "sshfs", "afs")
_KERNEL_NAME = re.compile(r"/dev/(?:(?P<disk>(?:[svh]d|xvd)[a-z]|(?:nvme\d+n\d+|mmcblk\d+)p)(?P<number>\d{1,3}))")
_MAX_LAYERS = 128
_MAX_WISHES = 300


def mounts_of(slot: Slot, parts: Sequence[Part]) -> dict[str, FileTree]:
    """Trees that the running system would mount over the root: the layout's own, then what the root asks for (fstab,
    .mount units), then partition types.

    A place whose content is known to lie elsewhere and cannot be read gets an UnknownTree.
    """
    mounts: dict[str, FileTree] = {}
    for target, own in sorted(slot.mounts.items(), key=lambda one: one[0].count("/")):
        # A layout knows the place even where the root below it is not known.
        mounts[_place(ComposedTree(slot.tree, mounts), target) or target] = own
    nearby = _same_disk(slot.part, parts)
    by_name = [*nearby, *(part for part in parts if part not in nearby)]
    wanted = _ordered(wishes(ComposedTree(slot.tree, mounts)), mounts)
    kernel = _KernelNames(nearby, wanted)
    encrypted = crypttab_of(slot.tree)
    for wish in wanted:
        composed = ComposedTree(slot.tree, mounts)
        place = _place(composed, wish.target)
        if place is None or place in mounts or wish.type in _PSEUDO or wish.type.startswith(_REMOTE):
            continue
        if {"bind", "rbind"} & set(wish.options) or wish.type == "bind":
            tree = _bound(composed, wish)
        elif wish.type == "overlay":
            tree = _overlaid(composed, wish)
        elif (part := part_named(wish.source, by_name, encrypted) or kernel.part(wish.source)) is not None:
            tree = _of_part(part, wish)
        else:
            tree = _from_elsewhere(composed, place, wish)
        if tree is not None:
            mounts[place] = tree
    _add_typed(slot, nearby, mounts)
    return mounts


def _ordered(wanted: list[Wish], mounts: dict[str, FileTree]) -> list[Wish]:
    """Each mount after those that its mount point and its folders lie on, as systemd orders them."""
    for wish in wanted[_MAX_WISHES:]:
        mounts.setdefault(wish.target, UnknownTree(f"limit: {wish.origin} is one of more than {_MAX_WISHES} mounts"))
    pending = wanted[:_MAX_WISHES]
    found: list[Wish] = []
    while pending:
        targets = [wish.target for wish in pending]
        ready = [wish for wish in pending if not _waits(wish, targets)] or pending[:1]
        found += ready
        pending = [wish for wish in pending if wish not in ready]
    return found


def _waits(wish: Wish, targets: Sequence[str]) -> bool:
    paths = [wish.target, wish.source, wish.option("upperdir") or "", *(wish.option("lowerdir") or "").split(":")]
    return any(
        target != wish.target and any(path == target or path.startswith(f"{target}/") for path in paths)
        for target in targets
    )


def _same_disk(own: Part, parts: Sequence[Part]) -> list[Part]:
    """The parts of the innermost disk that holds `own`, without those of images inside it."""
    disks = [part for part in parts if part.kind in _TABLES and any(one is own for one in part.walk())]
    if not disks:
        return list(parts)
    found: list[Part] = []
    todo = [disks[-1]]
    while todo:
        part = todo.pop(0)
        found.append(part)
        todo += [one for one in part.children if one.kind not in _TABLES]
    return found


def _place(composed: ComposedTree, target: str) -> str | None:
    """The canonical mount point, as mount(8) follows links; None where nobody can know what it leads to."""
    try:
        return composed.resolve(target)
    except MissingError:
        return target
    except TargetError:
        return None


def _bound(composed: ComposedTree, wish: Wish) -> FileTree | None:
    try:
        tree, inner = composed.owner(composed.resolve(wish.source))
        return SubTree(tree, inner, file=True)
    except MissingError:
        return None
    except TargetError as error:
        return UnknownTree(f"{wish.origin} binds {wish.source} there, which cannot be read: {error}")


def _overlaid(composed: ComposedTree, wish: Wish) -> FileTree:
    upper, lower = wish.option("upperdir"), wish.option("lowerdir") or ""
    try:
        folders = [*([upper] if upper else []), *(one for one in lower.split(":") if one)]
        layers = []
        for folder in folders[:_MAX_LAYERS]:
            try:
                tree, inner = composed.owner(composed.resolve(folder))
                layers.append(SubTree(tree, inner))
            except MissingError:
                # An upper folder is made at the first boot; without a lower one nothing would be mounted.
                if folder != upper:
                    raise
        return OverlayTree(layers)
    except TargetError as error:
        return UnknownTree(f"{wish.origin} mounts an overlay there, which cannot be read: {error}")


def _of_part(part: Part, wish: Wish) -> FileTree:
    tree = part.tree
    if tree is None:
        return UnknownTree(f"{wish.origin} mounts {part.name} there, which is {part.state} ({part.kind})")
    wanted = wish.option("subvol") or wish.option("subvolid")
    if wanted is None or not isinstance(tree, BtrfsTree):
        return tree
    try:
        by_id = wish.option("subvol") is None and wanted.isascii() and wanted.isdigit()
        return tree.at(int(wanted) if by_id else wanted)
    except TargetError as error:
        return UnknownTree(f"{wish.origin} mounts subvolume {wanted[:80]!r} of {part.name} there: {error}")


def _from_elsewhere(composed: ComposedTree, place: str, wish: Wish) -> FileTree | None:
    """What lies on a device that is not here is unknown; files that stand in its place already are shown."""
    if not wish.source.startswith("/dev/") and "=" not in wish.source:
        return None
    if _holds_files(composed, place):
        return None
    return UnknownTree(f"{wish.origin} mounts {wish.source} there, which is not in this image")


class _KernelNames:
    """Partitions by the names that kernels give them. They say nothing about the disk: they are understood where all
    names of a root begin alike, as the disk the root is on."""

    def __init__(self, nearby: Sequence[Part], wanted: Sequence[Wish]) -> None:
        self._parts = nearby
        self._disk = nearby[0].name if nearby and nearby[0].kind in _TABLES else None
        found = (_KERNEL_NAME.fullmatch(wish.source) for wish in wanted)
        self._disks = {name["disk"] for name in found if name is not None}

    def part(self, source: str) -> Part | None:
        """The part that a name such as /dev/mmcblk0p2 means."""
        name = _KERNEL_NAME.fullmatch(source)
        if name is None or self._disk is None or len(self._disks) != 1:
            return None
        found = next((part for part in self._parts if part.name == f"{self._disk}{name['number']}"), None)
        return next((one for one in found.walk() if one.tree is not None), found) if found is not None else None


def _add_typed(slot: Slot, nearby: Sequence[Part], mounts: dict[str, FileTree]) -> None:
    """Partitions that say themselves where they belong (Discoverable Partitions Specification)."""
    for part in nearby:
        inner = next((one for one in part.walk() if one.tree is not None), part)
        taken = inner is slot.part or (inner.tree is not None and any(inner.tree is tree for tree in mounts.values()))
        if part.type is None or part.state == "empty" or taken:
            continue
        wanted = _TYPED.get(part.type)
        if part.type == "esp":
            wanted = next((one for one in ("/efi", "/boot/efi") if exists(slot.tree, one)), "/boot")
        if wanted is None or wanted in mounts or _holds_files(slot.tree, wanted):
            continue
        unknown = UnknownTree(f"partition {part.name} belongs there by its type and is {inner.state} ({inner.kind})")
        mounts[wanted] = inner.tree if inner.tree is not None else unknown


def _holds_files(tree: FileTree, place: str) -> bool:
    """Whether the folder is already filled: the discoverable partition is then not mounted over it."""
    try:
        return bool(tree.listdir(place))
    except TargetError:
        return False
