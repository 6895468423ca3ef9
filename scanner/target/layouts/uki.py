"""A unified kernel image on its own: the file of a release before it is put on a boot partition.

It is shown where a boot loader would find it, so that its command line, its signatures and its sections become facts.
The root is its initrd: a whole system (Kairos), one that only runs until the real root is mounted, or nothing known.
Sources: UAPI specification "Unified Kernel Image", Boot Loader Specification "Type #2".
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
_ALONE = "a unified kernel image on its own, without its boot partition"
_REASON = f"{_ALONE}: the system it starts is not here"


def _find(parts: Sequence[Part]) -> list[Slot]:
    outer = parts[0]
    if outer.kind != "pe" or not _is_uki(outer):
        return []
    trees = [part for part in outer.walk() if part.tree is not None]
    # Of several profiles, the one whose initrd is a system tells more than one that only looks for a root.
    part = next((part for part in trees if part.tree is not None and _is_system(part.tree)), (*trees, outer)[0])
    tree: FileTree = part.tree if part.tree is not None else UnknownTree(_REASON)
    whole = _is_system(tree)
    root = f"; the root is its initrd, {part.name}" if part is not outer else ""
    why = f"{_ALONE if whole else _REASON}{root}; the image itself is shown at {_PLACE}{_FILE}"
    shown = SingleFileTree(outer.device, _FILE, _ALONE)
    return [Slot("uki", "only" if whole else "initrd", why, part, tree, {_PLACE: shown})]


def _is_system(tree: FileTree) -> bool:
    return is_root(tree) and not is_initrd(tree)


def _is_uki(part: Part) -> bool:
    try:
        return uki.is_uki(pe.parse(part.device.pread, part.device.size))
    except (ParseError, TargetError):
        return False


LAYOUT = Layout("uki", 80, _find)
"""Asked before what takes its initrd for a system or an initrd without more."""
