"""Inodes, directories and extended attributes of squashfs.

Source: kernel fs/squashfs/squashfs_fs.h, inode.c, dir.c, xattr_id.c; squashfs-tools-ng doc/format.adoc. Squashfs keeps
the attributes user.*, trusted.* and security.*; ACLs it cannot hold.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass

from scanner.model.errors import DamagedError, LimitError, NotCollectedError
from scanner.target import limits
from scanner.target.filesystems._nodes import Node, new_device, plain_name
from scanner.target.filesystems._squashfs_super import NOTHING, Cursor, Metadata, Super

__all__ = ["NONE", "Inode", "list_directory", "parse_inode", "read_attributes"]

NONE = 0xFFFFFFFF
"""No fragment, no attributes."""

_TYPES = (
    stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK,
)  # fmt: skip
_HEADER = struct.Struct("<HHHHII")
_DIRECTORY = struct.Struct("<IIHHI")
_LONG_DIRECTORY = struct.Struct("<IIIIHHI")
_FILE = struct.Struct("<IIII")
_LONG_FILE = struct.Struct("<QQQIIII")
_RUN = struct.Struct("<III")
_ENTRY = struct.Struct("<HhHH")
_PREFIXES = ("user.", "trusted.", "security.")
_OUT_OF_LINE = 0x100
_MAX_VALUE = 65_536
_MAX_ATTRIBUTES = 10_000
_MAX_ATTRIBUTE_BYTES = 16 * 1024 * 1024
_MAX_LINK = 65_536
_MAX_RUN = 256


@dataclass(slots=True)
class Inode(Node):
    """An inode. `start`: of the content (a directory: block of its listing); `offset`: in the fragment or listing.

    `text`: of a link; `blocks`: where in the inode table the sizes of a file's blocks stand.
    """

    start: int
    fragment: int
    offset: int
    attributes: int
    text: bytes
    blocks: tuple[int, int]


def parse_inode(reference: int, sup: Super, metadata: Metadata) -> Inode:
    """The inode at this reference: block in the inode table and byte in the block."""
    place, byte = sup.inode_table + (reference >> 16), reference & 0xFFFF
    cursor = Cursor(metadata, place, byte)
    kind, mode, uid, gid, mtime, number = _HEADER.unpack(cursor.take(16))
    if not 1 <= kind <= 14:
        raise DamagedError(f"squashfs inode of type {kind} in the block at offset {place}, byte {byte}")
    long = kind > 7
    type_bits = _TYPES[(kind - 1) % 7]
    nlink, size, rdev, start, offset, text = 1, 0, 0, 0, 0, b""
    fragment = attributes = NONE
    if type_bits == stat.S_IFREG:
        if long:
            start, size, _, nlink, fragment, offset, attributes = _LONG_FILE.unpack(cursor.take(40))
        else:
            start, fragment, offset, size = _FILE.unpack(cursor.take(16))
    elif type_bits == stat.S_IFDIR:
        if long:
            nlink, size, start, _, _, offset, attributes = _LONG_DIRECTORY.unpack(cursor.take(24))
        else:
            start, nlink, size, offset, _ = _DIRECTORY.unpack(cursor.take(16))
    else:
        (nlink,) = struct.unpack("<I", cursor.take(4))
        if type_bits == stat.S_IFLNK:
            (size,) = struct.unpack("<I", cursor.take(4))
            if size > _MAX_LINK:
                raise DamagedError(f"squashfs link of {size} bytes in the block at offset {place}, byte {byte}")
            text = cursor.take(size)
        elif type_bits in (stat.S_IFBLK, stat.S_IFCHR):
            rdev = new_device(struct.unpack("<I", cursor.take(4))[0])
        if long:
            (attributes,) = struct.unpack("<I", cursor.take(4))
    return Inode(
        number, type_bits | mode & 0o7777, _owner(uid, sup, metadata), _owner(gid, sup, metadata),
        size, mtime, nlink, rdev, start, fragment, offset, attributes, text, cursor.position,
    )  # fmt: skip


def _owner(index: int, sup: Super, metadata: Metadata) -> int:
    if index >= sup.ids:
        raise DamagedError(f"squashfs inode with owner {index} of {sup.ids}")
    found: int = struct.unpack("<I", metadata.record(sup.id_table, index, 4))[0]
    return found


def list_directory(inode: Inode, sup: Super, metadata: Metadata) -> dict[str, int]:
    """Name to inode reference of a directory, which is a row of runs: inodes near one another in the same block."""
    found: dict[str, int] = {}
    # The size counts three bytes for `.` and `..`, which are not stored.
    left = inode.size - 3
    if left <= 0:
        return found
    cursor = Cursor(metadata, sup.directory_table + inode.start, inode.offset)
    take = cursor.take
    while left > 0:
        count, block, _ = _RUN.unpack(take(12))
        left -= 12
        if count >= _MAX_RUN:
            raise DamagedError(f"squashfs inode {inode.number}: run of {count + 1} directory entries")
        for _ in range(count + 1):
            offset, _, _, length = _ENTRY.unpack(take(8))
            if length >= _MAX_RUN:
                raise DamagedError(f"squashfs inode {inode.number}: name of {length + 1} bytes")
            name = plain_name(take(length + 1), cursor.position[0])
            left -= 9 + length
            if name in found:
                raise DamagedError(f"squashfs inode {inode.number}: name {name[:64]!r} twice")
            found[name] = block << 16 | offset
        if left < 0:
            raise DamagedError(f"squashfs inode {inode.number}: entries beyond the end of the directory")
        if len(found) > limits.MAX_NAMES:
            raise LimitError(f"squashfs inode {inode.number}: more than {limits.MAX_NAMES} directory entries")
    return found


def read_attributes(inode: Inode, sup: Super, metadata: Metadata, base: int, count: int) -> dict[str, bytes]:
    """The attributes of an inode that has some. `base`: where names and values begin; `count`: of sets."""
    if sup.attribute_table == NOTHING or inode.attributes >= count:
        raise DamagedError(f"squashfs inode {inode.number}: set {inode.attributes} of {count} attribute sets")
    record = metadata.record(sup.attribute_table + 16, inode.attributes, 16)
    reference, pairs, _ = struct.unpack("<QII", record)
    if pairs > _MAX_ATTRIBUTES:
        raise DamagedError(f"squashfs inode {inode.number}: {pairs} attributes")
    cursor = Cursor(metadata, base + (reference >> 16), reference & 0xFFFF)
    found: dict[str, bytes] = {}
    total = 0
    for _ in range(pairs):
        kind, length = struct.unpack("<HH", cursor.take(4))
        name = cursor.take(length)
        value = _value(cursor, inode.number)
        if kind & _OUT_OF_LINE:
            if len(value) != 8:
                raise DamagedError(f"squashfs inode {inode.number}: reference of {len(value)} bytes to a value")
            (reference,) = struct.unpack("<Q", value)
            value = _value(Cursor(metadata, base + (reference >> 16), reference & 0xFFFF), inode.number)
        prefix = kind & ~_OUT_OF_LINE
        if prefix >= len(_PREFIXES):
            raise NotCollectedError(f"unsupported: squashfs attribute type {kind}")
        if b"\0" in name:
            raise DamagedError(f"squashfs inode {inode.number}: attribute name that holds a NUL")
        found.setdefault(_PREFIXES[prefix] + name.decode("utf-8", "surrogateescape"), value)
        total += len(value)
        if total > _MAX_ATTRIBUTE_BYTES:
            raise LimitError(f"squashfs inode {inode.number}: more than {_MAX_ATTRIBUTE_BYTES} bytes of attributes")
    return found


def _value(cursor: Cursor, number: int) -> bytes:
    (size,) = struct.unpack("<I", cursor.take(4))
    if size > _MAX_VALUE:
        raise DamagedError(f"squashfs inode {number}: attribute of {size} bytes")
    return cursor.take(size)
