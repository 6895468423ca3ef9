"""Every status before with every status after, every state of a waiver, and every action of a policy."""

from pathlib import Path

import pytest

from scanner.gate.classes import (
    ABSENT,
    BAD,
    CLASSES,
    DEFAULT_ACTIONS,
    TRANSITIONS,
    WAIVER_STATES,
    classify,
)
from scanner.gate.policy import Policy
from scanner.gate.tables import documented
from scanner.model.result import STATUSES
from tests.unit.gate.sides_lab import note, one_pair

WORDS = (*STATUSES, ABSENT)
NOTES = {"none": None, "holding": note("2027-01-31"), "expired": note("2026-06-01")}

BY_HAND = """
              pass      fail         error          unknown        not_applicable      manual              absent
pass          =         regression   regression     regression     applicability_lost  applicability_lost  regression
fail          fixed     old_failure  newly_unknown  newly_unknown  failure_withdrawn   failure_withdrawn   failure_withdrawn
error         improved  failure_shown no_verdict    no_verdict     improved            no_verdict          rule_removed
unknown       improved  failure_shown no_verdict    no_verdict     improved            no_verdict          rule_removed
not_applicable improved regression   evidence_lost  evidence_lost  =                   evidence_lost       rule_removed
manual        improved  failure_shown evidence_lost evidence_lost  improved            no_verdict          rule_removed
absent        new_rule  new_failure  new_rule       new_rule       new_rule            new_rule            =
"""


def by_hand() -> dict[tuple[str, str], str]:
    head, *rows = (line.split() for line in BY_HAND.strip().splitlines())
    return {
        (row[0], after): cell if cell != "=" else "unchanged"
        for row in rows
        for after, cell in zip(head, row[1:], strict=True)
    }


def test_the_table_is_the_one_written_by_hand() -> None:
    assert by_hand() == TRANSITIONS
    assert set(TRANSITIONS) == {(before, after) for before in WORDS for after in WORDS}


def test_every_class_has_a_meaning_and_an_action() -> None:
    assert set(CLASSES) == set(DEFAULT_ACTIONS)
    assert set(TRANSITIONS.values()) <= set(CLASSES)


def test_nothing_that_says_less_is_better() -> None:
    """A pass is lost, or a failure gone from sight, and it is never called fixed or improved, nor a mere note."""
    for (before, after), name in TRANSITIONS.items():
        if after in ("error", "unknown", "manual", ABSENT) and before in ("pass", "fail"):
            assert name not in ("fixed", "improved", "unchanged")
            assert DEFAULT_ACTIONS[name] in ("fail", "warn")
        if before in ("pass", "not_applicable") and after in ("fail", "error", "unknown"):
            assert DEFAULT_ACTIONS[name] == "fail"


# An assessment notes a waiver beside what is bad, and beside nothing else.
WAIVED = [
    (before, after, waived_before, waived_after)
    for before in WORDS
    for after in WORDS
    for waived_before in (WAIVER_STATES if before in BAD else ("none",))
    for waived_after in (WAIVER_STATES if after in BAD else ("none",))
]


@pytest.mark.parametrize(("before", "after", "waived_before", "waived_after"), WAIVED)
def test_every_pair_with_every_waiver(before: str, after: str, waived_before: str, waived_after: str) -> None:
    """What the gate does about it by the built-in policy."""
    found = one_pair(before, after, old={"waiver": NOTES[waived_before]}, new={"waiver": NOTES[waived_after]})
    plain = TRANSITIONS[before, after]
    if found is None:
        assert plain == "unchanged"
        return
    still = plain in ("old_failure", "newly_unknown", "no_verdict", "new_failure", "new_rule") and after in BAD
    lost = still and (waived_after == "expired" or (waived_before == "holding" and waived_after == "none"))
    assert found.difference.klass == ("waiver_lost" if lost else plain)
    wanted = DEFAULT_ACTIONS[found.difference.klass]
    assert found.action == ("accepted" if waived_after == "holding" else wanted)
    if waived_after == "expired":
        assert found.action == "fail"
    # Whatever a waiver says, the statuses stay as they are.
    assert (found.difference.before, found.difference.after) == (before, after)


@pytest.mark.parametrize("action", ["fail", "incomplete", "warn"])
@pytest.mark.parametrize(("before", "after"), [pair for pair, name in TRANSITIONS.items() if name != "unchanged"])
def test_every_class_with_every_action_of_a_policy(before: str, after: str, action: str) -> None:
    policy = Policy(actions={**DEFAULT_ACTIONS, TRANSITIONS[before, after]: action})
    found = one_pair(before, after, policy=policy)
    assert found is not None
    assert found.action == action


@pytest.mark.parametrize("change", ["rule", "parameters"])
@pytest.mark.parametrize("after", STATUSES)
@pytest.mark.parametrize("before", STATUSES)
def test_a_changed_rule_is_never_blamed_on_the_system(before: str, after: str, change: str) -> None:
    name = classify(before, after, changed=change)
    plain = TRANSITIONS[before, after]
    if DEFAULT_ACTIONS[plain] == "fail":
        assert name == "not_comparable"
        assert DEFAULT_ACTIONS[name] == "incomplete"
    if plain in ("fixed", "improved", "unchanged"):
        assert name == f"{change}_changed"


@pytest.mark.parametrize(
    ("before", "half_before", "after", "half_after", "wanted"),
    [
        ("pass", False, "pass", True, "evidence_lost"),
        ("pass", True, "pass", True, "unchanged"),
        ("pass", True, "pass", False, "unchanged"),
        ("unknown", True, "unknown", True, "no_verdict"),
        ("unknown", True, "unknown", False, "regression"),
        ("unknown", True, "fail", False, "regression"),
        ("unknown", True, "fail", True, "regression"),
        ("unknown", True, "error", False, "regression"),
        ("unknown", True, "not_applicable", False, "applicability_lost"),
        ("unknown", True, ABSENT, False, "regression"),
        ("unknown", True, "pass", False, "improved"),
        ("unknown", False, "fail", False, "failure_shown"),
    ],
)
def test_a_half_that_is_lost(before: str, half_before: bool, after: str, half_after: bool, wanted: str) -> None:
    assert classify(before, after, half_before=half_before, half_after=half_after) == wanted


def test_the_documentation_shows_the_tables_of_the_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "gate.md").read_text()
    assert page.count("<!-- begin ") == page.count("<!-- end ") == 3
    assert documented(page) == page, "run: python -m scanner.gate.tables"
