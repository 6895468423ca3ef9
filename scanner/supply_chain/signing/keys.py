"""Public keys that a user trusts: which are accepted, how they are called, what they signed.

Sources: RFC 5280 (SubjectPublicKeyInfo), RFC 7468 (PEM), FIPS 186-5 (RSA of 2048 bits and more, exponent from 65537 on,
P-256, P-384, P-521), RFC 8032 section 5.1 (Ed25519), sigstore/cosign `specs/SIGNATURE_SPEC.md`.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from scanner.model.errors import InputError, NotCollectedError
from scanner.supply_chain.signing.artifact import Artifact

__all__ = ["PublicKey", "key_id", "load_public_key", "matching"]

_MAX_FILE = 64 * 1024
_MAX_SIGNATURE = 2048
_SMALLEST_RSA, _LARGEST_RSA, _SMALLEST_EXPONENT = 2048, 16384, 65537

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
# The hash that belongs to the curve, and SHA-256, which cosign uses with every curve.
_CURVES = {
    "secp256r1": ("ECDSA P-256", ("sha256",)),
    "secp384r1": ("ECDSA P-384", ("sha384", "sha256")),
    "secp521r1": ("ECDSA P-521", ("sha512", "sha256")),
}
_PRIME = 2**255 - 19
_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303021
# With a public key whose order divides eight, one signature fits many messages: y coordinates of all such points, and
# the two that have a second spelling.
_SMALL_ORDER = frozenset({0, 1, _PRIME - 1, _PRIME, _PRIME + 1, _ORDER_8, _PRIME - _ORDER_8})

_Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that may vouch. `id`: `sha256:` and the digest of its SubjectPublicKeyInfo; `name`: where it was read."""

    id: str
    algorithm: str
    name: str
    _key: _Key = field(repr=False, compare=False)

    @property
    def hint(self) -> str:
        """The id as sigstore bundles hint at it: the same digest in base64."""
        return base64.b64encode(bytes.fromhex(self.id.removeprefix("sha256:"))).decode()

    @property
    def spki(self) -> bytes:
        """The SubjectPublicKeyInfo, DER."""
        return self._key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def signed(self, signature: bytes, artifact: Artifact) -> bool:
        """Whether this key made the signature over the artifact."""
        if not 0 < len(signature) <= _MAX_SIGNATURE:
            return False
        key = self._key
        if isinstance(key, ed25519.Ed25519PublicKey):
            return _is_ed25519(key, signature, artifact.read())
        if isinstance(key, ec.EllipticCurvePublicKey):
            return any(_is_ecdsa(key, signature, artifact, name) for name in _CURVES[key.curve.name][1])
        return any(_is_rsa(key, signature, artifact, name) for name in _HASHES)


def load_public_key(data: bytes, name: str) -> PublicKey:
    """The PEM public key in `data`. Raises InputError for what is none or is too weak to trust, NotCollectedError for
    an algorithm that is not supported."""
    if len(data) > _MAX_FILE:
        raise InputError("a public key file is smaller than that", where=name)
    if b"PRIVATE KEY" in data:
        raise InputError(
            "this is a private key", where=name, hint="give the public key (cosign.pub); keep the private one away"
        )
    if b"BEGIN CERTIFICATE" in data:
        raise InputError(
            "this is a certificate, not a public key",
            where=name,
            hint="keyless signatures want --identity and --issuer; openssl x509 -pubkey -noout takes the key out",
        )
    if data.count(b"-----BEGIN ") != 1:
        raise InputError("not one public key in PEM form", where=name, hint="it begins with -----BEGIN PUBLIC KEY-----")
    try:
        key = serialization.load_pem_public_key(data)
    except UnsupportedAlgorithm as error:
        raise NotCollectedError(f"unsupported: {error}", where=name) from None
    except (ValueError, TypeError) as error:
        raise InputError(f"not a public key: {str(error)[:120]}", where=name) from None
    if not isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        raise NotCollectedError(f"unsupported: keys of the type {type(key).__name__.strip('_')}", where=name)
    return PublicKey(key_id(key), _strong(key, name), name, key)


def key_id(key: _Key) -> str:
    """`sha256:` and the digest of the SubjectPublicKeyInfo."""
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + hashlib.sha256(spki).hexdigest()


def matching(keys: tuple[PublicKey, ...], signature: bytes, artifact: Artifact) -> PublicKey | None:
    """The key that made the signature over the artifact."""
    return next((key for key in keys if key.signed(signature, artifact)), None)


def _is_ed25519(key: ed25519.Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _is_ecdsa(key: ec.EllipticCurvePublicKey, signature: bytes, artifact: Artifact, name: str) -> bool:
    try:
        key.verify(signature, bytes.fromhex(artifact.digests[name]), ec.ECDSA(Prehashed(_HASHES[name])))
    except InvalidSignature:
        return False
    return True


def _is_rsa(key: rsa.RSAPublicKey, signature: bytes, artifact: Artifact, name: str) -> bool:
    digest, algorithm = bytes.fromhex(artifact.digests[name]), _HASHES[name]
    for pad in (padding.PKCS1v15(), padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)):
        try:
            key.verify(signature, digest, pad, Prehashed(algorithm))
        except InvalidSignature:
            continue
        return True
    return False


def _strong(key: _Key, name: str) -> str:
    """The name of the algorithm. Raises InputError for a weak key, NotCollectedError for another curve."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise NotCollectedError(f"unsupported: the curve {key.curve.name}", where=name)
        return _CURVES[key.curve.name][0]
    if isinstance(key, rsa.RSAPublicKey):
        if not _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA:
            raise InputError(
                f"an RSA key of {key.key_size} bits is not accepted: {_SMALLEST_RSA} to {_LARGEST_RSA}", where=name
            )
        if key.public_numbers().e < _SMALLEST_EXPONENT:
            raise InputError("an RSA key with so small an exponent is not accepted", where=name)
        return f"RSA {key.key_size}"
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    if int.from_bytes(raw, "little") & (1 << 255) - 1 in _SMALL_ORDER:
        raise InputError("this Ed25519 key is a point of small order: anybody can sign for it", where=name)
    return "Ed25519"
