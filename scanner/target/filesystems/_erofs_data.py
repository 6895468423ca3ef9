"""Content of EROFS files: flat, with an inline tail, in chunks, or compressed.

Source: kernel Documentation/filesystems/erofs.rst, fs/erofs/data.c and decompressor.c; erofs-utils include/erofs_fs.h.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.cached import CachedDevice
from scanner.target.filesystems import _codecs as codecs
from scanner.target.filesystems._erofs_extent import Codec, Extent, Map
from scanner.target.filesystems._erofs_inode import Inode, Layout
from scanner.target.filesystems._erofs_map import open_map
from scanner.target.filesystems._erofs_super import Super

__all__ = ["Content"]

_KEPT_BYTES = 8 * 1024 * 1024
_KEPT_MAPS = 256
_CHUNK_BITS = 0x1F
_CHUNK_INDEXES = 0x20
_CHUNK_48BIT = 0x40

_DECODERS: dict[Codec, Callable[[bytes, int], bytes]] = {
    Codec.LZ4: codecs.lz4_padded,
    Codec.LZMA: codecs.microlzma,
    Codec.DEFLATE: codecs.deflate,
    Codec.ZSTD: codecs.zstd,
}


class Content:
    """Reads files of one file system. Decoded extents and maps are remembered within bounds."""

    def __init__(self, device: CachedDevice, sup: Super, packed: Callable[[], Inode]) -> None:
        self._device = device
        self._sup = sup
        self._packed = packed
        self._decoded: OrderedDict[tuple[int, int, int, int], bytes] = OrderedDict()
        self._decoded_bytes = 0
        self._maps: OrderedDict[int, Map] = OrderedDict()

    def read(self, inode: Inode, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`; the range lies within the size of the file."""
        if not length:
            return b""
        if inode.layout is Layout.CHUNKS:
            return self._chunks(inode, offset, length)
        if inode.layout in (Layout.PLAIN, Layout.INLINE):
            return self._flat(inode, offset, length)
        return self._compressed(inode, offset, length)

    def _flat(self, inode: Inode, offset: int, length: int) -> bytes:
        if inode.layout is Layout.PLAIN:
            return self._at(inode.start, offset, length)
        block = self._sup.block
        boundary = (inode.size - 1) // block * block
        parts: list[bytes] = []
        if offset < boundary:
            parts.append(self._at(inode.start, offset, min(length, boundary - offset)))
            length -= len(parts[0])
            offset = boundary
        if length:
            if inode.tail % block + inode.size - boundary > block:
                raise DamagedError(f"EROFS inode {inode.number}: inline data across blocks at offset {inode.tail}")
            parts.append(inode.source.exact(inode.tail + offset - boundary, length))
        return b"".join(parts)

    def _at(self, start: int | None, offset: int, length: int) -> bytes:
        """Bytes of the primary device, or of a hole."""
        if start is None:
            return bytes(length)
        self._refuse_extra(start + offset, length)
        return self._device.exact(start + offset, length)

    def _refuse_extra(self, place: int, length: int) -> None:
        for number, extra in enumerate(self._sup.extra, 1):
            first = extra.start << self._sup.block_bits
            if first and place + length > first and place < first + (extra.blocks << self._sup.block_bits):
                raise NotCollectedError(f"unsupported: EROFS content on its extra device {number}")

    def _chunks(self, inode: Inode, offset: int, length: int) -> bytes:
        bits = self._sup.block_bits + (inode.chunk & _CHUNK_BITS)
        width = 8 if inode.chunk & _CHUNK_INDEXES else 4
        table = -(-inode.tail // width) * width
        parts: list[bytes] = []
        first = offset >> bits
        records = inode.source.exact(table + width * first, width * ((offset + length - 1 >> bits) - first + 1))
        while length:
            number, start = offset >> bits, offset & (1 << bits) - 1
            part = min(length, (1 << bits) - start)
            at = width * (number - first)
            if width == 4:
                (block,) = struct.unpack_from("<I", records, at)
                device, null = 0, 0xFFFFFFFF
            else:
                high, device, block = struct.unpack_from("<HHI", records, at)
                null = 0xFFFFFFFF
                if inode.chunk & _CHUNK_48BIT:
                    block |= high << 32
                    null = 0xFFFFFFFFFFFF
            if block == null:
                parts.append(bytes(part))
            elif device & self._device_mask:
                raise NotCollectedError(
                    f"unsupported: EROFS content on its extra device {device & self._device_mask}"
                )  # fmt: skip
            else:
                parts.append(self._at(block << self._sup.block_bits, start, part))
            offset += part
            length -= part
        return b"".join(parts)

    @property
    def _device_mask(self) -> int:
        """The bits of a device number that count: as many as the number of extra devices needs."""
        return (1 << len(self._sup.extra).bit_length()) - 1

    def _compressed(self, inode: Inode, offset: int, length: int) -> bytes:
        found = self._maps.get(inode.number)
        if found is None:
            found = self._maps[inode.number] = open_map(inode, self._sup)
            if len(self._maps) > _KEPT_MAPS:
                self._maps.popitem(last=False)
        parts: list[bytes] = []
        for extent in found.extents(offset, offset + length):
            start = max(offset - extent.start, 0)
            end = min(offset + length, extent.end) - extent.start
            parts.append(self._extent(inode, extent, start, end))
        return b"".join(parts)

    def _extent(self, inode: Inode, extent: Extent, start: int, end: int) -> bytes:
        if extent.codec is Codec.HOLE:
            return bytes(end - start)
        if extent.codec is Codec.FRAGMENT:
            packed = self._packed()
            if packed.number == inode.number or extent.place + end > packed.size:
                raise DamagedError(f"EROFS inode {inode.number}: fragment at {extent.place} of the packed inode")
            return self.read(packed, extent.place + start, end - start)
        length = extent.end - extent.start
        where = inode.number if extent.inline else -1
        key = (where, extent.place, extent.length, length * 8 + extent.codec)
        decoded = self._decoded.get(key)
        if decoded is None:
            decoded = self._decode(inode, extent, length)
            self._decoded[key] = decoded
            self._decoded_bytes += length
            while self._decoded_bytes > _KEPT_BYTES and len(self._decoded) > 1:
                self._decoded_bytes -= len(self._decoded.popitem(last=False)[1])
        else:
            self._decoded.move_to_end(key)
        return decoded[start:end]

    def _decode(self, inode: Inode, extent: Extent, length: int) -> bytes:
        if extent.inline:
            raw = inode.source.exact(extent.place, extent.length)
        else:
            self._refuse_extra(extent.place, extent.length)
            raw = self._device.exact(extent.place, extent.length)
        where = f"EROFS inode {inode.number}, file offset {extent.start}, device offset {extent.place}"
        if extent.codec in (Codec.SHIFTED, Codec.INTERLACED):
            if length > len(raw):
                raise DamagedError(f"{where}: {length} bytes in {len(raw)}")
            if extent.codec is Codec.SHIFTED:
                return raw[:length]
            # The data is turned so that each byte stands where it would in its block: the first part lies at the end.
            right = self._sup.block - extent.start % self._sup.block
            if right > len(raw):
                raise DamagedError(f"{where}: {len(raw)} bytes for turned data")
            return (raw[len(raw) - right :] + raw[: len(raw) - right])[:length]
        if not self._sup.algorithms >> extent.codec & 1:
            raise DamagedError(f"{where}: algorithm {extent.codec.name} that the superblock does not name")
        try:
            decoded = _DECODERS[extent.codec](raw if extent.codec is Codec.LZ4 else raw.lstrip(b"\0"), length)
        except DamagedError as error:
            raise DamagedError(f"{where}: {error}") from None
        if len(decoded) != length:
            raise DamagedError(f"{where}: {length} bytes wanted, {len(decoded)} found")
        return decoded
