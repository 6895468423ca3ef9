"""The bytes of one logical volume, gathered from the physical volumes that its extents lie on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.model.records import dataclass
from scanner.parsers.lvm_group import Group, Logical
from scanner.target.base import BlockDevice

__all__ = ["LogicalDevice", "UnreadableDevice"]


class UnreadableDevice(BlockDevice):
    """A device that is known to be there and cannot be read; every read says why."""

    def __init__(self, name: str, size: int, reason: str, mapped: str) -> None:
        self.name = name
        self.size = size
        self.mapped = mapped
        self._reason = reason

    def pread(self, offset: int, length: int) -> bytes:
        """Raises NotCollectedError, always."""
        raise NotCollectedError(self._reason)


@dataclass(frozen=True, slots=True)
class _Run:
    """Bytes of the volume from `start`, dealt to `areas` (device, offset) in pieces of `stripe` bytes."""

    start: int
    stripe: int
    areas: tuple[tuple[BlockDevice, int], ...]


class LogicalDevice(BlockDevice):
    """The volume `volume` of `group` over `devices`, by their keys in the group."""

    mapped = "lvm"

    def __init__(self, name: str, group: Group, volume: Logical, devices: Mapping[str, BlockDevice]) -> None:
        self.name = name
        self.size = volume.extents * group.extent
        self._runs: Sequence[_Run] = [
            _Run(
                one.first * group.extent,
                one.stripe if len(one.areas) > 1 else one.count * group.extent,
                tuple((devices[key], group.physical[key].start + first * group.extent) for key, first in one.areas),
            )
            for one in volume.segments
        ]
        self._starts = [run.start for run in self._runs]

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice. A physical volume that ends before its extents is damaged."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            part = self._piece(offset, end - offset)
            parts.append(part)
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _piece(self, offset: int, length: int) -> bytes:
        """The bytes at `offset` that lie in one run on one device."""
        index = bisect_right(self._starts, offset) - 1
        run = self._runs[index]
        if index + 1 < len(self._runs):
            length = min(length, self._starts[index + 1] - offset)
        number, inside = divmod(offset - run.start, run.stripe)
        row, column = divmod(number, len(run.areas))
        device, place = run.areas[column]
        place += row * run.stripe + inside
        data = device.pread(place, min(length, run.stripe - inside))
        if not data:
            raise DamagedError(f"{self.name}: its bytes at {offset} lie behind the end of {device.name}")
        return data
