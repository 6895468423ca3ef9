"""VMware disk images that are one file: hosted sparse extents (monolithicSparse) and streamOptimized ones.

Source: VMware, "Virtual Disk Format 5.0". Not read, and said: descriptors whose disk is in other files (monolithicFlat,
twoGbMaxExtent…, vmfs…), differences to a parent disk, and the sparse extents of ESX (COWD, SESparse).
"""

from __future__ import annotations

import zlib

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.base import BlockDevice
from scanner.target.containers import _vmdk_descriptor as descriptor
from scanner.target.containers._clusters import ClusteredDevice, Remembered
from scanner.target.containers._vmdk_grains import AT_END, MAGIC, SECTOR, Directory, Header, parse, walked
from scanner.target.containers.base import Container

__all__ = ["CONTAINERS", "SparseExtent"]

_MAX_DESCRIPTOR = 1 << 20
_UNPACKED = 4 * 1024 * 1024
_GRAIN_MARKER = 12
_FOOTER = 2 * SECTOR
"""From the footer to the end of the file: itself, and the marker that ends the stream."""

_LONE = "an extent without a descriptor: the disk may go on in other files"

_ESX = {b"COWD": "COWD", b"\xbe\xba\xfe\xca\0\0\0\0": "SESparse"}


class SparseExtent(ClusteredDevice):
    """The disk inside a hosted sparse extent, its grains compressed or not."""

    def __init__(self, file: BlockDevice) -> None:
        super().__init__(file)
        self._header = parse(self.file.pread(0, SECTOR), self.name)
        self._refuse_others()
        self._walked: dict[int, int] = {}
        self._last_walked = -1
        self._directory = self._find_directory()
        self.size = self._header.capacity * SECTOR
        self.cluster = self._header.grain * SECTOR
        self._unpacked = Remembered(_UNPACKED // self.cluster)
        if self._directory is not None:
            self.count_lost((sector + 1) * SECTOR for sector in self._directory.stored())
        if self._header.unclean:
            self.notes.append("the VMDK was not closed after the last writing")

    def _refuse_others(self) -> None:
        """Look at the descriptor inside the extent: the disk may be more than this file."""
        own = self._header
        if not own.descriptor:
            self.notes.append(_LONE)
            return
        place, size = own.descriptor * SECTOR, own.descriptor_size * SECTOR
        if size > _MAX_DESCRIPTOR or place + size > self.file.size:
            raise DamagedError(f"{self.name}: the VMDK descriptor does not lie in the file (offset {place})")
        found = descriptor.parse(self.file.exact(place, size))
        _refuse_difference(found)
        if not found.extents:
            self.notes.append(_LONE)
        if len(found.extents) > 1:
            raise NotCollectedError(f"unsupported: VMDK {found.type} of several files: {found.files()}")

    def _find_directory(self) -> Directory | None:
        own = self._header
        if own.directory == AT_END:
            footer = self._footer()
            if footer is None:
                self._walked = walked(self.file, own)
                self._last_walked = max(self._walked, default=-1)
                self.damaged = True
                end = (self._last_walked + 1) * own.grain * SECTOR
                self.notes.append(
                    f"the VMDK is cut off after {self.file.size} bytes: "
                    f"of {own.capacity * SECTOR} bytes of the disk the first {end} can be read"
                )
                return None
            self._header = own = footer
        directory = Directory(self.file, own, self.table)
        self.notes.extend(directory.notes)
        self.damaged = directory.damaged
        return directory

    def _footer(self) -> Header | None:
        """The header as it stands at the end of a stream, None when the end is not there."""
        raw = self.file.pread(max(0, self.file.size - _FOOTER), SECTOR)
        if raw[:4] != MAGIC:
            return None
        found = parse(raw, f"{self.name}: footer")
        if (found.capacity, found.grain) != (self._header.capacity, self._header.grain):
            raise DamagedError(f"{self.name}: header and footer of the VMDK contradict each other")
        return None if found.directory == AT_END else found

    def piece(self, number: int, inside: int, length: int) -> bytes:
        """See ClusteredDevice."""
        if self._directory is not None:
            sector = self._directory.sector(number)
            if not sector:
                return bytes(length)
        else:
            sector = self._walked.get(number, 0)
            if not sector and number > self._last_walked:
                raise DamagedError(f"{self.name}: what lies at offset {number * self.cluster} was cut off")
            # A stream is written from the start of the disk to its end: what it passed over was zeros.
            if not sector:
                return bytes(length)
        if not self._header.compressed:
            return self.file.exact(sector * SECTOR + inside, length)
        return self._unpacked.get(number, lambda _: self._inflated(number, sector))[inside : inside + length]

    def _inflated(self, number: int, sector: int) -> bytes:
        place = sector * SECTOR
        size = 2 * self.cluster
        if self._header.markers:
            marker = self.file.exact(place, _GRAIN_MARKER)
            first, size = int.from_bytes(marker[:8], "little"), int.from_bytes(marker[8:], "little")
            if first != number * self._header.grain or not 0 < size <= 2 * self.cluster + SECTOR:
                raise DamagedError(f"{self.name}: no marker of grain {number} at offset {place}")
            place += _GRAIN_MARKER
        wanted = min(self.cluster, self.size - number * self.cluster)
        try:
            data = zlib.decompressobj().decompress(self.file.pread(place, size), self.cluster)
        except zlib.error:
            data = b""
        if len(data) < wanted:
            raise DamagedError(f"{self.name}: the compressed grain at offset {place} does not unpack")
        return data


def _refuse_difference(found: descriptor.Descriptor) -> None:
    if found.parent is not None:
        name = f" ({found.parent[:120]})" if found.parent else ""
        raise NotCollectedError(f"unsupported: VMDK that is a difference to another disk{name}")


def _open_descriptor(device: BlockDevice) -> tuple[BlockDevice]:
    found = descriptor.parse(device.pread(0, _MAX_DESCRIPTOR))
    _refuse_difference(found)
    files = found.files()
    if not files:
        raise NotCollectedError(f"unsupported: VMDK {found.type}: a descriptor that names no file")
    one = len(found.extents) == 1
    whole = one and found.extents[0].type in ("FLAT", "SPARSE") and not found.extents[0].offset
    hint = "; scan that file" if whole else "; convert the disk to one file"
    where = "another file" if one else f"{len(found.extents)} other files"
    raise NotCollectedError(f"unsupported: VMDK {found.type}: the disk is in {where}: {files}{hint}")


def _open_esx(device: BlockDevice) -> tuple[BlockDevice]:
    head = device.pread(0, 8)
    name = next(name for magic, name in _ESX.items() if head.startswith(magic))
    raise NotCollectedError(f"unsupported: VMDK extent of ESX ({name})")


CONTAINERS = (
    Container("vmdk", lambda head: head.startswith(MAGIC), lambda device: (SparseExtent(device),)),
    Container("vmdk", lambda head: head.lstrip().startswith(descriptor.MARK), _open_descriptor),
    Container("vmdk", lambda head: head.startswith(tuple(_ESX)), _open_esx),
)
