"""Extended attributes of EROFS: inline behind the inode, shared ones by number, long prefixes from a table.

Source: erofs-utils include/erofs_fs.h (erofs_xattr_ibody_header, erofs_xattr_entry, erofs_xattr_long_prefix); kernel
fs/erofs/xattr.c. ACLs are kept in the form in which the kernel hands them out. The name filter only saves the kernel
look-ups and is not needed here.
"""

from __future__ import annotations

import struct

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.filesystems._erofs_inode import Inode
from scanner.target.filesystems._erofs_super import Source, Super

__all__ = ["read_attributes", "read_prefixes"]

_NAMES = {
    1: b"user.",
    2: b"system.posix_acl_access",
    3: b"system.posix_acl_default",
    4: b"trusted.",
    6: b"security.",
}
_HEADER = 12
_LONG = 0x80


def read_prefixes(sup: Super, source: Source) -> list[bytes]:
    """The long name prefixes, from where the superblock says that they lie in `source`."""
    found: list[bytes] = []
    place = sup.prefix_start
    for _ in range(sup.prefix_count):
        place = (place + 3) & ~3
        (length,) = struct.unpack("<H", source.exact(place, 2))
        if not 1 <= length <= 256:
            raise DamagedError(f"EROFS attribute prefix of {length} bytes at offset {place}")
        raw = source.exact(place + 2, length)
        found.append(_base(raw[0], place) + raw[1:])
        place += 2 + length
    return found


def read_attributes(inode: Inode, sup: Super, shared: Source, prefixes: list[bytes]) -> dict[str, bytes]:
    """All attributes of an inode that has some; `shared` is where shared ones lie."""
    place = inode.place + inode.head
    raw = inode.source.exact(place, inode.attributes)
    count = raw[4]
    if _HEADER + 4 * count > len(raw):
        raise DamagedError(f"EROFS inode {inode.number}: {count} shared attributes at offset {place}")
    found: dict[str, bytes] = {}
    at = _HEADER + 4 * count
    while at < len(raw):
        if at + 4 > len(raw):
            raise DamagedError(f"EROFS inode {inode.number}: attribute cut off at offset {place + at}")
        name_length, index, size = struct.unpack_from("<BBH", raw, at)
        end = at + 4 + name_length + size
        if end > len(raw):
            raise DamagedError(f"EROFS inode {inode.number}: attribute beyond its area at offset {place + at}")
        if name_length or index or size:
            value = raw[at + 4 + name_length : end]
            _add(found, _name(index, prefixes, place + at) + raw[at + 4 : at + 4 + name_length], value, place + at)
        at = (end + 3) & ~3
    for (number,) in struct.iter_unpack("<I", raw[_HEADER : _HEADER + 4 * count]):
        position = sup.shared + 4 * number
        name_length, index, size = struct.unpack("<BBH", shared.exact(position, 4))
        body = shared.exact(position + 4, name_length + size)
        _add(found, _name(index, prefixes, position) + body[:name_length], body[name_length:], position)
    return found


def _add(found: dict[str, bytes], name: bytes, value: bytes, place: int) -> None:
    """The first of two attributes with the same name counts, as for the kernel: inline before shared."""
    if b"\0" in name:
        raise DamagedError(f"EROFS attribute name that holds a NUL at offset {place}")
    found.setdefault(name.decode("utf-8", "surrogateescape"), value)


def _name(index: int, prefixes: list[bytes], place: int) -> bytes:
    if not index & _LONG:
        return _base(index, place)
    number = index & ~_LONG
    if number >= len(prefixes):
        raise DamagedError(f"EROFS attribute with prefix {number} of {len(prefixes)} at offset {place}")
    return prefixes[number]


def _base(index: int, place: int) -> bytes:
    if index not in _NAMES:
        raise NotCollectedError(f"unsupported: EROFS attribute name index {index} at offset {place}")
    return _NAMES[index]
