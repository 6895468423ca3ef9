"""Where the content of a compressed EROFS file lies: the header of its index, and the forms that are not clusters.

Source: erofs-utils include/erofs_fs.h (z_erofs_map_header, z_erofs_extent); kernel fs/erofs/zmap.c.
"""

from __future__ import annotations

import struct

from scanner.model.errors import NotCollectedError
from scanner.target.filesystems._erofs_clusters import Clusters, Form
from scanner.target.filesystems._erofs_extent import MAX_CODED, Codec, Extent, Map
from scanner.target.filesystems._erofs_inode import Inode, Layout
from scanner.target.filesystems._erofs_super import Super

__all__ = ["open_map"]

_ADVISE_EXTENTS = 0x1
_ADVISE_INTERLACED = 0x10
_ADVISE_FRAGMENT = 0x20
_CODED_MASK = 2 * MAX_CODED - 1
_HEADER = 8


def open_map(inode: Inode, sup: Super) -> Map:
    """The map of a compressed file of at least one byte."""
    place = (inode.tail + 7) & ~7
    raw = inode.source.exact(place, _HEADER)
    low, advise, algorithms, bits = struct.unpack("<IHBB", raw)
    if bits & 0x80:
        (offset,) = struct.unpack("<Q", raw)
        return _Whole(inode, sup, offset ^ 1 << 63)
    cluster_bits = sup.block_bits + (bits & 15)
    if inode.layout is Layout.COMPRESSED_FULL and advise & _ADVISE_EXTENTS:
        # The count of extents shares its bytes with the cluster bits; which of them is meant, the record size tells.
        count = low | algorithms << 32 | bits << 40
        return _Encoded(inode, sup, place, advise, cluster_bits, count)
    return Clusters(inode, sup, Form(place + _HEADER, low, advise, cluster_bits, (algorithms & 15, algorithms >> 4)))


class _Whole(Map):
    """A file that lies whole in the packed inode."""

    def __init__(self, inode: Inode, sup: Super, place: int) -> None:
        super().__init__(inode, sup)
        self._extent = Extent(0, inode.size, Codec.FRAGMENT, place)

    def at(self, offset: int) -> Extent:
        return self._extent


class _Encoded(Map):
    """Extents with their own addresses (48-bit layout), in records of 4, 8, 16 or 32 bytes."""

    def __init__(self, inode: Inode, sup: Super, place: int, advise: int, bits: int, count: int) -> None:
        super().__init__(inode, sup)
        self._width = 4 << (advise >> 1 & 3)
        self._records = -(-(place + _HEADER) // self._width) * self._width
        self._bits = bits
        self._count = count if self._width >= 16 else (inode.size + (1 << bits) - 1) >> bits
        self._interlaced = bool(advise & _ADVISE_INTERLACED)
        self._fragment = bool(advise & _ADVISE_FRAGMENT)
        self._sums: list[int] = []

    def at(self, offset: int) -> Extent:
        if self._width < 16:
            number = offset >> self._bits
            start = number << self._bits
            end = min(start + (1 << self._bits), self.inode.size)
            coded, place = self._short(number)
        else:
            number, start, coded, place = self._search(offset)
            end = self._long(number + 1)[0] if number + 1 < self._count else self.inode.size
        if self._fragment and number == self._count - 1:
            return Extent(start, end, Codec.FRAGMENT, coded | place << 32 if self._width > 4 else coded)
        length = coded & _CODED_MASK
        if not length:
            return Extent(start, end, Codec.HOLE)
        form = coded >> 28
        if form > Codec.ZSTD + 1:
            raise NotCollectedError(f"unsupported: EROFS compression algorithm {form - 1}")
        if form:
            codec = Codec(form - 1)
        else:
            aligned = not (place | length) & self.sup.block - 1
            codec = Codec.INTERLACED if self._interlaced and aligned else Codec.SHIFTED
        return Extent(start, end, codec, place, length)

    def _short(self, number: int) -> tuple[int, int]:
        """Coded length and address; with four bytes the extents follow one another."""
        exact = self.inode.source.exact
        if self._width == 8:
            coded, place = struct.unpack("<II", exact(self._records + 8 * number, 8))
            return coded, place
        if not self._sums:
            self._sums.append(struct.unpack("<Q", exact(self._records, 8))[0])
        records = self._records + 8
        while len(self._sums) <= number >> 10:
            values = struct.unpack("<1024I", exact(records + 4096 * (len(self._sums) - 1), 4096))
            self._sums.append(self._sums[-1] + sum(value & _CODED_MASK for value in values))
        first = number & ~1023
        values = struct.unpack(f"<{number - first + 1}I", exact(records + 4 * first, 4 * (number - first + 1)))
        return values[-1], self._sums[number >> 10] + sum(value & _CODED_MASK for value in values[:-1])

    def _long(self, number: int) -> tuple[int, int, int]:
        """Start in the file, coded length, address."""
        raw = self.inode.source.exact(self._records + self._width * number, min(self._width, 20))
        coded, low, high, start = struct.unpack_from("<IIII", raw)
        if self._width == 32:
            start |= struct.unpack_from("<I", raw, 16)[0] << 32
        return start, coded, low | high << 32

    def _search(self, offset: int) -> tuple[int, int, int, int]:
        left, right = 0, self._count
        while left < right:
            middle = (left + right) // 2
            if self._long(middle)[0] <= offset:
                left = middle + 1
            else:
                right = middle
        if not left:
            raise self.damage("no extent", offset)
        return left - 1, *self._long(left - 1)
