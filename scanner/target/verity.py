"""dm-verity: the superblock of a hash device, and the root hash that the data really has.

Sources: kernel Documentation/admin-guide/device-mapper/verity.rst (hash tree), cryptsetup lib/verity/verity.c (struct
verity_sb) and verity_hash.c (layout of the tree), the Discoverable Partitions Specification (root hash in the partition
UUIDs).

The tree is computed again from the data, block by block, holding one hash block for each level; the stored tree is
compared on the way, so that a check tells both what the data is and which blocks the kernel would refuse.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import field

from scanner.model.errors import DamagedError, LimitError, NotCollectedError
from scanner.model.records import dataclass
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice

__all__ = [
    "ALGORITHMS",
    "MAX_HASHED",
    "Verity",
    "VerityCheck",
    "check",
    "from_partition_uuids",
    "in_partition_uuids",
    "sample",
    "stored_root_hash",
    "superblock",
]

MAX_HASHED = 64 << 30
"""Bytes of data that one check hashes at most."""

_SIZE = 512
_FIELDS = struct.Struct("<8sII16s32sIIQH6x256s")
ALGORITHMS = frozenset(("sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-512"))
"""Hashes that a tree may be made of."""
_PIECE = 1 << 20
_SAMPLES = 16
_SAMPLED = 256 * 1024


@dataclass(frozen=True, slots=True)
class Verity:
    """Parameters of a hash tree. `tree`: offset of its first block (the top one) on the hash device."""

    algorithm: str
    data_block: int
    hash_block: int
    blocks: int
    salt: bytes
    tree: int
    hash_type: int = 1
    uuid: str = ""

    @property
    def per_block(self) -> int:
        """Digests in one hash block, a power of two."""
        count = self.hash_block // hashlib.new(self.algorithm).digest_size
        return 1 << count.bit_length() - 1

    def levels(self) -> list[int]:
        """Hash blocks of each level, the one above the data first; nothing when there is one data block only."""
        found: list[int] = []
        count = self.blocks
        while count > 1:
            count = -(-count // self.per_block)
            found.append(count)
        return found


@dataclass(frozen=True, slots=True)
class VerityCheck:
    """What a check found.

    `root_hash` is that of the data as it is, `stored_root_hash` that of the top block of the stored tree. The kernel
    reads no block that is counted as damaged: its digest is not the one that the stored block above it holds.
    `first_damaged`: offset of the first such data block.
    """

    root_hash: str
    stored_root_hash: str
    bytes: int
    damaged_data: int
    damaged_hashes: int
    first_damaged: int | None

    @property
    def sound(self) -> bool:
        """Whether data and tree belong together."""
        return self.root_hash == self.stored_root_hash and not self.damaged_data and not self.damaged_hashes


def superblock(device: BlockDevice, offset: int = 0) -> Verity:
    """The superblock at `offset` of a hash device. Raises DamagedError for nonsense, NotCollectedError when unknown."""
    raw = CachedDevice.over(device).exact(offset, _SIZE)
    magic, version, kind, identity, name, data, block, blocks, size, salt = _FIELDS.unpack_from(raw)
    where = f"verity superblock at offset {offset}"
    if magic != b"verity\0\0":
        raise DamagedError(f"no {where}")
    if version != 1 or kind not in (0, 1):
        raise NotCollectedError(f"unsupported: verity version {version}, hash type {kind}")
    algorithm = name.split(b"\0", 1)[0].decode("ascii", "replace").lower()
    if algorithm not in ALGORITHMS:
        raise NotCollectedError(f"unsupported: verity hash {algorithm[:32]!r}")
    if any(not 512 <= value <= 1 << 19 or value & value - 1 for value in (data, block)):
        raise DamagedError(f"{where}: blocks of {data} and {block} bytes")
    if size > 256 or not blocks:
        raise DamagedError(f"{where}: salt of {size} bytes, {blocks} data blocks")
    tree = -(-(offset + _SIZE) // block) * block
    return Verity(algorithm, data, block, blocks, salt[:size], tree, kind, str(uuid.UUID(bytes=identity)))


def check(verity: Verity, data: BlockDevice, hashes: BlockDevice, *, limit: int = MAX_HASHED) -> VerityCheck:
    """Hash the data and hold it against the stored tree. `data` and `hashes` may be one device.

    Raises DamagedError when a device ends too early, LimitError when there is more data than `limit`.
    """
    length = verity.blocks * verity.data_block
    if length > data.size:
        raise DamagedError(f"{data.name}: verity covers {length} bytes, the device ends after {data.size}")
    if length > limit:
        raise LimitError(f"{data.name}: verity covers {length} bytes, at most {limit} are hashed")
    return _Pass(verity, data, CachedDevice.over(hashes)).result()


def stored_root_hash(verity: Verity, hashes: BlockDevice) -> str | None:
    """The digest of the top block of the stored tree; None when there is one data block only, and no tree.

    Raises DamagedError when the device ends before.
    """
    if not verity.levels():
        return None
    top = CachedDevice.over(hashes).exact(verity.tree, verity.hash_block)
    return _hasher(verity)(top).hex()


def sample(verity: Verity, data: BlockDevice, hashes: BlockDevice) -> tuple[int, int]:
    """How many of a few data blocks have the digest that the stored tree holds for them: with content, of zeros only.

    Tells cheaply which data a tree belongs to. Raises DamagedError when a device ends too early.
    """
    levels = verity.levels()
    if not levels:
        return 0, 0
    lowest = verity.tree + sum(levels[1:]) * verity.hash_block
    width = _width(verity)
    digest = _hasher(verity)
    size = hashlib.new(verity.algorithm).digest_size
    found = [0, 0]
    count = max(2, min(_SAMPLES, _SAMPLED // verity.data_block))
    for number in sorted({verity.blocks * index // count for index in range(count)} | {verity.blocks - 1}):
        block = _exact(data, number * verity.data_block, verity.data_block)
        row, column = divmod(number, verity.per_block)
        place = lowest + row * verity.hash_block + column * width
        if _exact(hashes, place, size) == digest(block):
            found[not any(block)] += 1
    return found[0], found[1]


@dataclass(slots=True)
class _Level:
    """One level while it is built: where it lies, and the digests that wait for their block to be full.

    `true` are digests of the data and of blocks made from it; `stored` those of the blocks that the device holds.
    """

    place: int
    count: int
    index: int = 0
    true: list[bytes] = field(default_factory=list)
    stored: list[bytes] = field(default_factory=list)


class _Pass:
    """One run over the data."""

    def __init__(self, verity: Verity, data: BlockDevice, hashes: CachedDevice) -> None:
        self._verity = verity
        self._data = data
        self._hashes = hashes
        self._hash = _hasher(verity)
        self._per_block = verity.per_block
        self._width = _width(verity)
        self._levels: list[_Level] = []
        counts = verity.levels()
        place = verity.tree + sum(counts) * verity.hash_block
        if place > hashes.size:
            raise DamagedError(f"{hashes.name}: the verity tree ends at {place}, the device after {hashes.size}")
        for count in counts:
            place -= count * verity.hash_block
            self._levels.append(_Level(place, count))
        self._damaged = [0, 0]
        self._first: int | None = None
        self._roots = (b"", b"")

    def result(self) -> VerityCheck:
        """Run it."""
        verity = self._verity
        if not self._levels:
            (root,) = self._digests()
            self._roots = root, root
        else:
            lowest, per_block = self._levels[0], self._per_block
            waiting = lowest.true
            for digest in self._digests():
                waiting.append(digest)
                if len(waiting) == per_block:
                    lowest.stored = waiting
                    self._close(0)
                    waiting = lowest.true
            lowest.stored = waiting
            for number, level in enumerate(self._levels):
                if level.true:
                    self._close(number)
        true, stored = self._roots
        in_data, in_hashes = self._damaged
        size = verity.blocks * verity.data_block
        return VerityCheck(true.hex(), stored.hex(), size, in_data, in_hashes, self._first)

    def _digests(self) -> Iterator[bytes]:
        """Digest of every data block in order."""
        size = self._verity.data_block
        end = self._verity.blocks * size
        digest = self._hash
        zero = bytes(size)
        of_zero = digest(zero)
        piece = max(_PIECE, size)
        for place in range(0, end, piece):
            raw = _exact(self._data, place, min(piece, end - place))
            for start in range(0, len(raw), size):
                block = raw[start : start + size]
                yield of_zero if block == zero else digest(block)

    def _close(self, number: int) -> None:
        """A block of level `number` is full: hold it against the stored one, and hand both digests up."""
        level = self._levels[number]
        verity = self._verity
        block = self._block(level.true)
        stored = self._hashes.exact(level.place + level.index * verity.hash_block, verity.hash_block)
        expected = block if level.stored is level.true else self._block(level.stored)
        if stored != expected:
            self._blame(number, level, stored)
        root = self._hash(block)
        roots = root, root if stored == block else self._hash(stored)
        if number + 1 < len(self._levels):
            above = self._levels[number + 1]
            above.true.append(roots[0])
            above.stored.append(roots[1])
            if len(above.true) == self._per_block:
                self._close(number + 1)
        else:
            self._roots = roots
        level.index += 1
        level.true, level.stored = [], []

    def _block(self, digests: list[bytes]) -> bytes:
        width = self._width
        return b"".join([digest.ljust(width, b"\0") for digest in digests]).ljust(self._verity.hash_block, b"\0")

    def _blame(self, number: int, level: _Level, stored: bytes) -> None:
        """Count which digests of a stored block are not those of the blocks below it."""
        width = self._width
        for index, digest in enumerate(level.stored):
            if stored[index * width : index * width + len(digest)] != digest:
                self._damaged[number > 0] += 1
                if not number and self._first is None:
                    self._first = (level.index * self._per_block + index) * self._verity.data_block


def _width(verity: Verity) -> int:
    """Bytes from one digest to the next in a hash block."""
    size = hashlib.new(verity.algorithm).digest_size
    return 1 << (size - 1).bit_length() if verity.hash_type else size


def _hasher(verity: Verity) -> Callable[[bytes], bytes]:
    """What gives the salted digest of a block."""
    salt = verity.salt
    if not verity.hash_type:
        new = hashlib.new(verity.algorithm).copy
        return lambda block: _digest(new(), block, salt)
    begun = hashlib.new(verity.algorithm, salt).copy
    return lambda block: _digest(begun(), block)


def _digest(state: hashlib._Hash, *parts: bytes) -> bytes:
    for part in parts:
        state.update(part)
    return state.digest()


def _exact(device: BlockDevice, offset: int, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        part = device.pread(offset, length)
        if not part:
            raise DamagedError(f"{device.name} ends at offset {offset}, inside the data that verity covers")
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def from_partition_uuids(data: str, hashes: str) -> str:
    """The 256-bit root hash that the UUIDs of a data and a verity partition say (Discoverable Partitions)."""
    return uuid.UUID(data).hex + uuid.UUID(hashes).hex


def in_partition_uuids(root_hash: str, data: str, hashes: str) -> bool:
    """Whether partition UUIDs are the first and the last 128 bits of a root hash, which may be longer than both."""
    text = root_hash.lower()
    return len(text) >= 64 and text[:32] == uuid.UUID(data).hex and text[-32:] == uuid.UUID(hashes).hex
