"""LVM2 volume groups over the physical volumes of an image: every logical volume becomes a part.

Read are linear and striped volumes. One that is made otherwise (thin, raid, cache, snapshot …) or lies on a physical
volume that is not here becomes a part and a device as well, whose every read says why it cannot be read.
Source: lvm2, lib/format_text/format-text.c (which copy counts), lib/cache/lvmcache.c (duplicates).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scanner.model.errors import ParseError, TargetError
from scanner.parsers import lvm_group, lvm_label
from scanner.parsers.lvm_group import Group, Logical
from scanner.target import limits
from scanner.target.contents import Part, explore
from scanner.target.mapped._lvm_device import LogicalDevice, UnreadableDevice
from scanner.target.mapped.base import Mapper

__all__ = ["MAPPER"]

_KIND = "lvm2"


@dataclass(slots=True)
class _Volume:
    """A physical volume of the image and the copies of metadata on it that can be read."""

    part: Part
    id: str
    groups: list[Group] = field(default_factory=list)


def _map(contents: Part, keys: Sequence[bytes]) -> bool:
    volumes = [volume for part in contents.walk() if part.kind == _KIND and (volume := _read(part)) is not None]
    groups = _newest(volumes)
    names = [group.name for group in groups]
    added = [_offer(group, volumes, clash=names.count(group.name) > 1) for group in groups]
    return any(added)


def _read(part: Part) -> _Volume | None:
    """The physical volume on `part`; its state and notes say what is wrong with it."""
    part.notes[:] = []
    if part.device.mapped == "lvm":
        # LVM does not look there either (lvm.conf, devices/scan_lvs): it belongs to a guest.
        part.state, part.notes[:] = "unsupported", ["unsupported: lvm on a logical volume"]
        return None
    try:
        label = lvm_label.read_label(part.device.pread)
        found = lvm_label.copies(part.device.pread, label)
    except (ParseError, TargetError) as error:
        part.state, part.notes[:] = "damaged", [str(error)]
        return None
    part.state = "read"
    volume = _Volume(part, label.id)
    for copy in found:
        problem = copy.problem
        if copy.text is not None:
            try:
                volume.groups.append(lvm_group.volume_group(copy.text))
            except ParseError as error:
                problem = str(error)
        if problem is not None:
            part.state = "damaged"
            part.notes.append(f"a copy of the metadata cannot be used: {problem}")
    return volume


def _newest(volumes: Sequence[_Volume]) -> list[Group]:
    """The state of every group that counts: that of the copy written last. A disagreement is noted."""
    found = lvm_group.newest(group for volume in volumes for group in volume.groups)
    for volume in volumes:
        for group in volume.groups:
            newest = found[group.id]
            if group.seqno != newest.seqno:
                _note(volume.part, f"an older copy of the metadata ({group.seqno}); {newest.seqno} counts")
            elif group != newest:
                _note(volume.part, f"copies of the metadata differ, both with number {group.seqno}")
    return [found[key] for key in sorted(found, key=lambda key: (found[key].name, key))]


def _offer(group: Group, volumes: Sequence[_Volume], *, clash: bool) -> bool:
    """Hang the logical volumes of `group` below its first physical volume. Whether anything is new."""
    parts: dict[str, list[Part]] = {
        key: [volume.part for volume in volumes if volume.id == one.id] for key, one in group.physical.items()
    }
    members = [part for found in parts.values() for part in found]
    if not members:
        return False
    for part in members:
        for note in group.notes:
            _note(part, note)
    problem = _refusal(group, parts, clash=clash)
    if problem is not None:
        for part in members:
            part.state = "unsupported"
            _note(part, problem)
        return False
    for key, found in parts.items():
        if not found:
            _note(members[0], f"{key} ({lvm_label.identity(group.physical[key].id)}) of {group.name} is not here")
    added = [_add(group, one, parts, members) for one in group.logical if one.visible]
    return any(added)


def _refusal(group: Group, parts: dict[str, list[Part]], *, clash: bool) -> str | None:
    """Why nobody can say what the group holds."""
    if clash:
        return f"unsupported: several volume groups are called {group.name}"
    if any(len(found) > 1 for found in parts.values()):
        return f"unsupported: several physical volumes of {group.name} have the same id"
    if sum(one.visible for one in group.logical) > limits.MAX_DEVICES:
        return f"limit: {group.name} has more than {limits.MAX_DEVICES} logical volumes"
    return None


def _add(group: Group, volume: Logical, parts: dict[str, list[Part]], members: list[Part]) -> bool:
    name = f"{group.name}/{volume.name}"
    known = next(_places(name, members), None)
    reason = _unreadable(group, volume, parts)
    if reason is not None:
        if known is None:
            size = volume.extents * group.extent
            state = "unsupported" if reason.startswith("unsupported") else "damaged"
            device = UnreadableDevice(name, size, reason, "lvm")
            members[0].children.append(Part(name, "unknown", device, state=state, notes=[reason]))
        return known is None
    if known is not None and not isinstance(known[0][known[1]].device, UnreadableDevice):
        return False
    devices = {key: found[0].device for key, found in parts.items() if found}
    part = _explored(LogicalDevice(name, group, volume, devices))
    if known is None:
        members[0].children.append(part)
    else:
        known[0][known[1]] = part
    return True


def _explored(device: LogicalDevice) -> Part:
    try:
        return explore(device, device.name)
    except TargetError as error:
        return Part(device.name, "unknown", device, state="damaged", notes=[str(error)])


def _places(name: str, members: list[Part]) -> Iterator[tuple[list[Part], int]]:
    """Where the logical volume hangs already: a list of children, and its place there."""
    for part in members:
        for number, child in enumerate(part.children):
            if child.name == name and child.device.mapped == "lvm":
                yield part.children, number


def _unreadable(group: Group, volume: Logical, parts: dict[str, list[Part]]) -> str | None:
    if volume.unsupported is not None:
        return f"unsupported: lvm {volume.unsupported}"
    if not volume.extents:
        return "unsupported: lvm volume without extents"
    for key in sorted(volume.on):
        if not parts[key]:
            return f"not_collected: physical volume {key} of {group.name} is not in this image"
        if group.physical[key].missing:
            return f"not_collected: physical volume {key} of {group.name} is marked as missing"
    return None


def _note(part: Part, note: str) -> None:
    if note not in part.notes:
        part.notes.append(note)


MAPPER = Mapper("lvm", _map)
