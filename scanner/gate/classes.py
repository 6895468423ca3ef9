"""What a difference is called: every pair of statuses, before and after, has one class.

Law: a status that says less than before is never better than before. A failure that is no longer seen is not fixed.
"""

from __future__ import annotations

from collections.abc import Mapping

from scanner.model.result import STATUSES

__all__ = [
    "ABSENT",
    "ACTIONS",
    "BAD",
    "CLASSES",
    "DEFAULT_ACTIONS",
    "EXPLAINING",
    "TRANSITIONS",
    "WAIVER_STATES",
    "classify",
]

ABSENT = "absent"
"""Stands for the status of a rule that one side did not judge."""

BAD = ("fail", "error", "unknown")
"""Statuses that a waiver can accept."""

WAIVER_STATES = ("none", "holding", "expired")

ACTIONS = ("fail", "incomplete", "warn", "accepted", "note")
"""What a gate does about a difference, most serious first. `accepted`: a waiver holds."""

CLASSES: Mapping[str, str] = {
    "regression": "passed (or did not apply) before, and now fails, has no verdict or is no longer judged",
    "applicability_lost": "passed before; now it does not apply, or a person must answer",
    "evidence_lost": "what was read before is no longer read: a fact, or the running half of a pass",
    "waiver_lost": "an old failure whose waiver is gone or has expired",
    "answer_lost": "a person's answer that held before is gone, has expired or says something worse",
    "failure_shown": "nobody could judge it before; now it is seen to fail",
    "failure": "fails, and there is no baseline to compare with",
    "not_comparable": "worse than before, but the rule or its parameters changed too: the system may be the same",
    "parameters_changed": "judged with other parameters than before, and not worse",
    "new_failure": "a rule that the baseline did not judge, and it fails",
    "newly_unknown": "failed before; now there is no verdict, which does not fix it",
    "failure_withdrawn": "failed before; now it does not apply or is no longer judged, which does not fix it",
    "control_changed": "a control is judged in another way, although its results are as before",
    "rule_changed": "judged by another text of the rule than before, and not worse",
    "rule_removed": "no longer judged; it had no verdict before, or did not apply",
    "old_failure": "failed before and still fails",
    "no_verdict": "had no verdict before and has none now",
    "new_rule": "a rule that the baseline did not judge; it does not fail",
    "fixed": "failed before and passes now",
    "improved": "had no verdict before, or did not apply, and has a better status now",
    "unchanged": "as before",
}
"""Class -> what it means, most serious first."""

DEFAULT_ACTIONS: Mapping[str, str] = {
    **dict.fromkeys(("regression", "applicability_lost", "evidence_lost", "waiver_lost", "answer_lost"), "fail"),
    **dict.fromkeys(("failure_shown", "failure"), "fail"),
    # Nobody can say whether other parameters are looser ones: the same `pass` may ask for less.
    **dict.fromkeys(("not_comparable", "parameters_changed"), "incomplete"),
    **dict.fromkeys(("new_failure", "newly_unknown", "failure_withdrawn", "control_changed"), "warn"),
    **dict.fromkeys(("rule_changed", "rule_removed"), "warn"),
    **dict.fromkeys(("old_failure", "no_verdict", "new_rule", "fixed", "improved"), "note"),
    "unchanged": "note",
}

_SEEN_WORSE = {"fail": "regression", "error": "regression", "unknown": "regression", ABSENT: "regression"}
_ROWS: Mapping[str, Mapping[str, str]] = {
    "pass": {
        "pass": "unchanged",
        **_SEEN_WORSE,
        "not_applicable": "applicability_lost",
        "manual": "applicability_lost",
    },
    "fail": {
        "pass": "fixed",
        "fail": "old_failure",
        "error": "newly_unknown",
        "unknown": "newly_unknown",
        "not_applicable": "failure_withdrawn",
        "manual": "failure_withdrawn",
        ABSENT: "failure_withdrawn",
    },
    **{
        blind: {
            "pass": "improved",
            "fail": "failure_shown",
            **dict.fromkeys(("error", "unknown", "manual"), "no_verdict"),
            "not_applicable": "improved",
            ABSENT: "rule_removed",
        }
        for blind in ("error", "unknown")
    },
    "not_applicable": {
        "pass": "improved",
        "fail": "regression",
        **dict.fromkeys(("error", "unknown", "manual"), "evidence_lost"),
        "not_applicable": "unchanged",
        ABSENT: "rule_removed",
    },
    "manual": {
        "pass": "improved",
        "fail": "failure_shown",
        **dict.fromkeys(("error", "unknown"), "evidence_lost"),
        "not_applicable": "improved",
        "manual": "no_verdict",
        ABSENT: "rule_removed",
    },
    ABSENT: {
        "fail": "new_failure",
        **dict.fromkeys(("pass", "error", "unknown", "not_applicable", "manual"), "new_rule"),
        ABSENT: "unchanged",
    },
}

TRANSITIONS: Mapping[tuple[str, str], str] = {
    (before, after): _ROWS[before][after] for before in (*STATUSES, ABSENT) for after in (*STATUSES, ABSENT)
}
"""(status before, status after) -> class, when rule and parameters are the same and no waiver is about it."""

EXPLAINING = (
    *("regression", "applicability_lost", "evidence_lost", "failure_shown", "not_comparable"),
    *("new_failure", "newly_unknown", "failure_withdrawn"),
)
"""Classes whose status got worse or says less: they explain why a control that they serve holds no more."""

_WORSE = ("regression", "applicability_lost", "evidence_lost", "failure_shown")
_STILL_BAD = ("old_failure", "newly_unknown", "no_verdict", "new_failure", "new_rule")


def classify(
    before: str,
    after: str,
    *,
    changed: str = "",
    half_before: bool = False,
    half_after: bool = False,
    waived_before: str = "none",
    waived_after: str = "none",
) -> str:
    """The class of one pair.

    `changed`: `rule` or `parameters` when the rule was judged in another way; `half_before`, `half_after`: the status
    rests on the persistent half alone; `waived_before`, `waived_after`: one of WAIVER_STATES.
    """
    found = TRANSITIONS[before, after]
    if before == "unknown" and half_before and not (after == "pass" or (after == "unknown" and half_after)):
        found = TRANSITIONS["pass", after]  # the half that was seen had passed
    elif before == after == "pass" and half_after and not half_before:
        found = "evidence_lost"
    if changed and ABSENT not in (before, after):
        if found in _WORSE:
            return "not_comparable"
        if found in ("unchanged", "fixed", "improved"):
            return f"{changed}_changed"
    if found in _STILL_BAD and after in BAD:
        lost = waived_before == "holding" and waived_after != "holding"
        if lost or waived_after == "expired":
            return "waiver_lost"
    return found
