"""What a LUKS header says, as plain data: made by `scanner.boot.luks`, read by collectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.model.records import dataclass

__all__ = ["Copy", "Header", "Keyslot", "Segment", "Token"]


@dataclass(frozen=True, slots=True)
class Copy:
    """One of the two LUKS2 headers. `valid`: magic, place, checksum and JSON are right; `problem` says what is not."""

    offset: int
    valid: bool
    seqid: int | None = None
    size: int | None = None
    checksum: str | None = None
    label: str | None = None
    uuid: str | None = None
    subsystem: str | None = None
    problem: str | None = None
    same: str | None = None
    """Digest of everything that has to be equal in both copies (JSON, uuid, label, seqid); never shown."""


@dataclass(frozen=True, slots=True)
class Keyslot:
    """One way to open the volume. `memory` in KiB, `time` in passes, `key_bits` of the volume key it holds.

    `opens_data`: its digest belongs to a data segment (False: an unbound key).  `priority`: ignore, normal, prefer.
    """

    id: str
    type: str
    key_bits: int | None
    kdf: str | None
    time: int | None
    memory: int | None
    cpus: int | None
    iterations: int | None
    hash: str | None
    priority: str
    area: str | None
    encryption: str | None
    opens_data: bool
    area_offset: int = 0
    area_size: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of the device. `size`: bytes, None for "up to the end". `integrity`: the authentication, None without."""

    id: str
    type: str
    offset: int
    size: int | None
    encryption: str | None
    sector_size: int | None
    integrity: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the keyslots it names. `body` is the raw JSON object: it holds sealed blobs and is never shown."""

    id: str
    type: str
    keyslots: tuple[str, ...]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Header:
    """A LUKS header; of LUKS2 the one in force (valid, higher seqid)."""

    version: int
    uuid: str
    label: str | None
    subsystem: str | None
    keyslots: tuple[Keyslot, ...]
    segments: tuple[Segment, ...]
    tokens: tuple[Token, ...]
    flags: tuple[str, ...]
    requirements: tuple[str, ...]
    copies: tuple[Copy, ...]

    @property
    def copies_equal(self) -> bool | None:
        """Whether both copies say the same; None for LUKS1 (one copy) or when one cannot be read."""
        digests = [copy.same for copy in self.copies if copy.valid]
        return digests[0] == digests[1] if len(digests) == 2 else None

    @property
    def fully_encrypted(self) -> bool:
        """Whether every segment of data, and every key for it, is encrypted by a real cipher, and no re-encryption is
        half-way."""
        data = [segment for segment in self.segments if not any(flag.startswith("backup-") for flag in segment.flags)]
        ciphers = [segment.encryption or "null" for segment in data if segment.type == "crypt"]
        ciphers += [slot.encryption for slot in self.keyslots if slot.opens_data and slot.encryption]
        real = len(data) > 0 and all(segment.type == "crypt" for segment in data)
        real = real and not any("null" in cipher for cipher in ciphers)
        return real and not any("reencrypt" in item for item in self.requirements)
