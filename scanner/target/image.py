"""A disk image or file system image as a target: what it holds, which system in it is assessed, and its file tree.

`fstab` and partition types decide what the running system would mount over the root; the parts stand in `layout`, so
that facts of the same tree are equal in every packing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scanner.model.errors import InputError, UsageError
from scanner.target.base import BlockDevice, FileTree, Target
from scanner.target.composite import ComposedTree
from scanner.target.containers.base import containers
from scanner.target.contents import Part, explore
from scanner.target.devices import FileDevice
from scanner.target.layouts.base import Slot, layouts
from scanner.target.mapped.base import assemble
from scanner.target.mounting import mounts_of

__all__ = ["ImageTarget", "NoRootError"]

_WRAPPERS = frozenset(one.kind for one in containers())


class NoRootError(InputError):
    """The image holds no root tree that can be read."""

    exit_code = 3


class ImageTarget(Target):
    """The image file at `path`. `unpacked` is what its compression holds (kind, device), when it is compressed.

    `slot` chooses another system than the one that would boot; `keys` open what is encrypted.
    """

    kind = "image"

    def __init__(
        self,
        path: Path,
        file: FileDevice,
        unpacked: tuple[str, BlockDevice] | None = None,
        *,
        slot: str | None = None,
        keys: Sequence[bytes] = (),
    ) -> None:
        self._file = file
        if unpacked is None:
            self.contents = explore(file)
        else:
            self.contents = Part(file.name, unpacked[0], file, children=[explore(unpacked[1], file.name)])
        assemble(self.contents, keys)
        self.slots, self.layout_id = _slots(self.contents)
        self.slot = _chosen(self.slots, slot, self.contents, str(path))
        self.mounts = mounts_of(self.slot, list(self.contents.walk()))
        self.tree: FileTree = ComposedTree(self.slot.tree, self.mounts) if self.mounts else self.slot.tree

    def devices(self) -> list[BlockDevice]:
        """The disk inside its containers, and what was made of its parts; partitions are found by their table."""
        part = self.contents
        while part.kind in _WRAPPERS and part.children:
            part = part.children[0]
        return [part.device, *(one.device for one in self.contents.walk() if one.device.mapped)]

    def layout(self) -> dict[str, object]:
        """See Target."""
        return {
            "layout": self.layout_id,
            "slot": self.slot.name,
            "why": self.slot.why,
            "slots": [{"name": one.name, "role": one.role, "part": one.part.name} for one in self.slots],
            "mounts": {place: self._part_of(tree) for place, tree in sorted(self.mounts.items())},
            "parts": [_described(part) for part in self.contents.walk()],
        }

    def _part_of(self, tree: FileTree) -> str:
        """Name of the part that `tree` is on; what a layout cut out of the root's own file system lies there."""
        return next((part.name for part in self.contents.walk() if part.tree is tree), self.slot.part.name)

    def close(self) -> None:
        """See Target."""
        self._file.close()


def _described(part: Part) -> dict[str, object]:
    return {
        "name": part.name,
        "kind": part.kind,
        "type": part.type,
        "size": str(part.device.size),
        "label": part.label,
        "uuid": part.uuid,
        "state": part.state,
        "notes": list(part.notes),
    }


def _slots(contents: Part) -> tuple[list[Slot], str]:
    parts = list(contents.walk())
    for layout in layouts():
        found = layout.find(parts)
        if found:
            return found, layout.id
    return [], "none"


def _chosen(slots: Sequence[Slot], name: str | None, contents: Part, where: str) -> Slot:
    if not slots:
        seen = "; ".join(f"{part.name}: {part.kind} {part.state}" for part in contents.walk())
        raise NoRootError(
            "no root of a system was found that can be read",
            where=where,
            hint=f"what is in it: {seen}. `assay target show` says more",
        )
    if name is None:
        return slots[0]
    found = [slot for slot in slots if name in (slot.name, slot.role, slot.part.name)]
    if not found:
        raise UsageError(f"there is no slot {name!r}", hint=f"known: {', '.join(slot.name for slot in slots)}")
    return found[0]
