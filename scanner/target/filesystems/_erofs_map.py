"""Where the content of a compressed EROFS file lies: logical clusters, in full or compact form, and encoded extents.

Source: erofs-utils include/erofs_fs.h (z_erofs_map_header, z_erofs_lcluster_index, z_erofs_extent) and, for the compact
form, kernel fs/erofs/zmap.c. A file is a row of extents; the index has a record for each logical cluster: a head record
says where in the cluster an extent begins and in which block its data stands, the records behind it how far back the
head is. The whole index of a file is never read: a look-up walks from one head to the next, at most MAX_EXTENT bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.filesystems._erofs_inode import Inode, Layout
from scanner.target.filesystems._erofs_super import Super

__all__ = ["Codec", "Extent", "open_map"]

MAX_EXTENT = 12 * 1024 * 1024
"""Bytes that one extent may decode to (Z_EROFS_PCLUSTER_MAX_DSIZE)."""

MAX_CODED = 1024 * 1024
"""Bytes of one compressed extent (Z_EROFS_PCLUSTER_MAX_SIZE)."""

_ADVISE_2B = 0x1
_ADVISE_EXTENTS = 0x1
_ADVISE_BIG_1 = 0x2
_ADVISE_BIG_2 = 0x4
_ADVISE_INLINE = 0x8
_ADVISE_INTERLACED = 0x10
_ADVISE_FRAGMENT = 0x20
_BLOCK_COUNT = 0x800
_PLAIN, _HEAD1, _FOLLOWS, _HEAD2 = range(4)
_CODED_MASK = 2 * MAX_CODED - 1
_HEADER = 8


class Codec(IntEnum):
    """How the data of an extent is kept; the first four are numbers of the medium."""

    LZ4 = 0
    LZMA = 1
    DEFLATE = 2
    ZSTD = 3
    SHIFTED = 4
    INTERLACED = 5
    HOLE = 6
    FRAGMENT = 7


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes `start` to `end` of a file come from `length` bytes at `place`.

    A FRAGMENT lies at `place` of the packed inode. `inline`: `place` is in the metadata of the inode.
    """

    start: int
    end: int
    codec: Codec
    place: int = 0
    length: int = 0
    inline: bool = False


class Map:
    """The extents of one file."""

    def __init__(self, inode: Inode, sup: Super) -> None:
        self.inode = inode
        self.sup = sup

    def extents(self, start: int, end: int) -> Iterator[Extent]:
        """The extents that cover `start` to `end`, in order, the first and last whole."""
        while start < end:
            extent = self.at(start)
            if not extent.start <= start < extent.end <= self.inode.size:
                raise self.damage(f"extent {extent.start} to {extent.end}", start)
            if extent.codec < Codec.HOLE and (extent.end - extent.start > MAX_EXTENT or extent.length > MAX_CODED):
                raise self.damage(f"extent of {extent.end - extent.start} bytes in {extent.length}", start)
            yield extent
            start = extent.end

    def at(self, offset: int) -> Extent:
        """The extent that holds byte `offset`."""
        raise NotImplementedError

    def damage(self, what: str, offset: int) -> DamagedError:
        """An error for byte `offset` of this file."""
        return DamagedError(f"EROFS inode {self.inode.number}: {what} at file offset {offset}")


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
    return _Clusters(inode, sup, place, advise, cluster_bits, (algorithms & 15, algorithms >> 4), low)


class _Whole(Map):
    """A file that lies whole in the packed inode."""

    def __init__(self, inode: Inode, sup: Super, place: int) -> None:
        super().__init__(inode, sup)
        self._extent = Extent(0, inode.size, Codec.FRAGMENT, place)

    def at(self, offset: int) -> Extent:
        return self._extent


@dataclass(frozen=True, slots=True)
class _Record:
    """One logical cluster. A head: `low` is where in it the extent begins, `block` where its data stands.

    Others: `back` clusters to the head (or to one nearer to it), `blocks` the size of its data where it says that.
    `behind`: address behind the pack of records that this one stands in.
    """

    kind: int
    low: int
    behind: int
    block: int = 0
    back: int = 0
    blocks: int = 0


class _Clusters(Map):
    """Full or compact records for each logical cluster."""

    def __init__(
        self, inode: Inode, sup: Super, place: int, advise: int, bits: int, algorithms: tuple[int, int], low: int
    ) -> None:  # fmt: skip
        super().__init__(inode, sup)
        self._advise = advise
        self._bits = bits
        self._size = 1 << bits
        self._algorithms = algorithms
        self._count = (inode.size + self._size - 1) >> bits
        self._most = (MAX_EXTENT >> bits) + 2
        self._pack_place = -1
        self._pack: list[tuple[int, int]] = []
        self._pack_block = 0
        self._big = (bool(advise & _ADVISE_BIG_1), bool(advise & _ADVISE_BIG_2))
        self._compact = inode.layout is Layout.COMPRESSED_COMPACT
        self._records = place + _HEADER + (0 if self._compact else 8)
        if self._compact:
            if bits > 14:
                raise NotCollectedError(f"unsupported: EROFS compact records for clusters of 2^{bits}")
            if self._big[0] != self._big[1]:
                raise self.damage("contradicting sizes of clusters", 0)
            self._first = min((32 - self._records % 32) // 4 & 7, self._count)
            self._short = (self._count - self._first) & ~15 if advise & _ADVISE_2B else 0
        self._tail = -1
        self._tail_extent: tuple[int, int, Codec] = (0, 0, Codec.HOLE)
        if advise & _ADVISE_FRAGMENT:
            self._tail, head = self._head(inode.size - 1)
            high = 0 if self._compact else head.block << 32
            self._tail_extent = (low | high, 0, Codec.FRAGMENT)
        elif advise & _ADVISE_INLINE and low >> 16:
            behind = self._record((inode.size - 1) >> bits).behind
            self._tail, head = self._head(inode.size - 1)
            if behind % sup.block + (low >> 16) > sup.block:
                raise self.damage("inline data across blocks", inode.size - 1)
            # Inline data that is not compressed is never turned.
            codec = Codec.SHIFTED if head.kind == _PLAIN else self._codec(head.kind)
            self._tail_extent = (behind, low >> 16, codec)

    def at(self, offset: int) -> Extent:
        cluster, head = self._head(offset)
        start = (cluster << self._bits) + head.low
        end = self._end(cluster)
        if cluster == self._tail:
            place, length, codec = self._tail_extent
            return Extent(start, end, codec, place, length, inline=codec is not Codec.FRAGMENT)
        block_bits = self.sup.block_bits
        length = self._blocks(cluster, head) << block_bits
        return Extent(start, end, self._codec(head.kind), head.block << block_bits, length)

    def _codec(self, kind: int) -> Codec:
        if kind == _PLAIN:
            return Codec.INTERLACED if self._advise & _ADVISE_INTERLACED else Codec.SHIFTED
        number = self._algorithms[kind == _HEAD2]
        if number > Codec.ZSTD:
            raise NotCollectedError(f"unsupported: EROFS compression algorithm {number}")
        return Codec(number)

    def _head(self, offset: int) -> tuple[int, _Record]:
        """The head of the extent that holds byte `offset`, and its cluster."""
        cluster = offset >> self._bits
        record = self._record(cluster)
        back = record.back
        if record.kind != _FOLLOWS:
            if offset & self._size - 1 >= record.low:
                return cluster, record
            back = 1
        for _ in range(self._most):
            if not 0 < back <= cluster:
                break
            cluster -= back
            record = self._record(cluster)
            if record.kind != _FOLLOWS:
                return cluster, record
            back = record.back
        raise self.damage("no head of its extent", offset)

    def _end(self, cluster: int) -> int:
        """Where the extent that begins in `cluster` ends: at the next head or at the end of the file."""
        for number in range(cluster + 1, min(cluster + self._most, self._count)):
            record = self._record(number)
            if record.kind != _FOLLOWS:
                return min((number << self._bits) + record.low, self.inode.size)
        if cluster + self._most < self._count:
            raise self.damage("extent without an end", cluster << self._bits)
        return self.inode.size

    def _blocks(self, cluster: int, head: _Record) -> int:
        """Blocks of data of the extent that begins in `cluster`."""
        if not self._big[head.kind != _HEAD1] or cluster + 1 >= self._count:
            return 1
        record = self._record(cluster + 1)
        if record.kind != _FOLLOWS:
            return 1
        if record.back != 1 or not record.blocks:
            raise self.damage("extent without a size", cluster << self._bits)
        return record.blocks

    def _record(self, cluster: int) -> _Record:
        record = self._compact_record(cluster) if self._compact else self._full_record(cluster)
        if record.kind != _FOLLOWS and record.low >= self._size:
            raise self.damage(f"extent that begins at {record.low} of its cluster", cluster << self._bits)
        if record.blocks and not any(self._big):
            raise self.damage("size of an extent where all have one block", cluster << self._bits)
        return record

    def _full_record(self, cluster: int) -> _Record:
        place = self._records + 8 * cluster
        advise, low, block = struct.unpack("<HHI", self.inode.source.exact(place, 8))
        kind = advise & 3
        if kind != _FOLLOWS:
            return _Record(kind, low, place + 8, block=block)
        back = block & 0xFFFF
        if back & _BLOCK_COUNT:
            return _Record(kind, 0, place + 8, back=1, blocks=back & ~_BLOCK_COUNT)
        return _Record(kind, 0, place + 8, back=back)

    def _compact_record(self, cluster: int) -> _Record:
        """Records stand in packs of 2 (4 bytes a record) or 16 (2 bytes), a block address at the end of each pack."""
        place = self._records
        width = 4
        rest = cluster
        if rest >= self._first:
            place += 4 * self._first
            rest -= self._first
            if rest < self._short:
                width = 2
            else:
                place += 2 * self._short
                rest -= self._short
        place += rest * width
        count = 2 if width == 4 else 16
        if count == 16 and self._bits > 12:
            raise NotCollectedError(f"unsupported: EROFS short records for clusters of 2^{self._bits}")
        number = place % (width * count) // width
        start = place - number * width
        if start != self._pack_place:
            self._load_pack(start, width * count, count)
        pack = self._pack
        behind = start + width * count
        kind, low = pack[number]
        if kind != _FOLLOWS:
            return _Record(kind, low, behind, block=self._pack_block + self._blocks_before(number))
        if low & _BLOCK_COUNT:
            return _Record(kind, 0, behind, back=1, blocks=low & ~_BLOCK_COUNT)
        if number + 1 < count:
            return _Record(kind, 0, behind, back=low)
        # The last record of a pack says how far the next head is; how far back its own is, the one before it tells.
        kind_before, before = pack[number - 1]
        if kind_before != _FOLLOWS:
            before = 0
        elif before & _BLOCK_COUNT:
            before = 1
        return _Record(kind, 0, behind, back=before + 1)

    def _load_pack(self, start: int, length: int, count: int) -> None:
        raw = self.inode.source.exact(start, length)
        low_bits = max(self._bits, 12)
        width = (length - 4) * 8 // count
        value = int.from_bytes(raw[:-4], "little")
        mask = (1 << low_bits) - 1
        pack: list[tuple[int, int]] = []
        for _ in range(count):
            pack.append((value >> low_bits & 3, value & mask))
            value >>= width
        self._pack = pack
        self._pack_place = start
        self._pack_block = int.from_bytes(raw[-4:], "little")

    def _blocks_before(self, number: int) -> int:
        """Blocks from the address of the pack to the data of its head record `number`."""
        pack = self._pack
        big = self._big[0]
        blocks = 0 if big else 1
        while number > 0:
            number -= 1
            kind, low = pack[number]
            if kind == _FOLLOWS:
                if not big:
                    number -= low
                elif low & _BLOCK_COUNT:
                    number -= 1
                    blocks += low & ~_BLOCK_COUNT
                    continue
                elif low <= 1:
                    raise self.damage("extent without a size in its pack", 0)
                else:
                    number -= low - 2
                    continue
            if number >= 0:
                blocks += 1
        return blocks


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
