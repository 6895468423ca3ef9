"""qcow2 disk images, versions 2 and 3. Source: QEMU `docs/interop/qcow2.txt`.

Read are: clusters of 512 bytes to 2 MiB, zero and unallocated clusters, compressed clusters (deflate, zstd), extended
L2 entries. Not read, and said: backing files (their content is not in this file), external data files, encryption.
Internal snapshots are passed over: the disk is what the next boot would see.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.model.records import dataclass
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice
from scanner.target.containers._clusters import MAX_CHECKED, ClusteredDevice, Remembered, numbers
from scanner.target.containers.base import Container

__all__ = ["CONTAINERS", "Qcow2"]

_MAGIC = b"QFI\xfb"
_OFFSET = 0x00FFFFFFFFFFFE00
_DIRTY, _CORRUPT, _DATA_FILE, _COMPRESSION, _EXTENDED = 1, 2, 4, 8, 16
_KNOWN = _DIRTY | _CORRUPT | _DATA_FILE | _COMPRESSION | _EXTENDED
_CIPHERS = {1: "AES", 2: "LUKS"}
_DEFLATE, _ZSTD = 0, 1
_DATA_FILE_NAME = 0x44415441
_MAX_NAME = 1023
_MAX_EXTENSIONS = 64
_KEPT = 16 * 1024 * 1024
"""Bytes of tables, and of unpacked clusters, that are remembered."""


@dataclass(frozen=True, slots=True)
class _Header:
    version: int
    backing: int
    backing_length: int
    bits: int
    size: int
    cipher: int
    l1_entries: int
    l1_offset: int
    snapshots: int
    features: int
    length: int
    compression: int


def _parse(raw: bytes, name: str) -> _Header:
    """The header in `raw`. Raises DamagedError, NotCollectedError for another version."""
    if len(raw) < 72:
        raise DamagedError(f"{name}: the qcow2 header is cut off")
    version, backing, length, bits, size, cipher, l1_entries, l1_offset = struct.unpack_from(">IQIIQIIQ", raw, 4)
    (snapshots,) = struct.unpack_from(">I", raw, 60)
    if version not in (2, 3):
        raise NotCollectedError(f"unsupported: qcow2 version {version}")
    features, header, compression = 0, 72, _DEFLATE
    if version == 3:
        if len(raw) < 112:
            raise DamagedError(f"{name}: the qcow2 header is cut off")
        (features,), (header,) = struct.unpack_from(">Q", raw, 72), struct.unpack_from(">I", raw, 100)
        compression = raw[104] if features & _COMPRESSION and header > 104 else _DEFLATE
    return _Header(
        version, backing, length, bits, size, cipher, l1_entries, l1_offset, snapshots, features, header, compression
    )


class Qcow2(ClusteredDevice):
    """The disk inside a qcow2 file."""

    def __init__(self, file: BlockDevice) -> None:
        super().__init__(file)
        own = _parse(self.file.pread(0, 112), self.name)
        _refuse(own, self.file)
        if not 9 <= own.bits <= 21:
            raise DamagedError(f"{self.name}: qcow2 clusters of 2^{own.bits} bytes")
        self.size = own.size
        self.cluster = 1 << own.bits
        self._bits = own.bits
        self._zstd = own.compression == _ZSTD
        self._entry = 16 if own.features & _EXTENDED else 8
        self._l1 = numbers(self.table(own.l1_offset, own.l1_entries * 8, "qcow2 L1 table"), "Q", "big")
        self._l2_bits = own.bits - (4 if self._entry == 16 else 3)
        if self.size > own.l1_entries << (self._l2_bits + own.bits):
            raise DamagedError(f"{self.name}: a qcow2 disk of {self.size} bytes needs a longer L1 table")
        self._tables = Remembered(_KEPT // self.cluster)
        self._unpacked = Remembered(_KEPT // self.cluster)
        self.count_lost(self._stored())
        if own.features & _DIRTY:
            self.notes.append("the qcow2 was not closed after the last writing")
        if own.features & _CORRUPT:
            self.damaged = True
            self.notes.append("the qcow2 is marked as corrupt")
        if own.snapshots:
            self.notes.append(f"{own.snapshots} internal snapshots of the qcow2 are not looked at")

    def _stored(self) -> Iterator[int]:
        """Where first sectors of clusters end in the file, of tables that are not too many; a lost table is one."""
        for place in self._l1[: MAX_CHECKED // self.cluster]:
            at = place & _OFFSET
            raw = self.file.pread(at, self.cluster) if at else b""
            if at and len(raw) < self.cluster:
                yield at + self.cluster
                continue
            for entry in numbers(raw, "Q", "big")[:: self._entry // 8]:
                if entry >> 62 & 1:
                    yield (entry & ((1 << 62 - (self._bits - 8)) - 1)) + 1
                elif entry & _OFFSET and not entry & 1:
                    yield (entry & _OFFSET) + 512

    def piece(self, number: int, inside: int, length: int) -> bytes:
        """See ClusteredDevice."""
        l1, l2 = number >> self._l2_bits, number & ((1 << self._l2_bits) - 1)
        table_at = self._l1[l1] & _OFFSET
        if not table_at:
            return bytes(length)
        table = self._tables.get(table_at, self._table)
        (entry,) = struct.unpack_from(">Q", table, l2 * self._entry)
        if entry >> 62 & 1:
            return self._unpacked.get(entry, self._decompressed)[inside : inside + length]
        at = entry & _OFFSET
        if self._entry == 16:
            return self._by_subcluster(at, struct.unpack_from(">Q", table, l2 * 16 + 8)[0], inside, length)
        if not at or entry & 1:
            return bytes(length)
        return self.file.exact(at + inside, length)

    def _by_subcluster(self, at: int, bitmap: int, inside: int, length: int) -> bytes:
        """Extended L2 entries: 32 subclusters, the low half of the bitmap says allocated, the high half zero."""
        size = self.cluster // 32
        parts = []
        while length > 0:
            number, start = divmod(inside, size)
            step = min(length, size - start)
            allocated = at and bitmap >> number & 1 and not bitmap >> (32 + number) & 1
            parts.append(self.file.exact(at + inside, step) if allocated else bytes(step))
            inside, length = inside + step, length - step
        return b"".join(parts)

    def _table(self, at: int) -> bytes:
        return self.file.exact(at, self.cluster)

    def _decompressed(self, entry: int) -> bytes:
        shift = 62 - (self._bits - 8)
        at = entry & ((1 << shift) - 1)
        sectors = (entry >> shift & ((1 << (self._bits - 8)) - 1)) + 1
        packed = self.file.pread(at, min(sectors * 512 - (at & 511), 2 * self.cluster))
        data = _inflate(packed, self.cluster, self._zstd)
        if data is None or len(data) != self.cluster:
            raise DamagedError(f"{self.name}: a compressed qcow2 cluster at offset {at} does not unpack")
        return data


def _refuse(own: _Header, file: CachedDevice) -> None:
    """Raise NotCollectedError for a disk that this file alone does not hold, or that nobody here can read."""
    if own.backing:
        name = _shown(file.pread(own.backing, min(own.backing_length, _MAX_NAME)))
        raise NotCollectedError(f"unsupported: qcow2 with a backing file: the rest of the disk is in {name}")
    if own.features & _DATA_FILE:
        name = _shown(_data_file(own, file))
        raise NotCollectedError(f"unsupported: qcow2 with an external data file: the disk is in {name}")
    if own.cipher:
        cipher = _CIPHERS.get(own.cipher, f"method {own.cipher}")
        raise NotCollectedError(f"unsupported: qcow2 that is encrypted itself ({cipher})")
    if own.features & ~_KNOWN:
        raise NotCollectedError(f"unsupported: qcow2 features {own.features & ~_KNOWN:#x}")
    if own.compression not in (_DEFLATE, _ZSTD):
        raise NotCollectedError(f"unsupported: qcow2 compression {own.compression}")


def _shown(name: bytes) -> str:
    return name[:200].decode("utf-8", "replace") or "another file"


def _data_file(own: _Header, file: CachedDevice) -> bytes:
    """Name of the external data file, empty when the header does not say it."""
    at = own.length
    for _ in range(_MAX_EXTENSIONS):
        kind, length = struct.unpack(">II", file.pread(at, 8).ljust(8, b"\0"))
        if not kind:
            break
        if kind == _DATA_FILE_NAME:
            return file.pread(at + 8, min(length, _MAX_NAME))
        at += 8 + -(-length // 8) * 8
    return b""


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
