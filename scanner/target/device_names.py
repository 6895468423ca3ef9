"""Which part of an image a device name means: names of fstab, crypttab and the kernel command line.

Only names that the medium itself decides are understood: UUIDs, labels, LVM names, and what crypttab calls an opened
volume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scanner.model.errors import ParseError, TargetError
from scanner.parsers import crypttab
from scanner.parsers.lvm_group import mapper_name
from scanner.target.base import FileTree
from scanner.target.contents import Part

__all__ = ["crypttab_of", "part_named"]

_MAX_TEXT = 1 << 20
_DECRYPTED = ("/dev/mapper/", "/dev/disk/by-id/dm-name-")


def part_named(spec: str, parts: Sequence[Part], encrypted: Mapping[str, str] | None = None) -> Part | None:
    """The part that a device name means, where it can be told from the medium.

    `encrypted`: names of opened volumes to the devices below them (see `crypttab_of`).
    """
    return _named(spec, parts) or _decrypted(spec, encrypted or {}, parts)


def crypttab_of(tree: FileTree) -> dict[str, str]:
    """Name of a decrypted device to the device below it; the first line of a name counts."""
    try:
        lines = crypttab.parse(tree.read("/etc/crypttab", _MAX_TEXT).decode("utf-8", "replace"))
    except (TargetError, ParseError):
        return {}
    return {line.name: line.device for line in reversed(lines)}


def _decrypted(spec: str, encrypted: Mapping[str, str], parts: Sequence[Part]) -> Part | None:
    """The part inside the LUKS volume that crypttab opens under the name an fstab source gives.

    That is the volume itself, which has no tree, while nobody opened it. A name `luks-UUID` needs no crypttab: it is
    what systemd and dracut make of the UUID on the kernel command line.
    """
    name = next((spec.removeprefix(folder) for folder in _DECRYPTED if spec.startswith(folder)), None)
    if name is None:
        return None
    below = encrypted.get(name)
    if below is None and name.startswith("luks-"):
        below = f"UUID={name.removeprefix('luks-')}"
    volume = _named(below, parts) if below is not None else None
    if volume is None or volume.kind not in ("luks1", "luks2"):
        return None
    return volume.children[0] if volume.children else volume


def _named(spec: str, parts: Sequence[Part]) -> Part | None:
    """The part that an fstab source means, where it can be told from the medium."""
    key, equals, value = spec.partition("=")
    if not equals:
        for folder, name in (
            ("/dev/disk/by-uuid/", "UUID"),
            ("/dev/disk/by-label/", "LABEL"),
            ("/dev/disk/by-partuuid/", "PARTUUID"),
            ("/dev/disk/by-partlabel/", "PARTLABEL"),
        ):
            if spec.startswith(folder):
                key, value = name, spec.removeprefix(folder)
    value = value.strip('"')
    for part in parts:
        if part.device.mapped == "lvm" and spec in (f"/dev/{part.name}", f"/dev/mapper/{mapper_name(part.name)}"):
            return part
        have = {
            "UUID": part.uuid,
            "LABEL": part.label,
            "PARTLABEL": part.partition_label,
            "PARTUUID": part.partition_uuid,
        }.get(key)
        if have is not None and value and have.lower() == value.lower():
            return part
    return None
