"""Block devices and what lies on them. Sources: libblkid's magic numbers, GPT types, sysfs (sysfs-block ABI).

`role` says what a partition is for, by its GPT type, by /etc/fstab or by where it is mounted. Where none of these tell
(an image whose root cannot be read), the field is left out: nobody looked, and a rule that asks is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.block_stack import mount_table
from scanner.collectors.block_survey import Volume, survey
from scanner.model.errors import MissingError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import fstab
from scanner.parsers.signatures import ENCRYPTED

__all__ = ["COLLECTOR"]

_TELLING = ("esp", "boot", "bios-boot", "root", "usr", "home", "srv", "var", "tmp", "swap", "verity")
"""Partition types that say what a partition is for."""
_BOOT = ("/boot", "/efi")
_ROOT_FILES = ("/usr/lib/os-release", "/etc/os-release", "/etc/passwd", "/ostree")


def _devices(look: Look) -> Json:
    volumes = survey(look)
    mounted = _mount_points(look) if look.is_running else {}
    configured = _configured(look)
    records = []
    for volume in volumes:
        first = volume.found[0] if volume.found else None
        partition = volume.partition
        record: dict[str, Json] = {
            "name": volume.name,
            "size": str(volume.size),
            "type": volume.type,
            "parent": volume.parent,
            "holders": sorted(volume.holders),
            "partition_type": partition.type if partition else None,
            "partition_name": partition.name if partition else None,
            "partition_uuid": partition.uuid if partition else None,
        }
        if volume.found is not None:
            record |= {
                "content": first.kind if first else None,
                "signatures": volume.kinds,
                "label": first.label if first else None,
                "uuid": first.uuid if first else None,
            }
            if volume.is_plain is not None:
                record["plain"] = volume.is_plain
        role = _role(volume, mounted.get(volume.name), configured)
        if role is not None:
            record["role"] = role
        records.append(record)
    return records


def _role(volume: Volume, mounted: list[str] | None, configured: dict[str, str] | None) -> str | None:
    """What the volume is for; None when nothing tells."""
    stated = volume.partition.type if volume.partition is not None else None
    if mounted and not all(_below_boot(point) for point in mounted):
        return stated if stated in _TELLING and stated not in ("esp", "boot", "bios-boot") else "data"
    if stated in _TELLING:
        return stated
    if mounted:
        return "boot"
    names = [f"UUID={item.uuid}" for item in volume.found or () if item.uuid]
    names += [f"LABEL={item.label}" for item in volume.found or () if item.label]
    if volume.partition is not None and volume.partition.uuid:
        names.append(f"PARTUUID={volume.partition.uuid}")
    if volume.partition is not None and volume.partition.name:
        names.append(f"PARTLABEL={volume.partition.name}")
    names += volume.device_names
    for name in names:
        target = (configured or {}).get(name.lower())
        if target is not None:
            return "boot" if _below_boot(target) else "data"
    if _only_boot_is_plain(volume, configured):
        return "boot"
    if not volume.found or set(volume.kinds) & (ENCRYPTED | {"gpt", "mbr"}) or configured is not None:
        return "data"
    return None


def _only_boot_is_plain(volume: Volume, configured: dict[str, str] | None) -> bool:
    """Whether all logical volumes on it are seen, and those that need no key are for /boot."""
    roles = set()
    for one in volume.logical or ():
        if one is None or one.is_plain is None:
            return False
        if one.is_plain:
            roles.add(_role(one, None, configured))
    return roles == {"boot"}


def _below_boot(point: str) -> bool:
    return any(point == top or point.startswith(f"{top}/") for top in _BOOT)


def _configured(look: Look) -> dict[str, str] | None:
    """Source (lower case) to mount point by /etc/fstab; None when the root tree is not one that can be read."""
    text = look.try_text("/etc/fstab")
    if text is None:
        readable = look.is_running or any(look.sees(path) for path in _ROOT_FILES)
        return {} if readable else None
    return {line.source.lower(): line.target for line in fstab.parse(text)}


def _mount_points(look: Look) -> dict[str, list[str]]:
    """Device name to where it is mounted, by device numbers."""
    points: dict[str, list[str]] = {}
    for mount in mount_table(look)[0]:
        points.setdefault(mount.device, []).append(mount.target)
    found: dict[str, list[str]] = {}
    try:
        names = look.runtime.names("/sys/class/block")
    except MissingError:
        return found
    for name in names:
        try:
            number = look.runtime.read(f"/sys/class/block/{name}/dev").decode("ascii", "replace").strip()
        except TargetError:
            continue
        if number in points:
            found[name.replace("!", "/")] = points[number]
    return found


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts({"block.devices": _devices})


COLLECTOR = Collector(
    id="block_devices",
    facts=(
        FactSpec(
            "block.devices",
            "table",
            "Block devices and partitions, by name, with what their first bytes say.",
            sensitive={"uuid": "serial", "partition_uuid": "serial"},
            fields={
                "name": "text: device name; `disk:2` for a partition that only the table of its disk shows",
                "size": "text: bytes",
                "type": "text: disk, partition, crypt, lvm, verity, mapped, raid, loop or optical",
                "parent": "text: disk that holds the partition; null for others",
                "holders": "list: devices built on it (running system only)",
                "partition_type": "text: esp, boot, root, linux, swap …, or the type GUID; null for no partition",
                "partition_name": "text: name in the partition table; null without one",
                "partition_uuid": "text: unique GUID of the partition; null without one",
                "content": "text: ext4, xfs, luks2, lvm2, swap, gpt …; null when nothing is recognised",
                "signatures": "list: everything that is recognised, containers first",
                "label": "text: label of the content; null without one",
                "uuid": "text: UUID of the content; null without one",
                "plain": "flag: a file system or swap that needs no key lies on it, also in a logical volume; left out "
                "for members of arrays, of groups that are not seen whole, and for what is not recognised",
                "role": "text: esp, boot, bios-boot, root, usr, home, srv, var, tmp, swap, verity or data; "
                "left out when nothing tells",
            },
        ),
    ),
    collect=collect,
)
