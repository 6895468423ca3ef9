"""What a verification found: one finding for each signature that was looked at, and the verdict.

A verdict is `verified` only when enough wanted signers (keys, or identities) signed the wanted digest. Everything else
has a reason that a person can act on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scanner.model.canonical import printable
from scanner.model.errors import AssayError

__all__ = [
    "KINDS",
    "RELEASE_SCHEMA",
    "STATES",
    "VERIFY_SCHEMA",
    "Finding",
    "Looked",
    "RefusedError",
    "Signer",
    "UnsupportedError",
    "Verification",
]

VERIFY_SCHEMA = "assay/verify/v1"
RELEASE_SCHEMA = "assay/release/v1"
STATES = ("verified", "failed", "unsupported")
KINDS = ("simple-signing", "message-signature", "attestation", "detached", "unsigned", "other")


class RefusedError(AssayError):
    """A signature, envelope, statement or bundle that does not hold; the message says why."""

    exit_code = 4


class UnsupportedError(RefusedError):
    """Something that may be genuine, but that nobody here can verify."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: the id of a key (with the file it was read from), or an identity and who vouched for it."""

    key: str = ""
    key_file: str = ""
    identity: str = ""
    issuer: str = ""

    @property
    def who(self) -> str:
        """What makes this signer another one than the next."""
        return self.key or f"{self.identity} {self.issuer}"

    def to_json(self) -> dict[str, str]:
        """Only what is known."""
        pairs = {"key": self.key, "key_file": self.key_file, "identity": self.identity, "issuer": self.issuer}
        return {name: printable(value) for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class Finding:
    """One signature that was looked at.

    `kind`: a word of KINDS; `state`: a word of STATES; `place`: where it lies; `reason`: why it failed, or empty;
    `signer`: who made it, None when that is not proven; `subject`: the digest it was found to cover;
    `predicate_type` and `statement` (digest of the signed payload) of an attestation, `predicate` its content;
    `verdict`: the answer that the statement itself gives (PASSED, FAILED …); `time` and `time_source`: an instant
    at which the signature existed, and who proves it; `details`: more to show.
    """

    kind: str
    state: str
    place: str = ""
    reason: str = ""
    signer: Signer | None = None
    subject: str = ""
    predicate_type: str = ""
    statement: str = ""
    predicate: Any = None
    verdict: str = ""
    time: str = ""
    time_source: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether a wanted signer is proven to have signed the wanted digest."""
        return self.state == "verified"

    def to_json(self) -> dict[str, Any]:
        """As in `assay/verify/v1`; the predicate itself is left out."""
        return {
            "kind": self.kind,
            "state": self.state,
            "ok": self.ok,
            "place": printable(self.place),
            "reason": printable(self.reason),
            "signer": self.signer.to_json() if self.signer else None,
            "subject": self.subject,
            "predicate_type": printable(self.predicate_type),
            "statement": self.statement,
            "verdict": printable(self.verdict),
            "time": self.time,
            "time_source": printable(self.time_source),
            "details": {printable(name): printable(value) for name, value in sorted(self.details.items())},
        }


@dataclass(frozen=True, slots=True)
class Looked:
    """Everything that was found at one artifact, before a verdict: `deciding.decide` gives one, as often as asked.

    `artifact`: as the user named it; `kind`: image, index or file; `subject`: the digest that is to be signed;
    `findings`: every signature that was looked at; `problem`: why the artifact is not what its digest names, or empty;
    `also`: digests of indexes that list it, whose signatures cover it as well; `notes`: what else a reader must know.
    """

    artifact: str
    kind: str
    subject: str
    findings: tuple[Finding, ...]
    problem: str = ""
    also: tuple[str, ...] = ()
    platform: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict on one artifact.

    The fields of `Looked`; and `state`: a word of STATES; `reason`: the verdict in words; `counted`: positions in
    `findings` of those that the verdict rests on.
    """

    artifact: str
    kind: str
    subject: str
    state: str
    reason: str
    findings: tuple[Finding, ...]
    counted: tuple[int, ...] = ()
    also: tuple[str, ...] = ()
    platform: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the verification succeeded."""
        return self.state == "verified"

    @property
    def exit_code(self) -> int:
        """0 verified, 3 only with a verifier that supports more, 4 failed."""
        return {"verified": 0, "unsupported": 3}.get(self.state, 4)

    def attested(self) -> tuple[Finding, ...]:
        """The attestations that the verdict rests on, with their predicates."""
        return tuple(one for one in (self.findings[at] for at in self.counted) if one.kind == "attestation")

    def to_json(self) -> dict[str, Any]:
        """The document `assay/verify/v1`."""
        return {
            "schema": VERIFY_SCHEMA,
            "artifact": {
                "name": printable(self.artifact),
                "kind": self.kind,
                "digest": self.subject,
                "listed_by": list(self.also),
                "platform": printable(self.platform),
            },
            "state": self.state,
            "ok": self.ok,
            "reason": printable(self.reason),
            "counted": list(self.counted),
            "findings": [one.to_json() for one in self.findings],
            "notes": [printable(note) for note in self.notes],
        }
