"""Words that reports use for the words of the assessment. A word that is not listed is shown as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scanner.model.control import COVERAGE
from scanner.model.result import CONTROL_STATUSES

__all__ = [
    "CLAIM_MARKS",
    "CLAIM_WORDS",
    "COVERAGE_WORDS",
    "FIT_WORDS",
    "GROUPS",
    "MARKS",
    "ORDER",
    "SEVERITIES",
    "STATUS_WORDS",
    "answered_sentence",
    "completeness_sentence",
    "half_words",
    "headline",
    "kind_words",
    "method_words",
    "number",
    "waived_sentence",
]

SEVERITIES = ("critical", "high", "medium", "low", "info")

GROUPS = (
    ("fail", "Failures"),
    ("error", "Errors: something needed could not be read"),
    ("unknown", "Unknown: nobody could look"),
    ("manual", "Manual: a person must answer"),
    ("pass", "Passed"),
    ("not_applicable", "Not applicable, shown by evidence"),
)
"""Result statuses in reading order, worst news first, with the heading of each."""

ORDER = ("fail", "error", "unknown", "manual", "pass_in_part", "pass", "not_applicable")
"""Statuses of results and controls in bars and legends, in the order of the groups."""

STATUS_WORDS = {status: status.replace("_", " ") for status in CONTROL_STATUSES}
COVERAGE_WORDS = {word: word.replace("_", " ") for word in COVERAGE}
FIT_WORDS = {"exact": "exact", "by_analogy": "by analogy", "foreign": "foreign"}
CLAIM_WORDS = {
    "proven": "proven",
    "partly_proven": "partly proven",
    "refuted": "refuted",
    "overclaim": "overclaim",
    "not_evaluable": "not evaluable",
    "external": "external",
}

MARKS = (*CONTROL_STATUSES, "overclaim")
"""Names of the symbols; also the only class names that a status or claim verdict can become."""

CLAIM_MARKS = {
    "proven": "pass",
    "partly_proven": "pass_in_part",
    "refuted": "fail",
    "overclaim": "overclaim",
    "not_evaluable": "unknown",
    "external": "manual",
}

_KINDS = {
    "live": ("running device", "Read on the running device: its files, /proc, /sys and a few read-only commands."),
    "tree": ("file tree", "Read from a tree of files. Nothing was started: only what is configured can be seen."),
    "image": (
        "disk image",
        "Read from the image file without mounting or booting it: only what is configured can be seen.",
    ),
    "archive": ("archive", "Read from the archive without unpacking it: only what is configured can be seen."),
}


def kind_words(kind: str) -> tuple[str, str]:
    """(what the target is, how it was read)."""
    return _KINDS.get(kind, (kind or "target of unknown kind", "How it was read is in the snapshot."))


def number(count: int, one: str, many: str = "") -> str:
    """`3 rules`, `1 rule`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def headline(failed: int, judged: int, applicable: int) -> str:
    """The verdict in one sentence. It never says more than what was judged."""
    if not judged:
        return "No rule got a verdict."
    if failed:
        return f"{failed} of {number(applicable, 'applicable rule')} {'fails' if failed == 1 else 'fail'}."
    if judged < applicable:
        return f"Of {applicable} applicable rules {judged} could be judged; none of those fails."
    return f"None of {number(applicable, 'applicable rule')} fails."


def completeness_sentence(completeness: Mapping[str, Any]) -> str:
    """How many of the selected rules got a real verdict, in words."""
    selected, applicable, judged = (int(completeness.get(key, 0)) for key in ("selected", "applicable", "judged"))
    verdicts = "a real verdict (pass or fail)"
    text = f"{number(selected, 'rule')} selected. "
    if selected - applicable:
        text += f"{selected - applicable} of them need a person or do not apply. Of the other {applicable}, "
    else:
        text += f"Of these {applicable}, "
    text += f"{judged} got {verdicts}"
    return text + (f"; {applicable - judged} could not be judged." if applicable - judged else ".")


def answered_sentence(answered: Mapping[str, Any] | None) -> str:
    """What a person said of a control; empty when nobody did."""
    if not answered:
        return ""
    held = "holds until" if answered["holds"] else "does NOT hold on the day of this assessment; valid to"
    papers = "; ".join(f"{one['name']} (sha256 {one['sha256']})" for one in answered["evidence"])
    said = f"{answered['verdict'].replace('_', ' ')}, says {answered['by']} on {answered['date']}"
    return f"{said}, {held} {answered['valid_until']}: {answered['statement']}" + (f" [{papers}]" if papers else "")


def waived_sentence(valid: int, expired: int) -> str:
    """What waivers change: nothing but the note beside a result."""
    parts = []
    if valid:
        keeps = "carries a waiver and keeps its status" if valid == 1 else "carry a waiver and keep their status"
        parts.append(f"{number(valid, 'result')} {keeps}")
    if expired:
        parts.append(f"{number(expired, 'waiver')} expired")
    return "; ".join(parts) + "." if parts else ""


def half_words(status: str, half: str | None) -> str:
    """What to say beside a status that rests on one half only; empty when both were seen or neither."""
    if not half:
        return ""
    return half if status in ("pass", "fail") else f"pass ({half}), running half not seen"


def method_words(coverage: str, judged: Sequence[tuple[str, Mapping[str, str]]]) -> str:
    """How a control was looked at, from (status, facets) of its results: which halves were read, or who answers."""
    halves = [
        half
        for half in ("persistent", "runtime")
        if any(facets.get(half, "not_required") not in ("not_required", "unknown") for _, facets in judged)
    ]
    if halves:
        return " + ".join({"persistent": "configuration", "runtime": "running system"}[half] for half in halves)
    statuses = {status for status, _ in judged}
    if "not_applicable" in statuses:
        return "applicability"
    if statuses and statuses != {"manual"}:
        return "not reached"
    return {"inherited": "the provider", "not_yet": "no rule yet", "not_applicable": "not looked at"}.get(
        coverage, "a person"
    )
