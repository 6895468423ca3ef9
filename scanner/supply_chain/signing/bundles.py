"""Sigstore bundles: one JSON document with a signature or a DSSE envelope, who made it, and proofs of when.

Those with a certificate go to the sigstore library (see keyless); those made with a key, which it refuses, are verified
here. Source: sigstore/protobuf-specs `protos/sigstore_bundle.proto`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scanner.supply_chain.signing.artifact import Artifact
from scanner.supply_chain.signing.attestations import judged
from scanner.supply_chain.signing.documents import decode_base64, read_object
from scanner.supply_chain.signing.dsse import Envelope, envelope_in, signers
from scanner.supply_chain.signing.keys import PublicKey, matching
from scanner.supply_chain.signing.media_types import BUNDLE
from scanner.supply_chain.signing.result import Finding, RefusedError, Signer, UnsupportedError
from scanner.supply_chain.signing.timestamps import MAX_TOKENS, instant_text, stamped, verified_time
from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["MEDIA_TYPES", "check_bundle"]

MEDIA_TYPES = (
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
)
_DIGESTS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_MAX_ENTRIES = 32


@dataclass(frozen=True, slots=True)
class _Bundle:
    """`envelope`, or else `signature` and the `stated` digest of what it is over (algorithm, value)."""

    keyed: bool
    envelope: Envelope | None
    signature: bytes
    stated: tuple[str, str] | None
    entries: tuple[dict[str, Any], ...]
    tokens: tuple[bytes, ...]

    @property
    def kind(self) -> str:
        return "message-signature" if self.envelope is None else "attestation"


def check_bundle(data: bytes, subjects: Mapping[str, Artifact], wanted: Wanted, place: str) -> list[Finding]:
    """What a bundle proves of an artifact. `subjects`: the artifact (first), and what covers it, by digest."""
    kind = "other"
    try:
        bundle = _read(data)
        kind = bundle.kind
        if bundle.keyed:
            return _by_key(bundle, subjects, wanted, place)
        return [_by_identity(data, bundle, subjects, wanted, place)]
    except RefusedError as error:
        state = "unsupported" if isinstance(error, UnsupportedError) else "failed"
        return [Finding(kind, state, place, error.message)]


def _read(data: bytes) -> _Bundle:
    document = read_object(data, "the bundle")
    kind = document.get("mediaType")
    if not isinstance(kind, str) or not kind.startswith(BUNDLE):
        raise RefusedError("not a sigstore bundle: it does not say that it is one")
    if kind not in MEDIA_TYPES:
        raise UnsupportedError(f"unsupported: bundles of the type {kind[:80]!r}")
    material = document.get("verificationMaterial")
    if not isinstance(material, dict):
        raise RefusedError("the bundle has no verification material")
    who = [name for name in ("publicKey", "certificate", "x509CertificateChain") if material.get(name) is not None]
    what = [name for name in ("dsseEnvelope", "messageSignature") if document.get(name) is not None]
    if len(who) != 1 or len(what) != 1:
        raise RefusedError("the bundle does not hold exactly one signer and one thing that is signed")
    content = document[what[0]]
    if not isinstance(content, dict):
        raise RefusedError("the content of the bundle is no object")
    envelope = envelope_in(content) if what[0] == "dsseEnvelope" else None
    signature = decode_base64(content.get("signature"), "the signature") if envelope is None else b""
    return _Bundle(
        keyed=who[0] == "publicKey",
        envelope=envelope,
        signature=signature,
        stated=_stated(content) if envelope is None else None,
        entries=_objects(material.get("tlogEntries"), "log entries"),
        tokens=_tokens(material.get("timestampVerificationData")),
    )


def _stated(content: Mapping[str, Any]) -> tuple[str, str] | None:
    digest = content.get("messageDigest")
    if digest is None:
        return None
    algorithm = _DIGESTS.get(str(digest.get("algorithm"))) if isinstance(digest, dict) else None
    if algorithm is None:
        raise RefusedError("the bundle states a digest of an algorithm that is not known")
    return algorithm, decode_base64(digest.get("digest"), "the stated digest").hex()


def _objects(value: Any, what: str) -> tuple[dict[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_ENTRIES or not all(isinstance(one, dict) for one in value):
        raise RefusedError(f"the {what} of the bundle are not in their form")
    return tuple(value)


def _tokens(value: Any) -> tuple[bytes, ...]:
    if value is None:
        return ()
    listed = _objects(value.get("rfc3161Timestamps") if isinstance(value, dict) else value, "timestamps")
    if len(listed) > MAX_TOKENS:
        raise RefusedError(f"more than {MAX_TOKENS} timestamps")
    return tuple(decode_base64(one.get("signedTimestamp"), "a timestamp") for one in listed)


# ---- with a certificate ---------------------------------------------------------------------------------------------


def _by_identity(data: bytes, bundle: _Bundle, subjects: Mapping[str, Artifact], wanted: Wanted, place: str) -> Finding:
    if not wanted.identities:
        raise RefusedError("signed with a certificate, and no identity was given that is trusted")
    # Half a second: whoever verifies by key does not wait for it.
    from scanner.supply_chain.signing.keyless import prove

    subject, artifact = _stated_subject(bundle, subjects)
    proven = prove(data, artifact, bundle.envelope, wanted.identities, wanted.trust_root())
    found = Finding(
        bundle.kind,
        "verified",
        place,
        signer=proven.signer,
        subject=subject,
        time=instant_text(proven.time),
        time_source=proven.time_source,
    )
    return found if bundle.envelope is None else judged(found, bundle.envelope, subjects)


def _stated_subject(bundle: _Bundle, subjects: Mapping[str, Artifact]) -> tuple[str, Artifact]:
    """What a message signature is over, by the digest it states; the signature itself proves it afterwards."""
    first = next(iter(subjects.items()))
    if bundle.stated is None:
        return first
    algorithm, value = bundle.stated
    for name, artifact in subjects.items():
        if artifact.digests[algorithm] == value:
            return name, artifact
    if bundle.envelope is None:
        raise RefusedError("the bundle is about something else: it states another digest")
    return first


# ---- with a key -----------------------------------------------------------------------------------------------------


def _by_key(bundle: _Bundle, subjects: Mapping[str, Artifact], wanted: Wanted, place: str) -> list[Finding]:
    if not wanted.keys:
        raise RefusedError("signed with a key, and no key was given that is trusted")
    if bundle.envelope is not None:
        keys = signers(bundle.envelope, wanted.keys)
        if not keys:
            raise RefusedError("not signed by a key that was given")
        signature = bundle.envelope.signatures[0]
        if bundle.entries and len(bundle.envelope.signatures) != 1:
            raise UnsupportedError("unsupported: a log entry for several signatures")
        found = [judged(_made(bundle, "", key, place), bundle.envelope, subjects) for key in keys]
    else:
        signature = bundle.signature
        subject, artifact = _stated_subject(bundle, subjects)
        key = matching(wanted.keys, signature, artifact)
        if key is None:
            raise RefusedError("not signed by a key that was given, or not over this artifact")
        found = [_made(bundle, subject, key, place)]
        keys = (key,)
    logged = _logged(bundle, signature, keys[0], subjects, wanted)
    return [_timed(one, bundle, signature, logged, wanted) for one in found]


def _made(bundle: _Bundle, subject: str, key: PublicKey, place: str) -> Finding:
    return Finding(bundle.kind, "verified", place, signer=Signer(key=key.id, key_file=key.name), subject=subject)


def _logged(bundle: _Bundle, signature: bytes, key: PublicKey, subjects: Mapping[str, Artifact], wanted: Wanted) -> str:
    """When the log took the signature. A key needs no log; but what a bundle says of one must hold."""
    if not bundle.entries:
        return ""
    from scanner.supply_chain.signing.keyless import prove_logged
    from scanner.supply_chain.signing.log_entries import Signed

    if len(bundle.entries) != 1:
        raise UnsupportedError("unsupported: several log entries for one signature")
    digests = None if bundle.envelope is not None else _stated_subject(bundle, subjects)[1].digests
    signed = Signed(signature, key.spki, digests=digests, envelope=bundle.envelope)
    instant = prove_logged(bundle.entries[0], signed, wanted.trust_root())
    return instant_text(instant) if instant is not None else ""


def _timed(found: Finding, bundle: _Bundle, signature: bytes, logged: str, wanted: Wanted) -> Finding:
    """The finding with the time that is proven. With a wanted authority, one without its timestamp fails."""
    if wanted.authority is not None:
        return stamped(found, bundle.tokens, signature, wanted.authority)
    found = replace(found, time=logged, time_source="transparency log" if logged else "")
    if not bundle.tokens:
        return found
    try:
        instant = verified_time(bundle.tokens, signature, wanted.trust_root().authorities)
    except RefusedError as error:
        return replace(found, details={**found.details, "timestamp": f"not verified: {error.message}"})
    return replace(found, time=instant_text(instant), time_source="timestamp authority")
