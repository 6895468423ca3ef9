"""Disk encryption by sectors, as dm-crypt does it: AES in XTS or CBC mode, an initial vector from the sector number.

The number counts sectors of 512 bytes, whatever the size of an encrypted sector is. `cryptography` is imported when the
first key is used, so nothing that goes without keys needs it.

Sources: Linux `Documentation/admin-guide/device-mapper/dm-crypt.rst`, `drivers/md/dm-crypt.c` (initial vectors);
IEEE 1619 (XTS).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from scanner.model.errors import NotCollectedError

__all__ = ["SECTOR", "Decrypt", "check", "sector_cipher"]

SECTOR = 512
"""Bytes that sector numbers count."""

Decrypt = Callable[[bytes, int, int], bytes]
"""`decrypt(data, first, size)`: whole sectors of `size` bytes, the first of which has the number `first`."""

_Vector = Callable[[int], bytes]
_KEY_BYTES = {"xts": (32, 64), "cbc": (16, 24, 32)}
_VECTORS = {"xts": ("plain64", "plain", "plain64be"), "cbc": ("plain64", "plain", "plain64be", "essiv:sha256")}


def check(encryption: str, key_bytes: int) -> tuple[str, str]:
    """Mode and vector of a cipher in dm-crypt's words (`aes-xts-plain64`). Raises NotCollectedError for any other."""
    cipher, _, rest = encryption.partition("-")
    mode, _, vector = rest.partition("-")
    if cipher != "aes" or vector not in _VECTORS.get(mode, ()):
        raise NotCollectedError(f"unsupported: luks cipher {encryption[:80]}")
    if key_bytes not in _KEY_BYTES[mode]:
        raise NotCollectedError(f"unsupported: luks cipher {encryption} with a key of {key_bytes * 8} bits")
    return mode, vector


def sector_cipher(encryption: str, key: bytes) -> Decrypt:
    """What decrypts sectors. Raises NotCollectedError for a cipher that is not read."""
    mode, name = check(encryption, len(key))
    try:
        return _xts(key, _vector(name, key)) if mode == "xts" else _cbc(key, _vector(name, key))
    except ImportError:
        raise NotCollectedError("decryption needs the Python package cryptography, which is not installed") from None


def _vector(name: str, key: bytes) -> _Vector:
    if name == "plain":
        return lambda number: (number & 0xFFFFFFFF).to_bytes(16, "little")
    if name == "plain64be":
        return lambda number: (number & 0xFFFFFFFFFFFFFFFF).to_bytes(16, "big")
    if name == "plain64":
        return lambda number: (number & 0xFFFFFFFFFFFFFFFF).to_bytes(16, "little")
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    salt = algorithms.AES(hashlib.sha256(key).digest())
    encryptor = Cipher(salt, modes.ECB()).encryptor()  # noqa: S305 - one block: this is how ESSIV is defined
    return lambda number: encryptor.update((number & 0xFFFFFFFFFFFFFFFF).to_bytes(16, "little"))


def _xts(key: bytes, vector: _Vector) -> Decrypt:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    aes, xts = algorithms.AES(key), modes.XTS

    def decrypt(data: bytes, first: int, size: int) -> bytes:
        # A context a sector: OpenSSL cannot give one a new vector. That is most of the cost of small sectors.
        view, step = memoryview(data), size // SECTOR
        return b"".join(
            Cipher(aes, xts(vector(first + number * step))).decryptor().update(view[place : place + size])
            for number, place in enumerate(range(0, len(data), size))
        )

    return decrypt


def _cbc(key: bytes, vector: _Vector) -> Decrypt:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    aes = algorithms.AES(key)

    def decrypt(data: bytes, first: int, size: int) -> bytes:
        # All sectors in one call, each after its vector: a block of CBC is chained to the one before it and no other.
        step = size // SECTOR
        chained = b"".join(
            vector(first + number * step) + data[place : place + size]
            for number, place in enumerate(range(0, len(data), size))
        )
        plain = Cipher(aes, modes.CBC(bytes(16))).decryptor().update(chained)
        return b"".join(plain[place + 16 : place + 16 + size] for place in range(0, len(plain), size + 16))

    return decrypt
