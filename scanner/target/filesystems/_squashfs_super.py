"""The superblock of squashfs 4.0 and its metadata: streams cut into compressed blocks of 8 KiB, and look-up tables.

Source: kernel Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h; squashfs-tools-ng doc/format.adoc
(whose numbers for LZO and LZMA are the wrong way round; the header file has them right).
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.model.records import dataclass
from scanner.target.cached import CachedDevice
from scanner.target.filesystems import _codecs as codecs

__all__ = ["NOTHING", "Cursor", "Metadata", "Super", "read_super"]

NOTHING = 0xFFFFFFFFFFFFFFFF
"""The address of a table that is not there."""

_SUPER = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_BLOCK = 8192
_KEPT_BLOCKS = 256
_PLAIN = 0x8000

_DECODERS: dict[int, Callable[[bytes, int], bytes]] = {
    1: codecs.zlib_stream,
    2: codecs.lzma_alone,
    3: codecs.lzo_block,
    4: codecs.xz,
    5: codecs.lz4_block,
    6: codecs.zstd,
}


@dataclass(frozen=True, slots=True)
class Super:
    """What a superblock says; addresses are from the start of the device."""

    block: int
    fragments: int
    ids: int
    root: int
    id_table: int
    attribute_table: int
    inode_table: int
    directory_table: int
    fragment_table: int
    decode: Callable[[bytes, int], bytes]


def read_super(device: CachedDevice) -> Super:
    """The superblock. Raises DamagedError, NotCollectedError for a version or compression nobody reads."""
    (
        magic, _, _, block, fragments, compression, block_log, _, ids, major, minor,
        root, _, id_table, attributes, inodes, directories, fragment_table, _,
    ) = _SUPER.unpack(device.exact(0, _SUPER.size))  # fmt: skip
    if magic != b"hsqs":
        raise DamagedError(f"{device.name}: no squashfs superblock at offset 0")
    if (major, minor) != (4, 0):
        raise NotCollectedError(f"unsupported: squashfs {major}.{minor}")
    if not 12 <= block_log <= 20 or block != 1 << block_log:
        raise DamagedError(f"{device.name}: squashfs block size {block}, logarithm {block_log}, at offset 12")
    if compression not in _DECODERS:
        raise NotCollectedError(f"unsupported: squashfs compression {compression}")
    return Super(
        block, fragments, ids, root, id_table, attributes, inodes, directories, fragment_table, _DECODERS[compression]
    )  # fmt: skip


class Metadata:
    """Reads metadata blocks, the last used ones remembered."""

    def __init__(self, device: CachedDevice, decode: Callable[[bytes, int], bytes]) -> None:
        self._device = device
        self._decode = decode
        self._blocks: OrderedDict[int, tuple[bytes, int]] = OrderedDict()

    def block(self, place: int) -> tuple[bytes, int]:
        """The content of the block at `place`, and where the next one stands."""
        known = self._blocks.get(place)
        if known is not None:
            self._blocks.move_to_end(place)
            return known
        (header,) = struct.unpack("<H", self._device.exact(place, 2))
        length = header & _PLAIN - 1
        if not 0 < length <= _BLOCK:
            raise DamagedError(f"squashfs metadata block of {length} bytes at offset {place}")
        raw = self._device.exact(place + 2, length)
        if not header & _PLAIN:
            try:
                raw = self._decode(raw, _BLOCK)
            except DamagedError as error:
                raise DamagedError(f"squashfs metadata block at offset {place}: {error}") from None
            if not raw:
                raise DamagedError(f"squashfs metadata block without content at offset {place}")
        known = self._blocks[place] = raw, place + 2 + length
        if len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return known

    def record(self, table: int, number: int, width: int) -> bytes:
        """Record `number` of a look-up table: at `table` stand the addresses of the metadata blocks that hold it."""
        block, start = divmod(number * width, _BLOCK)
        (place,) = struct.unpack("<Q", self._device.exact(table + 8 * block, 8))
        return Cursor(self, place, start).take(width)


class Cursor:
    """A place in a metadata stream, from which bytes are taken one record after the other."""

    __slots__ = ("_data", "_metadata", "_next", "_place", "_start")

    def __init__(self, metadata: Metadata, place: int, start: int) -> None:
        self._metadata = metadata
        self._place = place
        self._data, self._next = metadata.block(place)
        self._start = start
        if start > len(self._data):
            raise DamagedError(f"squashfs metadata: byte {start} of {len(self._data)} in the block at offset {place}")

    @property
    def position(self) -> tuple[int, int]:
        """Address of the block and byte in it, with which this place is found again."""
        return self._place, self._start

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        end = self._start + length
        if end <= len(self._data):
            found = self._data[self._start : end]
            self._start = end
            return found
        parts = [self._data[self._start :]]
        left = length - len(parts[0])
        while left:
            self._place = self._next
            self._data, self._next = self._metadata.block(self._place)
            parts.append(self._data[:left])
            self._start = len(parts[-1])
            left -= self._start
        return b"".join(parts)
