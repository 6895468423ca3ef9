"""Sigstore bundles with certificates, verified by the sigstore library, offline.

The library proves the certificate chain at a proven time, the certificate's own log entry (SCT), the inclusion of the
signature in the log, the signature, and that the log entry is about it. Ours are: who is wanted, whether the log was
trusted at that time, log entries of the older kind `intoto`, and (in `bundles`) of which artifact a statement speaks.

Two methods of the library that are not public are extended here; were they gone, nothing would verify.
"""

from __future__ import annotations

import base64
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.errors import VerificationError
from sigstore.hashes import Hashed
from sigstore.models import Bundle, ClientTrustConfig, TransparencyLogEntry, TrustedRoot
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm
from sigstore_models.rekor.v1 import TransparencyLogEntry as LoggedEntry

from scanner.supply_chain.signing.artifact import Artifact, artifact_of
from scanner.supply_chain.signing.dsse import Envelope, pae
from scanner.supply_chain.signing.identities import Identity, signer_of
from scanner.supply_chain.signing.keys import PublicKey, key_id
from scanner.supply_chain.signing.log_entries import Signed, check_entry
from scanner.supply_chain.signing.result import RefusedError, Signer
from scanner.supply_chain.signing.trust_root import TrustRoot, read_trust_root

__all__ = ["Proven", "built_in_root", "prove", "prove_logged"]

_FOLDERS = ("XDG_DATA_HOME", "XDG_CACHE_HOME")

# Without a handler Python would print the library's warnings on stderr.
logging.getLogger("sigstore").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Proven:
    """Who signed, and when at the earliest (`time_source`: log or timestamp authority)."""

    signer: Signer
    time: datetime
    time_source: str


@lru_cache(maxsize=1)
def built_in_root() -> TrustRoot:
    """The production root of trust that the library ships. Nothing is fetched, no cache of the user is believed."""
    with tempfile.TemporaryDirectory(prefix="assay-") as folder, _folders_in(folder):
        ClientTrustConfig.production(offline=True)
        found = sorted(Path(folder).rglob("trusted_root.json"))
        if len(found) != 1:
            raise RefusedError("the sigstore library ships no trusted root that is understood", hint="--trusted-root")
        return read_trust_root(found[0].read_bytes())


def prove(
    bundle: bytes, artifact: Artifact, envelope: Envelope | None, wanted: tuple[Identity, ...], root: TrustRoot
) -> Proven:
    """Prove that a bundle was signed by one of the wanted identities: over the artifact, or, with `envelope`, over that
    envelope (of which artifact it speaks is not looked at). Raises RefusedError."""
    try:
        return _proven(bundle, artifact, envelope, wanted, root)
    except RefusedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a bundle does to the library: it did not verify
        raise RefusedError(_said(error)) from None


def prove_logged(entry: dict[str, Any], signed: Signed, root: TrustRoot) -> datetime | None:
    """Prove that a log holds an entry, and that it is about this signature. Returns when it was logged, if the log
    vouches for that. Raises RefusedError."""
    try:
        logged = TransparencyLogEntry(LoggedEntry.from_dict(entry))
        _check_log(logged, root, None)
        logged._verify(_trusted_root(root).rekor_keyring(_purpose()))
        inner = logged._inner
        check_entry(inner.canonicalized_body, inner.kind_version.kind, inner.kind_version.version, signed)
    except RefusedError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        raise RefusedError(f"the log entry does not hold: {_said(error)}") from None
    return _logged_at(logged, root)


class _Verifier(Verifier):
    """The library's verifier, which remembers the times it proved and also takes log entries of the kind intoto."""

    def __init__(self, root: TrustRoot) -> None:
        super().__init__(trusted_root=_trusted_root(root))
        self.root = root
        self.times: list[tuple[datetime, str]] = []

    def _establish_time(self, bundle: Bundle) -> list[Any]:
        if _kind(bundle) != "intoto":
            found: list[Any] = super()._establish_time(bundle)
        else:
            found = self._time_of_intoto(bundle)
        logged = _logged_at(bundle.log_entry, self.root)
        self.times = [(one.time, "transparency log" if one.time == logged else "timestamp authority") for one in found]
        return found

    def _time_of_intoto(self, bundle: Bundle) -> list[Any]:
        from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult

        found: list[Any] = []
        if bundle.verification_material.timestamp_verification_data:
            found += self._verify_timestamp_authority(bundle)
        inner = bundle.log_entry._inner
        if inner.integrated_time and inner.inclusion_promise:
            instant = datetime.fromtimestamp(inner.integrated_time, tz=UTC)
            found.append(TimestampVerificationResult(source=TimestampSource.TRANSPARENCY_SERVICE, time=instant))
        return found


class _Wanted:
    """The policy that the library asks: the certificate must name a wanted identity."""

    def __init__(self, wanted: tuple[Identity, ...]) -> None:
        self.wanted = wanted
        self.signer: Signer | None = None

    def verify(self, cert: x509.Certificate) -> None:
        """See sigstore.verify.policy.VerificationPolicy."""
        signer = signer_of(cert)
        problems = [one.mismatch(signer) for one in self.wanted]
        if not problems or all(problems):
            raise RefusedError(problems[0] if problems else "no identity is trusted")
        self.signer = signer


def _proven(
    data: bytes, artifact: Artifact, envelope: Envelope | None, wanted: tuple[Identity, ...], root: TrustRoot
) -> Proven:
    bundle = Bundle.from_json(data)
    verifier, policy = _Verifier(root), _Wanted(wanted)
    if envelope is None:
        digest = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(artifact.digests["sha256"]))
        verifier.verify_artifact(digest, bundle, policy)
    elif _kind(bundle) == "intoto":
        verifier._verify_common_signing_cert(bundle, policy)
        _check_intoto(bundle, envelope)
    elif verifier.verify_dsse(bundle, policy) != (envelope.payload_type, envelope.payload):
        raise RefusedError("the bundle can be read in two ways")
    if policy.signer is None or not verifier.times:
        raise RefusedError("this version of the sigstore library is not understood: nothing was proven")
    instant, source = min(verifier.times)
    _check_log(bundle.log_entry, root, instant)
    return Proven(policy.signer, instant, source)


def _check_intoto(bundle: Bundle, envelope: Envelope) -> None:
    """The signature itself and its log entry, for the kind that the library leaves out."""
    certificate, key = bundle.signing_certificate, bundle.signing_certificate.public_key()
    if len(envelope.signatures) != 1 or not isinstance(key, ec.EllipticCurvePublicKey):
        raise RefusedError("the envelope must hold one ECDSA signature")
    trusted = PublicKey(key_id(key), "ECDSA", "certificate", key)
    if not trusted.signed(envelope.signatures[0], artifact_of(pae(envelope.payload_type, envelope.payload))):
        raise RefusedError("the signature was not made by the key of the certificate")
    inner = bundle.log_entry._inner
    der = certificate.public_bytes(serialization.Encoding.DER)
    signed = Signed(envelope.signatures[0], b"", envelope=envelope, certificate=der)
    check_entry(inner.canonicalized_body, inner.kind_version.kind, inner.kind_version.version, signed)


def _kind(bundle: Bundle) -> str:
    return str(bundle.log_entry._inner.kind_version.kind)


def _logged_at(entry: TransparencyLogEntry, root: TrustRoot) -> datetime | None:
    """When the log took the entry, if it vouches for that. Raises RefusedError when it was not trusted then."""
    inner = entry._inner
    if not inner.integrated_time or not inner.inclusion_promise:
        return None
    instant = datetime.fromtimestamp(inner.integrated_time, tz=UTC)
    _check_log(entry, root, instant)
    return instant


def _check_log(entry: TransparencyLogEntry, root: TrustRoot, instant: datetime | None) -> None:
    """Raise RefusedError unless the log is known and was trusted at the instant. The library takes its id as a hint."""
    if not root.log_trusted(base64.b64encode(entry._inner.log_id.key_id).decode(), instant):
        raise RefusedError("the transparency log is not trusted, or was not when it took the entry")


def _trusted_root(root: TrustRoot) -> TrustedRoot:
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        path = Path(folder, "trusted_root.json")
        path.write_bytes(root.for_library())
        return TrustedRoot.from_file(str(path))


def _purpose() -> Any:
    from sigstore._internal.trust import KeyringPurpose

    return KeyringPurpose.VERIFY


_REASONS = (
    (
        "failed to build timestamp certificate chain",
        "the certificate is of no trusted issuer, or was not valid when it signed",
    ),
    ("not enough sources of verified time", "nobody who is trusted proves when it was signed"),
    ("no Timestamp Authorities", "nobody who is trusted proves when it was signed"),
    ("failed to verify SCT", "the certificate was not logged when it was issued"),
    ("invalid log entry", "the signature is not proven to be in the log"),
    ("transparency log entry is inconsistent", "the log entry is about another signature"),
    ("log entry payload hash does not match", "the log entry is about another signature"),
    ("log entry signatures do not match", "the log entry is about another signature"),
    ("Signature is invalid for input", "the signature does not fit"),
    ("DSSE: invalid signature", "the signature does not fit"),
)


def _said(error: BaseException) -> str:
    """The library's reason in one line, behind one that a person understands."""
    text = " ".join(str(part) for part in error.args) or type(error).__name__
    text = " ".join(text.split())[:240]
    for begin, meaning in _REASONS:
        if text.startswith(begin):
            return f"{meaning} ({text})"
    return text if isinstance(error, VerificationError) else f"the bundle cannot be verified: {text}"


@contextmanager
def _folders_in(folder: str) -> Iterator[None]:
    """The library writes to the user's folders for data and caches: they are elsewhere for as long."""
    before = {name: os.environ.get(name) for name in _FOLDERS}
    os.environ.update(dict.fromkeys(_FOLDERS, folder))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
