"""XFS: the superblock, its copies in the other allocation groups, and where a block or an inode lies on the device.

Sources: "XFS Filesystem Disk Structures" (xfs-documentation, design/XFS_Filesystem_Structure: Allocation Groups,
Superblocks, Inodes); kernel fs/xfs/libxfs/xfs_format.h, xfs_sb.c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scanner.model.errors import DamagedError, LimitError, NotCollectedError, TargetError
from scanner.model.records import dataclass
from scanner.parsers.crc32c import crc32c
from scanner.target.cached import CachedDevice

__all__ = ["Geometry", "Medium", "find_copy", "open_medium", "stored"]

INCOMPAT_FTYPE = 0x1
INCOMPAT_NEEDS_REPAIR = 0x10
_INCOMPAT_READABLE = 0x7FF
_VERSION_DIRECTORY2 = 0x2000
_VERSION_MORE = 0x8000
_FEATURE2_FTYPE = 0x200

_SUPER = 512
_SUPER_CRC = 224
_MAX_NOTES = 64
_SCAN = 256 << 20
_USUAL_GROUPS = 4
_LARGEST_GROUP = 1 << 40
_LEAST_BLOCKS = 16_384
_MOST_BLOCKS = 4_000_000
_NO_INODE = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the superblock says of the shape of the file system, checked against itself."""

    version: int
    block_log: int
    sector_size: int
    inode_log: int
    ag_blocks: int
    ag_block_log: int
    ag_count: int
    blocks: int
    root: int
    directory_log: int
    log_start: int
    log_blocks: int
    file_types: bool
    needs_repair: bool
    in_progress: bool

    @property
    def block_size(self) -> int:
        """Bytes of one file system block."""
        return 1 << self.block_log

    @property
    def ag_size(self) -> int:
        """Bytes from one allocation group to the next."""
        return self.ag_blocks << self.block_log


class Medium:
    """The device with its geometry: blocks and inodes by number, checksums compared, `notes` of what is odd."""

    def __init__(self, device: CachedDevice, geometry: Geometry, notes: list[str]) -> None:
        self.device = device
        self.geometry = geometry
        self.notes = notes
        self.sound_clusters: set[int] = set()
        self._attribute_blocks = max(_LEAST_BLOCKS, min(_MOST_BLOCKS, 2 * device.size >> geometry.block_log))

    def note(self, text: str) -> None:
        """Remember what is wrong though the data still reads."""
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(text)
        elif len(self.notes) == _MAX_NOTES:
            self.notes.append(f"more than {_MAX_NOTES} notes")

    def spend_attribute_block(self) -> None:
        """Count a block of attributes, which a crafted file system of version 4 lets thousands of inodes share."""
        self._attribute_blocks -= 1
        if self._attribute_blocks < 0:
            raise LimitError(f"{self.device.name}: more blocks of attributes than the file system can hold")

    def place(self, block: int, count: int = 1) -> int:
        """Byte offset of `count` blocks from file system block `block` (group number in its high bits)."""
        geometry = self.geometry
        group, inside = block >> geometry.ag_block_log, block & ((1 << geometry.ag_block_log) - 1)
        start = group * geometry.ag_blocks + inside
        if group >= geometry.ag_count or inside + count > geometry.ag_blocks or start + count > geometry.blocks:
            raise DamagedError(f"{self.device.name}: block {block} (+{count}) is not in the file system")
        return start << geometry.block_log

    def inode_place(self, number: int) -> int:
        """Byte offset of inode `number`. The number says it, so sparse inode chunks need no look-up."""
        geometry = self.geometry
        per_block = geometry.block_log - geometry.inode_log
        if number >> 63:
            raise DamagedError(f"{self.device.name}: there is no inode {number}")
        return self.place(number >> per_block) + ((number & ((1 << per_block) - 1)) << geometry.inode_log)

    def check(self, data: bytes, place: int, offset: int, what: str) -> None:
        """Raise DamagedError when the checksum stored at `place` of a version 5 structure is not that of the structure.

        As the kernel does: a flipped bit in a size or a name would otherwise be a fact.
        """
        if stored(data, place) != checksum(data, place):
            raise DamagedError(f"{self.device.name}: checksum of {what} at offset {offset} is wrong")


def stored(data: bytes, place: int) -> int:
    """The checksum that stands in a version 5 structure."""
    return int.from_bytes(data[place : place + 4], "little")


def checksum(data: bytes, place: int) -> int:
    """The checksum of a version 5 structure, its own four bytes taken as zero."""
    return crc32c(data[:place] + b"\0\0\0\0" + data[place + 4 :])


def _parse(data: bytes, where: str) -> Geometry:
    """The geometry in one superblock. Raises DamagedError for nonsense, NotCollectedError for what cannot be read."""
    if data[:4] != b"XFSB" or len(data) < 272:
        raise DamagedError(f"{where} has no magic number")
    block_size, blocks = struct.unpack_from(">IQ", data, 4)
    log_start, root = struct.unpack_from(">QQ", data, 48)
    ag_blocks, ag_count, _, log_blocks, version, sector, inode_size, per_block = struct.unpack_from(
        ">IIIIHHHH", data, 84
    )
    block_log, _, inode_log, per_block_log, ag_block_log, _, in_progress = data[120:127]
    directory_log = data[192]
    features2, _, _, _, incompat = struct.unpack_from(">IIIII", data, 200)
    kind = version & 15
    if not 1 <= kind <= 5:
        raise DamagedError(f"{where} has version {kind}")
    if kind < 4:
        raise NotCollectedError(f"unsupported: XFS version {kind}")
    if kind == 4 and not version & _VERSION_DIRECTORY2:
        raise NotCollectedError("unsupported: XFS version 1 directories")
    if kind == 5 and incompat & ~_INCOMPAT_READABLE:
        raise NotCollectedError(f"unsupported: XFS feature bits {incompat & ~_INCOMPAT_READABLE:#x}")
    sound = (
        9 <= block_log <= 16
        and block_size == 1 << block_log
        and 8 <= inode_log <= min(11, block_log)
        and inode_size == 1 << inode_log
        and per_block_log == block_log - inode_log
        and per_block == 1 << per_block_log
        and 512 <= sector <= 32768
        and not sector & (sector - 1)
        and ag_blocks >= 64
        and ag_block_log == (ag_blocks - 1).bit_length()
        and ag_count >= 1
        and (ag_count - 1) * ag_blocks < blocks <= ag_count * ag_blocks
        and block_log + directory_log <= 16
        and (kind == 4 or (inode_log >= 9 and block_log >= 10))
    )
    if not sound:
        raise DamagedError(f"{where} holds numbers that contradict each other")
    more = version & _VERSION_MORE and features2 & _FEATURE2_FTYPE
    types = incompat & INCOMPAT_FTYPE if kind == 5 else more
    return Geometry(
        kind, block_log, sector, inode_log, ag_blocks, ag_block_log, ag_count, blocks, root, directory_log,
        log_start, log_blocks, bool(types), kind == 5 and bool(incompat & INCOMPAT_NEEDS_REPAIR), bool(in_progress),
    )  # fmt: skip


def _read(device: CachedDevice, offset: int, where: str) -> tuple[Geometry, bool]:
    """Geometry of the superblock at `offset`, and whether its checksum (if it has one) is right."""
    data = device.exact(offset, _SUPER)
    geometry = _parse(data, where)
    if geometry.version == 4:
        return geometry, True
    whole = device.exact(offset, geometry.sector_size)
    return geometry, stored(whole, _SUPER_CRC) == checksum(whole, _SUPER_CRC)


def open_medium(device: CachedDevice) -> Medium:
    """The file system on `device`: its first superblock, or a copy where the first is damaged."""
    notes: list[str] = []
    geometry: Geometry | None = None
    failure: TargetError | None = None
    try:
        geometry, right = _read(device, 0, f"{device.name}: superblock")
    except TargetError as error:
        failure, right = error, False
    if not right:
        copy = _copy(device, geometry)
        if copy is not None:
            geometry, offset = copy
            notes.append(f"superblock is damaged, its copy at offset {offset} is used")
        elif geometry is not None:
            notes.append("checksum of the superblock is wrong and there is no sound copy")
    if geometry is None:
        raise failure or DamagedError(f"{device.name}: no superblock")
    if geometry.needs_repair:
        notes.append("file system is marked as in need of repair")
    if geometry.in_progress and right:
        notes.append("file system was not made to its end")
    if geometry.blocks << geometry.block_log > device.size:
        size = geometry.blocks << geometry.block_log
        notes.append(f"device ends after {device.size} bytes, the file system is {size} bytes long")
    return Medium(device, geometry, notes)


def find_copy(device: CachedDevice) -> int | None:
    """Offset of a sound superblock of another allocation group, where the first one is gone."""
    found = _copy(device, None)
    return None if found is None else found[1]


def _copy(device: CachedDevice, first: Geometry | None) -> tuple[Geometry, int] | None:
    """A sound superblock of another allocation group that knows the root inode, and its offset.

    mkfs writes the number of the root inode into the copies of the middle and the last group only.
    """
    for offset in _places(device, first):
        try:
            geometry, right = _read(device, offset, f"{device.name}: superblock at offset {offset}")
        except TargetError:
            continue
        if not right or not offset or offset % geometry.ag_size:
            continue
        for group in ((geometry.ag_count - 1) // 2, geometry.ag_count - 1, offset // geometry.ag_size):
            where = group * geometry.ag_size
            try:
                found, sound = _read(device, where, f"{device.name}: superblock at offset {where}")
            except TargetError:
                continue
            if group and sound and found.root not in (0, _NO_INODE) and found.ag_size == geometry.ag_size:
                return found, where
    return None


def _places(device: CachedDevice, first: Geometry | None) -> Iterator[int]:
    """Offsets where a copy may be: what the first superblock says, what mkfs does, then whatever has the magic."""
    if first is not None:
        yield first.ag_size
    data = device.pread(0, _SUPER)
    if len(data) == _SUPER:
        yield int.from_bytes(data[4:8], "big") * int.from_bytes(data[84:88], "big")
    for log in (12, 10, 11, 13, 14, 15, 16, 9):
        yield -(-(device.size >> log) // _USUAL_GROUPS) << log
    yield _LARGEST_GROUP
    step = 1 << 20
    for start in range(0, min(device.size, _SCAN), step):
        piece = device.pread(start, step)
        at = piece.find(b"XFSB", 4 if start == 0 else 0)
        while at >= 0:
            if at % 512 == 0:
                yield start + at
            at = piece.find(b"XFSB", at + 4)
