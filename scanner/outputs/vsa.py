"""SLSA Verification Summary v1, an unsigned in-toto statement: one verdict on the target against the profiles.

PASSED means that every selected rule passes, does not apply, or is answered by a person; a waived failure is a failure.
The levels are our own words (no SLSA level is claimed), and each says how little it may rest on. Source: the SLSA
specification 1.0, "Verification Summary Attestation".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scanner.outputs._findings import FrameworkAbout, Reading, reading_of
from scanner.outputs._intoto import EXTENSION, VERIFIER, details, passed, resource_uri, statement, why_not
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_TYPE = "https://slsa.dev/verification_summary/v1"
_NOT_IN_WORDS = re.compile(r"[^A-Z0-9]+")


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    reasons = why_not(reading)
    predicate = {
        "verifier": {"id": VERIFIER, "version": {"assay": reading.tool_version}},
        "timeVerified": reading.time,
        "resourceUri": resource_uri(reading),
        "policy": _policy(reading),
        "verificationResult": "FAILED" if reasons else "PASSED",
        "verifiedLevels": _levels(reading),
        EXTENSION: {**details(reading), "whyFailed": list(reasons)},
    }
    return statement(reading, _TYPE, predicate)


def _policy(reading: Reading) -> dict[str, Any]:
    names = "+".join(_word(str(one["id"])).lower() for one in reading.profiles) or "none"
    return {"uri": f"https://assay.invalid/profiles/{names}", "digest": {"sha256": reading.content_digest}}


def _word(text: str) -> str:
    return _NOT_IN_WORDS.sub("_", text.upper()).strip("_")


def _levels(reading: Reading) -> list[str]:
    """`ASSAY_RULES_CIS_RHEL10_BY_ANALOGY_PERSISTENT_HALF`: the rules of a framework pass, as far as they go."""
    if not passed(reading):
        return ["FAILED"]
    return sorted({_level(about, reading) for about in reading.frameworks.values()}) or ["ASSAY_RULES"]


def _level(about: FrameworkAbout, reading: Reading) -> str:
    mine = [one for control in reading.controls if control.framework == about.id for one in control.results]
    words = ["ASSAY_RULES", _word(about.id)]
    words += ["BY_ANALOGY"] if about.fit != "exact" else []
    words += ["PERSISTENT_HALF"] if any(one.half for one in mine) else []
    words += ["WITH_ANSWERS"] if any(one.status == "manual" for one in mine) else []
    return "_".join(words)


OUTPUT = Output("vsa", "SLSA Verification Summary v1 statement, unsigned.", ".vsa.json", _render)
