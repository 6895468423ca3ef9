"""The verdict from the findings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from scanner.supply_chain.signing.intoto import SIGN, is_type
from scanner.supply_chain.signing.result import Finding, Verification
from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["decide"]

_SIGNATURES = ("simple-signing", "message-signature", "detached")


def decide(found: Verification, wanted: Wanted) -> Verification:
    """`found` with its verdict. A `reason` that it has already (the artifact is not whole) is final.

    Signers count together only when they signed the same: the same digest, or the same statement.
    """
    if found.reason:
        return replace(found, state="failed")
    what = "attestation of this type" if wanted.attestation else "signature"
    against = [one for one in found.findings if _is_wanted(one, found, wanted) and _says_no(one)]
    if against:
        return replace(found, state="failed", reason=f"{against[0].reason} ({against[0].place})")
    groups: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(found.findings):
        if one.ok and one.signer is not None and _is_wanted(one, found, wanted):
            groups[one.statement if wanted.attestation else one.subject].append(at)
    signers = {key: {_who(found.findings[at]) for at in group} for key, group in groups.items()}
    counted = sorted(at for key, group in groups.items() if len(signers[key]) >= wanted.threshold for at in group)
    if counted:
        return replace(found, state="verified", reason=_success(found, counted, wanted), counted=tuple(counted))
    if groups:
        most = max(len(names) for names in signers.values())
        return replace(found, state="failed", reason=f"{most} of {wanted.threshold} wanted signers made a {what}")
    return _nothing(found, what, wanted)


def _is_wanted(one: Finding, found: Verification, wanted: Wanted) -> bool:
    """Whether a finding is of the kind that was asked for."""
    if wanted.attestation:
        return one.kind == "attestation" and is_type(one.predicate_type, wanted.attestation)
    if one.kind in _SIGNATURES or (one.kind == "attestation" and one.predicate_type == SIGN):
        return True
    # A file has only what the user put beside it: that is what was meant.
    return one.kind == "attestation" and found.kind == "file"


def _says_no(one: Finding) -> bool:
    """Whether a wanted signer said of this artifact that it is no good."""
    return not one.ok and one.signer is not None and bool(one.subject) and bool(one.verdict)


def _who(one: Finding) -> str:
    return one.signer.who if one.signer is not None else ""


def _success(found: Verification, counted: list[int], wanted: Wanted) -> str:
    names = {_who(found.findings[at]) for at in counted}
    covered = {found.findings[at].subject for at in counted}
    what = "attested" if wanted.attestation else "signed"
    if found.subject in covered:
        over = "the manifest itself" if found.kind == "image" else f"the {found.kind} itself"
    else:
        over = "the index that lists it"
    return f"{what} by {len(names)} wanted signer{'s' if len(names) != 1 else ''}, over {over}"


def _nothing(found: Verification, what: str, wanted: Wanted) -> Verification:
    if not found.findings:
        return replace(found, state="failed", reason=f"there is no {what}: nothing is attached to {found.subject}")
    others = [one for one in found.findings if one.ok]
    if others and not wanted.attestation:
        kinds = ", ".join(sorted({one.predicate_type for one in others}))
        reason = f"attested, but not signed: an attestation ({kinds}) is no signature; ask for it with --attestation"
        return replace(found, state="failed", reason=reason)
    if all(one.state == "unsupported" for one in found.findings):
        return replace(found, state="unsupported", reason=f"no {what} can be verified here: {found.findings[0].reason}")
    failed = [one for one in found.findings if one.state == "failed" and one.kind != "unsigned"] or list(found.findings)
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return replace(found, state="failed", reason=f"no {what} by a wanted signer: {failed[0].reason}{more}")
