"""Who vouches for a bundle: keys, sigstore identities, timestamp authorities."""

from __future__ import annotations

from scanner.bundle.case import Case
from scanner.bundle.manifest import ENVELOPE, KEYLESS, MANIFEST, PREDICATE_TYPE, TIMESTAMP, sha256, statement
from scanner.bundle.signing import check_envelope, signature_in
from scanner.bundle.verdict import Link
from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.bundles import check_bundle
from scanner.supply_chain.signing.result import RefusedError, Signer
from scanner.supply_chain.signing.timestamps import instant_text, verified_time

__all__ = ["signature_link", "timestamp_link"]


def signature_link(case: Case) -> Link:
    """Who signed the manifest, as it was asked for. Raises RefusedError."""
    manifest = case.file(MANIFEST)
    signers = [*_by_key(case, manifest), *_by_identity(case, manifest)]
    if not signers:
        raise RefusedError("it is not signed in the way that was asked for: by key, or keyless by an identity")
    if len({one.who for one in signers}) < case.wanted.threshold:
        raise RefusedError(f"{case.wanted.threshold} signers are wanted")
    unasked = [
        name
        for name, asked in ((ENVELOPE, case.wanted.keys), (KEYLESS, case.wanted.identities))
        if name in case.files and not asked
    ]
    more = f"; {', '.join(unasked)} was not asked for and not looked at" if unasked else ""
    return Link("signature", "ok", ", ".join(one.identity or f"{one.key_file} ({one.key})" for one in signers) + more)


def timestamp_link(case: Case) -> Link:
    """When the signature existed at the latest, if an authority is wanted. Raises RefusedError."""
    token = case.files.get(TIMESTAMP)
    if case.wanted.authority is None:
        why = "there is none" if token is None else "there is one, and no authority was named (--tsa-cert)"
        return Link("timestamp", "not_checked", why)
    if token is None:
        raise RefusedError("there is no timestamp, and one was asked for")
    instant = verified_time([token], signature_in(case.file(ENVELOPE)), (case.wanted.authority,))
    return Link("timestamp", "ok", f"the signature existed at {instant_text(instant)}")


def _by_key(case: Case, manifest: bytes) -> list[Signer]:
    if ENVELOPE not in case.files or not case.wanted.keys:
        return []
    key = check_envelope(case.files[ENVELOPE], manifest, case.wanted.keys)
    return [Signer(key=key.id, key_file=key.name)]


def _by_identity(case: Case, manifest: bytes) -> list[Signer]:
    if KEYLESS not in case.files or not case.wanted.identities:
        return []
    subjects = {f"sha256:{sha256(manifest)}": artifact_of(manifest)}
    signers = []
    for found in check_bundle(case.files[KEYLESS], subjects, case.wanted, KEYLESS):
        if not found.ok or found.signer is None or found.predicate_type != PREDICATE_TYPE:
            raise RefusedError(found.reason or "the sigstore bundle signs something else")
        # The manifest is the identity's word by now, and may be read.
        if found.statement.removeprefix("sha256:") != sha256(statement(manifest)):
            raise RefusedError("the signed statement is not the one that is written for this manifest")
        signers.append(found.signer)
    return signers
