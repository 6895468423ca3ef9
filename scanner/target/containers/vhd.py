"""VHD disk images: fixed ones (a raw disk and a footer) and dynamic ones. Differencing ones are refused.

Source: Microsoft, "Virtual Hard Disk Image Format Specification" 1.0. A footer starts a dynamic image, too, and tells
it; the start of a fixed image is the disk itself, so only its end tells.
"""

from __future__ import annotations

import struct

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.base import BlockDevice
from scanner.target.containers._clusters import ClusteredDevice, Remembered, numbers
from scanner.target.containers.base import TAIL, Container
from scanner.target.devices import SliceDevice

__all__ = ["CONTAINERS", "DynamicVhd"]

_FOOTER, _HEADER = b"conectix", b"cxsparse"
_SECTOR = 512
_HEADER_SIZE = 1024
_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_UNUSED = 0xFFFFFFFF
_BITMAPS = 256


def _sum_is_right(raw: bytes, place: int) -> bool:
    """Whether the checksum at `place`, the inverted sum of all other bytes, is right."""
    total = sum(raw) - sum(raw[place : place + 4])
    return ~total & 0xFFFFFFFF == int.from_bytes(raw[place : place + 4], "big")


def _is_footer(raw: bytes) -> bool:
    return raw[:8] == _FOOTER and _sum_is_right(raw, 64)


def _is_dynamic(head: bytes) -> bool:
    """A footer at the start; or its place is blank, and the header that usually follows is there."""
    return head.startswith(_FOOTER) or (head[_SECTOR : _SECTOR + 8] == _HEADER and not any(head[:_SECTOR]))


def _is_fixed(tail: bytes) -> bool:
    return len(tail) == TAIL and _is_footer(tail) and int.from_bytes(tail[60:64], "big") == _FIXED


class DynamicVhd(ClusteredDevice):
    """The disk inside a dynamic VHD: blocks, each with a bitmap of the sectors that were written."""

    def __init__(self, file: BlockDevice) -> None:
        super().__init__(file)
        footer = self._footer()
        place, kind = int.from_bytes(footer[16:24], "big"), int.from_bytes(footer[60:64], "big")
        if kind == _DIFFERENCING:
            raise NotCollectedError(f"unsupported: VHD that is a difference to another disk{self._parent(place)}")
        if kind != _DYNAMIC:
            raise DamagedError(f"{self.name}: a VHD of type {kind} with the footer at its start")
        header = self.table(place, _HEADER_SIZE, "VHD header")
        if header[:8] != _HEADER or not _sum_is_right(header, 36):
            raise DamagedError(f"{self.name}: the VHD header at offset {place} does not match its checksum")
        (self.size,) = struct.unpack_from(">Q", footer, 48)
        table, _, entries, self.cluster = struct.unpack_from(">QIII", header, 16)
        if not 4096 <= self.cluster <= 1 << 28 or self.cluster & self.cluster - 1:
            raise DamagedError(f"{self.name}: VHD blocks of {self.cluster} bytes")
        count = -(-self.size // self.cluster)
        if count > entries:
            raise DamagedError(f"{self.name}: a VHD disk of {self.size} bytes in {entries} blocks")
        self._blocks = numbers(self.table(table, 4 * count, "VHD block table"), "I", "big")
        self._bitmap_size = -(-self.cluster // (8 * _SECTOR * _SECTOR)) * _SECTOR
        self._bitmaps = Remembered(_BITMAPS)
        needed = self._bitmap_size + self.cluster
        self.count_lost(one * _SECTOR + needed for one in self._blocks if one != _UNUSED)

    def _footer(self) -> bytes:
        """The copy at the start, or where that is damaged the footer itself."""
        copy = self.file.pread(0, _SECTOR)
        last = self.file.pread(max(0, self.file.size - _SECTOR), _SECTOR)
        if len(copy) == _SECTOR and _is_footer(copy):
            if not _is_footer(last):
                self.damaged = True
                self.notes.append("the footer at the end of the VHD is missing: the file may be cut off")
            return copy
        if not _is_footer(last):
            raise DamagedError(f"{self.name}: neither footer of the VHD matches its checksum")
        self.notes.append("the start of the VHD is damaged, the footer at its end is used")
        return last

    def _parent(self, place: int) -> str:
        """Name of the disk that this one is a difference to, for a sentence."""
        name = self.file.pread(place + 64, 512).decode("utf-16-be", "replace").split("\0", 1)[0]
        return f" ({name[:120]})" if name else ""

    def piece(self, number: int, inside: int, length: int) -> bytes:
        """See ClusteredDevice."""
        sector = self._blocks[number]
        if sector == _UNUSED:
            return bytes(length)
        place = sector * _SECTOR
        data = self.file.exact(place + self._bitmap_size + inside, length)
        written = self._bitmaps.get(place, lambda at: self.file.exact(at, self._bitmap_size))
        first, last = inside // _SECTOR, (inside + length - 1) // _SECTOR
        if written.count(255, first // 8, last // 8 + 1) != last // 8 + 1 - first // 8:
            self._check_blank(data, written, inside, place)
        return data

    def _check_blank(self, data: bytes, written: bytes, inside: int, place: int) -> None:
        """Sectors that were never written hold zeros. Where they do not, some readers would show them, others not."""
        for sector in range(inside // _SECTOR, (inside + len(data) - 1) // _SECTOR + 1):
            start = max(0, sector * _SECTOR - inside)
            if not written[sector // 8] >> (7 - sector % 8) & 1 and any(data[start : (sector + 1) * _SECTOR - inside]):
                raise DamagedError(f"{self.name}: a sector of the VHD block at offset {place} is not marked as written")


def _open_fixed(device: BlockDevice) -> tuple[BlockDevice]:
    footer = device.pread(device.size - TAIL, TAIL)
    size = int.from_bytes(footer[48:56], "big")
    room = device.size - TAIL
    if size > room:
        inside = SliceDevice(device, 0, room, device.name)
        inside.notes = [f"the VHD holds {room} bytes of a disk of {size}"]
        inside.damaged = True
        return (inside,)
    return (SliceDevice(device, 0, size, device.name),)


CONTAINERS = (
    Container("vhd", _is_dynamic, lambda device: (DynamicVhd(device),)),
    Container("vhd", lambda head: False, _open_fixed, _is_fixed),
)
