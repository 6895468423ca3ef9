"""The signature of a bundle: a DSSE envelope with an in-toto statement about the manifest, and a timestamp over it."""

from __future__ import annotations

import base64

from scanner.bundle.manifest import MANIFEST, MANIFEST_SCHEMA, sha256, statement
from scanner.bundle.private_keys import Signer, low_s
from scanner.model.canonical import canonical
from scanner.schemas.reading import read_document
from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.documents import read_object
from scanner.supply_chain.signing.dsse import pae, read_envelope
from scanner.supply_chain.signing.keys import PublicKey, matching
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["PAYLOAD_TYPE", "check_envelope", "envelope", "signature_in"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"

_CURVES = {"ECDSA P-256": "secp256r1", "ECDSA P-384": "secp384r1", "ECDSA P-521": "secp521r1"}


def envelope(manifest: bytes, signer: Signer) -> bytes:
    """The envelope (DSSE 1.0.2) that says of a manifest what `statement` says."""
    payload = statement(manifest)
    return _written(payload, signer.sign(pae(PAYLOAD_TYPE, payload)), signer.public.id)


def _written(payload: bytes, signature: bytes, key: str) -> bytes:
    document = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key, "sig": base64.b64encode(signature).decode()}],
    }
    return canonical(document) + b"\n"


def signature_in(data: bytes) -> bytes:
    """The one signature of our envelope: what a timestamp is made over. Raises RefusedError."""
    signatures = read_envelope(data).signatures
    if len(signatures) != 1:
        raise RefusedError("the envelope of a bundle holds one signature")
    return signatures[0]


def check_envelope(data: bytes, manifest: bytes, keys: tuple[PublicKey, ...]) -> PublicKey:
    """The key, one of those given, that signed this manifest.

    Nothing of the envelope is left open: its bytes must be those that are written for this manifest, key and signature.
    Raises RefusedError, InputError.
    """
    found = read_envelope(data)
    signature = signature_in(data)
    key = matching(keys, signature, artifact_of(pae(found.payload_type, found.payload)))
    if key is None:
        raise RefusedError("the bundle is not signed by a key that was given")
    if key.algorithm in _CURVES and low_s(signature, _CURVES[key.algorithm]) != signature:
        raise RefusedError("the signature is the second of the two that fit: it was made of the first")
    # From here on the payload is the signer's word; only when it names this manifest is the manifest read.
    signed = read_object(found.payload, "the statement").get("subject")
    if signed != [{"name": MANIFEST, "digest": {"sha256": sha256(manifest)}}]:
        raise RefusedError("the signature is genuine, but of another manifest")
    read_document(manifest, "bundle", MANIFEST_SCHEMA, MANIFEST, "assay bundle create")
    if found.payload_type != PAYLOAD_TYPE or found.payload != statement(manifest):
        raise RefusedError("the signed statement is not the one that is written for this manifest")
    if data != _written(found.payload, signature, key.id):
        raise RefusedError("the envelope is not as it was written")
    return key
