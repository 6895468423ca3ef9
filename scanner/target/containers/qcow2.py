"""qcow2 disk images, versions 2 and 3. Source: QEMU `docs/interop/qcow2.txt`.

Read are: clusters of 512 bytes to 2 MiB, zero and unallocated clusters, compressed clusters (deflate, zstd), extended
L2 entries. Not read, and said: backing files (their content is not in this file), external data files, encryption.
"""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice
from scanner.target.containers.base import Container

__all__ = ["CONTAINERS"]

_MAGIC = b"QFI\xfb"
_OFFSET = 0x00FFFFFFFFFFFE00
_DIRTY, _CORRUPT, _DATA_FILE, _COMPRESSION, _EXTENDED = 1, 2, 4, 8, 16
_MAX_L1 = 32 * 1024 * 1024
_KEPT = 32


class Qcow2(BlockDevice):
    """The disk inside a qcow2 file."""

    def __init__(self, device: BlockDevice) -> None:
        self.name = device.name
        self._device = CachedDevice.over(device)
        head = self._device.pread(0, 112)
        if len(head) < 72:
            raise DamagedError(f"{self.name}: the qcow2 header is cut off")
        version, backing, _, bits, self.size, encrypted = struct.unpack_from(">IQIIQI", head, 4)
        l1_entries, l1_offset = struct.unpack_from(">IQ", head, 36)
        features = struct.unpack_from(">Q", head, 72)[0] if version >= 3 and len(head) >= 104 else 0
        self._zstd = version >= 3 and bool(features & _COMPRESSION) and len(head) > 104 and head[104] == 1
        if version not in (2, 3):
            raise NotCollectedError(f"unsupported: qcow2 version {version}")
        if backing:
            raise NotCollectedError("unsupported: qcow2 with a backing file: the rest of the disk is in another file")
        if encrypted or features & _DATA_FILE:
            raise NotCollectedError("unsupported: qcow2 with encryption or an external data file")
        if features & ~(_DIRTY | _CORRUPT | _COMPRESSION | _EXTENDED):
            raise NotCollectedError(f"unsupported: qcow2 features {features:#x}")
        if not 9 <= bits <= 21:
            raise DamagedError(f"{self.name}: qcow2 clusters of 2^{bits} bytes")
        self._bits = bits
        self._cluster = 1 << bits
        self._entry = 16 if features & _EXTENDED else 8
        if l1_entries * 8 > _MAX_L1 or l1_offset + l1_entries * 8 > device.size:
            raise DamagedError(f"{self.name}: the qcow2 L1 table does not lie in the file (offset {l1_offset})")
        table = self._read_exact(l1_offset, l1_entries * 8)
        self._l1 = struct.unpack(f">{l1_entries}Q", table)
        self._l2_bits = bits - (4 if self._entry == 16 else 3)
        if self.size > (l1_entries << (self._l2_bits + bits)):
            raise DamagedError(f"{self.name}: a qcow2 disk of {self.size} bytes needs a longer L1 table")
        self._tables: OrderedDict[int, bytes] = OrderedDict()
        self._unpacked: OrderedDict[int, bytes] = OrderedDict()

    def _read_exact(self, offset: int, length: int) -> bytes:
        parts = []
        while length > 0:
            data = self._device.pread(offset, min(length, 1 << 20))
            if not data:
                raise DamagedError(f"{self.name}: the file ends before offset {offset + length}")
            parts.append(data)
            offset, length = offset + len(data), length - len(data)
        return b"".join(parts)

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        length = min(length, self.size - offset)
        parts = []
        while length > 0:
            inside = offset & (self._cluster - 1)
            step = min(length, self._cluster - inside)
            parts.append(self._from_cluster(offset >> self._bits, inside, step))
            offset, length = offset + step, length - step
        return b"".join(parts)

    def _from_cluster(self, cluster: int, inside: int, length: int) -> bytes:
        l1, l2 = cluster >> self._l2_bits, cluster & ((1 << self._l2_bits) - 1)
        table_at = self._l1[l1] & _OFFSET if l1 < len(self._l1) else 0
        if not table_at:
            return bytes(length)
        table = self._table(table_at)
        (entry,) = struct.unpack_from(">Q", table, l2 * self._entry)
        if entry >> 62 & 1:
            return self._decompressed(entry)[inside : inside + length]
        at = entry & _OFFSET
        if self._entry == 16:
            return self._by_subcluster(at, struct.unpack_from(">Q", table, l2 * 16 + 8)[0], inside, length)
        if not at or entry & 1:
            return bytes(length)
        return self._read_exact(at + inside, length)

    def _by_subcluster(self, at: int, bitmap: int, inside: int, length: int) -> bytes:
        """Extended L2 entries: 32 subclusters, the low half of the bitmap says allocated, the high half zero."""
        size = self._cluster // 32
        parts = []
        while length > 0:
            number, start = divmod(inside, size)
            step = min(length, size - start)
            allocated = at and bitmap >> number & 1 and not bitmap >> (32 + number) & 1
            parts.append(self._read_exact(at + inside, step) if allocated else bytes(step))
            inside, length = inside + step, length - step
        return b"".join(parts)

    def _table(self, at: int) -> bytes:
        known = self._tables.get(at)
        if known is None:
            known = self._tables[at] = self._read_exact(at, self._cluster)
            if len(self._tables) > _KEPT:
                self._tables.popitem(last=False)
        return known

    def _decompressed(self, entry: int) -> bytes:
        known = self._unpacked.get(entry)
        if known is not None:
            return known
        shift = 62 - (self._bits - 8)
        at = entry & ((1 << shift) - 1)
        sectors = (entry >> shift & ((1 << (self._bits - 8)) - 1)) + 1
        packed = self._device.pread(at, min(sectors * 512 - (at & 511), 2 * self._cluster))
        data = _inflate(packed, self._cluster, self._zstd)
        if data is None or len(data) != self._cluster:
            raise DamagedError(f"{self.name}: a compressed qcow2 cluster at offset {at} does not unpack")
        self._unpacked[entry] = data
        if len(self._unpacked) > _KEPT:
            self._unpacked.popitem(last=False)
        return data


def _inflate(packed: bytes, size: int, zstd: bool) -> bytes | None:
    """`size` unpacked bytes, or None."""
    if not zstd:
        try:
            return zlib.decompressobj(wbits=-12).decompress(packed, size)
        except zlib.error:
            return None
    try:
        import zstandard
    except ImportError:
        raise NotCollectedError("unsupported: zstd (the package zstandard is not installed)") from None
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed) as reader:
            data: bytes = reader.read(size)
            return data
    except zstandard.ZstdError:
        return None


CONTAINERS = (Container("qcow2", lambda head: head.startswith(_MAGIC), lambda device: (Qcow2(device),)),)
