"""btrfs: contents of files: extents inline, regular, preallocated and missing; compression; data checksums.

Sources: btrfs-progs Documentation/dev/On-disk-format.rst (EXTENT_DATA, CSUM_ITEM), include/uapi/linux/btrfs_tree.h
(struct btrfs_file_extent_item), fs/btrfs/tree-checker.c (check_extent_data_item), fs/btrfs/compression.h (an extent is
at most 128 KiB unpacked), fs/btrfs/lzo.c (framing of LZO segments), fs/btrfs/file-item.c (checksum look-up).
"""

from __future__ import annotations

import struct
from collections import OrderedDict

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.filesystems._btrfs_items import EXTENT_DATA
from scanner.target.filesystems._btrfs_node import Key, Tree, Volume
from scanner.target.filesystems._codecs import lzo_block, zlib_stream, zstd

__all__ = ["FileData"]

_HEAD = struct.Struct("<QQBBHB")
_PLACES = struct.Struct("<QQQQ")
_INLINE, _REGULAR, _PREALLOCATED = 0, 1, 2
_UNPACKED = 128 << 10
_KEPT = 32
_CSUM_OBJECT, _CSUM_ITEM = 0xFFFF_FFFF_FFFF_FFF6, 128
_ZLIB, _LZO, _ZSTD = 1, 2, 3


class FileData:
    """Bytes of files of one volume, checked against the checksum tree."""

    def __init__(self, volume: Volume, checksums: Tree | None) -> None:
        self._volume = volume
        self._sums = checksums if volume.checksum is not None else None
        self._unpacked: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()

    def read(self, tree: Tree, number: int, offset: int, length: int, *, checked: bool) -> bytes:
        """Exactly `length` bytes at `offset` of inode `number`; what no extent holds is zero."""
        end = offset + length
        low: Key = (number, EXTENT_DATA, offset)
        first = tree.before(low)
        if first is not None and first[0][:2] == low[:2]:
            low = first[0]
        parts: list[bytes] = []
        have = offset
        previous = 0
        for key, raw in tree.span(low, (number, EXTENT_DATA, end - 1)):
            start = key[2]
            if start < previous:
                raise DamagedError(f"extents of inode {number} overlap at {start}")
            size, extent = self._extent(raw, key)
            previous = start + size
            want = max(have, start)
            stop = min(end, start + size)
            if stop <= want:
                continue
            if want > have:
                parts.append(bytes(want - have))
            parts.append(self._piece(extent, raw, want - start, stop - want, checked))
            have = stop
        if have < end:
            parts.append(bytes(end - have))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _extent(self, raw: bytes, key: Key) -> tuple[int, tuple[int, int, int, int, int, int]]:
        """Length in the file, and (type, compression, unpacked size, disk address, disk size, offset)."""
        where = f"extent at {key[2]} of inode {key[0]}"
        if len(raw) < _HEAD.size:
            raise DamagedError(f"{where} is too short")
        _, unpacked, compression, encryption, other, kind = _HEAD.unpack_from(raw)
        if encryption or other:
            raise NotCollectedError(f"unsupported: btrfs encryption ({where})")
        if compression > _ZSTD:
            raise NotCollectedError(f"unsupported: btrfs compression type {compression} ({where})")
        if compression and unpacked > _UNPACKED:
            raise DamagedError(f"{where} would unpack to {unpacked} bytes")
        if kind == _INLINE:
            if key[2] or unpacked > _UNPACKED:
                raise DamagedError(f"{where} is inline and has {unpacked} bytes")
            return unpacked, (kind, compression, unpacked, 0, 0, 0)
        if kind not in (_REGULAR, _PREALLOCATED) or len(raw) < _HEAD.size + _PLACES.size:
            raise DamagedError(f"{where} has type {kind} and {len(raw)} bytes")
        address, disk, within, size = _PLACES.unpack_from(raw, _HEAD.size)
        sector = self._volume.sb.sector
        if (address | disk | within | size | key[2]) % sector or not size or key[2] + size >= 1 << 64:
            raise DamagedError(f"{where} is not aligned to sectors or empty")
        if address and (within + size > unpacked or (not compression and within + size > disk)):
            raise DamagedError(f"{where} lies outside of its data")
        if compression and address and not 0 < disk <= _UNPACKED:
            raise DamagedError(f"{where} has {disk} compressed bytes")
        return size, (kind, compression, unpacked, address, disk, within)

    def _piece(
        self, extent: tuple[int, int, int, int, int, int], raw: bytes, offset: int, length: int, checked: bool
    ) -> bytes:
        kind, compression, unpacked, address, disk, within = extent
        if kind == _INLINE:
            data = raw[_HEAD.size :]
            if compression:
                data = self._unpack(compression, data, unpacked, inline=True)
            return data[offset : offset + length].ljust(length, b"\0")
        if kind == _PREALLOCATED or not address:
            return bytes(length)
        if not compression:
            start = within + offset
            skip = start % self._volume.sb.sector
            return self._disk(address + start - skip, skip + length, checked)[skip : skip + length]
        name = (address, disk, unpacked)
        data = self._unpacked.get(name, b"")
        if not data:
            data = self._unpack(compression, self._disk(address, disk, checked), unpacked)
            self._unpacked[name] = data
            if len(self._unpacked) > _KEPT:
                self._unpacked.popitem(last=False)
        return data[within + offset : within + offset + length].ljust(length, b"\0")

    def _disk(self, logical: int, length: int, checked: bool) -> bytes:
        """At least `length` bytes of sectors from `logical`, each as its checksum says, from any copy."""
        volume = self._volume
        sector = volume.sb.sector
        data = volume.read(logical, -(-length // sector) * sector)
        if not checked or volume.checksum is None:
            return data
        size = volume.sb.checksum_size
        count = len(data) // sector
        sums = self._checksums(logical, count)
        parts: dict[int, bytes] = {}
        for index in range(count):
            wanted = sums[index * size : index * size + size]
            if volume.checksum(data[index * sector : index * sector + sector]) != wanted:
                parts[index] = self._other_copy(logical + index * sector, wanted)
        if parts:
            fixed = bytearray(data)
            for index, part in parts.items():
                fixed[index * sector : index * sector + sector] = part
            data = bytes(fixed)
        return data

    def _other_copy(self, logical: int, wanted: bytes) -> bytes:
        volume = self._volume
        places = volume.copies(logical)
        assert volume.checksum is not None
        for copy in range(1, len(places)):
            data = volume.read(logical, volume.sb.sector, copy)
            if volume.checksum(data) == wanted:
                volume.note(f"data read by its other copy: checksum mismatch at device offset {places[0]}")
                return data
        raise DamagedError(f"data checksum mismatch at device offset {places[0]} (logical {logical})")

    def _checksums(self, logical: int, count: int) -> bytes:
        """The stored checksums of `count` sectors from `logical`."""
        sector, size = self._volume.sb.sector, self._volume.sb.checksum_size
        end = logical + count * sector
        low: Key = (_CSUM_OBJECT, _CSUM_ITEM, logical)
        parts: list[bytes] = []
        if self._sums is not None:
            first = self._sums.before(low)
            if first is not None and first[0][:2] == low[:2]:
                low = first[0]
            for key, raw in self._sums.span(low, (_CSUM_OBJECT, _CSUM_ITEM, end - 1)):
                skip = (logical - key[2]) // sector
                if skip < 0 or (logical - key[2]) % sector:
                    break
                part = raw[skip * size : (skip + count) * size]
                parts.append(part)
                got = len(part) // size
                logical += got * sector
                count -= got
                if count <= 0:
                    return b"".join(parts)
        raise DamagedError(f"data at logical {logical} has no checksum")

    def _unpack(self, compression: int, data: bytes, size: int, *, inline: bool = False) -> bytes:
        """The content of a compressed extent, at most `size` bytes."""
        if not size:
            return b""
        if compression == _ZLIB:
            return zlib_stream(data, size)
        if compression == _LZO:
            return _unlzo(data, size, self._volume.sb.sector, inline=inline)
        return zstd(data, size)


def _unlzo(data: bytes, size: int, sector: int, *, inline: bool) -> bytes:
    """LZO segments: total length, then for each sector of content a length and a stream; a length never crosses a
    sector of the compressed data.
    """
    total = int.from_bytes(data[:4], "little")
    if not 8 <= total <= len(data):
        raise DamagedError(f"compressed extent: {total} bytes of LZO in {len(data)}")
    parts: list[bytes] = []
    have = 0
    place = 4
    while place < total and have < size:
        length = int.from_bytes(data[place : place + 4], "little")
        place += 4
        if not length or place + length > total:
            raise DamagedError(f"compressed extent: LZO segment of {length} bytes at {place}")
        part = lzo_block(data[place : place + length], size if inline else sector)
        parts.append(part)
        have += len(part)
        place += length
        left = sector - place % sector
        if left < 4:
            place += left
    return b"".join(parts)[:size]
