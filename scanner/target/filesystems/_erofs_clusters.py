"""The index of a compressed EROFS file as records for each logical cluster, in full or compact form.

Source: erofs-utils include/erofs_fs.h (z_erofs_lcluster_index) and, for the compact form, kernel fs/erofs/zmap.c. A
head record says where in its cluster an extent begins and in which block its data stands, the records behind it how far
back the head is. The whole index is never read: a look-up walks from one head to the next, at most MAX_EXTENT bytes.
"""

from __future__ import annotations

import struct

from scanner.model.errors import NotCollectedError
from scanner.model.records import dataclass
from scanner.target.filesystems._erofs_extent import MAX_EXTENT, Codec, Extent, Map
from scanner.target.filesystems._erofs_inode import Inode, Layout
from scanner.target.filesystems._erofs_super import Super

__all__ = ["Clusters", "Form"]

_ADVISE_2B = 0x1
_ADVISE_BIG_1 = 0x2
_ADVISE_BIG_2 = 0x4
_ADVISE_INLINE = 0x8
_ADVISE_INTERLACED = 0x10
_ADVISE_FRAGMENT = 0x20
_BLOCK_COUNT = 0x800
_PLAIN, _HEAD1, _FOLLOWS, _HEAD2 = range(4)


@dataclass(frozen=True, slots=True)
class Form:
    """What the header in front of the records says: `place` behind it, `low` its first four bytes."""

    place: int
    low: int
    advise: int
    cluster_bits: int
    algorithms: tuple[int, int]


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


class Clusters(Map):
    """Full or compact records for each logical cluster."""

    def __init__(self, inode: Inode, sup: Super, form: Form) -> None:
        super().__init__(inode, sup)
        advise, bits, low = form.advise, form.cluster_bits, form.low
        self._advise = advise
        self._bits = bits
        self._size = 1 << bits
        self._algorithms = form.algorithms
        self._count = (inode.size + self._size - 1) >> bits
        self._most = (MAX_EXTENT >> bits) + 2
        self._pack_place = -1
        self._pack: list[tuple[int, int]] = []
        self._pack_block = 0
        self._big = (bool(advise & _ADVISE_BIG_1), bool(advise & _ADVISE_BIG_2))
        self._compact = inode.layout is Layout.COMPRESSED_COMPACT
        self._records = form.place + (0 if self._compact else 8)
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
        """The extent that holds the byte at `offset` of the file."""
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
