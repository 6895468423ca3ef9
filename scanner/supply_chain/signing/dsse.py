"""DSSE envelopes: a payload, its type, and signatures over both.

Source: secure-systems-lab/dsse `protocol.md` and `envelope.md` (version 1.0.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.documents import decode_base64, read_object
from scanner.supply_chain.signing.keys import PublicKey, matching
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["Envelope", "envelope_in", "pae", "read_envelope", "signers"]

_MAX_SIGNATURES = 64


@dataclass(frozen=True, slots=True)
class Envelope:
    """`payload` may be believed, and even parsed, only once `signers` names someone who is trusted. The key ids of an
    envelope are hints that nobody signed; they are not kept."""

    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]


def read_envelope(data: bytes) -> Envelope:
    """The envelope in a JSON document. Raises RefusedError."""
    return envelope_in(read_object(data, "the DSSE envelope"))


def envelope_in(document: Mapping[str, Any]) -> Envelope:
    """The envelope that a JSON object is. Raises RefusedError."""
    kind = document.get("payloadType")
    if not isinstance(kind, str) or not kind or len(kind) > 256:
        raise RefusedError("the DSSE envelope says no payload type")
    listed = document.get("signatures")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MAX_SIGNATURES:
        raise RefusedError(f"a DSSE envelope holds 1 to {_MAX_SIGNATURES} signatures")
    signatures = []
    for one in listed:
        if not isinstance(one, dict):
            raise RefusedError("a signature of the DSSE envelope is no object")
        signatures.append(decode_base64(one.get("sig"), "a signature of the DSSE envelope", url_safe=True))
    payload = decode_base64(document.get("payload"), "the payload of the DSSE envelope", url_safe=True)
    return Envelope(kind, payload, tuple(signatures))


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed (pre-authentication encoding): lengths in bytes make the parts unmistakable."""
    kind = payload_type.encode("utf-8", "surrogatepass")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def signers(envelope: Envelope, keys: tuple[PublicKey, ...]) -> tuple[PublicKey, ...]:
    """The keys that signed the envelope, each once, however many signatures it made."""
    signed = artifact_of(pae(envelope.payload_type, envelope.payload))
    found = {key.id: key for key in (matching(keys, one, signed) for one in envelope.signatures) if key is not None}
    return tuple(found.values())
