"""btrfs: the superblock, its copies and the checksums it chooses.

Sources: btrfs-progs Documentation/dev/On-disk-format.rst and dev-btrfs-design, include/uapi/linux/btrfs_tree.h (struct
btrfs_super_block, btrfs_dev_item), include/uapi/linux/btrfs.h (incompatible features), fs/btrfs/disk-io.c (what a mount
refuses).

The kernel mounts from the first copy alone, at 64 KiB. So that copy is used whenever it is sound; a later copy (64 MiB,
256 GiB) only when it is not, the sound one of the highest generation. Otherwise an image could show one tree to the
kernel and another one to us.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

from scanner.model.errors import DamagedError, NotCollectedError, TargetError
from scanner.model.records import dataclass
from scanner.parsers.crc32c import crc32c
from scanner.target.cached import CachedDevice

__all__ = ["FIELD", "Superblock", "checksum_of", "find_copy", "load", "uuid_text"]

COPIES = (64 << 10, 64 << 20, 256 << 30)
FIELD = 32
"""Bytes of the checksum field that opens every metadata block."""

_SIZE = 4096
_MAGIC = b"_BHRfS_M"
_ARRAY = 811
_ARRAY_ROOM = 2048
_FULL = 0xFFFF_FFFF_FFFF_FFFF

INCOMPAT_METADATA_UUID = 0x400
_READABLE = 0xFFF | 0x1000 | 0x10000  # ... metadata_uuid, raid1c34 | zoned | simple_quota
_FEATURES = {0x2000: "extent tree v2", 0x4000: "raid stripe tree", 0x8000: "encryption", 0x20000: "remap tree"}

_CHECKSUMS = {0: ("crc32c", 4), 1: ("xxhash64", 8), 2: ("sha256", 32), 3: ("blake2b", 32)}


@dataclass(frozen=True, slots=True)
class Superblock:
    """What the file system says of itself, checked against itself. `notes`: what a reader of the report should know."""

    fsid: bytes
    metadata_id: bytes
    generation: int
    root: int
    root_level: int
    chunk_root: int
    chunk_level: int
    chunk_generation: int
    log_root: int
    total: int
    directory: int
    devices: int
    sector: int
    node: int
    checksum: str
    checksum_size: int
    device_id: int
    device_uuid: bytes
    chunks: bytes
    notes: tuple[str, ...]


def checksum_of(name: str) -> Callable[[bytes], bytes] | None:
    """What gives the stored form of this checksum; None for one that cannot be computed here (xxhash64)."""
    if name == "crc32c":
        return lambda data: crc32c(data).to_bytes(4, "little")
    if name == "sha256":
        return lambda data: hashlib.sha256(data).digest()
    if name == "blake2b":
        return lambda data: hashlib.blake2b(data, digest_size=32).digest()
    return None


def uuid_text(raw: bytes) -> str:
    """A UUID as tools print it."""
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def load(device: CachedDevice) -> Superblock:
    """The superblock to read by. Raises DamagedError when no copy is sound, NotCollectedError for unknown features."""
    sound, first = _sound_copies(device)
    if not sound:
        raise first or DamagedError(f"{device.name}: too short for a btrfs file system")
    notes: list[str] = []
    if sound[0][0] == COPIES[0]:
        place, raw = sound[0]
        for other, copy in sound[1:]:
            if copy[32:48] == raw[32:48] and _generation(copy) > _generation(raw):
                notes.append(f"superblock copy at offset {other} is newer than the one a mount uses")
    else:
        place, raw = max(sound, key=lambda item: _generation(item[1]))
        notes.append(f"first superblock damaged ({first}): read by the copy at offset {place}, a mount would fail")
    return _decode(raw, place, notes)


def find_copy(device: CachedDevice) -> tuple[int, bytes] | None:
    """The sound superblock that would be read by, and its offset."""
    return max(_sound_copies(device)[0], key=lambda item: _generation(item[1]), default=None)


def _sound_copies(device: CachedDevice) -> tuple[list[tuple[int, bytes]], TargetError | None]:
    """Offset and bytes of every sound superblock, and what is wrong with the first one that is not."""
    sound: list[tuple[int, bytes]] = []
    first: TargetError | None = None
    for place in COPIES:
        if place + _SIZE > device.size:
            break
        try:
            raw = device.exact(place, _SIZE)
            _check(raw, place)
        except TargetError as error:
            first = first or error
        else:
            sound.append((place, raw))
    return sound, first


def _generation(raw: bytes) -> int:
    return int.from_bytes(raw[72:80], "little")


def _check(raw: bytes, place: int) -> None:
    """Magic, own address and checksum."""
    if raw[64:72] != _MAGIC:
        raise DamagedError(f"no btrfs superblock at offset {place}")
    if int.from_bytes(raw[48:56], "little") != place:
        raise DamagedError(f"the superblock at offset {place} belongs to another offset")
    (kind,) = struct.unpack_from("<H", raw, 196)
    if kind not in _CHECKSUMS:
        raise NotCollectedError(f"unsupported: btrfs checksum type {kind}")
    name, size = _CHECKSUMS[kind]
    compute = checksum_of(name)
    if compute is not None and compute(raw[FIELD:]) != raw[:size]:
        raise DamagedError(f"superblock checksum mismatch at offset {place}")


def _decode(raw: bytes, place: int, notes: list[str]) -> Superblock:
    generation, root, chunk_root, log_root = struct.unpack_from("<4Q", raw, 72)
    total, _used, directory, devices = struct.unpack_from("<4Q", raw, 112)
    sector, node, _leaf, _stripe, array = struct.unpack_from("<5I", raw, 144)
    chunk_generation, _compat, _compat_ro, incompat, kind = struct.unpack_from("<QQQQH", raw, 164)
    root_level, chunk_level = raw[198], raw[199]
    unknown = incompat & ~_READABLE & _FULL
    if unknown:
        names = [name for bit, name in _FEATURES.items() if unknown & bit]
        rest = unknown & ~sum(_FEATURES)
        raise NotCollectedError("unsupported: btrfs " + ", ".join([*names, *([f"features {rest:#x}"] if rest else [])]))

    def sound(size: int, least: int) -> bool:
        return least <= size <= 65536 and not size & size - 1

    if not sound(sector, 512) or not sound(node, max(sector, 4096)):
        raise DamagedError(f"sector size {sector}, node size {node} in the superblock at offset {place}")
    if root_level > 7 or chunk_level > 7 or array > _ARRAY_ROOM:
        raise DamagedError(f"impossible tree levels or chunk array in the superblock at offset {place}")
    name, size = _CHECKSUMS[kind]
    if name == "xxhash64":
        notes.append("checksums not verified: xxhash64")
    if log_root:
        notes.append("tree log not replayed")
    fsid = raw[32:48]
    return Superblock(
        fsid=fsid,
        metadata_id=raw[571:587] if incompat & INCOMPAT_METADATA_UUID else fsid,
        generation=generation,
        root=root,
        root_level=root_level,
        chunk_root=chunk_root,
        chunk_level=chunk_level,
        chunk_generation=chunk_generation,
        log_root=log_root,
        total=total,
        directory=directory,
        devices=devices,
        sector=sector,
        node=node,
        checksum=name,
        checksum_size=size,
        device_id=int.from_bytes(raw[201:209], "little"),
        device_uuid=raw[267:283],
        chunks=raw[_ARRAY : _ARRAY + array],
        notes=tuple(notes),
    )
