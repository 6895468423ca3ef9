"""Entries of a transparency log: whether what was logged is the signature at hand.

A signer may log one thing and hand out another; that the entry is in the log (which the sigstore library proves) says
nothing of that. Sources: sigstore/rekor `pkg/types` (hashedrekord 0.0.1, dsse 0.0.1, intoto 0.0.2),
sigstore/rekor-tiles (hashedrekord 0.0.2).
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from scanner.supply_chain.signing.documents import decode_base64, read_object
from scanner.supply_chain.signing.dsse import Envelope, pae
from scanner.supply_chain.signing.result import RefusedError, UnsupportedError

__all__ = ["Signed", "check_entry"]

_OTHER = "the log entry is about another signature"


class Signed:
    """What must have been logged: the signature, who made it (SubjectPublicKeyInfo, DER), over what.

    `envelope`: the DSSE envelope, or None for a signature over an artifact with these digests.
    """

    def __init__(
        self,
        signature: bytes,
        spki: bytes,
        *,
        digests: dict[str, str] | None = None,
        envelope: Envelope | None = None,
        certificate: bytes = b"",
    ) -> None:
        self.signature = signature
        self.spki = spki
        self.envelope = envelope
        self.certificate = certificate
        signed = pae(envelope.payload_type, envelope.payload) if envelope else b""
        self.digests = digests or {
            name: hashlib.new(name, signed).hexdigest() for name in ("sha256", "sha384", "sha512")
        }


def check_entry(body: bytes, kind: str, version: str, signed: Signed) -> None:
    """Raise RefusedError unless the entry `body` of this kind and version is about the signature."""
    document = read_object(body, "the log entry")
    if document.get("kind") != kind or document.get("apiVersion") != version:
        raise RefusedError("the log entry is of another kind than the bundle says")
    check = {
        ("hashedrekord", "0.0.1"): _hashedrekord_1,
        ("hashedrekord", "0.0.2"): _hashedrekord_2,
        ("dsse", "0.0.1"): _dsse_1,
        ("intoto", "0.0.2"): _intoto_2,
    }.get((kind, version))
    if check is None:
        raise UnsupportedError(f"unsupported: log entries of the kind {kind[:40]} {version[:20]}")
    try:
        same = check(document["spec"], signed)
    except (KeyError, TypeError, AttributeError, IndexError):
        raise RefusedError("the log entry is not in its form") from None
    if not same:
        raise RefusedError(_OTHER)


def _hashedrekord_1(spec: Any, signed: Signed) -> bool:
    digest = spec["data"]["hash"]
    return (
        signed.digests.get(digest["algorithm"]) == digest["value"]
        and _bytes(spec["signature"]["content"]) == signed.signature
        and _is_signer(_bytes(spec["signature"]["publicKey"]["content"]), signed)
    )


def _hashedrekord_2(spec: Any, signed: Signed) -> bool:
    inner = spec["hashedRekordV002"]
    name = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}[inner["data"]["algorithm"]]
    verifier = inner["signature"]["verifier"]
    raw = verifier.get("publicKey") or verifier["x509Certificate"]
    return (
        signed.digests[name] == _bytes(inner["data"]["digest"]).hex()
        and _bytes(inner["signature"]["content"]) == signed.signature
        and _bytes(raw["rawBytes"]) in (signed.spki, signed.certificate)
    )


def _dsse_1(spec: Any, signed: Signed) -> bool:
    envelope, logged = signed.envelope, spec["signatures"]
    return (
        envelope is not None
        and spec["payloadHash"] == _payload_hash(envelope)
        and [_bytes(one["signature"]) for one in logged] == list(envelope.signatures)
        and all(_is_signer(_bytes(one["verifier"]), signed) for one in logged)
    )


def _intoto_2(spec: Any, signed: Signed) -> bool:
    """Signatures are in base64 twice."""
    envelope, content = signed.envelope, spec["content"]
    logged = content["envelope"]["signatures"]
    return (
        envelope is not None
        and content["payloadHash"] == _payload_hash(envelope)
        and content["envelope"]["payloadType"] == envelope.payload_type
        and [_bytes(_bytes(one["sig"]).decode("latin-1")) for one in logged] == list(envelope.signatures)
        and all(_is_signer(_bytes(one["publicKey"]), signed) for one in logged)
    )


def _payload_hash(envelope: Envelope) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(envelope.payload).hexdigest()}


def _bytes(text: Any) -> bytes:
    return decode_base64(text, "a part of the log entry")


def _is_signer(pem: bytes, signed: Signed) -> bool:
    """Whether a PEM text is the certificate of the signer, or else the key."""
    try:
        if signed.certificate:
            return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER) == signed.certificate
        key = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return spki == signed.spki
