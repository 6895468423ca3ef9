"""cosign's signatures of container images: a small JSON document that names the image, and a signature over it.

Sources: sigstore/cosign `specs/SIGNATURE_SPEC.md`, containers/image `docs/containers-signature.5.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.documents import decode_base64, read_object
from scanner.supply_chain.signing.keys import PublicKey, matching
from scanner.supply_chain.signing.result import RefusedError, UnsupportedError

__all__ = ["CERTIFICATE", "MEDIA_TYPE", "SIGNATURE", "TIMESTAMP", "Claim", "read_claim", "signature_in", "signer"]

MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"
TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp"

_TYPE = "cosign container image signature"
_CRITICAL = {"identity", "image", "type"}
_MAX_PAYLOAD = 1 << 20


@dataclass(frozen=True, slots=True)
class Claim:
    """What the signer says: this manifest digest, known to the signer by this reference."""

    digest: str
    reference: str


def signer(payload: bytes, signature: bytes, keys: tuple[PublicKey, ...]) -> PublicKey | None:
    """The key that signed the payload."""
    return matching(keys, signature, artifact_of(payload)) if len(payload) <= _MAX_PAYLOAD else None


def signature_in(annotations: Mapping[str, str]) -> bytes:
    """The signature that stands beside the payload. Raises RefusedError, UnsupportedError."""
    if not annotations.get(SIGNATURE):
        raise RefusedError(f"the annotation {SIGNATURE} is missing")
    if annotations.get(CERTIFICATE):
        raise UnsupportedError(
            "a keyless signature in cosign's old form, without a proof that can be checked offline",
            hint="sign with a newer cosign, which writes sigstore bundles",
        )
    return decode_base64(annotations[SIGNATURE], "the signature")


def read_claim(payload: bytes) -> Claim:
    """The claim in a payload *whose signature was verified*. Raises RefusedError."""
    document = read_object(payload, "the signed claim")
    critical = document.get("critical")
    if not isinstance(critical, dict):
        raise RefusedError("the signed claim has no critical part")
    if set(critical) != _CRITICAL:
        raise RefusedError("the critical part of the signed claim does not hold exactly identity, image and type")
    if critical["type"] != _TYPE:
        raise RefusedError(f"the signed claim is of another type: {str(critical['type'])[:80]!r}")
    image, identity = critical["image"], critical["identity"]
    digest = image.get("docker-manifest-digest") if isinstance(image, dict) else None
    if not isinstance(digest, str) or set(image) != {"docker-manifest-digest"}:
        raise RefusedError("the signed claim names no manifest digest")
    reference = identity.get("docker-reference") if isinstance(identity, dict) else None
    return Claim(digest, reference if isinstance(reference, str) else "")
