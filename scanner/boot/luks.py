"""LUKS1 and LUKS2 headers: what protects a volume, without anything that could help to open it.

Salts, digests, key material and token payloads are read over and never become part of a `Header`; tokens leave it only
as `Token.body`, which `scanner.boot.tpm_tokens` turns into facts. `read_metadata` is for `scanner.boot.luks_material`,
which opens a volume with a key that the user gave.

Sources: cryptsetup, LUKS2 On-Disk Format Specification 1.1; LUKS1 On-Disk Format Specification 1.2.3.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scanner.boot.luks_json import BINARY_SIZE, mapping, number, objects, text, texts
from scanner.boot.luks_model import Copy, Header, Keyslot, Segment, Token
from scanner.model.errors import ParseError

__all__ = ["Reader", "luks1_hole", "read_header", "read_metadata"]

Reader = Callable[[int, int], bytes]
"""`read(offset, length)`: up to `length` bytes of the device."""

MAGIC = b"LUKS\xba\xbe"
SECOND_MAGIC = b"SKUL\xba\xbe"
HEADER_SIZES = tuple(0x4000 << power for power in range(9))
"""Sizes (bytes) that LUKS2 permits for one copy, binary header and JSON together: 16 KiB to 4 MiB."""

LUKS1_SLOTS = 8
LUKS1_ENABLED = 0x00AC71F3
LUKS1_SIZE = 592
SECTOR = 512
_PRIORITIES = {0: "ignore", 1: "normal", 2: "prefer"}


def read_header(read: Reader) -> Header | None:
    """The header of a device, or None when there is neither a primary nor a valid secondary.

    A LUKS2 device whose primary is overwritten is found by its secondary, as cryptsetup does. Raises ParseError when
    there is a header but no valid copy of it.
    """
    found = read_metadata(read)
    return None if found is None else found[0]


def read_metadata(read: Reader) -> tuple[Header, Mapping[str, Any]] | None:
    """The header as `read_header` gives it, and the JSON it was made of (empty for LUKS1): with salts and digests."""
    start = read(0, BINARY_SIZE)
    if start[:6] == MAGIC and len(start) >= 8:
        version = int.from_bytes(start[6:8], "big")
        if version == 1:
            return _luks1(start), {}
        if version != 2:
            raise ParseError(f"LUKS version {version} is not known", offset=6)
        return _luks2(read, start)
    second = next((copy for copy in _seconds(read, HEADER_SIZES) if copy[0].valid), None)
    if second is None:
        return None
    damaged = Copy(0, False, problem="no primary header")
    return _header(second[1], second[0], (damaged, second[0])), second[1]


# ---- LUKS2 -----------------------------------------------------------------------------------------------------------


def _luks2(read: Reader, start: bytes) -> tuple[Header, Mapping[str, Any]]:
    primary, metadata = _copy(read, 0, MAGIC, start)
    # With a broken primary its size cannot be trusted: look wherever a secondary may stand.
    places = (primary.size,) if primary.valid and primary.size else HEADER_SIZES
    found = list(_seconds(read, places))
    second, other = next(
        ((copy, data) for copy, data in found if copy.valid),
        found[0] if found else (Copy(primary.size or 0, False, problem="no secondary header"), {}),
    )
    valid = [(copy, data) for copy, data in ((primary, metadata), (second, other)) if copy.valid]
    if not valid:
        raise ParseError(f"no valid LUKS2 header: {primary.problem}; {second.problem}", offset=0)
    current, data = max(valid, key=lambda pair: pair[0].seqid or 0)  # of equals the first: the primary
    return _header(data, current, (primary, second)), data


def _seconds(read: Reader, places: tuple[int, ...]) -> Iterator[tuple[Copy, Mapping[str, Any]]]:
    for offset in places:
        start = read(offset, BINARY_SIZE)
        if start[:6] == SECOND_MAGIC:
            yield _copy(read, offset, SECOND_MAGIC, start)


def _copy(read: Reader, offset: int, magic: bytes, start: bytes) -> tuple[Copy, Mapping[str, Any]]:
    """One copy, judged; its JSON is empty unless it is valid."""
    if len(start) < BINARY_SIZE:
        return Copy(offset, False, problem="header cut short"), {}
    if start[:6] != magic or start[6:8] != b"\0\2":
        return Copy(offset, False, problem="magic or version is wrong"), {}
    size, seqid = struct.unpack_from(">QQ", start, 8)
    (own_offset,) = struct.unpack_from(">Q", start, 256)
    algorithm = _name(start[72:104])
    facts = {
        "seqid": seqid,
        "size": size,
        "checksum": algorithm,
        "label": _name(start[24:72]) or None,
        "uuid": _name(start[168:208]),
        "subsystem": _name(start[208:256]) or None,
    }

    def bad(problem: str) -> tuple[Copy, Mapping[str, Any]]:
        return Copy(offset, False, problem=problem, **facts), {}

    if size not in HEADER_SIZES:
        return bad(f"header size {size} is not permitted")
    if own_offset != offset:
        return bad(f"header says it stands at {own_offset}")
    area = read(offset + BINARY_SIZE, size - BINARY_SIZE)
    if len(area) != size - BINARY_SIZE:
        return bad("JSON area cut short")
    hashed = start[:448] + bytes(64) + start[512:] + area
    digest = _digest(algorithm, hashed)
    if digest is None:
        return bad(f"checksum algorithm {algorithm[:32]!r} is not known")
    if start[448 : 448 + len(digest)] != digest:
        return bad("checksum is wrong")
    try:
        metadata = _json(area)
    except ParseError as error:
        return bad(str(error))
    same = hashlib.sha256(start[8:72] + start[168:256] + area.split(b"\0", 1)[0]).hexdigest()
    return Copy(offset, True, same=same, **facts), metadata


def _digest(algorithm: str, data: bytes) -> bytes | None:
    try:
        return hashlib.new(algorithm, data, usedforsecurity=False).digest()
    except (ValueError, TypeError):
        return None


def _json(area: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(area.split(b"\0", 1)[0])
    except (ValueError, RecursionError):
        raise ParseError("LUKS2 JSON cannot be read", offset=BINARY_SIZE) from None
    if not isinstance(value, dict):
        raise ParseError("LUKS2 JSON is no object", offset=BINARY_SIZE)
    return value


def _header(metadata: Mapping[str, Any], copy: Copy, copies: tuple[Copy, ...]) -> Header:
    config = metadata.get("config")
    config = config if isinstance(config, dict) else {}
    bound = _bound_keyslots(metadata)
    return Header(
        version=2,
        uuid=copy.uuid or "",
        label=copy.label,
        subsystem=copy.subsystem,
        keyslots=tuple(_keyslot(id_, item, id_ in bound) for id_, item in objects(metadata, "keyslots")),
        segments=tuple(_segment(id_, item) for id_, item in objects(metadata, "segments")),
        tokens=tuple(
            Token(id_, text(item.get("type")) or "", texts(item.get("keyslots")), item)
            for id_, item in objects(metadata, "tokens")
        ),
        flags=texts(config.get("flags")),
        requirements=_requirements(config.get("requirements")),
        copies=copies,
    )


def _requirements(value: Any) -> tuple[str, ...]:
    return texts(value.get("mandatory")) if isinstance(value, dict) else texts(value)


def _bound_keyslots(metadata: Mapping[str, Any]) -> set[str]:
    """Keyslots whose key is the key of a data segment, by the digests that tie both together."""
    bound: set[str] = set()
    for _, digest in objects(metadata, "digests"):
        if texts(digest.get("segments")):
            bound.update(texts(digest.get("keyslots")))
    return bound


def _keyslot(id_: str, item: Mapping[str, Any], opens_data: bool) -> Keyslot:
    kdf, area = mapping(item.get("kdf")), mapping(item.get("area"))
    size, priority = number(item.get("key_size")), number(item.get("priority"))
    return Keyslot(
        id=id_,
        type=text(item.get("type")) or "",
        key_bits=size * 8 if size is not None else None,
        kdf=text(kdf.get("type")),
        time=number(kdf.get("time")),
        memory=number(kdf.get("memory")),
        cpus=number(kdf.get("cpus")),
        iterations=number(kdf.get("iterations")),
        hash=text(kdf.get("hash")),
        priority=_PRIORITIES.get(1 if priority is None else priority, "unknown"),
        area=text(area.get("type")),
        encryption=text(area.get("encryption")),
        opens_data=opens_data,
        area_offset=number(area.get("offset")) or 0,
        area_size=number(area.get("size")) or 0,
    )


def _segment(id_: str, item: Mapping[str, Any]) -> Segment:
    integrity = mapping(item.get("integrity"))
    return Segment(
        id=id_,
        type=text(item.get("type")) or "",
        offset=number(item.get("offset")) or 0,
        size=None if item.get("size") == "dynamic" else number(item.get("size")),
        encryption=text(item.get("encryption")),
        sector_size=number(item.get("sector_size")),
        integrity=text(integrity.get("type")),
        flags=texts(item.get("flags")),
    )


# ---- LUKS1 -----------------------------------------------------------------------------------------------------------


def _luks1(start: bytes) -> Header:
    if len(start) < LUKS1_SIZE:
        raise ParseError("LUKS1 header cut short", offset=len(start))
    cipher, mode, hash_ = _name(start[8:40]), _name(start[40:72]), _name(start[72:104])
    payload, key_bytes = struct.unpack_from(">II", start, 104)
    slots = []
    for slot in range(LUKS1_SLOTS):
        state, iterations = struct.unpack_from(">II", start, 208 + slot * 48)
        material, stripes = struct.unpack_from(">II", start, 208 + slot * 48 + 40)
        if state != LUKS1_ENABLED:
            continue
        slots.append(
            Keyslot(
                id=str(slot),
                type="luks1",
                key_bits=key_bytes * 8,
                kdf="pbkdf2",
                time=None,
                memory=None,
                cpus=None,
                iterations=iterations,
                hash=hash_,
                priority="normal",
                area="raw",
                encryption=f"{cipher}-{mode}",
                opens_data=True,
                area_offset=material * SECTOR,
                area_size=key_bytes * stripes,
            )
        )
    segment = Segment("0", "crypt", payload * SECTOR, None, f"{cipher}-{mode}", SECTOR, None, ())
    copy = Copy(0, True, size=LUKS1_SIZE, uuid=_name(start[168:208]))
    return Header(1, _name(start[168:208]), None, None, tuple(slots), (segment,), (), (), (), (copy,))


def luks1_hole(start: bytes) -> tuple[int, int] | None:
    """Offset and length (bytes) of the gap between the key material and the data of a LUKS1 device.

    luksmeta keeps its records there.  Every slot counts, enabled or not.  None when there is no room.
    """
    if len(start) < LUKS1_SIZE or start[:8] != MAGIC + b"\0\1":
        return None
    payload, key_bytes = struct.unpack_from(">II", start, 104)
    ends = []
    for slot in range(LUKS1_SLOTS):
        material, stripes = struct.unpack_from(">II", start, 208 + slot * 48 + 40)
        # cryptsetup counts key material in whole sectors.
        ends.append((material + -(-key_bytes * stripes // SECTOR)) * SECTOR)
    begin = -(-max(ends) // 4096) * 4096
    length = (payload * SECTOR - begin) // 4096 * 4096
    return (begin, length) if begin > 0 and length > 0 else None


def _name(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "replace")
