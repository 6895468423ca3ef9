"""btrfs: metadata blocks (nodes and leaves), read from any sound copy and checked, and the search in a B-tree of them.

Sources: btrfs-progs Documentation/dev/On-disk-format.rst (header, node, leaf), include/uapi/linux/btrfs_tree.h (struct
btrfs_header, btrfs_item, btrfs_key_ptr), fs/btrfs/tree-checker.c (check_leaf, check_node, btrfs_check_eb_owner),
fs/btrfs/disk-io.c (btrfs_validate_extent_buffer, btrfs_verify_level_key).

No tree can make a search endless: a child stands one level below its parent, opens with the parent's key and ends
before the parent's next one, so keys only grow and a block that is reached twice is refused.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from operator import ge

from scanner.model.errors import DamagedError, TargetError
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._btrfs_chunks import CHUNK_ITEM, CHUNK_TREE_ID, ChunkMap
from scanner.target.filesystems._btrfs_super import FIELD, Superblock, checksum_of

__all__ = ["CHUNK_TREE", "CSUM_TREE", "FS_TREE", "ROOT_TREE", "Key", "Tree", "Volume", "is_subvolume"]

ROOT_TREE, CHUNK_TREE, FS_TREE, CSUM_TREE = 1, 3, 5, 7
Key = tuple[int, int, int]

_HEADER = 101
_ITEM = struct.Struct("<QBQ8x")
_PLACES = struct.Struct("<17xII")
_POINTER = struct.Struct("<QBQQQ")
_PLACE = struct.Struct("<II")
_FIELDS = struct.Struct("<16sQQ16sQQIB")  # fsid, address, flags, chunk tree, generation, owner, items, level
_KEPT = 6 << 20
_PIECE = 1 << 20
_MAX_NOTES = 100
_RELOCATION = 0xFFFF_FFFF_FFFF_FFF8


def is_subvolume(number: int) -> bool:
    """Whether a tree of this number holds files."""
    return number == FS_TREE or 256 <= number < 1 << 63


@dataclass(slots=True)
class Block:
    """A checked metadata block. Inner: `children` are (address, generation); a leaf's items are found in `data`."""

    level: int
    generation: int
    owner: int
    keys: list[Key]
    children: list[tuple[int, int]]
    data: bytes

    def item(self, index: int) -> bytes:
        """Content of item `index` of a leaf."""
        start, size = _PLACE.unpack_from(self.data, _HEADER + 25 * index + 17)
        return self.data[_HEADER + start : _HEADER + start + size]


class Volume:
    """A device with its superblock and chunk map: metadata blocks by logical address, raw bytes by logical address."""

    def __init__(self, device: CachedDevice, sb: Superblock) -> None:
        self.device = device
        self.sb = sb
        self.notes = list(sb.notes)
        self.checksum = checksum_of(sb.checksum)
        self._room = max(16, _KEPT // sb.node)
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self.chunks = ChunkMap(sb)
        tree = Tree(self, CHUNK_TREE, sb.chunk_root, sb.chunk_level, sb.chunk_generation)
        for key, item in tree.span((CHUNK_TREE_ID, CHUNK_ITEM, 0), (CHUNK_TREE_ID, CHUNK_ITEM, (1 << 64) - 1)):
            self.chunks.add(key[2], item)

    def note(self, text: str) -> None:
        """Remember something the report should say, once."""
        if text not in self.notes and len(self.notes) < _MAX_NOTES:
            self.notes.append(text)

    def read(self, logical: int, length: int, copy: int = 0) -> bytes:
        """Exactly `length` bytes at `logical`, from the copy of this number (counted around)."""
        parts: list[bytes] = []
        while length > 0:
            places, left = self.chunks.locate(logical)
            count = min(left, length, _PIECE)
            parts.append(self.device.exact(places[copy % len(places)], count))
            logical += count
            length -= count
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def copies(self, logical: int) -> list[int]:
        """Where on this device the copies of the byte at `logical` lie."""
        return self.chunks.locate(logical)[0]

    def block(self, logical: int, level: int, generation: int, tree: int) -> Block:
        """The metadata block at `logical`, of the level and generation that its parent says."""
        block = self._blocks.get(logical)
        if block is None:
            block = self._load(logical, level, generation, tree)
            self._blocks[logical] = block
            if len(self._blocks) > self._room:
                self._blocks.popitem(last=False)
            return block
        self._blocks.move_to_end(logical)
        self._matches(block, logical, level, generation, tree)
        return block

    def _load(self, logical: int, level: int, generation: int, tree: int) -> Block:
        places = self.copies(logical)
        problem: TargetError | None = None
        for copy, place in enumerate(places):
            try:
                block = self._parse(self.read(logical, self.sb.node, copy), logical)
                self._matches(block, logical, level, generation, tree)
            except TargetError as error:
                problem = problem or DamagedError(f"{error.message} (device offset {place})")
            else:
                if problem is not None:
                    self.note(f"metadata read by its other copy: {problem.message}")
                return block
        raise problem or DamagedError(f"metadata block {logical} has no copy")

    @staticmethod
    def _matches(block: Block, logical: int, level: int, generation: int, tree: int) -> None:
        if block.level != level or block.generation != generation:
            raise DamagedError(
                f"metadata block {logical} has level {block.level}, generation {block.generation}: "
                f"its parent says {level}, {generation}"
            )
        owner = block.owner
        if owner != tree and not (is_subvolume(tree) and (is_subvolume(owner) or owner == _RELOCATION)):
            raise DamagedError(f"metadata block {logical} of tree {tree} belongs to tree {owner}")

    def _parse(self, data: bytes, logical: int) -> Block:
        sb = self.sb
        if self.checksum is not None and self.checksum(data[FIELD:]) != data[: sb.checksum_size]:
            raise DamagedError(f"metadata checksum mismatch in block {logical}")
        fsid, address, _, _, generation, owner, count, level = _FIELDS.unpack_from(data, FIELD)
        room = sb.node - _HEADER
        if fsid != sb.metadata_id or address != logical:
            raise DamagedError(f"metadata block {logical} belongs to another place or file system")
        size = _POINTER.size if level else _ITEM.size
        if level > 7 or count * size > room or (level and not count):
            raise DamagedError(f"metadata block {logical} has level {level} and {count} items")
        table = data[_HEADER : _HEADER + count * size]
        children: list[tuple[int, int]] = []
        if level:
            keys = [row[:3] for row in _POINTER.iter_unpack(table)]
            children = [row[3:] for row in _POINTER.iter_unpack(table)]
            if any(child % sb.sector for child, _ in children):
                raise DamagedError(f"metadata block {logical} has a child at an impossible address")
        else:
            keys = list(_ITEM.iter_unpack(table))
            _check_places(_PLACES.iter_unpack(table), count, room, logical)
        if any(map(ge, keys, islice(keys, 1, None))):
            raise DamagedError(f"keys of metadata block {logical} are out of order")
        return Block(level, generation, owner, keys, children, data)


def _check_places(places: Iterator[tuple[int, int]], count: int, room: int, logical: int) -> None:
    """Contents of a leaf's items must fill the end of the block without gap or overlap, the first item's last."""
    end = room
    left = count
    for start, size in places:
        if start + size != end:
            break
        end = start
        left -= 1
    if left or end < count * _ITEM.size:
        raise DamagedError(f"items of metadata block {logical} lie outside of it or overlap")


class Tree:
    """One B-tree: look-ups by key."""

    def __init__(self, volume: Volume, number: int, root: int, level: int, generation: int) -> None:
        self.volume = volume
        self.number = number
        self._root = (root, level, generation)
        self._last: tuple[Block, Key | None] | None = None

    def _leaf(self, key: Key) -> tuple[Block, Key | None]:
        """The leaf that holds `key` if any does, and the key that the next leaf opens with."""
        last = self._last
        if last is not None and last[0].keys and last[0].keys[0] <= key <= last[0].keys[-1]:
            return last
        address, level, generation = self._root
        volume = self.volume
        block = volume.block(address, level, generation, self.number)
        upper: Key | None = None
        while level:
            index = max(0, bisect_right(block.keys, key) - 1)
            first = block.keys[index]
            if index + 1 < len(block.keys):
                upper = block.keys[index + 1]
            address, generation = block.children[index]
            level -= 1
            block = volume.block(address, level, generation, self.number)
            keys = block.keys
            if not keys or keys[0] != first or (upper is not None and keys[-1] >= upper):
                raise DamagedError(f"metadata block {address} does not hold the keys its parent says")
        self._last = block, upper
        return block, upper

    def find(self, key: Key) -> bytes | None:
        """Content of the item with exactly this key."""
        leaf, _ = self._leaf(key)
        index = bisect_left(leaf.keys, key)
        return leaf.item(index) if index < len(leaf.keys) and leaf.keys[index] == key else None

    def before(self, key: Key) -> tuple[Key, bytes] | None:
        """The last item whose key is not greater than `key`."""
        leaf, _ = self._leaf(key)
        index = bisect_right(leaf.keys, key) - 1
        return (leaf.keys[index], leaf.item(index)) if index >= 0 else None

    def span(self, first: Key, high: Key) -> Iterator[tuple[Key, bytes]]:
        """Items with `first` <= key <= `high`, in order."""
        start: Key | None = first
        while start is not None and start <= high:
            leaf, following = self._leaf(start)
            low = bisect_left(leaf.keys, start)
            whole = following is not None and following <= high
            top = len(leaf.keys) if whole else bisect_right(leaf.keys, high)
            data = leaf.data
            places = _PLACES.iter_unpack(data[_HEADER + 25 * low : _HEADER + 25 * top])
            for key, (place, size) in zip(leaf.keys[low:top], places, strict=True):
                place += _HEADER
                yield key, data[place : place + size]
            if not whole:
                return
            start = following
