"""The block devices of a target with what lies on them. Not a collector itself: several collectors build on it.

A device list may hold whole disks, their partitions, or both. Partitions that are only known from a table of their disk
are added, so that nothing depends on how a target names things.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.boot.luks import Reader
from scanner.collectors.base import Look, reason_of
from scanner.model.errors import MissingError, ParseError, TargetError
from scanner.model.fact import Evidence
from scanner.parsers import partition_table, signatures
from scanner.parsers.partition_table import Partition
from scanner.parsers.signatures import Signature
from scanner.target.base import BlockDevice

__all__ = ["Volume", "survey"]

COMPARED = 65_536
"""Bytes from the start that two places of equal size must share to count as the same partition."""


@dataclass(slots=True)
class Volume:
    """A disk, partition or mapped device. `type`: disk, partition, crypt, lvm, verity, mapped, raid, loop, optical.

    `found` is None when nothing of it could be read.
    """

    name: str
    size: int
    read: Reader
    type: str = "disk"
    found: list[Signature] | None = None
    parent: str | None = None
    partition: Partition | None = None
    holders: list[str] = field(default_factory=list)
    start: bytes = b""

    @property
    def kinds(self) -> list[str]:
        """Kinds of everything recognised on it, containers first."""
        return [item.kind for item in self.found or ()]

    @property
    def is_plain(self) -> bool | None:
        """Whether data lies on it that anyone can read. None: nobody can say, for members of volume groups and arrays,
        whose content lies elsewhere, and for what is not recognised and not blank."""
        kinds = set(self.kinds)
        if kinds & (signatures.FILE_SYSTEMS | {"swap", "swap-suspended"}):
            return True
        if kinds:
            return False if kinds <= signatures.ENCRYPTED | {"gpt", "mbr", "verity"} else None
        return None if self.found is None or any(self.start) else False

    @property
    def may_have_luks(self) -> bool:
        """Whether a LUKS header may stand on it: one was seen, or nothing at all (the primary may be overwritten)."""
        return self.found is not None and (not self.found or self.kinds[0].startswith("luks"))

    def evidence(self, offset: int = 0) -> Evidence:
        """Where it was read; without a digest, which would be one of key material too."""
        return Evidence(f"device: {self.name}", offset=offset)


def survey(look: Look) -> list[Volume]:
    """Every volume, by name. What cannot be read is a gap. Raises NotCollectedError where there are no devices."""
    volumes = [_volume(look, device) for device in look.devices()]
    for disk in list(volumes):
        if disk.type not in ("partition", "optical") and disk.found is not None:
            _add_partitions(look, disk, volumes)
    return sorted(volumes, key=lambda volume: volume.name)


def _volume(look: Look, device: BlockDevice) -> Volume:
    volume = Volume(device.name, device.size, device.pread)
    if look.is_running:
        _by_sysfs(look, volume)
    _probe(look, volume)
    return volume


def _probe(look: Look, volume: Volume) -> None:
    try:
        volume.start = volume.read(0, min(signatures.PROBED, volume.size))
    except TargetError as error:
        look.gap(volume.name, reason_of(error))
        return
    volume.found = signatures.probe(volume.start)
    look.saw(volume.evidence())


def _by_sysfs(look: Look, volume: Volume) -> None:
    base = f"/sys/class/block/{volume.name.replace('/', '!')}"
    volume.type = _type(look, base, volume.name)
    try:
        volume.holders = look.runtime.names(f"{base}/holders")
    except MissingError:
        volume.holders = []


def _type(look: Look, base: str, name: str) -> str:
    if look.runtime.exists(f"{base}/partition"):
        return "partition"
    if look.runtime.exists(f"{base}/dm/uuid"):
        kind = (look.running_text(f"{base}/dm/uuid") or "").strip()
        if kind.startswith("CRYPT-VERITY-"):
            return "verity"
        return "crypt" if kind.startswith("CRYPT-") else "lvm" if kind.startswith("LVM-") else "mapped"
    if look.runtime.exists(f"{base}/md"):
        return "raid"
    return "loop" if name.startswith("loop") else "optical" if name.startswith("sr") else "disk"


def _add_partitions(look: Look, disk: Volume, volumes: list[Volume]) -> None:
    """Give the partitions of a disk their place in its table; those that the target does not list are added."""
    if not {"gpt", "mbr"} & set(disk.kinds):
        return
    try:
        table = partition_table.partitions(disk.read, disk.size)
    except (ParseError, TargetError) as error:
        look.gap(disk.name, reason_of(error))
        return
    for entry in table:
        window = Volume(f"{disk.name}:{entry.number}", entry.size, _window(disk.read, entry), "partition")
        _probe(look, window)
        known = next((other for other in volumes if _same(other, window, disk)), window)
        known.type, known.parent, known.partition = "partition", disk.name, entry
        if known is window:
            volumes.append(window)


def _window(read: Reader, entry: Partition) -> Reader:
    def inside(offset: int, length: int) -> bytes:
        if offset >= entry.size:
            return b""
        return read(entry.offset + offset, min(length, entry.size - offset))

    return inside


def _same(other: Volume, window: Volume, disk: Volume) -> bool:
    if other is disk or other.partition is not None or other.size != window.size or window.found is None:
        return False
    return other.type in ("partition", "disk") and other.start[:COMPARED] == window.start[:COMPARED]
