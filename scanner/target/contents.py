"""What an image holds, as a tree of parts: disk container, partition table, partitions, encryption, file systems.

Found by content, never by name, and nested as it occurs. What nobody here reads is named, so that facts behind it can
say `unsupported` instead of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scanner.model.errors import NotCollectedError, ParseError, TargetError
from scanner.parsers import partition_table, signatures
from scanner.target.base import BlockDevice, FileTree
from scanner.target.cached import CachedDevice
from scanner.target.containers.base import HEAD, Container, containers
from scanner.target.devices import SliceDevice
from scanner.target.filesystems.base import open_filesystem, readers

__all__ = ["MAX_NESTING", "Part", "explore"]

MAX_NESTING = 8
"""Containers inside containers."""

_TABLES = ("gpt", "mbr")


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
    state: str = "read"
    notes: list[str] = field(default_factory=list)
    children: list[Part] = field(default_factory=list)
    tree: FileTree | None = None

    def walk(self) -> Iterator[Part]:
        """This part and everything in it, from the outside in."""
        yield self
        for child in self.children:
            yield from child.walk()


def explore(device: BlockDevice, name: str = "disk", depth: int = 0) -> Part:
    """The parts of `device`. Never raises for what the medium holds: the part says what is wrong with it."""
    cached = CachedDevice.over(device)
    try:
        found = signatures.probe(cached.pread(0, signatures.PROBED))
    except TargetError as error:
        return Part(name, "unknown", cached, state="damaged", notes=[str(error)])
    kinds = [one.kind for one in found]
    container = next((one for one in containers() if one.probe(cached.pread(0, HEAD))), None)
    if container is not None and depth < MAX_NESTING:
        return _contained(name, cached, container, depth)
    if depth >= MAX_NESTING:
        return Part(name, kinds[0] if kinds else "unknown", cached, state="unsupported", notes=["nested too deeply"])
    system = next((one for one in found if one.kind in readers()), None)
    # A hybrid ISO carries a partition table in its first sectors; the ISO file system is the whole of it.
    if system is not None and not (set(kinds) & {"gpt"} and system.kind != "iso9660"):
        return _file_system(name, cached, system)
    table = _table(cached)
    if isinstance(table, Part):
        return table
    if table is not None:
        return _partitioned(name, cached, table, depth)
    if not found:
        empty = not any(cached.pread(0, min(cached.size, signatures.PROBED)))
        state = "empty" if empty else "unsupported"
        return Part(name, "unknown", cached, state=state, notes=[] if empty else ["no known signature"])
    first = found[0]
    part = Part(name, first.kind, cached, first.label, first.uuid)
    if first.kind in signatures.ENCRYPTED:
        part.state = "encrypted"
    elif first.kind not in ("swap", "swap-suspended", "verity"):
        part.state = "unsupported"
        part.notes.append(f"unsupported: {first.kind}")
    return part


def _contained(name: str, device: BlockDevice, container: Container, depth: int) -> Part:
    part = Part(name, container.kind, device)
    try:
        inside = container.open(device)
        for one in inside:
            part.children.append(explore(one, name if len(inside) == 1 else f"{name}{one.name}", depth + 1))
    except NotCollectedError as error:
        part.state = "unsupported"
        part.notes.append(str(error))
    except TargetError as error:
        part.state = "damaged"
        part.notes.append(str(error))
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


def _table(device: BlockDevice) -> partition_table.Table | Part | None:
    try:
        return partition_table.table(device.pread, device.size)
    except ParseError as error:
        return Part(device.name, "gpt", device, state="damaged", notes=[str(error)])
    except TargetError as error:
        return Part(device.name, "unknown", device, state="damaged", notes=[str(error)])


def _partitioned(name: str, device: BlockDevice, table: partition_table.Table, depth: int) -> Part:
    part = Part(name, table.kind, device, notes=list(table.notes))
    for entry in table.partitions:
        inner = f"{name}{entry.number}"
        try:
            child = explore(SliceDevice(device, entry.offset, entry.size, inner), inner, depth + 1)
        except TargetError as error:
            child = Part(inner, "unknown", device, state="damaged", notes=[str(error)])
        child.type = entry.type
        child.partition_uuid = entry.uuid
        child.label = child.label or entry.name
        part.children.append(child)
    return part
