"""ext2, ext3, ext4: extended attributes in the inode, in their own block and in inodes of their own; inline data.

Sources: kernel Documentation/filesystems/ext4/attributes.rst, inlinedata.rst, eainode.rst; fs/ext4/xattr.h, xattr.c,
fs/ext4/acl.h (ACLs on disk); include/uapi/linux/posix_acl_xattr.h (ACLs as a caller of getxattr sees them).
"""

from __future__ import annotations

import struct
from collections import OrderedDict

from scanner.model.errors import DamagedError, LimitError, NotCollectedError
from scanner.parsers.crc32c import update
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._ext_inode import IS_ATTRIBUTE, Inode, Inodes
from scanner.target.filesystems._ext_map import BlockMap
from scanner.target.filesystems._ext_super import Superblock

__all__ = ["Attributes"]

_MAGIC = b"\x00\x00\x02\xea"
_ENTRY = struct.Struct("<BBHIII")
_ACLS = {2: "system.posix_acl_access", 3: "system.posix_acl_default"}
_PREFIXES = {
    1: "user.",
    4: "trusted.",
    5: "lustre.",
    6: "security.",
    7: "system.",
    8: "system.richacl",
    9: "encryption.",
}
_INLINE = "system.data"
_MAX_VALUE = 1 << 16
_MAX_TOTAL = 1 << 20
_MAX_IN_INODES = 256 << 20
_KEPT = 128
_KEPT_BYTES = 64 * 1024


class Attributes:
    """Extended attributes of inodes, as a mounted system gives them."""

    def __init__(self, device: CachedDevice, superblock: Superblock, inodes: Inodes, blocks: BlockMap) -> None:
        self._device = device
        self._super = superblock
        self._inodes = inodes
        self._blocks = blocks
        self._kept: OrderedDict[int, dict[str, bytes]] = OrderedDict()
        self._budget = _MAX_IN_INODES

    def of(self, inode: Inode) -> dict[str, bytes]:
        """Every attribute of `inode` by full name; the kernel's own (inline content) is left out."""
        found = self._in_inode(inode)
        found.pop(_INLINE, None)
        if inode.acl_block:
            found = {**self._in_block(inode.acl_block), **found}
        return found

    def inline(self, inode: Inode) -> tuple[bytes, bytes]:
        """The content that inode and attribute `system.data` hold."""
        return inode.block, self._in_inode(inode).get(_INLINE, b"")

    def _in_inode(self, inode: Inode) -> dict[str, bytes]:
        start = 128 + inode.extra
        if not inode.extra or inode.raw[start : start + 4] != _MAGIC:
            return {}
        return self._entries(inode.raw, start + 4, start + 4, f"inode {inode.number}")

    def _in_block(self, block: int) -> dict[str, bytes]:
        known = self._kept.get(block)
        if known is not None:
            self._kept.move_to_end(block)
            return known
        own = self._super
        place = block * own.block_size
        where = f"offset {place}"
        if not own.first_block < block < own.blocks:
            raise DamagedError(f"{where}: attribute block {block} is outside the file system")
        raw = self._device.exact(place, own.block_size)
        if raw[:4] != _MAGIC or raw[8:12] != b"\1\0\0\0":
            raise DamagedError(f"{where}: no block of extended attributes")
        if own.checksums:
            covered = block.to_bytes(8, "little") + raw[:16] + bytes(4) + raw[20:]
            if update(own.seed, covered) != int.from_bytes(raw[16:20], "little"):
                raise DamagedError(f"{where}: checksum of the attribute block does not match")
        found = self._entries(raw, 32, 0, where)
        if sum(map(len, found.values())) <= _KEPT_BYTES:
            self._kept[block] = found
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def _entries(self, raw: bytes, place: int, base: int, where: str) -> dict[str, bytes]:
        """The attributes whose entries start at `place`; values are at offsets from `base`."""
        found: dict[str, bytes] = {}
        total = 0
        while raw[place : place + 4] != bytes(4):
            if place + _ENTRY.size > len(raw):
                raise DamagedError(f"{where}: the list of extended attributes has no end")
            name_size, index, offset, inode, size, _ = _ENTRY.unpack_from(raw, place)
            name = raw[place + _ENTRY.size : place + _ENTRY.size + name_size]
            place += _ENTRY.size + (name_size + 3 & ~3)
            if place > len(raw) or b"\0" in name:
                raise DamagedError(f"{where}: an extended attribute has a damaged name")
            total += size
            if size > _MAX_VALUE or total > _MAX_TOTAL:
                raise LimitError(f"{where}: extended attributes of more than {_MAX_VALUE} bytes")
            if inode:
                value = self._in_own_inode(inode, size, where)
            else:
                value = raw[base + offset : base + offset + size]
                if size and (base + offset < place or len(value) != size):
                    raise DamagedError(f"{where}: the value of an extended attribute is outside its place")
            full = self._name(index, name, where)
            if full in found:
                raise DamagedError(f"{where}: extended attribute {full} twice")
            found[full] = _acl(value, where) if index in _ACLS else value
        return found

    def _name(self, index: int, name: bytes, where: str) -> str:
        if index in _ACLS and not name:
            return _ACLS[index]
        prefix = _PREFIXES.get(index)
        if prefix is None:
            raise NotCollectedError(f"unsupported: extended attribute of class {index} ({where})")
        return prefix + name.decode("utf-8", "surrogateescape")

    def _in_own_inode(self, number: int, size: int, where: str) -> bytes:
        inode = self._inodes.get(number)
        if not inode.flags & IS_ATTRIBUTE or inode.size != size:
            raise DamagedError(f"{where}: inode {number} does not hold an attribute of {size} bytes")
        self._budget -= size
        if self._budget < 0:
            raise LimitError(f"{where}: extended attributes of more than {_MAX_IN_INODES} bytes")
        return self._blocks.read(inode, 0, size) if size else b""


def _acl(value: bytes, where: str) -> bytes:
    """The ACL as getxattr gives it: version 2, every entry with an id (all ones where it has none)."""
    if value[:4] != b"\1\0\0\0":
        raise DamagedError(f"{where}: unknown version of an ACL")
    parts = [b"\2\0\0\0"]
    place = 4
    while place < len(value):
        if place + 4 > len(value):
            raise DamagedError(f"{where}: an ACL ends within an entry")
        tag = int.from_bytes(value[place : place + 2], "little")
        named = tag in (0x02, 0x08)
        if tag not in (0x01, 0x02, 0x04, 0x08, 0x10, 0x20) or (named and place + 8 > len(value)):
            raise DamagedError(f"{where}: an ACL entry is damaged")
        parts.append(value[place : place + 8] if named else value[place : place + 4] + b"\xff\xff\xff\xff")
        place += 8 if named else 4
    return b"".join(parts)
