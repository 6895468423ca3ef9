"""The half of a LUKS header that opens it: salts, digests, where key material lies. Never part of a fact.

Only what is needed to try a key that the user gave; facts come from `scanner.boot.luks`, which keeps none of this.
Everything is checked here: areas lie between the header and the data, sizes are those of a real volume.

Sources: cryptsetup, LUKS2 On-Disk Format Specification 1.1; LUKS1 On-Disk Format Specification 1.2.3.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from scanner.boot import luks_json, sector_cipher
from scanner.boot.luks import LUKS1_SIZE, SECTOR, Reader, read_metadata
from scanner.boot.luks_model import Header, Keyslot, Segment
from scanner.model.errors import NotCollectedError, ParseError
from scanner.model.records import dataclass

__all__ = ["Data", "Digest", "Kdf", "Lock", "Slot", "read_lock"]

_MAX_STRIPES = 16_384
"""Pieces that a key is split into; cryptsetup makes 4,000."""
_MAX_KEY = 64
_SECTOR_SIZES = (512, 1024, 2048, 4096)
_ORDER = {"prefer": 0, "normal": 1, "ignore": 2}
_DIGEST_BYTES = 20


@dataclass(frozen=True, slots=True)
class Kdf:
    """How a passphrase becomes a key. `cost`: iterations (pbkdf2) or passes (argon2); `memory` in KiB."""

    type: str
    salt: bytes = field(repr=False)
    cost: int
    hash: str = ""
    memory: int = 0
    lanes: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """One keyslot: `key_bytes` of the volume key lie in `stripes` pieces at `offset`, encrypted with `encryption`
    under a key of `area_key_bytes` that `kdf` gives."""

    id: str
    kdf: Kdf
    key_bytes: int
    stripes: int
    hash: str
    offset: int
    encryption: str
    area_key_bytes: int


@dataclass(frozen=True, slots=True)
class Digest:
    """What tells whether a key is the volume key."""

    hash: str
    iterations: int
    salt: bytes = field(repr=False)
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Data:
    """The encrypted run: `size` in bytes (None: up to the end of the device), `tweak` is added to sector numbers."""

    offset: int
    size: int | None
    encryption: str
    sector_size: int
    tweak: int


@dataclass(frozen=True, slots=True)
class Lock:
    """What a key is tried on: keyslots in the order of their priority, and `problems` of those that cannot be tried."""

    key_bytes: int
    data: Data
    digest: Digest
    slots: tuple[Slot, ...]
    problems: tuple[str, ...]


def read_lock(read: Reader) -> Lock:
    """What opens the volume. Raises ParseError for a header that is wrong, NotCollectedError for one of a kind that
    is not read (other ciphers, authenticated encryption, re-encryption under way, a detached header)."""
    found = read_metadata(read)
    if found is None:
        raise ParseError("no LUKS header", offset=0)
    header, metadata = found
    _refuse_requirements(header)
    if header.version == 1:
        return _luks1(header, read(0, LUKS1_SIZE))
    return _luks2(header, metadata)


def _refuse_requirements(header: Header) -> None:
    for requirement in header.requirements:
        raise NotCollectedError(f"unsupported: luks requirement {requirement}")


def _collect(
    slots: Sequence[Keyslot], made: Mapping[str, tuple[Kdf, str, int, int]], low: int, high: int
) -> tuple[tuple[Slot, ...], tuple[str, ...]]:
    """The slots that can be tried and why others cannot. `made`: id -> kdf, hash, stripes, bytes of the area's key."""
    usable, problems = [], []
    for slot in sorted(slots, key=lambda one: (_ORDER.get(one.priority, 1), int(one.id))):
        if slot.id not in made:
            problems.append(f"keyslot {slot.id}: malformed")
            continue
        kdf, hash_, stripes, area_key = made[slot.id]
        key_bytes = (slot.key_bits or 0) // 8
        end = slot.area_offset + -(-key_bytes * stripes // SECTOR) * SECTOR
        encryption = slot.encryption or ""
        if not (0 < key_bytes <= _MAX_KEY and 0 < stripes <= _MAX_STRIPES):
            problems.append(f"keyslot {slot.id}: malformed: {stripes} stripes of {key_bytes} bytes")
            continue
        if slot.area_offset < low or end > high or key_bytes * stripes > slot.area_size:
            problems.append(f"keyslot {slot.id}: malformed: its area does not lie between header and data")
            continue
        try:
            sector_cipher.check(encryption, area_key)
        except NotCollectedError as error:
            problems.append(f"keyslot {slot.id}: {error}")
            continue
        usable.append(Slot(slot.id, kdf, key_bytes, stripes, hash_, slot.area_offset, encryption, area_key))
    return tuple(usable), tuple(problems)


# ---- LUKS2 -----------------------------------------------------------------------------------------------------------


def _luks2(header: Header, metadata: Mapping[str, Any]) -> Lock:
    segment = _data_segment(header.segments)
    item = dict(luks_json.objects(metadata, "segments"))[segment.id]
    low = 2 * max(copy.size or 0 for copy in header.copies if copy.valid)
    if segment.offset < low:
        raise NotCollectedError("the header is detached: its data is on another device")
    digest, bound = _digest2(metadata, segment.id)
    data = Data(
        segment.offset,
        segment.size,
        segment.encryption or "",
        segment.sector_size or SECTOR,
        luks_json.number(item.get("iv_tweak")) or 0,
    )
    if data.sector_size not in _SECTOR_SIZES or data.offset % SECTOR:
        raise ParseError(f"LUKS2 segment {segment.id}: sectors of {data.sector_size} bytes from {data.offset}")
    mine = [slot for slot in header.keyslots if slot.id in bound and slot.type == "luks2"]
    made = {}
    for id_, raw in luks_json.objects(metadata, "keyslots"):
        how = _slot2(raw)
        if how is not None:
            made[id_] = how
    slots, problems = _collect(mine, made, low, segment.offset)
    sizes = {(slot.key_bits or 0) // 8 for slot in mine}
    if len(sizes) != 1:
        raise ParseError("no keyslot holds the key of the data" if not sizes else "keyslots hold keys of several sizes")
    key_bytes = sizes.pop()
    sector_cipher.check(data.encryption, key_bytes)
    return Lock(key_bytes, data, digest, slots, problems)


def _data_segment(segments: Sequence[Segment]) -> Segment:
    found = [one for one in segments if not any(flag.startswith("backup-") for flag in one.flags)]
    other = next((one for one in found if one.type != "crypt"), None)
    if other is not None:
        raise NotCollectedError(f"unsupported: luks segment {other.type}")
    if len(found) != 1:
        raise NotCollectedError(f"unsupported: luks with {len(found)} data segments")
    if found[0].integrity is not None:
        raise NotCollectedError(f"unsupported: luks integrity {found[0].integrity}")
    return found[0]


def _digest2(metadata: Mapping[str, Any], segment: str) -> tuple[Digest, tuple[str, ...]]:
    """The digest of the segment's key, and the keyslots that hold this key."""
    for id_, item in luks_json.objects(metadata, "digests"):
        if segment not in luks_json.texts(item.get("segments")):
            continue
        salt, value = luks_json.data(item.get("salt")), luks_json.data(item.get("digest"))
        rounds, hash_ = luks_json.number(item.get("iterations")), luks_json.text(item.get("hash"))
        if item.get("type") != "pbkdf2":
            raise NotCollectedError(f"unsupported: luks digest {luks_json.text(item.get('type'))}")
        # A short digest would be met by a wrong key, and then everything behind it is noise.
        if not salt or not value or len(value) < _DIGEST_BYTES or not rounds or not hash_:
            raise ParseError(f"LUKS2 digest {id_} is malformed")
        return Digest(hash_, rounds, salt, value), luks_json.texts(item.get("keyslots"))
    raise ParseError(f"LUKS2 segment {segment} has no digest")


def _slot2(item: Mapping[str, Any]) -> tuple[Kdf, str, int, int] | None:
    """Kdf, hash and stripes of the splitting, and bytes of the area's key; None when something is missing."""
    kdf, split, area = (luks_json.mapping(item.get(name)) for name in ("kdf", "af", "area"))
    kind, salt = luks_json.text(kdf.get("type")), luks_json.data(kdf.get("salt"))
    cost = luks_json.number(kdf.get("iterations" if kind == "pbkdf2" else "time"))
    stripes, area_key = luks_json.number(split.get("stripes")), luks_json.number(area.get("key_size"))
    hash_ = luks_json.text(split.get("hash"))
    if not (kind and salt and cost and stripes and area_key and hash_) or split.get("type") != "luks1":
        return None
    memory, lanes = luks_json.number(kdf.get("memory")) or 0, luks_json.number(kdf.get("cpus")) or 0
    return Kdf(kind, salt, cost, luks_json.text(kdf.get("hash")) or "", memory, lanes), hash_, stripes, area_key


# ---- LUKS1 -----------------------------------------------------------------------------------------------------------


def _luks1(header: Header, start: bytes) -> Lock:
    segment = header.segments[0]
    hash_ = start[72:104].split(b"\0", 1)[0].decode("ascii", "replace")
    (key_bytes,) = struct.unpack_from(">I", start, 108)
    value, salt, rounds = struct.unpack_from(">20s32sI", start, 112)
    if segment.offset == 0:
        raise NotCollectedError("the header is detached: its data is on another device")
    if segment.offset < LUKS1_SIZE:
        raise ParseError(f"the data begins inside the header, at {segment.offset}", offset=104)
    if not rounds:
        raise ParseError("a digest of no iterations", offset=164)
    encryption = segment.encryption or ""
    sector_cipher.check(encryption, key_bytes)
    made = {}
    for slot in header.keyslots:
        place = 208 + int(slot.id) * 48
        stripes = struct.unpack_from(">I", start, place + 44)[0]
        kdf = Kdf("pbkdf2", start[place + 8 : place + 40], slot.iterations or 0, hash_)
        if kdf.cost:
            made[slot.id] = (kdf, hash_, stripes, key_bytes)
    slots, problems = _collect(header.keyslots, made, LUKS1_SIZE, segment.offset)
    data = Data(segment.offset, None, encryption, SECTOR, 0)
    return Lock(key_bytes, data, Digest(hash_, rounds, salt, value), slots, problems)
