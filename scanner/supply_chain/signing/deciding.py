"""The verdict from the findings."""

from __future__ import annotations

from collections import defaultdict

from scanner.supply_chain.signing.intoto import SIGN, is_type
from scanner.supply_chain.signing.result import Finding, Looked, Verification
from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["decide"]

_SIGNATURES = ("simple-signing", "message-signature", "detached")


def decide(looked: Looked, wanted: Wanted, attestation: tuple[str, ...] = ()) -> Verification:
    """The verdict on what was found. A `problem` (the artifact is not whole) is final.

    `attestation`: predicate types of which one must be attested; empty: a signature is needed. Signers count together
    only when they signed the same: the same digest, or the same statement.
    """
    if looked.problem:
        return _verdict(looked, "failed", looked.problem)
    what = "attestation of this type" if attestation else "signature"
    against = [one for one in looked.findings if _is_wanted(one, looked, attestation) and _says_no(one)]
    if against:
        return _verdict(looked, "failed", f"{against[0].reason} ({against[0].place})")
    groups: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(looked.findings):
        if one.ok and one.signer is not None and _is_wanted(one, looked, attestation):
            groups[one.statement if attestation else one.subject].append(at)
    signers = {key: {_who(looked.findings[at]) for at in group} for key, group in groups.items()}
    counted = sorted(at for key, group in groups.items() if len(signers[key]) >= wanted.threshold for at in group)
    if counted:
        return _verdict(looked, "verified", _success(looked, counted, attestation), tuple(counted))
    if groups:
        most = max(len(names) for names in signers.values())
        return _verdict(looked, "failed", f"{most} of {wanted.threshold} wanted signers made a {what}")
    return _nothing(looked, what, attestation)


def _verdict(looked: Looked, state: str, reason: str, counted: tuple[int, ...] = ()) -> Verification:
    return Verification(
        looked.artifact,
        looked.kind,
        looked.subject,
        state,
        reason,
        looked.findings,
        counted,
        looked.also,
        looked.platform,
        looked.notes,
    )


def _is_wanted(one: Finding, looked: Looked, attestation: tuple[str, ...]) -> bool:
    """Whether a finding is of the kind that was asked for."""
    if attestation:
        return one.kind == "attestation" and is_type(one.predicate_type, attestation)
    if one.kind in _SIGNATURES or (one.kind == "attestation" and one.predicate_type == SIGN):
        return True
    # A file has only what the user put beside it: that is what was meant.
    return one.kind == "attestation" and looked.kind == "file"


def _says_no(one: Finding) -> bool:
    """Whether a wanted signer said of this artifact that it is no good."""
    return not one.ok and one.signer is not None and bool(one.subject) and bool(one.verdict)


def _who(one: Finding) -> str:
    return one.signer.who if one.signer is not None else ""


def _success(looked: Looked, counted: list[int], attestation: tuple[str, ...]) -> str:
    names = {_who(looked.findings[at]) for at in counted}
    covered = {looked.findings[at].subject for at in counted}
    what = "attested" if attestation else "signed"
    if looked.subject in covered:
        over = "the manifest itself" if looked.kind == "image" else f"the {looked.kind} itself"
    else:
        over = "the index that lists it"
    return f"{what} by {len(names)} wanted signer{'s' if len(names) != 1 else ''}, over {over}"


def _nothing(looked: Looked, what: str, attestation: tuple[str, ...]) -> Verification:
    findings = looked.findings
    if not findings:
        return _verdict(looked, "failed", f"there is no {what}: nothing is attached to {looked.subject}")
    others = [one for one in findings if one.ok]
    if others and not attestation:
        kinds = ", ".join(sorted({one.predicate_type for one in others}))
        reason = f"attested, but not signed: an attestation ({kinds}) is no signature; ask for it with --attestation"
        return _verdict(looked, "failed", reason)
    if all(one.state == "unsupported" for one in findings):
        return _verdict(looked, "unsupported", f"no {what} can be verified here: {findings[0].reason}")
    failed = [one for one in findings if one.state == "failed" and one.kind != "unsigned"] or list(findings)
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return _verdict(looked, "failed", f"no {what} by a wanted signer: {failed[0].reason}{more}")
