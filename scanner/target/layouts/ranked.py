"""Several partitions that could be the system: which of them a boot entry starts, and which is the newest.

Sources: kernel Documentation/admin-guide/kernel-parameters.rst (root=), systemd-veritysetup-generator(8) (roothash=,
usrhash=: their first half is the UUID of the data partition), systemd-sysupdate(8) (versions in partition labels,
`_empty`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cmp_to_key

from scanner.model.records import dataclass
from scanner.parsers import uapi_version
from scanner.target.contents import Part
from scanner.target.device_names import part_named
from scanner.target.loader import Choice, argument

__all__ = ["Ranked", "is_empty_slot", "ranked", "readable"]

_EMPTY = "_empty"
_HALF = 32


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its role, why it has it, and the entry that starts it."""

    part: Part
    role: str
    why: str
    choice: Choice | None = None


def readable(part: Part) -> Part:
    """The file system on a partition, or inside its encryption or volume; the partition itself when none was read."""
    return next((one for one in part.walk() if one.tree is not None), part)


def is_empty_slot(part: Part) -> bool:
    """Whether its label says that an update may write to it: what lies there is no system."""
    return (part.partition_label or "").lower() == _EMPTY


def ranked(
    candidates: Sequence[Part], found: Sequence[Choice], parts: Sequence[Part], usage: str, *, by_label: bool
) -> list[Ranked]:
    """The candidates, the one that boots first. `usage`: root or usr, for the kernel argument that names it.

    `by_label`: where no entry names one, the newest label is what boots, as systemd chooses; else the first stays it.
    """
    named: dict[int, Choice] = {}
    for choice in found:
        part = _named_by(choice.options or "", usage, candidates, parts)
        if part is not None:
            named.setdefault(id(part), choice)
    order = [id(part) for part in _newest(candidates)] if by_label else [id(part) for part in candidates]
    starts = list(named)
    rest = sorted(candidates, key=lambda part: (is_empty_slot(part), order.index(id(part))))
    rest.sort(key=lambda part: starts.index(id(part)) if id(part) in named else len(starts))
    return [_ranked(number, part, named, found, by_label=by_label) for number, part in enumerate(rest)]


def _ranked(number: int, part: Part, named: Mapping[int, Choice], found: Sequence[Choice], *, by_label: bool) -> Ranked:
    choice = named.get(id(part))
    if choice is not None:
        first = number == 0 and choice is found[0]
        order = "the first boot entry" if first else "a boot entry" if number == 0 else "a later boot entry"
        return Ranked(part, "active" if number == 0 else "rollback", f"{order} names it ({choice.where})", choice)
    if is_empty_slot(part):
        return Ranked(part, "other", "its label says that the slot is empty")
    if number == 0:
        label = part.partition_label or part.name
        taken = f"the newest by its label {label!r} is taken" if by_label else "the first one is taken"
        return Ranked(part, "active", f"{_silence(found)}; {taken}")
    return Ranked(part, "rollback" if by_label else "other", "no boot entry names it" if named else _silence(found))


def _silence(found: Sequence[Choice]) -> str:
    if not found:
        return "no boot entry was found"
    if any(choice.options is None for choice in found):
        return "no boot entry that can be read names any"
    return "no boot entry names any"


def _newest(candidates: Sequence[Part]) -> list[Part]:
    def by_age(a: Part, b: Part) -> int:
        return -uapi_version.compare(a.partition_label or "", b.partition_label or "")

    return sorted(candidates, key=cmp_to_key(by_age))


def _named_by(options: str, usage: str, candidates: Sequence[Part], parts: Sequence[Part]) -> Part | None:
    digest = (argument(options, f"{usage}hash") or "").lower()
    spec = argument(options, "root" if usage == "root" else "mount.usr")
    meant = part_named(spec, parts) if spec else None
    for part in candidates:
        uuid = (part.partition_uuid or "").replace("-", "").lower()
        if len(digest) >= _HALF and uuid == digest[:_HALF]:
            return part
        if meant is not None and any(one is meant for one in part.walk()):
            return part
    return None
