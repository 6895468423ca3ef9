"""Live media and installers: the root is an image in a file of the medium, and what changes is kept in memory.

Sources: live-boot(7) (/live/filesystem.squashfs), casper(7), dracut.cmdline(7) "Booting live images" (LiveOS), and
archiso docs/README.boot (airootfs).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scanner.model.errors import TargetError
from scanner.target.contents import Part, explore
from scanner.target.devices import EntryDevice
from scanner.target.layouts.base import Layout, Slot, exists, is_root
from scanner.target.layouts.ranked import readable

__all__ = ["LAYOUT"]

_FILES = (
    "/live/filesystem.squashfs",
    "/casper/filesystem.squashfs",
    "/casper/minimal.squashfs",
    "/LiveOS/squashfs.img",
    "/LiveOS/rootfs.img",
    "/LiveOS/ext3fs.img",
    "/arch/x86_64/airootfs.sfs",
    "/arch/x86_64/airootfs.erofs",
    "/images/install.img",
)
_INNER = ("/LiveOS/rootfs.img", "/LiveOS/ext3fs.img")


def _find(parts: Sequence[Part]) -> list[Slot]:
    found: list[Slot] = []
    for part in parts:
        for path in _FILES:
            root = _root(part, path)
            if root is not None and root.tree is not None:
                role = "active" if not found else "other"
                why = f"the root of a live system: the image {path} on {part.name}; what changes is kept in memory"
                found.append(Slot(root.label or path.rpartition("/")[2].partition(".")[0], role, why, root, root.tree))
    if len(found) == 1:
        found[0].role = "only"
    return found


def _root(part: Part, path: str) -> Part | None:
    """The root in the file at `path`, or in the image that lies in it; it becomes a part of the medium."""
    if part.tree is None or not exists(part.tree, path):
        return None
    try:
        inside = explore(EntryDevice(part.tree, path, path), f"{part.name}{path}")
    except TargetError as error:
        part.notes.append(f"{path} cannot be read: {error}")
        return None
    part.children.append(inside)
    return next((one for one in _candidates(inside) if one.tree is not None and is_root(one.tree)), None)


def _candidates(inside: Part) -> Iterator[Part]:
    holder = readable(inside)
    yield holder
    for path in _INNER:
        if holder.tree is not None and exists(holder.tree, path):
            try:
                deeper = explore(EntryDevice(holder.tree, path, path), f"{holder.name}{path}")
            except TargetError as error:
                holder.notes.append(f"{path} cannot be read: {error}")
                continue
            holder.children.append(deeper)
            yield readable(deeper)


LAYOUT = Layout("live", 92, _find)
"""Asked where no file system is a root by itself."""
