"""XFS: directories (in the inode, one block, or many; the leaf, node and free index blocks hold no names of their own).

Sources: "XFS Filesystem Disk Structures", chapter Directories; kernel fs/xfs/libxfs/xfs_da_format.h (xfs_dir2_sf_hdr,
xfs_dir2_data_hdr, xfs_dir3_data_hdr, xfs_dir2_data_entry, xfs_dir2_data_unused, xfs_dir2_block_tail).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scanner.model.errors import DamagedError, LimitError
from scanner.target import limits
from scanner.target.filesystems._nodes import plain_name
from scanner.target.filesystems._xfs_fork import LOCAL
from scanner.target.filesystems._xfs_inode import Inode
from scanner.target.filesystems._xfs_super import Medium

__all__ = ["directory"]

_NAMES_END = 1 << 35
_FREE = b"\xff\xff"
_CRC = 4
_BLOCK = (b"XD2B", b"XDB3")
_DATA = (b"XD2D", b"XDD3")
_RUN = 65536
_ENTRY = struct.Struct(">QB")


def directory(medium: Medium, node: Inode) -> dict[str, int]:
    """Name to inode number, without `.` and `..`."""
    found: dict[str, int] = {}
    if node.form == LOCAL:
        _short(medium, node, found)
    else:
        for number, (offset, data) in enumerate(_blocks(medium, node)):
            _names(medium, node, number == 0, offset, data, found)
    return found


def _damage(medium: Medium, node: Inode, text: str) -> DamagedError:
    return DamagedError(f"{medium.device.name}: directory inode {node.number}: {text}")


def _add(medium: Medium, node: Inode, found: dict[str, int], raw: bytes, number: int, offset: int) -> None:
    name = plain_name(raw, offset)
    if name in found:
        raise _damage(medium, node, f"{raw!r} stands in it twice, at offset {offset}")
    found[name] = number
    if len(found) > limits.MAX_NAMES:
        raise LimitError(f"directory inode {node.number} has more than {limits.MAX_NAMES} entries")


def _short(medium: Medium, node: Inode, found: dict[str, int]) -> None:
    """A directory small enough to lie in its inode."""
    data = node.data[: node.size]
    if len(data) < 6 or node.size > len(node.data):
        raise _damage(medium, node, f"{node.size} bytes in the inode")
    place = medium.inode_place(node.number)
    count, wide = data[0], data[1]
    width = 8 if wide else 4
    tail = width + (1 if medium.geometry.file_types else 0)
    at = 2 + width
    for _ in range(count):
        if at + 3 > len(data):
            raise _damage(medium, node, "entries do not fit in the inode")
        length = data[at]
        name = data[at + 3 : at + 3 + length]
        at += 3 + length + tail
        if at > len(data):
            raise _damage(medium, node, "entries do not fit in the inode")
        _add(medium, node, found, name, int.from_bytes(data[at - width : at], "big"), place)


def _blocks(medium: Medium, node: Inode) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each block that holds names."""
    geometry = medium.geometry
    per_block = 1 << geometry.directory_log
    size = geometry.block_size << geometry.directory_log
    most = min(limits.MAX_NAMES, medium.device.size // size) + 1
    pending, pending_at, expected = b"", 0, 0
    for extent in node.fork(medium).extents(0, _NAMES_END >> geometry.block_log):
        if extent.unwritten or (extent.first != expected if pending else extent.first % per_block):
            raise _damage(medium, node, f"block {extent.first} has a gap")
        start = medium.place(extent.block, extent.blocks)
        expected = extent.first + extent.blocks
        total = extent.blocks << geometry.block_log
        done = 0
        while done < total:
            run = medium.device.exact(start + done, min(_RUN, total - done))
            if not pending:
                pending_at = start + done
            here = pending_at
            done += len(run)
            pending += run
            used = 0
            while len(pending) - used >= size:
                most -= 1
                if most < 0:
                    raise LimitError(f"directory inode {node.number} has more blocks than it can have names")
                yield here, pending[used : used + size]
                used += size
                here = pending_at = start + done - (len(pending) - used)
            pending = pending[used:]
    if pending:
        raise _damage(medium, node, "its last block is not whole")


def _names(medium: Medium, node: Inode, first: bool, offset: int, data: bytes, found: dict[str, int]) -> None:
    """The entries of one block."""
    newer = medium.geometry.version == 5
    magic = data[:4]
    end = len(data)
    if magic == _BLOCK[newer] and first:
        end -= 8 + 8 * int.from_bytes(data[-8:-4], "big")
    elif magic != _DATA[newer]:
        raise _damage(medium, node, f"no block of names at offset {offset}")
    at = 16
    if newer:
        at = 64
        medium.check(data, _CRC, offset, "a directory block")
        own, owner = int.from_bytes(data[8:16], "big"), int.from_bytes(data[40:48], "big")
        if own * 512 != offset or owner != node.number:
            raise _damage(medium, node, f"block at offset {offset} belongs elsewhere")
    if end < at:
        raise _damage(medium, node, f"the index of the block at offset {offset} is longer than the block")
    fixed = 11 + medium.geometry.file_types + 7
    position = 0
    while at < end:
        if data[at : at + 2] == _FREE:
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            if length < 8 or length & 7:
                raise _damage(medium, node, f"free space of {length} bytes at offset {offset + at}")
            at += length
            continue
        if at + 16 > end:
            raise _damage(medium, node, f"entry does not fit at offset {offset + at}")
        number, length = _ENTRY.unpack_from(data, at)
        name = data[at + 9 : at + 9 + length]
        here, at = at, at + (length + fixed & ~7)
        if at > end:
            raise _damage(medium, node, f"entry does not fit at offset {offset + here}")
        if not (first and (position, name) in _DOTS):
            _add(medium, node, found, name, number, offset + here)
        position += 1
    if at > end:
        raise _damage(medium, node, f"free space runs over the end of the block at offset {offset}")


_DOTS = ((0, b"."), (1, b".."))
