"""XFS: extended attributes (in the inode, in leaf blocks below node blocks, long values in blocks of their own).

Sources: "XFS Filesystem Disk Structures", chapter Extended Attributes; kernel fs/xfs/libxfs/xfs_da_format.h
(xfs_attr_sf_hdr, xfs_attr_leafblock, xfs_attr3_leafblock, xfs_attr3_rmt_hdr, xfs_da_node_hdr, xfs_da3_node_hdr),
fs/xfs/xfs_xattr.c (names), fs/xfs/xfs_acl.h and include/uapi/linux/posix_acl_xattr.h (access control lists).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scanner.model.errors import DamagedError, LimitError
from scanner.target.filesystems._xfs_fork import LOCAL, Fork
from scanner.target.filesystems._xfs_inode import Inode
from scanner.target.filesystems._xfs_super import Medium

__all__ = ["attributes"]

_IN_LEAF = 0x01
_ROOT = 0x02
_SECURE = 0x04
_PARENT = 0x08
_INCOMPLETE = 0x80

_NODE = (0xFEBE, 0x3EBE)
_LEAF = (0xFBEE, 0x3BEE)
_CRC = 12
_REMOTE_HEADER = 56
_MAX_LEVEL = 5
_MAX_VALUE = 65536
_MAX_BLOCKS = 4096
_MAX_BYTES = 16 << 20

_ACL_NAMES = {b"SGI_ACL_FILE": "system.posix_acl_access", b"SGI_ACL_DEFAULT": "system.posix_acl_default"}
_ACL_NAMED = (2, 8)
_NO_ID = 0xFFFFFFFF


def attributes(medium: Medium, node: Inode) -> dict[str, bytes]:
    """Extended attributes by the names the kernel gives them."""
    found: dict[str, bytes] = {}
    if not node.attribute_data:
        return found
    pairs = _short(medium, node) if node.attribute_form == LOCAL else _Blocks(medium, node).pairs()
    total = 0
    for flags, raw, value in pairs:
        total += len(raw) + len(value)
        if total > _MAX_BYTES:
            raise LimitError(f"inode {node.number} has more than {_MAX_BYTES} bytes of attributes")
        if flags & (_PARENT | _INCOMPLETE):
            continue
        if not raw or b"\0" in raw:
            raise _damage(medium, node, f"attribute named {raw!r}")
        if flags & _ROOT and raw in _ACL_NAMES:
            found[_ACL_NAMES[raw]] = _acl(medium, node, value)
            continue
        space = "trusted." if flags & _ROOT else "security." if flags & _SECURE else "user."
        found[space + raw.decode("utf-8", "surrogateescape")] = value
    return found


def _damage(medium: Medium, node: Inode, text: str) -> DamagedError:
    return DamagedError(f"{medium.device.name}: inode {node.number}: {text}")


def _short(medium: Medium, node: Inode) -> Iterator[tuple[int, bytes, bytes]]:
    """Flags, name and value of attributes that lie in the inode."""
    data = node.attribute_data
    if len(data) < 4:
        raise _damage(medium, node, "no room for attributes")
    size, count = struct.unpack_from(">HB", data)
    if size > len(data):
        raise _damage(medium, node, f"{size} bytes of attributes in the inode")
    at = 4
    for _ in range(count):
        if at + 3 > size:
            raise _damage(medium, node, "attributes do not fit in the inode")
        name_size, value_size, flags = data[at : at + 3]
        at += 3
        end = at + name_size + value_size
        if end > size:
            raise _damage(medium, node, "attributes do not fit in the inode")
        yield flags, data[at : at + name_size], data[at + name_size : end]
        at = end


def _acl(medium: Medium, node: Inode, value: bytes) -> bytes:
    """The kernel's form (little endian, version 2) of an access control list on disk."""
    count = int.from_bytes(value[:4], "big")
    if len(value) < 4 or 4 + count * 12 > len(value):
        raise _damage(medium, node, f"access control list of {count} entries in {len(value)} bytes")
    parts = [struct.pack("<I", 2)]
    for tag, number, permissions, _ in struct.iter_unpack(">IIHH", value[4 : 4 + count * 12]):
        if tag > 0xFFFF:
            raise _damage(medium, node, f"access control list with an entry of type {tag}")
        parts.append(struct.pack("<HHI", tag, permissions, number if tag in _ACL_NAMED else _NO_ID))
    return b"".join(parts)


class _Blocks:
    """The attributes of one inode that lie in blocks."""

    def __init__(self, medium: Medium, node: Inode) -> None:
        self._medium = medium
        self._node = node
        self._fork: Fork = node.attribute_fork(medium)
        self._newer = medium.geometry.version == 5
        self._seen: set[int] = set()

    def pairs(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Flags, name and value."""
        if next(self._fork.extents(0, 1), None) is None:
            return
        yield from self._tree(0, None)

    def _damage(self, text: str) -> DamagedError:
        return _damage(self._medium, self._node, text)

    def _read(self, block: int) -> tuple[int, bytes]:
        """Offset and bytes of one block of the attribute fork."""
        geometry = self._medium.geometry
        self._medium.spend_attribute_block()
        extent = next(self._fork.extents(block, block + 1), None)
        if extent is None or extent.unwritten:
            raise self._damage(f"there is no block {block} of attributes")
        place = self._medium.place(extent.block + block - extent.first)
        return place, self._medium.device.exact(place, geometry.block_size)

    def _belongs(self, data: bytes, owner_at: int, number_at: int, crc_at: int, place: int) -> None:
        """Version 5 blocks say whose they are and where they lie."""
        self._medium.check(data, crc_at, place, "an attribute block")
        owner = int.from_bytes(data[owner_at : owner_at + 8], "big")
        if owner != self._node.number or int.from_bytes(data[number_at : number_at + 8], "big") * 512 != place:
            raise self._damage(f"attribute block at offset {place} belongs elsewhere")

    def _tree(self, block: int, level: int | None) -> Iterator[tuple[int, bytes, bytes]]:
        """The attributes at and below a block; `level` is the one its parent expects (leaves are 0)."""
        if block in self._seen:
            raise self._damage(f"attribute block {block} is used twice")
        self._seen.add(block)
        if len(self._seen) > _MAX_BLOCKS:
            raise LimitError(f"inode {self._node.number} has more than {_MAX_BLOCKS} blocks of attributes")
        place, data = self._read(block)
        magic = int.from_bytes(data[8:10], "big")
        if self._newer and magic in (_NODE[1], _LEAF[1]):
            self._belongs(data, 48, 16, _CRC, place)
        if magic == _LEAF[self._newer] and not level:
            yield from self._leaf(data, place)
            return
        at = 56 if self._newer else 12
        count, own = struct.unpack_from(">HH", data, at)
        start = 64 if self._newer else 16
        fits = start + count * 8 <= len(data) and 0 < own <= _MAX_LEVEL and level in (None, own)
        if magic != _NODE[self._newer] or not fits:
            raise self._damage(f"no block of attributes at offset {place}")
        for _, child in struct.iter_unpack(">II", data[start : start + count * 8]):
            yield from self._tree(child, own - 1)

    def _leaf(self, data: bytes, place: int) -> Iterator[tuple[int, bytes, bytes]]:
        """The entries of a leaf block."""
        count = int.from_bytes(data[56:58] if self._newer else data[12:14], "big")
        start = 80 if self._newer else 32
        if start + count * 8 > len(data):
            raise self._damage(f"{count} attributes at offset {place}")
        for _, at, flags, _ in struct.iter_unpack(">IHBB", data[start : start + count * 8]):
            if at < start or at + 9 > len(data):
                raise self._damage(f"attribute {at} bytes into the block at offset {place}")
            if flags & _INCOMPLETE:
                continue
            if flags & _IN_LEAF:
                size, length = struct.unpack_from(">HB", data, at)
                end = at + 3 + length + size
                if end > len(data):
                    raise self._damage(f"attribute runs over the end of the block at offset {place}")
                yield flags, data[at + 3 : at + 3 + length], data[at + 3 + length : end]
            else:
                block, size, length = struct.unpack_from(">IIB", data, at)
                if at + 9 + length > len(data):
                    raise self._damage(f"attribute runs over the end of the block at offset {place}")
                yield flags, data[at + 9 : at + 9 + length], self._remote(block, size)

    def _remote(self, block: int, size: int) -> bytes:
        """A long value from blocks of its own."""
        if size > _MAX_VALUE:
            raise self._damage(f"attribute value of {size} bytes")
        parts: list[bytes] = []
        got = 0
        while got < size:
            place, data = self._read(block)
            if self._newer:
                offset, length = struct.unpack_from(">II", data, 4)
                if data[:4] != b"XARM" or offset != got or not 0 < length <= len(data) - _REMOTE_HEADER:
                    raise self._damage(f"no part of an attribute value at offset {place}")
                self._belongs(data, 32, 40, 12, place)
                data = data[_REMOTE_HEADER : _REMOTE_HEADER + length]
            parts.append(data[: size - got])
            got += len(parts[-1])
            block += 1
        return b"".join(parts)
