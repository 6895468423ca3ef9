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
from scanner.parsers import lvm_group, lvm_label, partition_table, signatures
from scanner.parsers.lvm_group import Group
from scanner.parsers.partition_table import Partition
from scanner.parsers.signatures import Signature
from scanner.target import backups
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice

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
    blank: bool | None = None
    """True: nothing at all stands on it. None: something does, or nobody could see."""
    start: bytes = b""
    aliases: list[str] = field(default_factory=list)
    """Other names below /dev."""
    below: list[Volume] | None = None
    """What a partition or logical volume lies on; None when that is not known."""
    logical: list[Volume | None] | None = None
    """Logical volumes on a physical one, None for each that cannot be seen; None when nobody knows them."""

    @property
    def kinds(self) -> list[str]:
        """Kinds of everything recognised on it, containers first."""
        return [item.kind for item in self.found or ()]

    @property
    def is_plain(self) -> bool | None:
        """Whether data lies on it that anyone can read. None: nobody can say, for members of arrays and of volume
        groups that cannot be seen whole, whose content lies elsewhere, and for what is not recognised and not blank."""
        kinds = set(self.kinds)
        if kinds == {"lvm2"} and self.logical is not None:
            inside = [None if volume is None else volume.is_plain for volume in self.logical]
            return True if True in inside else None if None in inside else False
        if kinds & (signatures.FILE_SYSTEMS | {"swap", "swap-suspended"}):
            return True
        if kinds:
            return False if kinds <= signatures.ENCRYPTED | {"gpt", "mbr", "verity"} else None
        return False if self.blank else None

    @property
    def encrypted(self) -> bool | None:
        """Whether every way from it to the medium leads through encryption. None: the ways are not known."""
        if self.type == "crypt":
            return True
        if self.type == "disk":
            return False
        if self.type not in ("partition", "lvm") or not self.below:
            return False if self.type == "partition" else None
        ways = [volume.encrypted for volume in self.below]
        return False if False in ways else None if None in ways else True

    @property
    def device_names(self) -> list[str]:
        """Its paths below /dev."""
        return [f"/dev/{name}" for name in (self.name, *self.aliases)]

    def is_called(self, spec: str) -> bool:
        """Whether `spec` means it, as fstab(5) and the kernel command line name devices."""
        key, _, value = spec.partition("=")
        folder, _, name = spec.removeprefix("/dev/disk/by-").partition("/")
        if spec.startswith("/dev/disk/by-"):
            key, value = folder.upper(), name
        value = value.strip('"')
        found, partition = self.found or (), self.partition
        if key == "UUID":
            return any(item.uuid is not None and item.uuid.lower() == value.lower() for item in found)
        if key == "LABEL":
            return any(item.label == value for item in found)
        if key == "PARTUUID":
            return partition is not None and partition.uuid == value.lower()
        if key == "PARTLABEL":
            return partition is not None and partition.name == value
        return spec in self.device_names

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
    _add_groups(look, volumes)
    return sorted(volumes, key=lambda volume: volume.name)


def _volume(look: Look, device: BlockDevice) -> Volume:
    volume = Volume(device.name, device.size, device.pread)
    if device.mapped is not None:
        volume.type = device.mapped
        volume.aliases = [f"mapper/{lvm_group.mapper_name(device.name)}"] if device.mapped == "lvm" else []
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
    if not volume.found:
        volume.blank = _is_blank(volume)


def _is_blank(volume: Volume) -> bool | None:
    """Whether nothing at all is on a volume that shows no signature; None when something may be."""
    device = CachedDevice(_Readable(volume))
    try:
        return True if backups.find(device) is None and backups.is_blank(device) else None
    except TargetError:
        return None


class _Readable(BlockDevice):
    """A volume as the device that it is."""

    def __init__(self, volume: Volume) -> None:
        self.name = volume.name
        self.size = volume.size
        self._read = volume.read

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        return self._read(offset, length)


def _by_sysfs(look: Look, volume: Volume) -> None:
    base = f"/sys/class/block/{volume.name.replace('/', '!')}"
    volume.type = _type(look, base, volume.name)
    mapper = (look.running_text(f"{base}/dm/name") or "").strip() if look.runtime.exists(f"{base}/dm/name") else ""
    volume.aliases = [f"mapper/{mapper}"] if mapper else []
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
        known.type, known.parent, known.partition, known.below = "partition", disk.name, entry, [disk]
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


# ---- volume groups ---------------------------------------------------------------------------------------------------


def _add_groups(look: Look, volumes: list[Volume]) -> None:
    """Tie logical volumes to the physical ones they lie on, by the metadata there. One that is not seen is a gap."""
    by_id: dict[str, list[Volume]] = {}
    groups: list[Group] = []
    for volume in volumes:
        # LVM itself does not look for groups inside logical volumes (lvm.conf, devices/scan_lvs).
        if "lvm2" in volume.kinds and volume.type != "lvm":
            by_id.setdefault(_read_physical(look, volume, groups), []).append(volume)
    for group in lvm_group.newest(groups).values():
        _tie(
            look, group, by_id, {name: volume for volume in volumes if volume.type == "lvm" for name in volume.aliases}
        )


def _read_physical(look: Look, volume: Volume, groups: list[Group]) -> str:
    """The id of a physical volume; what its metadata says is added to `groups`."""
    try:
        label = lvm_label.read_label(volume.read)
        texts = lvm_label.copies(volume.read, label)
        groups.extend(lvm_group.volume_group(copy.text) for copy in texts if copy.text is not None)
    except (ParseError, TargetError) as error:
        look.gap(volume.name, reason_of(error))
        return ""
    for copy in texts:
        if copy.problem is not None:
            look.gap(volume.name, f"malformed: {copy.problem}")
    return label.id


def _tie(look: Look, group: Group, physical: dict[str, list[Volume]], logical: dict[str, Volume]) -> None:
    own = {key: physical.get(one.id, []) for key, one in group.physical.items()}
    if not any(own.values()):
        return
    for volumes in own.values():
        for volume in volumes:
            volume.logical = []
    for one in group.logical:
        name = f"{group.name}/{one.name}"
        found = logical.get(f"mapper/{lvm_group.mapper_name(name)}")
        if found is None and one.visible and not one.is_pool:
            look.gap(name, "not_collected: the logical volume cannot be seen")
        if found is not None:
            found.aliases += [name] if name != found.name else []
            whole = one.unsupported is None and all(own[key] for key in one.on)
            found.below = [volume for key in sorted(one.on) for volume in own[key]] if whole else None
        for key in one.on:
            for volume in own[key]:
                assert volume.logical is not None
                volume.logical.append(found)
