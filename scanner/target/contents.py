"""What an image holds, as a tree of parts: disk container, partition table, partitions, encryption, file systems.

Found by content, never by name, and nested as it occurs. What nobody here reads is named, so that facts behind it can
say `unsupported` instead of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scanner.model.errors import NotCollectedError, ParseError, TargetError
from scanner.parsers import partition_table, signatures
from scanner.target import backups
from scanner.target.base import BlockDevice, FileTree
from scanner.target.cached import CachedDevice
from scanner.target.containers.base import Container, container_of
from scanner.target.devices import SliceDevice
from scanner.target.filesystems.base import open_filesystem, readers

__all__ = ["MAX_NESTING", "MAX_PARTS", "Part", "contained", "explore"]

MAX_NESTING = 8
"""Containers inside containers."""

MAX_PARTS = 1024
"""Partitions of one device, in tables and in tables inside its partitions."""

_TABLES = frozenset(("gpt", "mbr"))
_OUTER = signatures.ENCRYPTED | {"lvm2", "mdraid"}
"""What goes before a file system that shows in the same bytes: the kernel would not mount that one."""
_HOLD_NO_FILES = frozenset(("bios-boot", "swap", "lvm", "raid", "luks", "verity"))
"""Partition types that promise something else than a file system."""


@dataclass(slots=True)
class Part:
    """One part of an image.

    `kind`: gpt, mbr, partition, a signature word (ext4, luks2, lvm2, …), or `unknown`; `type`: what a partition says it
    is for; `state`: read, encrypted, unsupported, damaged or empty, with `notes` in words.
    """

    name: str
    kind: str
    device: BlockDevice
    label: str | None = None
    uuid: str | None = None
    type: str | None = None
    partition_uuid: str | None = None
    partition_label: str | None = None
    state: str = "read"
    notes: list[str] = field(default_factory=list)
    children: list[Part] = field(default_factory=list)
    tree: FileTree | None = None

    def walk(self) -> Iterator[Part]:
        """This part and everything in it, from the outside in."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class _Where:
    """Place of a device in the whole: how deep, what its partition type promises, how many parts may still be added."""

    depth: int
    purpose: str | None = None
    room: list[int] = field(default_factory=lambda: [MAX_PARTS])

    def inside(self, purpose: str | None = None) -> _Where:
        return _Where(self.depth + 1, purpose, self.room)


def explore(device: BlockDevice, name: str = "disk", depth: int = 0) -> Part:
    """The parts of `device`. Never raises for what the medium holds: the part says what is wrong with it."""
    return _explore(device, name, _Where(depth))


def contained(name: str, kind: str, device: BlockDevice, inside: Sequence[BlockDevice], depth: int = 0) -> Part:
    """The container of `kind` on `device`, whose disks are `inside`: what these say of themselves stands in it."""
    return _contained(Part(name, kind, device), inside, _Where(depth))


def _explore(device: BlockDevice, name: str, where: _Where) -> Part:
    cached = CachedDevice.over(device)
    try:
        found = signatures.probe(cached.pread(0, signatures.PROBED))
        container = container_of(cached)
    except TargetError as error:
        return Part(name, "unknown", cached, state="damaged", notes=[str(error)])
    if where.depth >= MAX_NESTING:
        kind = found[0].kind if found else "unknown"
        return Part(name, kind, cached, state="unsupported", notes=["nested too deeply"])
    if container is not None:
        return _opened(name, cached, container, where)
    if not found:
        return _unrecognised(name, cached, where)
    kinds = {one.kind for one in found}
    system = next((one for one in found if one.kind in readers()), None)
    # A hybrid ISO carries a partition table in its first sectors; the ISO file system is the whole of it.
    if system is not None and not kinds & _OUTER and not ("gpt" in kinds and system.kind != "iso9660"):
        part = _file_system(name, cached, system)
        if kinds & _TABLES:
            _add_hybrid(part, where)
        return part
    table = _table(name, cached) if found[0].kind in _TABLES else None
    if isinstance(table, Part):
        return table
    if table is not None:
        part = Part(name, table.kind, cached, notes=list(table.notes))
        part.children = _partitions(name, cached, table, where)
        return part
    return _other(name, cached, found)


def _unrecognised(name: str, device: CachedDevice, where: _Where) -> Part:
    """A device without any signature: blank, or its start was lost, or of a format that nobody here knows."""
    table = _table(name, device)
    if isinstance(table, partition_table.Table):
        return Part(name, table.kind, device, notes=list(table.notes), children=_partitions(name, device, table, where))
    if where.purpose not in _HOLD_NO_FILES:
        found = backups.find(device)
        if found is not None:
            return _recovered(name, device, found)
    try:
        blank = backups.is_blank(device)
    except TargetError as error:
        return Part(name, "unknown", device, state="damaged", notes=[str(error)])
    if blank:
        sampled = [f"blank in its first {backups.WHOLE} bytes and in samples of the rest"]
        return Part(name, "unknown", device, state="empty", notes=sampled if device.size > backups.WHOLE else [])
    return Part(name, "unknown", device, state="unsupported", notes=["no known signature"])


def _recovered(name: str, device: CachedDevice, found: backups.Found) -> Part:
    """What a copy elsewhere on the device says that it is: read where that can be done, and damaged in any case."""
    kind = found.signature.kind
    if kind in readers():
        part = _file_system(name, device, found.signature)
    else:
        part = Part(name, kind, device, found.signature.label, found.signature.uuid)
    by = f"the copy at offset {found.offset}" if found.offset else "its tables"
    if kind in signatures.ENCRYPTED:
        part.state = "encrypted"
        part.notes.append(f"the start is damaged; {kind} was recognised by {by}")
        return part
    how = "the system itself would not mount it" if part.tree else "nothing in it could be read"
    part.state = "damaged"
    part.notes.insert(0, f"the start is damaged; {kind} was recognised by {by}: {how}")
    return part


def _other(name: str, device: CachedDevice, found: Sequence[signatures.Signature]) -> Part:
    """What is recognised and holds no files that can be read here."""
    first = found[0]
    part = Part(name, first.kind, device, first.label, first.uuid)
    if first.kind in signatures.ENCRYPTED:
        part.state = "encrypted"
        if first.kind == "luks2" and not signatures.has_primary(device.pread(0, 8)):
            part.notes.append("the primary LUKS2 header is damaged, the secondary was found")
    elif first.kind not in ("swap", "swap-suspended", "verity"):
        part.state = "unsupported"
        part.notes.append(f"unsupported: {first.kind}")
    hidden = [one.kind for one in found[1:] if one.kind in signatures.FILE_SYSTEMS]
    if hidden and first.kind in _OUTER:
        part.notes.append(f"signs of {', '.join(hidden)} stand in it as well, and are passed over")
    return part


def _opened(name: str, device: CachedDevice, container: Container, where: _Where) -> Part:
    part = Part(name, container.kind, device)
    try:
        return _contained(part, container.open(device), where)
    except NotCollectedError as error:
        part.state = "unsupported"
        part.notes.append(str(error))
    except TargetError as error:
        part.state = "damaged"
        part.notes.append(str(error))
    return part


def _contained(part: Part, inside: Sequence[BlockDevice], where: _Where) -> Part:
    for one in inside:
        part.notes.extend(one.notes)
        if one.damaged:
            part.state = "damaged"
        name = part.name if len(inside) == 1 else f"{part.name}{one.name}"
        part.children.append(_explore(one, name, where.inside()))
    return part


def _file_system(name: str, device: BlockDevice, found: signatures.Signature) -> Part:
    part = Part(name, found.kind, device, found.label, found.uuid)
    try:
        part.tree = open_filesystem(found.kind, device)
        part.notes.extend(part.tree.notes)
    except NotCollectedError as error:
        part.state = "unsupported"
        part.notes.append(str(error))
    except TargetError as error:
        part.state = "damaged"
        part.notes.append(str(error))
    return part


def _table(name: str, device: CachedDevice) -> partition_table.Table | Part | None:
    def read(offset: int, length: int) -> bytes:
        try:
            return device.pread(offset, length)
        except TargetError:  # what cannot be read is missing: the other copy may be there
            return b""

    try:
        return partition_table.table(read, device.size)
    except ParseError as error:
        return Part(name, "gpt", device, state="damaged", notes=[str(error)])


def _add_hybrid(part: Part, where: _Where) -> None:
    """Partitions that a table in the first sectors of a file system cuts out of it or out of what lies behind it.

    Those that show nothing and lie within an ISO are parts of its own files, seen by the firmware.
    """
    table = _table(part.name, CachedDevice.over(part.device))
    if table is None:
        return
    if isinstance(table, Part):
        part.notes.extend(table.notes)
        return
    part.notes.append(f"a partition table ({table.kind}) stands in its first sectors")
    part.notes.extend(table.notes)
    for child in _partitions(part.name, part.device, table, where):
        if part.kind != "iso9660" or child.kind != "unknown":
            part.children.append(child)


def _partitions(name: str, device: BlockDevice, table: partition_table.Table, where: _Where) -> list[Part]:
    found = []
    for entry in table.partitions:
        if entry.offset == 0:
            continue  # the device itself once more
        inner = f"{name}{entry.number}"
        where.room[0] -= 1
        try:
            own = SliceDevice(device, entry.offset, entry.size, inner)
            if where.room[0] < 0:
                child = Part(inner, "unknown", own, state="unsupported", notes=[f"more than {MAX_PARTS} partitions"])
            else:
                child = _explore(own, inner, where.inside(entry.type))
            if own.size < entry.size:
                child.notes.append(f"{entry.size - own.size} of its {entry.size} bytes lie beyond the end of the disk")
        except TargetError as error:
            child = Part(inner, "unknown", SliceDevice(device, 0, 0, inner), state="damaged", notes=[str(error)])
        child.type = entry.type
        child.partition_uuid = entry.uuid
        child.partition_label = entry.name
        child.label = child.label or entry.name
        found.append(child)
    return found
