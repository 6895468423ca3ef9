"""Opening a LUKS volume with a key: derivation, anti-forensic merge, digest. Pure arithmetic on a `Lock`.

What the header asks for is bounded before it is done: a hostile header could ask for all memory and for days. The
memory of one Argon2 derivation may be what cryptsetup itself picks (1 GiB); this is the one exception from the memory
that a scan may use, and it is made only for someone who gave a key.

Sources: cryptsetup, LUKS2 On-Disk Format Specification 1.1 (sections 3.2, 5); LUKS1 On-Disk Format Specification 1.2.3
(anti-forensic splitting); RFC 8018 (PBKDF2); RFC 9106 (Argon2).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import field

from scanner.boot.luks import SECTOR, Reader
from scanner.boot.luks_material import Digest, Kdf, Lock, Slot
from scanner.boot.sector_cipher import sector_cipher
from scanner.model.errors import DamagedError, LimitError, NotCollectedError, TargetError
from scanner.model.records import dataclass

__all__ = ["MAX_DERIVATION", "MAX_MEMORY", "MAX_WORK", "Opened", "Work", "merge", "unlock"]

MAX_MEMORY = 1024 * 1024
"""KiB of one Argon2 derivation: what cryptsetup takes when it has the memory."""

MAX_DERIVATION = 12 * 1024 * 1024
"""Work of one derivation: passes of Argon2 over one KiB (12 passes over 1 GiB; 1.5 microseconds each), or rounds of a
hash in PBKDF2 (a third of that)."""

MAX_WORK = 4 * MAX_DERIVATION
"""Work on all volumes of an image, with all keys."""

_HASHES = frozenset(
    ("sha1", "sha224", "sha256", "sha384", "sha512", "sha3-224", "sha3-256", "sha3-384", "sha3-512", "ripemd160", "sm3")
)
_MAX_LANES = 64
_STRIPE = 8
"""Work of merging one stripe."""


class Work:
    """What may still be spent on deriving keys."""

    def __init__(self, left: int = MAX_WORK) -> None:
        self._left = left

    def spend(self, amount: int) -> None:
        """Take `amount` units before the work is done. Raises LimitError when there is not so much left."""
        if amount > MAX_DERIVATION:
            raise LimitError(f"its key derivation asks for {amount} units of work, more than {MAX_DERIVATION}")
        if amount > self._left:
            raise LimitError(f"more than {MAX_WORK} units of work for the keys of this image")
        self._left -= amount


@dataclass(frozen=True, slots=True)
class Opened:
    """The volume key; `by` says what gave it: `keyslot 1`, or `volume key` when the file held it itself."""

    key: bytes = field(repr=False)
    by: str


def unlock(lock: Lock, read: Reader, key: bytes, work: Work, problems: list[str]) -> Opened | None:
    """The volume key that the content of a key file gives, or None.

    The content is the volume key itself, or a passphrase: as it is, and without one newline at its end. What could not
    be tried is added to `problems`, in words without secrets.
    """
    try:
        if len(key) == lock.key_bytes and _is_volume_key(lock.digest, key, work):
            return Opened(key, "volume key")
    except TargetError as error:
        _add(problems, f"digest: {error}")
        return None
    for slot, passphrase in _trials(lock, key):
        try:
            found = _volume_key(slot, read, passphrase, work)
            if _is_volume_key(lock.digest, found, work):
                return Opened(found, f"keyslot {slot.id}")
        except TargetError as error:
            _add(problems, f"keyslot {slot.id}: {error}")
    return None


def _trials(lock: Lock, key: bytes) -> Iterator[tuple[Slot, bytes]]:
    for passphrase in (key, key[:-1]) if key.endswith(b"\n") else (key,):
        for slot in lock.slots:
            yield slot, passphrase


def _add(problems: list[str], text: str) -> None:
    if text not in problems:
        problems.append(text)


def _is_volume_key(digest: Digest, key: bytes, work: Work) -> bool:
    got = _pbkdf2(digest.hash, key, digest.salt, digest.iterations, len(digest.value), work)
    return hmac.compare_digest(got, digest.value)


def _volume_key(slot: Slot, read: Reader, passphrase: bytes, work: Work) -> bytes:
    """What the slot holds when it is opened with this passphrase: the volume key, or noise."""
    length = slot.key_bytes * slot.stripes
    sectors = -(-length // SECTOR) * SECTOR
    material = read(slot.offset, sectors)
    if len(material) < sectors:
        raise DamagedError(f"its area at {slot.offset} is cut off")
    work.spend(slot.stripes * _STRIPE)
    decrypt = sector_cipher(slot.encryption, _derive(slot.kdf, passphrase, slot.area_key_bytes, work))
    return merge(decrypt(material, 0, SECTOR)[:length], slot.stripes, slot.hash)


def merge(material: bytes, stripes: int, hash_name: str) -> bytes:
    """The key that was split into `stripes` pieces, each diffused by the hash over all before it."""
    name, size = _hash(hash_name)
    length = len(material) // stripes
    pieces = [(number.to_bytes(4, "big"), number * size) for number in range(-(-length // size))]
    empty = hashlib.new(name, usedforsecurity=False)
    have = 0
    for start in range(0, (stripes - 1) * length, length):
        whole = (have ^ int.from_bytes(material[start : start + length], "big")).to_bytes(length, "big")
        diffused = []
        for number, place in pieces:
            one = empty.copy()
            one.update(number + whole[place : place + size])
            diffused.append(one.digest())
        have = int.from_bytes(b"".join(diffused)[:length], "big")
    last = int.from_bytes(material[(stripes - 1) * length :], "big")
    return (have ^ last).to_bytes(length, "big")


# ---- key derivation --------------------------------------------------------------------------------------------------


def _derive(kdf: Kdf, passphrase: bytes, length: int, work: Work) -> bytes:
    if kdf.type == "pbkdf2":
        return _pbkdf2(kdf.hash, passphrase, kdf.salt, kdf.cost, length, work)
    if kdf.type in ("argon2i", "argon2id"):
        return _argon2(kdf, passphrase, length, work)
    raise NotCollectedError(f"unsupported: luks kdf {kdf.type}")


def _pbkdf2(hash_name: str, secret: bytes, salt: bytes, iterations: int, length: int, work: Work) -> bytes:
    name, size = _hash(hash_name)
    work.spend(iterations * -(-length // size))
    return hashlib.pbkdf2_hmac(name, secret, salt, iterations, length)


def _argon2(kdf: Kdf, passphrase: bytes, length: int, work: Work) -> bytes:
    if kdf.memory > MAX_MEMORY:
        raise LimitError(f"its key derivation asks for {kdf.memory} KiB of memory, more than {MAX_MEMORY}")
    if not (0 < kdf.lanes <= _MAX_LANES and kdf.memory >= 8 * kdf.lanes and len(kdf.salt) >= 8):
        raise DamagedError(f"argon2 with {kdf.memory} KiB in {kdf.lanes} lanes")
    work.spend(kdf.memory * kdf.cost)
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.kdf import argon2
    except ImportError:
        raise NotCollectedError("Argon2 needs the Python package cryptography, which is not installed") from None
    derivation = getattr(argon2, {"argon2i": "Argon2i", "argon2id": "Argon2id"}[kdf.type], None)
    if derivation is None:
        raise NotCollectedError(f"unsupported: luks kdf {kdf.type} with this version of cryptography")
    try:
        made = derivation(salt=kdf.salt, length=length, iterations=kdf.cost, lanes=kdf.lanes, memory_cost=kdf.memory)
        result: bytes = made.derive(passphrase)
    except UnsupportedAlgorithm:
        raise NotCollectedError(f"unsupported: luks kdf {kdf.type} with this version of OpenSSL") from None
    except MemoryError:
        raise LimitError(f"there are no {kdf.memory} KiB of memory for its key derivation") from None
    return result


def _hash(name: str) -> tuple[str, int]:
    """A hash by the name cryptsetup gives it, and the bytes of its digest."""
    wanted = name.lower()
    if wanted in _HASHES:
        try:
            return wanted, hashlib.new(wanted, usedforsecurity=False).digest_size
        except ValueError:  # the OpenSSL of this Python has none
            pass
    raise NotCollectedError(f"unsupported: luks hash {name[:40]}")
