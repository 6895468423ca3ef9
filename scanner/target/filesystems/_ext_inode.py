"""ext2, ext3, ext4: inodes.

Sources: kernel Documentation/filesystems/ext4/inodes.rst; fs/ext4/ext4.h (struct ext4_inode, time encoding),
fs/ext4/inode.c (checksum, what a look-up refuses), include/linux/kdev_t.h (device numbers).
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from dataclasses import dataclass

from scanner.model.errors import DamagedError
from scanner.parsers.crc32c import update
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._ext_super import (
    INCOMPAT_64BIT,
    INCOMPAT_LARGE_DIRECTORY,
    RO_BIGALLOC,
    Groups,
    Superblock,
)

__all__ = [
    "ENCRYPTED",
    "EXTENTS",
    "INDEXED",
    "INLINE",
    "IS_ATTRIBUTE",
    "Inode",
    "Inodes",
]

INDEXED = 0x1000
EXTENTS = 0x80000
IS_ATTRIBUTE = 0x200000
INLINE = 0x10000000
ENCRYPTED = 0x800

_WORDS = {
    0x8: "synchronous",
    0x10: "immutable",
    0x20: "append_only",
    ENCRYPTED: "encrypted",
    0x100000: "verity",
    INLINE: "inline_data",
    0x40000000: "casefold",
}
_KEPT = 2048

_OLD = struct.Struct("<HHIIIIIHHIII60sIIIIHHHHHH")
_REGULAR, _DIRECTORY, _TYPE = 0x8000, 0x4000, 0xF000


@dataclass(slots=True)
class Inode:
    """One inode. `raw` is the whole record, `block` its 60 bytes of map or inline content, `extra` the used rest."""

    number: int
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    links: int
    sectors: int
    flags: int
    generation: int
    acl_block: int
    block: bytes
    extra: int
    raw: bytes

    @property
    def kind(self) -> int:
        """The type bits of the mode."""
        return self.mode & _TYPE

    @property
    def rdev(self) -> int:
        """Device number of a character or block device (old 8:8 or new 12:20 form), else 0."""
        if self.kind not in (0x2000, 0x6000):
            return 0
        old, new = struct.unpack_from("<II", self.block)
        if old:
            return os.makedev(old >> 8 & 0xFF, old & 0xFF)
        return os.makedev(new >> 8 & 0xFFF, new & 0xFF | new >> 12 & 0xFFF00)

    @property
    def words(self) -> frozenset[str]:
        """Inode flags that mean something to an assessment (`immutable`, `verity` …)."""
        return frozenset(word for bit, word in _WORDS.items() if self.flags & bit)


class Inodes:
    """Inodes by number, the last used ones kept."""

    def __init__(self, device: CachedDevice, superblock: Superblock, groups: Groups) -> None:
        self._device = device
        self._super = superblock
        self._groups = groups
        self._kept: OrderedDict[int, Inode] = OrderedDict()

    def get(self, number: int) -> Inode:
        """Inode `number`, in use. Raises DamagedError."""
        known = self._kept.get(number)
        if known is not None:
            self._kept.move_to_end(number)
            return known
        own = self._super
        if not 0 < number <= own.inodes:
            raise DamagedError(f"inode {number} does not exist (the file system has {own.inodes})")
        group, index = divmod(number - 1, own.group_inodes)
        place = self._groups.inode_table(group) * own.block_size + index * own.inode_size
        inode = self._parse(number, self._device.exact(place, own.inode_size), place)
        self._kept[number] = inode
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return inode

    def seed(self, inode: Inode) -> int:
        """The register that checksums of this inode's directory and extent blocks start from."""
        return update(self._super.seed, struct.pack("<II", inode.number, inode.generation))

    def _parse(self, number: int, raw: bytes, place: int) -> Inode:
        fields = _OLD.unpack_from(raw)
        mode, uid, size, _, _, mtime, _, gid, links, sectors, flags, _, block, generation, acl, size_high = fields[:16]
        _, sectors_high, acl_high, uid_high, gid_high, checksum, _ = fields[16:]
        own = self._super
        extra = 0
        if own.inode_size > 128:
            extra, high = struct.unpack_from("<HH", raw, 128)
            if extra > own.inode_size - 128 or extra & 3:
                raise DamagedError(f"offset {place}: inode {number} says it has {extra} more bytes")
            if extra >= 4:
                checksum |= high << 16
        if own.checksums and self._checksum(number, generation, raw, extra) != checksum:
            raise DamagedError(f"offset {place}: checksum of inode {number} does not match")
        if mode & _TYPE == 0 or links == 0:
            raise DamagedError(f"offset {place}: inode {number} is not in use")
        if mtime & 0x80000000:
            mtime -= 1 << 32
        if extra >= 12:
            mtime += (raw[0x88] & 3) << 32
        if mode & _TYPE == _REGULAR or (own.incompat & INCOMPAT_LARGE_DIRECTORY and mode & _TYPE == _DIRECTORY):
            size |= size_high << 32
            if size >> 63:
                raise DamagedError(f"offset {place}: inode {number} has the size {size}")
        if own.incompat & INCOMPAT_64BIT:
            acl |= acl_high << 32
        return Inode(
            number,
            mode,
            uid | uid_high << 16,
            gid | gid_high << 16,
            size,
            mtime,
            links,
            sectors | sectors_high << 32,
            flags,
            generation,
            acl,
            block,
            extra,
            raw,
        )

    def _checksum(self, number: int, generation: int, raw: bytes, extra: int) -> int:
        data = struct.pack("<II", number, generation) + raw[:0x7C] + b"\0\0" + raw[0x7E:]
        if extra < 4:
            return update(self._super.seed, data) & 0xFFFF
        return update(self._super.seed, data[:0x8A] + b"\0\0" + data[0x8C:])

    def attribute_sectors(self, inode: Inode) -> int:
        """512 byte sectors of `inode` that its extended attribute block takes (in whole clusters)."""
        if not inode.acl_block:
            return 0
        own = self._super
        cluster = (
            1024 << int.from_bytes(own.raw[0x1C:0x20], "little") if own.read_only & RO_BIGALLOC else own.block_size
        )
        return cluster >> 9
