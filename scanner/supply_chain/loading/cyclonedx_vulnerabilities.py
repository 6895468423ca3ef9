"""Statements on vulnerabilities in a CycloneDX document (1.4 and later), VEX included.

Source: CycloneDX 1.4 to 1.7, vulnerability, rating, impactAnalysisState, affectedStatus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.supply_chain.loading import cyclonedx_values as values
from scanner.supply_chain.loading.base import Drops
from scanner.supply_chain.model import Vulnerability

__all__ = ["vulnerability"]

_STATES: Mapping[str, str] = {
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "exploitable": "affected",
    "in_triage": "under_investigation",
    "false_positive": "not_affected",
    "not_affected": "not_affected",
}
_SEVERITIES = ("", "none", "low", "medium", "high", "critical")
_WORDS: Mapping[str, str] = {"info": "none", "unknown": ""}


def vulnerability(value: Any, place: str, drops: Drops) -> Vulnerability | None:
    """A member of `vulnerabilities`; None (counted) for what says no id."""
    if not isinstance(value, dict):
        drops.add("vulnerability", "is no object", place)
        return None
    name = values.text(value.get("id"))
    if not name:
        drops.add("vulnerability", "has no id", place)
        return None
    analysis = value.get("analysis")
    analysis = analysis if isinstance(analysis, dict) else {}
    targets = list(values.objects(value.get("affects"), "affected component", place, drops))
    severity, score = _worst(value.get("ratings"), place, drops)
    return Vulnerability(
        id=name,
        affects=tuple(dict.fromkeys(ref for _, one in targets if (ref := values.text(one.get("ref"))))),
        state=_state(values.text(analysis.get("state")).lower(), [one for _, one in targets], place, drops),
        justification=values.text(analysis.get("justification")),
        severity=severity,
        score=score,
        source=values.entity(value.get("source")),
        place=place,
    )


def _state(word: str, targets: list[dict[str, Any]], place: str, drops: Drops) -> str:
    """The state by analysis, else by what is said of the versions: all of them unaffected, or any affected."""
    if word:
        if word not in _STATES:
            drops.add("vulnerability state", "is none of CycloneDX; taken as unknown", place)
        return _STATES.get(word, "unknown")
    said = {
        values.text(version.get("status")).lower()
        for target in targets
        for _, version in values.objects(target.get("versions"), "affected version", place, drops)
    } - {""}
    if "affected" in said:
        return "affected"
    return "not_affected" if said == {"unaffected"} else "unknown"


def _worst(value: Any, place: str, drops: Drops) -> tuple[str, str]:
    """Severity and score of the rating with the highest severity, then the highest score."""
    best = (0, -1.0, "")
    for _, one in values.objects(value, "rating", place, drops):
        word = values.text(one.get("severity")).lower()
        word = _WORDS.get(word, word)
        score = values.text(one.get("score"))
        try:
            number = float(score) if score else -1.0
        except ValueError:
            number, score = -1.0, ""
        if 0 <= number <= 10:
            score = f"{number:.1f}"  # 7, 7.0 and "7.0" are one score
        else:
            number, score = -1.0, ""  # not of CVSS
        best = max(best, (_SEVERITIES.index(word) if word in _SEVERITIES else 0, number, score))
    return _SEVERITIES[best[0]], best[2]
