"""Private keys that sign bundles: made here, or read from PEM files, those of cosign among them.

Signatures are deterministic (Ed25519: RFC 8032; ECDSA: RFC 6979; RSA: PKCS #1 v1.5), so the same bundle signed with the
same key gives the same bytes. A key in a token or a key service joins as another `Signer`.
Sources: RFC 5958 (PKCS #8), RFC 5915 (EC keys), sigstore/cosign `pkg/cosign/keys.go` (the form of its encrypted keys:
scrypt and NaCl secretbox).
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from scanner.model.errors import AssayError, InputError, UsageError
from scanner.supply_chain.signing.documents import decode_base64, read_object
from scanner.supply_chain.signing.keys import PublicKey, load_public_key

__all__ = ["ALGORITHMS", "KeyFile", "Signer", "generate", "load_private_key", "low_s"]

ALGORITHMS = ("ed25519", "ecdsa-p256", "ecdsa-p384")

_MAX_FILE = 64 * 1024
_MAX_SCRYPT = 1 << 20  # N·r: 128 bytes of memory each
_MAX_PARALLEL = 16
_COSIGN = re.compile(
    rb"-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----\s*([A-Za-z0-9+/=\s]+)"
    rb"-----END ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----\s*"
)
_Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Signer(Protocol):
    """Whoever can sign."""

    @property
    def public(self) -> PublicKey:
        """The key that verifies."""

    def sign(self, data: bytes) -> bytes:
        """The signature over `data`."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A signer whose private key was read from a file."""

    public: PublicKey
    _key: _Key = field(repr=False, compare=False)

    def sign(self, data: bytes) -> bytes:
        """The signature over `data`: raw for Ed25519, DER for ECDSA with the hash of its curve, SHA-256 for RSA."""
        key = self._key
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        made = key.sign(data, ec.ECDSA(_HASHES[key.curve.name](), deterministic_signing=True))
        return low_s(made, key.curve.name)


_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256,
    "secp384r1": hashes.SHA384,
    "secp521r1": hashes.SHA512,
}


_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16
    ),
    "secp521r1": int(
        "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA"
        "51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
        16,
    ),
}
"""Orders of the curves (SEC 2, sections 2.4.2, 2.5.1, 2.6.1)."""


def low_s(signature: bytes, curve: str) -> bytes:
    """The one of two ECDSA signatures that fit the same data whose s is the smaller, in DER: so there is only one.

    Raises ValueError for what is no signature.
    """
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, _ORDERS[curve] - s))


def generate(algorithm: str, password: bytes) -> tuple[bytes, bytes]:
    """A new key pair in PEM: (private, encrypted with the password unless that is empty; public). Raises UsageError."""
    if algorithm not in ALGORITHMS:
        raise UsageError(f"there is no algorithm {algorithm!r}", hint=f"known: {', '.join(ALGORITHMS)}")
    key: _Key
    if algorithm == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = ec.generate_private_key(ec.SECP256R1() if algorithm == "ecdsa-p256" else ec.SECP384R1())
    locked: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    return private, _public_pem(key)


def load_private_key(data: bytes, name: str, password: bytes | None) -> KeyFile:
    """The signer in a key file. Raises InputError for what is none, is too weak, or does not open with the password."""
    if len(data) > _MAX_FILE:
        raise InputError("a key file is smaller than that", where=name)
    cosign = _COSIGN.fullmatch(data.strip() + b"\n")
    encrypted = cosign is not None or b"ENCRYPTED" in data
    if encrypted and password is None:
        raise InputError(
            "the key is encrypted, and no password was given",
            where=name,
            hint="set ASSAY_KEY_PASSWORD, or give --password-file",
        )
    try:
        if cosign is not None:
            key = serialization.load_der_private_key(_opened(cosign[1], password or b""), None)
        else:
            key = serialization.load_pem_private_key(data, password if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm, AssayError) as error:
        text = error.message if isinstance(error, AssayError) else str(error)
        problem = "not opened: the password is wrong, or the file is damaged" if encrypted else "not a private key"
        raise InputError(f"{problem} ({text[:120]})", where=name) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise InputError("keys of this type cannot sign a bundle", where=name, hint="assay key generate")
    return KeyFile(load_public_key(_public_pem(key), name), key)


def _opened(body: bytes, password: bytes) -> bytes:
    """The PKCS #8 key inside cosign's envelope. Raises ValueError, RefusedError."""
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    document = read_object(base64.b64decode(body), "the encrypted key")
    kdf, cipher = document.get("kdf"), document.get("cipher")
    if not isinstance(kdf, dict) or not isinstance(cipher, dict):
        raise ValueError("it names no key derivation or no cipher")
    cost = kdf.get("params")
    if kdf.get("name") != "scrypt" or cipher.get("name") != "nacl/secretbox" or not isinstance(cost, dict):
        raise ValueError("it is not locked with scrypt and NaCl secretbox")
    n, r, p = (_whole(cost.get(name)) for name in ("N", "r", "p"))
    if not 0 < n * r <= _MAX_SCRYPT or not 0 < p <= _MAX_PARALLEL:
        raise ValueError("its scrypt parameters are out of bounds")
    salt = decode_base64(kdf.get("salt"), "the salt")
    secret = hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)
    nonce = decode_base64(cipher.get("nonce"), "the nonce")
    try:
        return bytes(SecretBox(secret).decrypt(decode_base64(document.get("ciphertext"), "the key"), nonce))
    except CryptoError:
        raise ValueError("decryption failed") from None


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _public_pem(key: _Key) -> bytes:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
