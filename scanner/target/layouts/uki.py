"""A unified kernel image on its own: the file of a release before it is put on a boot partition.

It is shown where a boot loader would find it, so that its command line, its signatures and its sections become facts.
The root is its initrd, which is no system, or nothing that is known. Sources: UAPI specification "Unified Kernel
Image", Boot Loader Specification "Type #2".
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.boot import pe, uki
from scanner.model.errors import ParseError, TargetError
from scanner.target.base import FileTree
from scanner.target.contents import Part
from scanner.target.layouts.base import Layout, Slot, is_root
from scanner.target.root import is_initrd
from scanner.target.single_file import SingleFileTree
from scanner.target.unknown import UnknownTree

__all__ = ["LAYOUT"]

_PLACE = "/efi"
_FILE = "/EFI/Linux/image.efi"
"""One name for every file: facts do not depend on what a download was called."""
_REASON = "a unified kernel image on its own: the system it starts is not here"


def _find(parts: Sequence[Part]) -> list[Slot]:
    outer = parts[0]
    if outer.kind != "pe" or not _is_uki(outer):
        return []
    inside = [part for part in outer.walk() if part.tree is not None]
    if any(part.tree is not None and is_root(part.tree) and not is_initrd(part.tree) for part in inside):
        return []  # a whole system lies in it (Kairos, VelaOS installers): other layouts tell which
    part = next(iter(inside), outer)
    tree: FileTree = part.tree if part.tree is not None else UnknownTree(_REASON)
    why = f"{_REASON}; it is shown at {_PLACE}{_FILE}" + (", its initrd as the root" if part is not outer else "")
    return [Slot("uki", "initrd", why, part, tree, {_PLACE: SingleFileTree(outer.device, _FILE, _REASON)})]


def _is_uki(part: Part) -> bool:
    try:
        return uki.is_uki(pe.parse(part.device.pread, part.device.size))
    except (ParseError, TargetError):
        return False


LAYOUT = Layout("uki", 94, _find)
"""Asked before `initrd`, after what finds whole systems."""
