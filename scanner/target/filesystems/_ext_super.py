"""ext2, ext3, ext4: superblock, its backups, and group descriptors (where the inode tables are).

Sources: kernel Documentation/filesystems/ext4/super.rst, group_descr.rst, blockgroup.rst (sparse_super, flex_bg,
meta_bg), fs/ext4/ext4.h, fs/ext4/super.c (what a mount refuses).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.parsers.crc32c import update
from scanner.target.cached import CachedDevice

__all__ = ["Groups", "Superblock", "find_copy", "load"]

COMPAT_SPARSE_SUPER2 = 0x200

INCOMPAT_RECOVER = 0x4
INCOMPAT_META_BG = 0x10
INCOMPAT_64BIT = 0x80
INCOMPAT_EA_INODE = 0x400
INCOMPAT_CHECKSUM_SEED = 0x2000
INCOMPAT_LARGE_DIRECTORY = 0x4000

_READABLE = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000
_FEATURES = {0x1: "compression", 0x8: "external journal", 0x1000: "dirdata"}

RO_SPARSE_SUPER = 0x1
RO_GDT_CHECKSUM = 0x10
RO_BIGALLOC = 0x200
RO_METADATA_CHECKSUM = 0x400
RO_ORPHAN_PRESENT = 0x10000

_CLEAN = 0x1
_ERRORS = 0x2

_MAGIC = b"\x53\xef"
_SIZE = 1024


@dataclass(frozen=True)
class Superblock:
    """What the file system says of itself, checked against itself."""

    raw: bytes
    block_size: int
    blocks: int
    inodes: int
    first_block: int
    group_blocks: int
    group_inodes: int
    inode_size: int
    descriptor_size: int
    compat: int
    incompat: int
    read_only: int

    @property
    def groups(self) -> int:
        """How many block groups there are."""
        return -(-(self.blocks - self.first_block) // self.group_blocks)

    @property
    def checksums(self) -> bool:
        """Whether metadata carries CRC-32C checksums."""
        return bool(self.read_only & RO_METADATA_CHECKSUM)

    @cached_property
    def seed(self) -> int:
        """The register that every metadata checksum starts from."""
        if self.incompat & INCOMPAT_CHECKSUM_SEED:
            return int.from_bytes(self.raw[0x270:0x274], "little")
        return update(0xFFFFFFFF, self.raw[0x68:0x78])

    def has_copy(self, group: int) -> bool:
        """Whether `group` starts with a superblock (and, without meta_bg, the descriptors)."""
        if group == 0:
            return True
        if self.compat & COMPAT_SPARSE_SUPER2:
            return group in struct.unpack_from("<II", self.raw, 0x24C)
        return group == 1 or not self.read_only & RO_SPARSE_SUPER or any(_is_power(group, base) for base in (3, 5, 7))

    def remarks(self, device_size: int) -> list[str]:
        """What a reader of the facts has to know: the tree may not be what a mount would show."""
        state = self.raw[0x3A]
        orphans = any(self.raw[0xE8:0xEC]) or bool(self.read_only & RO_ORPHAN_PRESENT)
        found = (
            (bool(self.incompat & INCOMPAT_RECOVER), "journal not replayed"),
            (not state & _CLEAN and not self.incompat & INCOMPAT_RECOVER, "not cleanly unmounted"),
            (bool(state & _ERRORS), "the file system has recorded errors"),
            (orphans, "deleted files not yet removed (orphan list)"),
        )
        return [*(text for true, text in found if true), *self.shortage(device_size)]

    def shortage(self, device_size: int) -> list[str]:
        """A remark when the device ends before the file system."""
        missing = self.blocks * self.block_size - device_size
        return [f"the device is {missing} bytes shorter than the file system"] if missing > 0 else []


def _is_power(number: int, base: int) -> bool:
    while number > 1 and number % base == 0:
        number //= base
    return number == 1


def parse(raw: bytes, place: int) -> Superblock:
    """The superblock in `raw`, which was found at byte `place`. Raises DamagedError, NotCollectedError."""
    if len(raw) < _SIZE or raw[0x38:0x3A] != _MAGIC:
        raise DamagedError(f"offset {place}: no ext superblock")
    inodes, low = struct.unpack_from("<II", raw, 0)
    first, log_block, log_cluster, group_blocks, _, group_inodes = struct.unpack_from("<IIIIII", raw, 0x14)
    revision = int.from_bytes(raw[0x4C:0x50], "little")
    compat, incompat, read_only = struct.unpack_from("<III", raw, 0x5C) if revision else (0, 0, 0)
    unreadable = incompat & ~_READABLE
    if unreadable:
        lowest = unreadable & -unreadable
        raise NotCollectedError(f"unsupported: ext feature {_FEATURES.get(lowest, hex(lowest))}")
    inode_size = struct.unpack_from("<H", raw, 0x58)[0] if revision else 128
    wide = bool(incompat & INCOMPAT_64BIT)
    blocks = low | (struct.unpack_from("<I", raw, 0x150)[0] << 32 if wide else 0)
    descriptor_size = struct.unpack_from("<H", raw, 0xFE)[0] if wide else 32
    if log_block > 6 or log_cluster > 20 or (log_cluster < log_block and read_only & RO_BIGALLOC):
        raise DamagedError(f"offset {place}: block size 1024 << {log_block}")
    block_size = 1024 << log_block
    cluster = 1 << (log_cluster - log_block) if read_only & RO_BIGALLOC else 1
    sane = (
        0 < group_blocks <= 8 * block_size * cluster
        and 0 < group_inodes <= 8 * block_size
        and 128 <= inode_size <= block_size
        and inode_size & inode_size - 1 == 0
        and first < blocks < 1 << 48
        and first <= 1
        and (not wide or (64 <= descriptor_size <= 1024 and descriptor_size & descriptor_size - 1 == 0))
    )
    found = Superblock(
        raw[:_SIZE],
        block_size,
        blocks,
        inodes,
        first,
        group_blocks,
        group_inodes,
        inode_size,
        descriptor_size,
        compat,
        incompat,
        read_only,
    )
    if not sane or inodes != found.groups * group_inodes:
        raise DamagedError(f"offset {place}: the superblock contradicts itself")
    return found


def load(device: CachedDevice) -> tuple[Superblock, list[str]]:
    """The superblock of `device` (a backup when the primary is damaged) and remarks."""
    raw = device.pread(1024, _SIZE)
    try:
        if _sound(raw):
            primary = parse(raw, 1024)
            return primary, primary.remarks(device.size)
        trouble = DamagedError("offset 1024: superblock checksum does not match")
    except DamagedError as error:
        trouble = error
    copy = find_copy(device)
    if copy is not None:
        place, backup = copy
        remark = f"{trouble}; the backup at offset {place} is used, the state of the journal is not known"
        return backup, [remark, *backup.shortage(device.size)]
    try:
        primary = parse(device.pread(1024, _SIZE), 1024)
    except NotCollectedError:
        raise trouble from None
    return primary, [str(trouble), *primary.remarks(device.size)]


def find_copy(device: CachedDevice) -> tuple[int, Superblock] | None:
    """The first sound copy of the superblock that stands where it says itself, and its offset."""
    for place in _backup_places():
        if place + _SIZE > device.size:
            continue
        raw = device.pread(place, _SIZE)
        group = int.from_bytes(raw[0x5A:0x5C], "little")
        try:
            if not group or not _sound(raw):
                continue
            copy = parse(raw, place)
        except (DamagedError, NotCollectedError):
            continue
        if (copy.first_block + group * copy.group_blocks) * copy.block_size == place:
            return place, copy
    return None


def _sound(raw: bytes) -> bool:
    """Whether the superblock's own checksum, if it has one, is right."""
    if len(raw) < _SIZE or not int.from_bytes(raw[0x64:0x68], "little") & RO_METADATA_CHECKSUM:
        return True
    return update(0xFFFFFFFF, raw[:0x3FC]) == int.from_bytes(raw[0x3FC:], "little")


def _backup_places() -> Iterator[int]:
    """Where a backup stands when groups have their usual size: as many blocks, or clusters of 16 blocks, as one block
    has bits."""
    for group in (1, 3, 5, 7, 9, 25, 27, 49):
        for cluster in (1, 16):
            for log_block in range(7):
                size = 1024 << log_block
                yield (group * 8 * size * cluster + (log_block == 0)) * size


class Groups:
    """Group descriptors, read when asked for: the first block of a group's inode table."""

    def __init__(self, device: CachedDevice, superblock: Superblock) -> None:
        self._device = device
        self._super = superblock
        self._tables: dict[int, int] = {}

    def inode_table(self, group: int) -> int:
        """Block number of the inode table of `group`. Raises DamagedError."""
        table = self._tables.get(group)
        if table is None:
            table = self._read(group)
            if len(self._tables) >= 4096:
                self._tables.clear()
            self._tables[group] = table
        return table

    def _read(self, group: int) -> int:
        """From the first copy of the descriptor that is right."""
        own = self._super
        number, index = divmod(group, own.block_size // own.descriptor_size)
        table_blocks = -(-own.group_inodes * own.inode_size // own.block_size)
        place = 0
        for block in self._places(number):
            place = block * own.block_size + index * own.descriptor_size
            raw = self._device.pread(place, own.descriptor_size)
            if len(raw) < own.descriptor_size or not self._matches(group, raw):
                continue
            table = int.from_bytes(raw[8:12], "little")
            if own.descriptor_size >= 64:
                table |= int.from_bytes(raw[0x28:0x2C], "little") << 32
            if own.first_block < table <= own.blocks - table_blocks:
                return table
        raise DamagedError(f"offset {place}: descriptor of block group {group} is damaged")

    def _places(self, number: int) -> Iterator[int]:
        """Blocks that hold descriptor block `number`: the usual one, then the copies."""
        own = self._super
        first_meta = int.from_bytes(own.raw[0x104:0x108], "little")
        if own.incompat & INCOMPAT_META_BG and number >= first_meta:
            per_block = own.block_size // own.descriptor_size
            for group in (number * per_block, number * per_block + 1, (number + 1) * per_block - 1):
                if group < own.groups:
                    early = own.block_size == 1024 and group == 0 and own.first_block == 0
                    yield own.first_block + group * own.group_blocks + own.has_copy(group) + early
            return
        yield (own.block_size == 1024) + 1 + number
        for group in (1, 3, 5, 7, 9, 25, 27, 49, *struct.unpack_from("<II", own.raw, 0x24C)):
            if 0 < group < own.groups and own.has_copy(group):
                yield own.first_block + group * own.group_blocks + 1 + number

    def _matches(self, group: int, raw: bytes) -> bool:
        own = self._super
        stored = int.from_bytes(raw[0x1E:0x20], "little")
        label = group.to_bytes(4, "little")
        if own.checksums:
            return update(own.seed, label + raw[:0x1E] + b"\0\0" + raw[0x20:]) & 0xFFFF == stored
        if own.read_only & RO_GDT_CHECKSUM:
            return _crc16(own.raw[0x68:0x78] + label + raw[:0x1E] + raw[0x20:]) == stored
        return True


def _crc16(data: bytes) -> int:
    """CRC-16 (reflected 0x8005) seeded with ones, as gdt_csum has it."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value
