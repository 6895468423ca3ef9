"""VHDX disk images, fixed and dynamic. Source: Microsoft [MS-VHDX] 2.

Refused, and said: differences to a parent disk, and images whose log was not written back (`log GUID`): their tables
may be half old.
"""

from __future__ import annotations

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.base import BlockDevice
from scanner.target.containers._clusters import ClusteredDevice, numbers
from scanner.target.containers._vhdx_tables import BLOCKS, MAGIC, METADATA, regions, sound_header, stated_disk
from scanner.target.containers.base import Container

__all__ = ["CONTAINERS", "Vhdx"]

_LOG = slice(48, 64)
_PLACE = 0xFFFF_FFFF_FFF0_0000
_SECTORS_PER_BITMAP = 1 << 23
_BLANK = (0, 1, 2, 3)
"""States of a block that holds nothing: not present, undefined, zero, unmapped."""
_PRESENT = 6


class Vhdx(ClusteredDevice):
    """The disk inside a VHDX file."""

    def __init__(self, file: BlockDevice) -> None:
        super().__init__(file)
        header, notes = sound_header(self.table)
        self.notes.extend(notes)
        version = int.from_bytes(header[66:68], "little")
        if version != 1:
            raise NotCollectedError(f"unsupported: VHDX version {version}")
        if any(header[_LOG]):
            raise NotCollectedError("unsupported: VHDX with a log to replay: it was not closed after the last writing")
        places, notes = regions(self.table)
        self.notes.extend(notes)
        if BLOCKS not in places or METADATA not in places:
            raise DamagedError(f"{self.name}: the VHDX has no block table or no metadata")
        disk = stated_disk(self.table, *places[METADATA])
        self.size, self.cluster = disk.size, disk.block
        # After as many blocks as one bitmap of a differencing disk covers, the table has an entry for that bitmap.
        self._run = _SECTORS_PER_BITMAP * disk.sector // disk.block
        count = -(-disk.size // disk.block)
        entries = count + max(0, count - 1) // self._run
        offset, length = places[BLOCKS]
        if 8 * entries > length:
            raise DamagedError(f"{self.name}: the block table of the VHDX is too short for {disk.size} bytes")
        self._blocks = numbers(self.table(offset, 8 * entries, "VHDX block table"), "Q", "little")
        self.count_lost((one & _PLACE) + disk.block for one in self._blocks if one & 7 == _PRESENT)

    def piece(self, number: int, inside: int, length: int) -> bytes:
        """See ClusteredDevice."""
        entry = self._blocks[number + number // self._run]
        state = entry & 7
        if state in _BLANK:
            return bytes(length)
        if state != _PRESENT:
            raise DamagedError(f"{self.name}: block {number} of the VHDX has the state {state}")
        return self.file.exact((entry & _PLACE) + inside, length)


CONTAINERS = (Container("vhdx", lambda head: head.startswith(MAGIC), lambda device: (Vhdx(device),)),)
