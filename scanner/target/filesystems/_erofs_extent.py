"""Extents of compressed EROFS files, whatever index describes them.

Source: erofs-utils include/erofs_fs.h (Z_EROFS_PCLUSTER_MAX_SIZE, Z_EROFS_PCLUSTER_MAX_DSIZE, algorithm numbers).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import IntEnum

from scanner.model.errors import DamagedError
from scanner.model.records import dataclass
from scanner.target.filesystems._erofs_inode import Inode
from scanner.target.filesystems._erofs_super import Super

__all__ = ["MAX_CODED", "MAX_EXTENT", "Codec", "Extent", "Map"]

MAX_EXTENT = 12 * 1024 * 1024
"""Bytes that one extent may decode to."""

MAX_CODED = 1024 * 1024
"""Bytes of one compressed extent."""


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


class Map(ABC):
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

    @abstractmethod
    def at(self, offset: int) -> Extent:
        """The extent that holds byte `offset`."""

    def damage(self, what: str, offset: int) -> DamagedError:
        """An error for byte `offset` of this file."""
        return DamagedError(f"EROFS inode {self.inode.number}: {what} at file offset {offset}")
