"""btrfs: what the items of a file tree hold: inodes, directory entries, attributes, tree roots and their names.

Sources: btrfs-progs Documentation/dev/On-disk-format.rst, include/uapi/linux/btrfs_tree.h (struct btrfs_inode_item,
btrfs_dir_item, btrfs_root_item, btrfs_root_ref, btrfs_inode_ref), fs/btrfs/dir-item.c, fs/btrfs/xattr.c.
Attributes stand with their full names and the values of the kernel's interface, POSIX ACLs too.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from functools import cache

from scanner.model.errors import DamagedError, LimitError
from scanner.model.records import dataclass
from scanner.parsers.crc32c import update
from scanner.target import limits
from scanner.target.filesystems._btrfs_node import Key
from scanner.target.filesystems._nodes import plain_name

__all__ = [
    "DIR_INDEX",
    "DIR_ITEM",
    "EXTENT_DATA",
    "INODE_ITEM",
    "INODE_REF",
    "NO_CHECKSUM",
    "ROOT_BACKREF",
    "ROOT_ITEM",
    "TYPES",
    "XATTR_ITEM",
    "Root",
    "Target",
    "directory",
    "directory_name",
    "inode",
    "name_hash",
    "records",
    "root",
    "root_name",
]

INODE_ITEM, INODE_REF, XATTR_ITEM, DIR_ITEM, DIR_INDEX, EXTENT_DATA = 1, 12, 24, 84, 96, 108
ROOT_ITEM, ROOT_BACKREF = 132, 144
NO_CHECKSUM = 0x1
"""Inode flag: the data has no checksums."""

TYPES = {0o100000: 1, 0o040000: 2, 0o020000: 3, 0o060000: 4, 0o010000: 5, 0o140000: 6, 0o120000: 7}
"""Type bits of a mode to the type that a directory entry says."""

_RECORD = struct.Struct("<QB16xHHB")
_ROOT_REF = struct.Struct("<QQH")
_INODE_REF = struct.Struct("<QH")
_INODE = struct.Struct("<16xQ16xIIIIQQ64xq16x")
_ROOT_SIZE = 239
_LEADS = (INODE_ITEM, ROOT_ITEM)
_READ_ONLY = 0x1
_DEAD = 1 << 48


Target = tuple[int, int, int]
"""Where a name leads: number of an inode or tree, the type of its item (INODE_ITEM, ROOT_ITEM), type of the entry."""


@dataclass(frozen=True, slots=True)
class Root:
    """Where a tree begins."""

    address: int
    level: int
    generation: int
    directory: int
    uuid: bytes
    read_only: bool


@cache
def _bytes() -> tuple[int, ...]:
    """What one byte does to the register of the checksum: names are too short for its other ways."""
    return tuple(update(value, b"\0") for value in range(256))


def name_hash(name: bytes) -> int:
    """What DIR_ITEM and XATTR_ITEM keys hold for a name."""
    table = _bytes()
    register = 0xFFFFFFFE
    for byte in name:
        register = table[(register ^ byte) & 255] ^ register >> 8
    return register


def inode(raw: bytes, number: int) -> tuple[int, int, int, int, int, int, int, int]:
    """An INODE_ITEM: size, links, owner, group, mode, device number, flags, time of change."""
    if len(raw) < _INODE.size:
        raise DamagedError(f"inode {number} is {len(raw)} bytes long")
    size, nlink, uid, gid, mode, rdev, flags, mtime = _INODE.unpack_from(raw)
    if mode & 0o170000 not in TYPES or mode >> 16:
        raise DamagedError(f"inode {number} has mode {mode:#o}")
    if rdev:
        rdev = os.makedev(rdev >> 20 & 0xFFF, rdev & 0xFFFFF)
    return size, nlink, uid, gid, mode, rdev, flags, mtime


def records(raw: bytes, owner: int) -> Iterator[tuple[bytes, bytes, Target]]:
    """Name, data and target of each record of a DIR_ITEM, DIR_INDEX or XATTR_ITEM of inode `owner`."""
    place = 0
    end = len(raw)
    while place < end:
        if place + _RECORD.size > end:
            raise DamagedError(f"directory item of inode {owner} ends inside a record")
        target, key, data_size, name_size, kind = _RECORD.unpack_from(raw, place)
        place += _RECORD.size
        middle = place + name_size
        if middle + data_size > end:
            raise DamagedError(f"directory item of inode {owner} holds less than it says")
        yield raw[place:middle], raw[middle : middle + data_size], (target, key, kind)
        place = middle + data_size


def directory(found: Iterable[tuple[Key, bytes]], owner: int) -> dict[str, Target]:
    """The entries in all DIR_ITEM or all DIR_INDEX items of directory `owner`."""
    names: dict[str, Target] = {}
    count = 0
    for (_, item, place), raw in found:
        for name, data, target in _single(raw) or records(raw, owner):
            if data or not 1 <= target[2] <= 7 or target[1] not in _LEADS:
                raise DamagedError(f"directory {owner} has an entry of type {target[2]} to an item {target[1]}")
            if item == DIR_ITEM and name_hash(name) != place:
                raise DamagedError(f"directory {owner} holds a misplaced name")
            names[plain_name(name, owner)] = target
            count += 1
        if count > limits.MAX_NAMES:
            raise LimitError(f"directory {owner} has more than {limits.MAX_NAMES} entries")
    if count != len(names):
        raise DamagedError(f"directory {owner} holds a name twice")
    return names


def _single(raw: bytes) -> tuple[tuple[bytes, bytes, Target], ...]:
    """The one record of an item that holds no more than a name, as nearly all do."""
    if len(raw) <= _RECORD.size:
        return ()
    target, key, data_size, name_size, kind = _RECORD.unpack_from(raw)
    if data_size or len(raw) != _RECORD.size + name_size:
        return ()
    return ((raw[_RECORD.size :], b"", (target, key, kind)),)


def root(raw: bytes, number: int) -> Root | None:
    """A ROOT_ITEM; None for one whose tree is deleted."""
    if len(raw) < _ROOT_SIZE:
        raise DamagedError(f"root item of tree {number} is {len(raw)} bytes long")
    generation, directory, address = struct.unpack_from("<QQQ", raw, 160)
    flags, references = struct.unpack_from("<QI", raw, 208)
    if not references or flags & _DEAD:
        return None
    level = raw[238]
    if level > 7:
        raise DamagedError(f"tree {number} has {level} levels")
    newer = len(raw) >= 263 and struct.unpack_from("<Q", raw, 239)[0] == generation
    return Root(address, level, generation, directory, raw[247:263] if newer else bytes(16), bool(flags & _READ_ONLY))


def root_name(raw: bytes, number: int) -> tuple[int, str]:
    """A ROOT_BACKREF: the directory that holds subvolume `number`, and its name there."""
    if len(raw) < _ROOT_REF.size:
        raise DamagedError(f"back reference of subvolume {number} is too short")
    directory, _, size = _ROOT_REF.unpack_from(raw)
    if len(raw) != _ROOT_REF.size + size:
        raise DamagedError(f"back reference of subvolume {number} holds less than it says")
    return directory, plain_name(raw[_ROOT_REF.size :], number)


def directory_name(raw: bytes, number: int) -> str:
    """The first name in an INODE_REF of inode `number`."""
    if len(raw) < _INODE_REF.size:
        raise DamagedError(f"back reference of inode {number} is too short")
    _, size = _INODE_REF.unpack_from(raw)
    name = raw[_INODE_REF.size : _INODE_REF.size + size]
    if len(name) != size:
        raise DamagedError(f"back reference of inode {number} holds less than it says")
    return plain_name(name, number)
