"""A disk image or file system image as a target: what it holds, which system in it is assessed, and its file tree.

`fstab` and partition types decide what the running system would mount over the root; the parts stand in `layout`, so
that facts of the same tree are equal in every packing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scanner.model.errors import InputError, TargetError, UsageError
from scanner.target import limits
from scanner.target.base import BlockDevice, FileTree, Target
from scanner.target.composite import ComposedTree, SubTree
from scanner.target.containers.base import containers
from scanner.target.contents import Part, contained, explore
from scanner.target.devices import FileDevice
from scanner.target.layouts.base import Slot, layouts
from scanner.target.mapped.base import assemble
from scanner.target.mounting import mounts_of
from scanner.target.scratch import ScratchTree
from scanner.target.single_file import SingleFileTree
from scanner.target.unknown import UnknownTree

__all__ = ["ImageTarget", "NoRootError"]

_KEY_HINT = " What is encrypted is read with its key: --luks-key FILE."
_WRAPPERS = frozenset(one.kind for one in containers())


class NoRootError(InputError):
    """The image holds no root tree that can be read. `contents`: what was found in it."""

    exit_code = 3

    def __init__(self, message: str, *, contents: Part, hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.contents = contents

    def layout(self) -> dict[str, object]:
        """What `ImageTarget.layout` would say, without a slot."""
        parts = [_described(part) for part in self.contents.walk()]
        return {"layout": "none", "slot": None, "why": self.message, "slots": [], "mounts": {}, "parts": parts}


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
            self.contents = contained(file.name, unpacked[0], file, [unpacked[1]])
        assemble(self.contents, keys)
        self.slots, self.layout_id = _slots(self.contents)
        self.slot = _chosen(self.slots, slot, self.contents, str(path))
        if self.slot.finish is not None:
            self.slot.part, self.slot.tree, self.slot.mounts = self.slot.finish()
        self.mounts = mounts_of(self.slot, list(self.contents.walk()))
        self.tree: FileTree = ComposedTree(self.slot.tree, self.mounts) if self.mounts else self.slot.tree
        self.tree.most_entries = limits.entries_in(file.stored)

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
            "slots": [
                {"name": one.name, "role": one.role, "part": one.part.name, "why": one.why} for one in self.slots
            ],
            "mounts": {place: self._part_of(tree) for place, tree in sorted(self.mounts.items())},
            "parts": [_described(part) for part in self.contents.walk()],
        }

    def _part_of(self, tree: FileTree) -> str:
        """Name of the part that `tree` is on; what a layout made of the root's own file system lies there."""
        while isinstance(tree, SubTree):
            tree = tree.base
        if isinstance(tree, UnknownTree):
            return f"not read: {tree.reason}"
        if isinstance(tree, SingleFileTree):
            return self.contents.name
        if isinstance(tree, ScratchTree):
            return f"{tree.type}, empty at boot"
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
        try:
            found = layout.find(parts)
        except TargetError as error:
            # What looks like this layout and cannot be read may be another one; nobody must wonder why.
            contents.notes.append(f"not read as {layout.id}: {error}")
            continue
        if found:
            return found, layout.id
    return [], "none"


def _chosen(slots: Sequence[Slot], name: str | None, contents: Part, where: str) -> Slot:
    if not slots:
        seen = "; ".join(f"{part.name}: {part.kind} {part.state}" for part in contents.walk())
        closed = any(part.kind.startswith("luks") and part.state == "encrypted" for part in contents.walk())
        raise NoRootError(
            "no root of a system was found that can be read",
            contents=contents,
            where=where,
            hint=f"what is in it: {seen}.{_KEY_HINT if closed else ''} `assay target show` says more",
        )
    if name is None:
        return slots[0]
    # A name may be the role of another slot (Kairos calls its images active and passive): the name comes first.
    found = [slot for key in ("name", "role") for slot in slots if getattr(slot, key) == name]
    found += [slot for slot in slots if slot.part.name == name]
    if not found:
        raise UsageError(f"there is no slot {name!r}", hint=f"known: {', '.join(slot.name for slot in slots)}")
    return found[0]
