"""The superblock of EROFS, and what is read with it: device table and long attribute prefixes.

Source: erofs-utils include/erofs_fs.h and kernel Documentation/filesystems/erofs.rst; kernel fs/erofs/super.c for what
a mount checks.
"""

from __future__ import annotations

import struct
from typing import Protocol

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.model.records import dataclass
from scanner.parsers.crc32c import crc32c
from scanner.target.cached import CachedDevice

__all__ = ["METABOX_BIT", "ExtraDevice", "Source", "Super", "read_super"]

METABOX_BIT = 1 << 63
"""Set in the number of a node that lies in the metabox."""

_START = 1024
_MAGIC = 0xE0F5E1E2
_COMPOSEFS = 0xD078629A
_CHECKSUM = 0x1
_SHARED_IN_METABOX = 0x8
_PLAIN_PREFIXES = 0x10
_DEVICE_TABLE = 0x8
_FRAGMENTS = 0x20
_48BIT = 0x80
_METABOX = 0x100
_KNOWN = 0x1FF
_COMPRESSION_CONFIGS = 0x2
_SLOT = 128


class Source(Protocol):
    """Where metadata is read from: the device or the metabox."""

    def exact(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises DamagedError where they end before."""


@dataclass(frozen=True, slots=True)
class ExtraDevice:
    """Blocks `start` to `start + blocks` of the address space lie on another device (0: only named by number)."""

    start: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Super:
    """What a superblock says. Addresses are in bytes."""

    block_bits: int
    root: int
    epoch: int
    meta: int
    shared: int
    shared_in_metabox: bool
    packed: int
    metabox: int
    prefix_start: int
    prefix_count: int
    prefixes_plain: bool
    algorithms: int
    wide: bool
    extra: tuple[ExtraDevice, ...]
    composefs: bool

    @property
    def block(self) -> int:
        """Bytes of a block."""
        return 1 << self.block_bits


def read_super(device: CachedDevice) -> Super:
    """The superblock. Raises DamagedError or NotCollectedError for what the kernel would not mount."""
    raw = device.exact(_START, 128)
    magic, checksum, compatible, block_bits, slots = struct.unpack_from("<IIIBB", raw)
    if magic != _MAGIC:
        raise DamagedError(f"{device.name}: no EROFS superblock at offset {_START}")
    if not 9 <= block_bits <= 16:
        raise DamagedError(f"{device.name}: EROFS block size of 2^{block_bits} at offset {_START + 12}")
    (incompatible,) = struct.unpack_from("<I", raw, 80)
    if incompatible & ~_KNOWN:
        raise NotCollectedError(f"unsupported: EROFS feature {incompatible & ~_KNOWN:#x}")
    if raw[90]:
        raise NotCollectedError("unsupported: EROFS directory blocks of another size")
    if compatible & _CHECKSUM:
        _check(device, block_bits, checksum)
    (root,) = struct.unpack_from("<H", raw, 14)
    (epoch,) = struct.unpack_from("<q", raw, 24)
    meta, shared = struct.unpack_from("<II", raw, 40)
    algorithms, extra_count, extra_slot = struct.unpack_from("<HHH", raw, 84)
    prefix_count, prefix_start, packed = struct.unpack_from("<BIQ", raw, 91)
    wide = bool(incompatible & _48BIT)
    if wide:
        (wide_root,) = struct.unpack_from("<Q", raw, 112)
        root = wide_root or root
    metabox = 0
    if incompatible & _METABOX:
        if slots < 1:
            raise DamagedError(f"{device.name}: EROFS superblock too short for its metabox")
        (metabox,) = struct.unpack("<Q", device.exact(_START + 128, 8))
        if metabox & METABOX_BIT:
            raise DamagedError(f"{device.name}: EROFS metabox that lies in itself")
    if packed & METABOX_BIT:
        raise DamagedError(f"{device.name}: EROFS packed inode {packed:#x}")
    configured = bool(incompatible & _COMPRESSION_CONFIGS)
    return Super(
        block_bits=block_bits,
        root=root,
        epoch=epoch,
        meta=meta << block_bits,
        shared=shared << block_bits,
        shared_in_metabox=bool(compatible & _SHARED_IN_METABOX),
        packed=packed if incompatible & _FRAGMENTS else 0,
        metabox=metabox,
        prefix_start=prefix_start << 2,
        prefix_count=prefix_count,
        prefixes_plain=bool(compatible & _PLAIN_PREFIXES),
        algorithms=algorithms if configured else 1,
        wide=wide,
        extra=_extra(device, extra_slot, extra_count, wide) if incompatible & _DEVICE_TABLE else (),
        composefs=struct.unpack("<I", device.exact(0, 4))[0] == _COMPOSEFS,
    )


def _check(device: CachedDevice, block_bits: int, wanted: int) -> None:
    """The checksum covers the rest of the first block (a whole block where that is no longer than 1 KiB)."""
    length = (1 << block_bits) - _START if block_bits > 10 else 1 << block_bits
    raw = bytearray(device.exact(_START, length))
    raw[4:8] = bytes(4)
    # The register is kept as it is, not inverted at the end.
    if crc32c(bytes(raw)) ^ 0xFFFFFFFF != wanted:
        raise DamagedError(f"{device.name}: EROFS superblock with a wrong checksum at offset {_START}")


def _extra(device: CachedDevice, slot: int, count: int, wide: bool) -> tuple[ExtraDevice, ...]:
    found: list[ExtraDevice] = []
    raw = device.exact(slot * _SLOT, count * _SLOT)
    for place in range(0, len(raw), _SLOT):
        blocks, start, blocks_high, start_high = struct.unpack_from("<IIHH", raw, place + 64)
        if wide:
            blocks |= blocks_high << 32
            start |= start_high << 32
        found.append(ExtraDevice(start, blocks))
    return tuple(found)
