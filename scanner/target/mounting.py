"""What the running system would mount over a root tree: by the layout, fstab and partition types."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.model.errors import ParseError, TargetError
from scanner.parsers import fstab
from scanner.target.base import FileTree
from scanner.target.contents import Part
from scanner.target.layouts.base import Slot, exists

__all__ = ["mounts_of"]

_MAX_FSTAB = 1 << 20
_TYPED = {"home": "/home", "srv": "/srv", "var": "/var", "usr": "/usr", "boot": "/boot"}


def mounts_of(slot: Slot, parts: Sequence[Part]) -> dict[str, FileTree]:
    """Trees that the running system would mount over the root: the layout's own, then fstab, then partition types."""
    mounts = dict(slot.mounts)
    for line in _fstab(slot.tree):
        part = _named(line.source, parts)
        place = line.target.rstrip("/") or "/"
        if (
            part is not None
            and part.tree is not None
            and place != "/"
            and place.startswith("/")
            and "noauto" not in line.options
        ):
            mounts.setdefault(place, part.tree)
    for part in parts:
        if part.tree is None or part is slot.part or part.tree in mounts.values():
            continue
        wanted = _TYPED.get(part.type or "")
        if part.type == "esp":
            wanted = next((one for one in ("/efi", "/boot/efi") if exists(slot.tree, one)), "/boot")
        if wanted is not None and wanted not in mounts and not _holds_files(slot.tree, wanted):
            mounts[wanted] = part.tree
    return mounts


def _holds_files(tree: FileTree, place: str) -> bool:
    """Whether the folder is already filled: the discoverable partition is then not mounted over it."""
    try:
        return bool(tree.listdir(place))
    except TargetError:
        return False


def _fstab(tree: FileTree) -> list[fstab.Line]:
    try:
        return fstab.parse(tree.read("/etc/fstab", _MAX_FSTAB).decode("utf-8", "replace"))
    except (TargetError, ParseError):
        return []


def _named(spec: str, parts: Sequence[Part]) -> Part | None:
    """The part that an fstab source means, where it can be told from the medium."""
    key, equals, value = spec.partition("=")
    if not equals:
        for folder, name in (
            ("/dev/disk/by-uuid/", "UUID"),
            ("/dev/disk/by-label/", "LABEL"),
            ("/dev/disk/by-partuuid/", "PARTUUID"),
        ):
            if spec.startswith(folder):
                key, value = name, spec.removeprefix(folder)
    value = value.strip('"')
    for part in parts:
        have = {"UUID": part.uuid, "LABEL": part.label, "PARTLABEL": part.label, "PARTUUID": part.partition_uuid}.get(
            key
        )
        if have is not None and value and have.lower() == value.lower():
            return part
    return None
