"""An LVM2 volume group, as its metadata describes it: physical volumes, logical volumes and where their extents lie.

Source: lvm2, lib/format_text/export.c and import_vsn1.c (keys), lib/striped/striped.c (segments), man/lvm.8 (names),
libdm/libdm-string.c (names below /dev/mapper).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import lvm_metadata
from scanner.parsers.lvm_metadata import Section, Value

__all__ = ["Group", "Logical", "Physical", "Segment", "mapper_name", "newest", "volume_group"]

SECTOR = 512
_MAX_SECTORS = 1 << 54
"""Sectors of the largest device that Linux knows."""
_NAME = re.compile(r"[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}\Z")
_PLAIN = ("striped", "linear")
_POOLS = ("thin-pool", "cache-pool", "vdo-pool")


@dataclass(frozen=True, slots=True)
class Physical:
    """A physical volume of the group. `id` without hyphens; `start`: byte of its first extent; `count` of its extents.

    `missing`: LVM has once written the group without it, so what lies on it may be old.
    """

    id: str
    start: int
    count: int
    missing: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """`count` extents of a logical volume from extent `first`, dealt in turn to `areas` in pieces of `stripe` bytes.

    An area is a physical volume (its key in the group) and its first extent there.
    """

    first: int
    count: int
    stripe: int
    areas: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Logical:
    """A logical volume. `visible`: not a part that LVM hides inside another volume; `extents`: its length.

    `unsupported`: what it is made of, when that is more than extents side by side (thin, raid1, cache …).
    `segments` are then only those that could be read.
    """

    name: str
    visible: bool
    extents: int
    segments: tuple[Segment, ...]
    unsupported: str | None
    on: frozenset[str]
    """Keys of the physical volumes that its segments name."""

    @property
    def is_pool(self) -> bool:
        """Whether it is only room for other volumes, and no device to be read."""
        return self.unsupported in _POOLS


@dataclass(frozen=True, slots=True)
class Group:
    """A volume group. `extent` in bytes; `physical` by key (pv0, pv1 …); `notes`: what is special, in words."""

    name: str
    id: str
    seqno: int
    extent: int
    physical: dict[str, Physical]
    logical: tuple[Logical, ...]
    notes: tuple[str, ...] = ()


def mapper_name(volume: str) -> str:
    """The name below /dev/mapper of the logical volume `group/name`: hyphens inside either are doubled."""
    group, _, name = volume.partition("/")
    return f"{group.replace('-', '--')}-{name.replace('-', '--')}"


def newest(groups: Iterable[Group]) -> dict[str, Group]:
    """Each group by its id, as the copy says that was written last."""
    found: dict[str, Group] = {}
    for group in groups:
        if group.seqno > found.setdefault(group.id, group).seqno:
            found[group.id] = group
    return found


def volume_group(text: str) -> Group:
    """The one group that `text` describes. Raises ParseError for what LVM would not write."""
    top = lvm_metadata.parse(text)
    sections = [(name, value) for name, value in top.items() if isinstance(value, dict)]
    if len(sections) != 1:
        raise ParseError(f"LVM metadata: {len(sections)} volume groups in one text")
    name, section = sections[0]
    extent = _number(section, "extent_size", 1, _MAX_SECTORS) * SECTOR
    physical = {
        key: _physical(one, key, extent) for key, one in _sections(section, "physical_volumes", required=True).items()
    }
    described = _sections(section, "logical_volumes", required=False)
    hidden = _inside_others(described)
    return Group(
        _name(name),
        _identity(section, name),
        _number(section, "seqno", 0, 1 << 32),
        extent,
        physical,
        tuple(_logical(key, one, physical, hidden) for key, one in described.items()),
        tuple(_notes(section)),
    )


def _notes(section: Section) -> list[str]:
    notes = ["the volume group is exported"] if "EXPORTED" in _words(section, "status") else []
    if section.get("system_id"):
        notes.append("only the system with the group's system id activates it")
    return notes


def _physical(section: Section, key: str, extent: int) -> Physical:
    start = _number(section, "pe_start", 0, _MAX_SECTORS) * SECTOR
    count = _number(section, "pe_count", 0, _MAX_SECTORS)
    if start + count * extent > _MAX_SECTORS * SECTOR:
        raise ParseError(f"LVM metadata: {key} has {count} extents of {extent} bytes")
    missing = "MISSING" in _words(section, "status", "flags")
    return Physical(_identity(section, key), start, count, missing)


def _logical(name: str, section: Section, physical: dict[str, Physical], hidden: dict[str, str]) -> Logical:
    count = _number(section, "segment_count", 0, 1 << 20)
    described = [_section(section, f"segment{number}", name) for number in range(1, count + 1)]
    segments: list[Segment] = []
    unsupported = hidden.get(name)
    named: set[str] = set()
    extents = 0
    for one in sorted(described, key=lambda one: _number(one, "start_extent", 0, _MAX_SECTORS)):
        if _number(one, "start_extent", 0, _MAX_SECTORS) != extents:
            raise ParseError(f"LVM metadata: segments of {name} leave a hole or overlap at extent {extents}")
        length = _number(one, "extent_count", 1, _MAX_SECTORS)
        kind = _kind(one, name)
        named |= {item for value in one.values() for item in _texts(value) if item in physical}
        if kind not in _PLAIN:
            unsupported = unsupported or kind
        elif (segment := _segment(one, name, extents, length, physical)) is None:
            unsupported = unsupported or "volume on volumes"
        else:
            segments.append(segment)
        extents += length
        if extents > _MAX_SECTORS:
            raise ParseError(f"LVM metadata: {name} is larger than any device")
    status = _words(section, "status", "flags")
    if "PVMOVE" in status or "LOCKED" in status:
        unsupported = unsupported or "pvmove"
    return Logical(_name(name), "VISIBLE" in status, extents, tuple(segments), unsupported, frozenset(named))


def _segment(section: Section, name: str, first: int, count: int, physical: dict[str, Physical]) -> Segment | None:
    """Extents side by side; None when they lie on other logical volumes."""
    stripes = section.get("stripes")
    width = _number(section, "stripe_count", 1, 1 << 10) if "stripe_count" in section else 1
    if not isinstance(stripes, tuple) or len(stripes) != 2 * width or count % width:
        raise ParseError(f"LVM metadata: {count} extents of {name} do not lie on {width} stripes")
    size = _number(section, "stripe_size", 1, _MAX_SECTORS) if width > 1 else 1
    if size & size - 1:
        raise ParseError(f"LVM metadata: stripes of {name} have {size} sectors")
    areas: list[tuple[str, int]] = []
    for key, extent in zip(stripes[::2], stripes[1::2], strict=True):
        if not isinstance(key, str) or not isinstance(extent, int):
            raise ParseError(f"LVM metadata: stripes of {name} are no pairs of volume and extent")
        if key not in physical:
            return None
        if not 0 <= extent <= physical[key].count - count // width:
            raise ParseError(f"LVM metadata: {name} does not lie on the extents of {key}")
        areas.append((key, extent))
    return Segment(first, count, size * SECTOR, tuple(areas))


def _inside_others(described: dict[str, Section]) -> dict[str, str]:
    """Volumes whose own extents are not their content, and what they are a part of: of a snapshot or a merge."""
    found: dict[str, str] = {}
    for section in described.values():
        for one in section.values():
            if not isinstance(one, dict) or one.get("type") != "snapshot":
                continue
            origin, store, merging = (one.get(key) for key in ("origin", "cow_store", "merging_store"))
            if isinstance(store, str):
                found[store] = "snapshot"
            if isinstance(merging, str):
                found[merging] = "snapshot"
                found[str(origin)] = "snapshot merge"
    return found


# ---- values of sections ----------------------------------------------------------------------------------------------


def _kind(section: Section, name: str) -> str:
    kind = section.get("type")
    if not isinstance(kind, str) or not re.match(r"[a-z0-9_-]{1,32}(\+|\Z)", kind):
        raise ParseError(f"LVM metadata: a segment of {name} has no type")
    return kind.partition("+")[0]


def _texts(value: Value) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, tuple) else []


def _words(section: Section, *keys: str) -> set[str]:
    return {word for key in keys for word in _texts(section.get(key, ()))}


def _number(section: Section, key: str, least: int, most: int) -> int:
    value = section.get(key)
    if not isinstance(value, int) or not least <= value <= most:
        raise ParseError(f"LVM metadata: {key} is {str(value)[:40]!r}")
    return value


def _name(text: str) -> str:
    if not _NAME.match(text) or text in (".", ".."):
        raise ParseError(f"LVM metadata: {text[:80]!r} is no name of a volume")
    return text


def _identity(section: Section, owner: str) -> str:
    value = section.get("id")
    text = value.replace("-", "") if isinstance(value, str) else ""
    if not re.match(r"[A-Za-z0-9!#]{32}\Z", text):
        raise ParseError(f"LVM metadata: {owner[:80]!r} has no id")
    return text


def _section(section: Section, key: str, owner: str) -> Section:
    value = section.get(key)
    if not isinstance(value, dict):
        raise ParseError(f"LVM metadata: {owner[:80]!r} has no {key}")
    return value


def _sections(section: Section, key: str, *, required: bool) -> dict[str, Section]:
    if key not in section and not required:
        return {}
    inner = _section(section, key, "the volume group")
    found: dict[str, Section] = {}
    for name, value in inner.items():
        if not isinstance(value, dict):
            raise ParseError(f"LVM metadata: {name[:80]!r} of {key} is no section")
        found[name] = value
    return found
