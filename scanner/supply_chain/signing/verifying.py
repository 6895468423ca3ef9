"""Every signature of an image of a layout, or of a file, looked at once; `deciding` says what follows from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from scanner.model.errors import AssayError, DamagedError, LimitError, MissingError, NotCollectedError
from scanner.supply_chain.signing import detached, dsse, simple_signing
from scanner.supply_chain.signing.artifact import Artifact, artifact_of
from scanner.supply_chain.signing.attestations import judged
from scanner.supply_chain.signing.bundles import check_bundle
from scanner.supply_chain.signing.documents import decode_base64
from scanner.supply_chain.signing.media_types import BOMS, BUNDLE, ENVELOPE, NOTATION, STATEMENT
from scanner.supply_chain.signing.oci_layouts import Attached, Image, Layout
from scanner.supply_chain.signing.result import Finding, Looked, RefusedError, Signer, UnsupportedError
from scanner.supply_chain.signing.timestamps import stamped
from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["look_at_file", "look_at_image"]

File = tuple[str, bytes]
"""Name and content of a file beside the artifact."""


def look_at_image(
    layout: Layout, name: str, wanted: Wanted, *, platform: str = "", bundles: Sequence[File] = ()
) -> Looked:
    """Look at the image of an OCI layout, or of several at the one for `platform`, and at every signature of it.

    A signature counts over the manifest itself or over an index that lists it. Every blob of the image must be what its
    manifest says. `bundles`: sigstore bundles besides those in the layout. Raises UsageError, TargetError.
    """
    chosen, *above = layout.choose(platform)
    images = (chosen, *above)
    subjects = {image.digest: artifact_of(image.data) for image in images}
    notes: list[str] = []
    problem = _content_problem(layout, chosen, notes)
    findings = [found for one in layout.everything(images) for found in _attached(layout, one, subjects, wanted)]
    for place, data in bundles:
        findings += check_bundle(data, subjects, wanted, place)
    return Looked(
        name,
        "index" if chosen.is_index else "image",
        chosen.digest,
        tuple(findings),
        problem,
        tuple(image.digest for image in above),
        chosen.platform,
        tuple(notes),
    )


def look_at_file(
    artifact: Artifact,
    name: str,
    wanted: Wanted,
    *,
    signatures: Sequence[File] = (),
    bundles: Sequence[File] = (),
    tokens: Sequence[bytes] = (),
) -> Looked:
    """Look at the detached signatures and sigstore bundles of a file. `tokens`: RFC 3161 responses over signatures."""
    subjects = {artifact.sha256: artifact}
    findings = [_detached(artifact, file, wanted, tokens) for file in signatures]
    for place, data in bundles:
        findings += check_bundle(data, subjects, wanted, place)
    return Looked(name, "file", artifact.sha256, tuple(findings))


# ---- what is attached to an image -----------------------------------------------------------------------------------


def _content_problem(layout: Layout, chosen: Image, notes: list[str]) -> str:
    """Why the image is not the one that its digest names, or empty."""
    try:
        if not chosen.is_index:
            layout.check_content(chosen)
            return ""
        for image in layout.images_in(chosen):
            layout.check_content(image)
    except (DamagedError, MissingError, RefusedError) as error:
        return f"the image itself is not whole: {error.message}"
    notes.extend(f"not in this layout, so not looked at: {digest}" for digest in layout.missing(chosen))
    return ""


def _attached(layout: Layout, one: Attached, subjects: Mapping[str, Artifact], wanted: Wanted) -> Iterator[Finding]:
    if one.problem:
        yield Finding("other", "failed", one.place, one.problem)
        return
    kind = one.media_type
    if any(word in kind for word in NOTATION):
        yield Finding("other", "unsupported", one.place, "unsupported: Notary signatures")
        return
    try:
        if kind == simple_signing.MEDIA_TYPE:
            yield _simple(layout.blob(one.digest), one, subjects, wanted)
        elif kind == ENVELOPE:
            yield from _envelope(layout.blob(one.digest), one, subjects, wanted)
        elif kind.startswith(BUNDLE):
            yield from check_bundle(layout.blob(one.digest), subjects, wanted, one.place)
        elif kind == STATEMENT or any(word in kind for word in BOMS):
            yield Finding(
                "unsigned", "failed", one.place, "nobody signed it: it proves nothing", details={"type": kind}
            )
        else:
            yield Finding("other", "unsupported", one.place, f"unsupported: content of the type {kind[:80]!r}")
    except (DamagedError, LimitError, MissingError, NotCollectedError, RefusedError) as error:
        yield _failed(_KIND_OF.get(kind, "other"), one.place, error)


_KIND_OF = {simple_signing.MEDIA_TYPE: "simple-signing", ENVELOPE: "attestation"}


def _simple(payload: bytes, one: Attached, subjects: Mapping[str, Artifact], wanted: Wanted) -> Finding:
    signature = simple_signing.signature_in(one.annotations)
    if not wanted.keys:
        raise RefusedError("signed with a key, and no key was given that is trusted")
    key = simple_signing.signer(payload, signature, wanted.keys)
    if key is None:
        raise RefusedError("not signed by a key that was given")
    claim = simple_signing.read_claim(payload)
    if claim.digest not in subjects:
        raise RefusedError(f"the signature is genuine, but of another image: {claim.digest[:80]}")
    found = Finding(
        "simple-signing",
        "verified",
        one.place,
        signer=Signer(key=key.id, key_file=key.name),
        subject=claim.digest,
        details={"reference": claim.reference} if claim.reference else {},
    )
    return _stamped(found, one, signature, wanted)


def _envelope(data: bytes, one: Attached, subjects: Mapping[str, Artifact], wanted: Wanted) -> Iterator[Finding]:
    if one.annotations.get(simple_signing.CERTIFICATE):
        raise UnsupportedError(
            "a keyless attestation in cosign's old form, without a proof that can be checked offline"
        )
    if not wanted.keys:
        raise RefusedError("signed with a key, and no key was given that is trusted")
    envelope = dsse.read_envelope(data)
    keys = dsse.signers(envelope, wanted.keys)
    if not keys:
        raise RefusedError("not signed by a key that was given")
    for key in keys:
        found = Finding("attestation", "verified", one.place, signer=Signer(key=key.id, key_file=key.name))
        # cosign stamps the envelope as it lies here, not a signature in it.
        yield _stamped(judged(found, envelope, subjects), one, data, wanted)


def _stamped(found: Finding, one: Attached, signed: bytes, wanted: Wanted) -> Finding:
    if wanted.authority is None:
        return found
    return stamped(found, _tokens(one.annotations.get(simple_signing.TIMESTAMP, "")), signed, wanted.authority)


def _tokens(text: str) -> list[bytes]:
    """The timestamp that cosign puts beside a signature."""
    if not text:
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError("the timestamp beside the signature is not JSON") from None
    return [decode_base64(found.get("SignedRFC3161Timestamp") if isinstance(found, dict) else None, "the timestamp")]


# ---- files ----------------------------------------------------------------------------------------------------------


def _detached(artifact: Artifact, file: File, wanted: Wanted, tokens: Sequence[bytes]) -> Finding:
    place, data = file
    try:
        if not wanted.keys:
            raise RefusedError("a detached signature is made with a key, and no key was given that is trusted")
        key, signature = detached.signer(data, artifact, wanted.keys)
    except (LimitError, RefusedError) as error:
        return _failed("detached", place, error)
    signer = Signer(key=key.id, key_file=key.name)
    found = Finding("detached", "verified", place, signer=signer, subject=artifact.sha256)
    return found if wanted.authority is None else stamped(found, tokens, signature, wanted.authority)


def _failed(kind: str, place: str, error: AssayError) -> Finding:
    unsupported = isinstance(error, UnsupportedError | NotCollectedError | LimitError)
    return Finding(kind, "unsupported" if unsupported else "failed", place, error.message)
