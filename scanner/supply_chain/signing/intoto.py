"""in-toto statements: what is said, and of which artifact.

Sources: in-toto/attestation `spec/v0.1.0` and `spec/v1` (statement, digest set), `spec/predicates` (test-result, SVR,
CycloneDX, SPDX), slsa.dev provenance v0.2 and v1, verification summary v1, sigstore/cosign `pkg/types/predicate.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanner.model.errors import UsageError
from scanner.supply_chain.signing.artifact import STRONG
from scanner.supply_chain.signing.documents import MAX_BOM_PARTS, read_object, text_of
from scanner.supply_chain.signing.dsse import Envelope
from scanner.supply_chain.signing.result import RefusedError

__all__ = [
    "PAYLOAD_TYPE",
    "SIGN",
    "TYPES",
    "Statement",
    "is_type",
    "read_statement",
    "read_unverified",
    "subject_digest",
    "wanted_types",
]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"
"""Predicate type of what is a plain signature in the form of a statement (cosign 3)."""

_STATEMENTS = ("https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1")
_MAX_SUBJECTS = 100_000

TYPES: Mapping[str, tuple[str, ...]] = {
    "cyclonedx": ("https://cyclonedx.org/bom",),
    "spdx": ("https://spdx.dev/Document",),
    "sbom": ("https://cyclonedx.org/bom", "https://spdx.dev/Document"),
    "slsa": ("https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1"),
    "vsa": ("https://slsa.dev/verification_summary/v1",),
    "test-result": ("https://in-toto.io/attestation/test-result/v0.1",),
    "svr": ("https://in-toto.io/attestation/svr/v0.1",),
}
"""Short names of predicate types. The SBOM formats may be followed by `/` and a version."""

_JUDGING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "https://slsa.dev/verification_summary/v0.2": ("verification_result", ("PASSED",)),
    "https://slsa.dev/verification_summary/v1": ("verificationResult", ("PASSED",)),
    "https://in-toto.io/attestation/test-result/v0.1": ("result", ("PASSED", "WARNED")),
}
"""Predicate types whose predicate judges: the member that says how, and the good answers."""

_VERSIONED = ("https://cyclonedx.org/bom", "https://spdx.dev/Document")


@dataclass(frozen=True, slots=True)
class Statement:
    """`subjects`: the digest set of each subject; names bind nothing and are not kept. `verdict`: the answer that the
    statement itself gives, where its type has one; `passed`: whether that is a good one."""

    predicate_type: str
    predicate: Any
    subjects: tuple[Mapping[str, str], ...]
    verdict: str = ""
    passed: bool = True


def read_statement(envelope: Envelope) -> Statement:
    """The statement of an envelope *whose signature was verified*. Raises RefusedError."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise RefusedError(f"signed is something of the type {envelope.payload_type[:80]!r}, not an in-toto statement")
    return _statement(read_object(envelope.payload, "the statement", trusted=True))


def read_unverified(payload: bytes) -> Statement:
    """The statement in bytes that *nobody verified*: what it says is only what someone wrote. Raises RefusedError."""
    return _statement(read_object(payload, "the statement", parts=MAX_BOM_PARTS))


def _statement(document: Mapping[str, Any]) -> Statement:
    if document.get("_type") not in _STATEMENTS:
        raise RefusedError(f"the statement is of an unknown type: {str(document.get('_type'))[:80]!r}")
    listed = document.get("subject")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MAX_SUBJECTS:
        raise RefusedError("the statement has no list of subjects")
    subjects = tuple(_digests(one) for one in listed)
    kind = text_of(document.get("predicateType"), "the predicate type")
    predicate = document.get("predicate")
    verdict, passed = _verdict(kind, predicate)
    return Statement(kind, predicate, subjects, verdict, passed)


def subject_digest(statement: Statement, digests: Mapping[str, str]) -> str:
    """The digest by which the statement speaks of the artifact, `algorithm:value`; else RefusedError.

    A subject matches when every strong digest it names is that of the artifact. One that matches by a weak digest
    alone, or by one strong digest but not by another, does not.
    """
    problem = "the statement is about something else: none of its subjects has the digest of this artifact"
    for subject in statement.subjects:
        strong = [name for name in STRONG if name in subject]
        same = [name for name in strong if subject[name] == digests[name]]
        if strong and same == strong:
            return f"{same[0]}:{subject[same[0]]}"
        if same:
            problem = "a subject of the statement names digests that contradict each other"
        elif not strong:
            problem = f"a subject of the statement names no digest that binds: {', '.join(sorted(subject))[:80]}"
    raise RefusedError(problem)


def wanted_types(name: str) -> tuple[str, ...]:
    """The predicate types behind a short name, or the URI itself. Raises UsageError."""
    if name in TYPES:
        return TYPES[name]
    if ":" in name:
        return (name,)
    raise UsageError(f"unknown attestation type {name!r}", hint=f"known: {', '.join(TYPES)}, or the URI of a type")


def is_type(predicate_type: str, wanted: tuple[str, ...]) -> bool:
    """Whether a predicate type is among the wanted ones."""
    return any(predicate_type == one or (one in _VERSIONED and predicate_type.startswith(f"{one}/")) for one in wanted)


def _digests(subject: Any) -> Mapping[str, str]:
    found = subject.get("digest") if isinstance(subject, dict) else None
    if not isinstance(found, dict) or not found or not all(isinstance(value, str) for value in found.values()):
        raise RefusedError("a subject of the statement has no digests")
    return found


def _verdict(kind: str, predicate: Any) -> tuple[str, bool]:
    """What a statement that judges says. One that should and does not is no good."""
    member, good = _JUDGING.get(kind, ("", ()))
    if not member:
        return "", True
    said = predicate.get(member) if isinstance(predicate, dict) else None
    return str(said)[:80], said in good
