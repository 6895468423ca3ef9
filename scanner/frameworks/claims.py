"""Verdicts on a vendor's claims, beside the status."""

from __future__ import annotations

from scanner.model.result import Result
from scanner.model.rule import Rule

__all__ = ["CLAIM_VERDICTS", "claim_verdict"]

CLAIM_VERDICTS = ("proven", "partly_proven", "refuted", "overclaim", "not_evaluable", "external")


def claim_verdict(rule: Rule, result: Result) -> str:
    """What the result says about the claim.

    A pass of one half, whichever was seen, or of a rule that says itself that it shows only a part, proves partly.
    A failure of a claim whose mechanism cannot deliver it in any configuration is an overclaim.
    """
    if result.status == "pass":
        return "partly_proven" if result.half or "partial" in rule.claim_notes else "proven"
    if result.status == "fail":
        return "overclaim" if "overclaim" in rule.claim_notes else "refuted"
    if result.status == "manual":
        return "external"
    if result.status == "unknown" and "pass" in result.facets.values():
        return "partly_proven"
    return "not_evaluable"
