"""What the running system would mount over a root tree: by the layout, fstab, .mount units and partition types."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.model.errors import MissingError, TargetError
from scanner.target.base import BlockDevice, FileTree
from scanner.target.command_line_mounts import boot_mounts
from scanner.target.composite import ComposedTree, SubTree
from scanner.target.contents import MAX_NESTING, Part, explore
from scanner.target.device_names import crypttab_of, part_named
from scanner.target.devices import EntryDevice, SliceDevice
from scanner.target.extensions import extended
from scanner.target.fat_mount import AUTOMATIC, FatMount, Owners, owners
from scanner.target.filesystems.btrfs import BtrfsTree
from scanner.target.filesystems.fat import FatTree
from scanner.target.layouts.base import Slot, exists
from scanner.target.mount_wishes import Wish, wishes
from scanner.target.overlay import OverlayTree
from scanner.target.scratch import TYPES, ScratchTree
from scanner.target.unknown import UnknownTree

__all__ = ["mounts_of"]

_TYPED = {"home": "/home", "srv": "/srv", "var": "/var", "usr": "/usr", "boot": "/boot"}
_OFTEN_MOUNTED = ("/boot", "/boot/efi", "/efi", "/home", "/opt", "/srv", "/tmp", "/var")  # noqa: S108 - of the target
_TABLES = ("gpt", "mbr")
_PSEUDO = frozenset(
    ("proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs",
     "configfs", "efivarfs", "bpf", "mqueue", "hugetlbfs", "pstore", "fusectl", "binfmt_misc", "autofs",
     "selinuxfs", "smackfs", "rpc_pipefs", "nfsd", "functionfs", "resctrl")
)  # fmt: skip
_SCRATCH = ("/tmp", "/run", "/dev", "/mnt", "/media", "/var/tmp", "/var/log", "/var/cache", "/var/spool", "/var/lock")  # noqa: S108 - places of the target
"""Places that every boot fills anew: what the medium has below a tmpfs there is forgotten without a doubt."""
_REMOTE = ("nfs", "cifs", "smb", "9p", "virtiofs", "fuse", "ceph", "gluster", "sshfs", "afs")
_KERNEL_NAME = re.compile(r"/dev/(?:(?P<disk>(?:[svh]d|xvd)[a-z]|(?:nvme\d+n\d+|mmcblk\d+)p)(?P<number>\d{1,3}))")
_DECIMAL = re.compile(r"[0-9]{1,18}", re.ASCII)
_FAMILIES = (frozenset(("ext2", "ext3", "ext4")), frozenset(("vfat", "msdos", "fat", "umsdos")))
"""File systems that one driver mounts under each of these names."""
_MAX_LAYERS = 128
_MAX_WISHES = 300
_MAX_LOOPS = 16


def mounts_of(slot: Slot, parts: Sequence[Part]) -> dict[str, FileTree]:
    """Trees that the running system would mount over the root: the layout's own, then what the root asks for (fstab,
    .mount units), then partition types.

    A place whose content is known to lie elsewhere and cannot be read gets an UnknownTree.
    """
    mounts: dict[str, FileTree] = {}
    for target, own in sorted(slot.mounts.items(), key=lambda one: one[0].count("/")):
        # A layout knows the place even where the root below it is not known.
        where = _place(ComposedTree(slot.tree, mounts), target) or target
        mounts[where] = FatMount(own, Owners()) if isinstance(own, FatTree) else own
    nearby = _same_disk(slot.part, parts)
    trouble: list[str] = []
    boot = boot_mounts(parts)
    asked = wishes(ComposedTree(slot.tree, mounts), trouble, boot.wishes, fstab_counts=not boot.no_fstab)
    wanted = _ordered(asked, mounts)
    devices = _Devices(slot, parts, nearby, wanted)
    for wish in wanted:
        composed = ComposedTree(slot.tree, mounts)
        place = _place(composed, wish.target)
        if place is None or place in mounts or wish.type in _PSEUDO:
            continue
        tree = _mounted(composed, place, wish, devices)
        if tree is None:
            continue
        mounts[place] = tree
        if wish.is_bind and "rbind" in wish.options:
            mounts |= {there: one for there, one in _below(composed, wish.source, place, mounts) if there not in mounts}
    _add_typed(slot, nearby, mounts)
    mounts |= {place: UnknownTree(reason) for place, reason in boot.forgotten}
    mounts |= dict(extended(ComposedTree(slot.tree, mounts)))
    if trouble:
        _doubt(slot.tree, trouble[0], mounts)
    return mounts


def _mounted(composed: ComposedTree, place: str, wish: Wish, devices: _Devices) -> FileTree | None:
    """What one mount shows; None where it would fail or show what is there already."""
    if wish.condition is not None:
        return UnknownTree(f"{wish.origin} mounts {wish.source} there under a condition ({wish.condition})")
    if wish.type in TYPES:
        return _scratch(composed, place, wish)
    if wish.is_bind:
        return _bound(composed, wish)
    if wish.type == "overlay":
        return _overlaid(composed, wish)
    if wish.type.startswith(_REMOTE):
        return UnknownTree(f"{wish.origin} mounts {wish.source} there ({wish.type}), which is not in this image")
    part = devices.part(wish.source)
    if isinstance(part, Part):
        return _of_part(part, wish, composed)
    if part is not None:
        return UnknownTree(f"{wish.origin} mounts {wish.source} there: {part}")
    if wish.source.startswith("/") and not wish.source.startswith("/dev/"):
        return devices.looped(composed, wish)
    return UnknownTree(f"{wish.origin} mounts {wish.source} there, which is not in this image")


def _below(composed: ComposedTree, source: str, place: str, mounts: dict[str, FileTree]) -> list[tuple[str, FileTree]]:
    """What a recursive bind brings along: mounts below its source, at their new places."""
    lead = f"{_place(composed, source)}/"
    return [(f"{place}/{there[len(lead) :]}", tree) for there, tree in mounts.items() if there.startswith(lead)]


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


def _scratch(composed: ComposedTree, place: str, wish: Wish) -> FileTree:
    """A tmpfs is empty; what the medium has below it may be what fills it, so then nobody can tell."""
    if _holds_files(composed, place) and not any(place == one or place.startswith(f"{one}/") for one in _SCRATCH):
        return UnknownTree(f"{wish.origin} mounts a {wish.type} there: what it holds is made while the system runs")
    return ScratchTree(wish.type, wish.option("mode"))


def _of_part(part: Part, wish: Wish, composed: ComposedTree) -> FileTree:
    tree = part.tree
    if tree is None:
        return UnknownTree(f"{wish.origin} mounts {part.name} there, which is {part.state} ({part.kind})")
    return _as_mounted(tree, part.kind, wish, composed, part.name)


def _as_mounted(tree: FileTree, kind: str, wish: Wish, composed: ComposedTree, name: str) -> FileTree:
    """The file system as the options of the mount show it."""
    wanted, folder = wish.option("subvol") or wish.option("subvolid"), wish.option("X-mount.subdir")
    if not _fits(kind, wish.type):
        return UnknownTree(f"{wish.origin} mounts {name} there as {wish.type}, and it is {kind}")
    try:
        if folder is not None:
            return SubTree(tree, f"/{folder.strip('/')}")
        if kind == "vfat":
            return FatMount(tree, owners(wish.options, composed))
        if wanted is None or not isinstance(tree, BtrfsTree):
            return tree
        by_id = wish.option("subvol") is None and wanted.isascii() and wanted.isdigit()
        return tree.at(int(wanted) if by_id else wanted)
    except TargetError as error:
        what = f"subvolume {wanted[:80]!r} of {name}" if wanted is not None else name
        return UnknownTree(f"{wish.origin} mounts {what} there: {error}")


def _fits(kind: str, wanted: str) -> bool:
    """Whether the kernel mounts a file system of `kind` when it is told that it is `wanted` (a list is tried)."""
    if wanted in ("", "auto", "none"):
        return True
    return any(kind == one or any({kind, one} <= family for family in _FAMILIES) for one in wanted.split(","))


class _Devices:
    """What the sources of mounts mean: parts of the image, and files of the tree that are mounted as devices."""

    def __init__(self, slot: Slot, parts: Sequence[Part], nearby: Sequence[Part], wanted: Sequence[Wish]) -> None:
        self._nearby = list(nearby)
        self._others = [part for part in parts if not any(part is one for one in nearby)]
        self._kernel = _KernelNames(nearby, wanted)
        self._encrypted = crypttab_of(slot.tree)
        self._loops = 0

    def part(self, source: str) -> Part | str | None:
        """The part that a source means; words, when it may be several; None when it is no part of this image."""
        for parts in (self._nearby, self._others):
            found = part_named(source, parts, self._encrypted)
            if found is None:
                continue
            inside = list(found.walk())
            rest = [part for part in parts if not any(part is one for one in inside)]
            other = part_named(source, rest, self._encrypted)
            if other is None or any(one is found for one in other.walk()):
                return found
            return f"{found.name} and {other.name} both have that name"
        return self._kernel.part(source)

    def looped(self, composed: ComposedTree, wish: Wish) -> FileTree | None:
        """The file system in a file of the tree; None when the file is not there, so that nothing would be mounted."""
        self._loops += 1
        try:
            if self._loops > _MAX_LOOPS:
                return UnknownTree(f"limit: {wish.origin} mounts one of more than {_MAX_LOOPS} files")
            device: BlockDevice = EntryDevice(composed, wish.source, wish.source)
            offset = wish.option("offset")
            if offset is not None:
                start = int(offset) if _DECIMAL.fullmatch(offset) else -1
                device = SliceDevice(device, start, device.size, wish.source)
            part = explore(device, wish.source, MAX_NESTING - 1)
        except MissingError:
            return None
        except TargetError as error:
            return UnknownTree(f"{wish.origin} mounts {wish.source} there, which cannot be read: {error}")
        return _of_part(part, wish, composed)


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
    shown = [_base(tree) for tree in mounts.values()]
    found: dict[str, list[tuple[Part, Part]]] = {}
    for part in nearby:
        inner = next((one for one in part.walk() if one.tree is not None), part)
        taken = inner is slot.part or (inner.tree is not None and any(inner.tree is tree for tree in shown))
        if part.type is None or part.state == "empty" or taken:
            continue
        wanted = _TYPED.get(part.type)
        if part.type == "esp":
            wanted = next((one for one in ("/efi", "/boot/efi") if exists(slot.tree, one)), "/boot")
        if wanted is None or wanted in mounts or _holds_files(slot.tree, wanted):
            continue
        found.setdefault(wanted, []).append((part, inner))
    for place, candidates in found.items():
        mounts[place] = _of_type(candidates)


def _of_type(candidates: Sequence[tuple[Part, Part]]) -> FileTree:
    """The one partition of a type; of several boot partitions the firmware decides which one is meant."""
    part, inner = candidates[0]
    if part.type == "esp" and len(candidates) > 1:
        used = [one for one in candidates if one[1].tree is None or _holds_files(one[1].tree, "/")]
        if len(used) > 1:
            names = ", ".join(one.name for one, _ in used)
            return UnknownTree(f"{names} are EFI system partitions: the firmware decides which one belongs there")
        part, inner = used[0] if used else candidates[0]
    if inner.tree is None:
        return UnknownTree(f"partition {part.name} belongs there by its type and is {inner.state} ({inner.kind})")
    return FatMount(inner.tree, AUTOMATIC) if inner.kind == "vfat" else inner.tree


def _base(tree: FileTree) -> FileTree:
    """The file system that a mounted tree shows a part of."""
    while isinstance(tree, SubTree):
        tree = tree.base
    return tree


def _doubt(tree: FileTree, reason: str, mounts: dict[str, FileTree]) -> None:
    """What asks for mounts cannot be read: another file system may lie over any place that often is one of its own."""
    for place in _OFTEN_MOUNTED:
        try:
            tree.stat(place)
        except MissingError:
            continue
        except TargetError:
            pass
        mounts.setdefault(place, UnknownTree(f"what is mounted there cannot be told: {reason}"))


def _holds_files(tree: FileTree, place: str) -> bool:
    """Whether the folder is already filled: the discoverable partition is then not mounted over it."""
    try:
        return bool(tree.listdir(place))
    except TargetError:
        return False
