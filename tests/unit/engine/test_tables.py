"""Tables: nothing is skipped, and a table that is not complete never shows "all" or "none"."""

import pytest

from scanner.engine.tables import judge_table

GOOD = {"name": "a", "ok": True}
BAD = {"name": "b", "ok": False}
NAMELESS_GOOD = {"ok": True}
NAMELESS_BAD = {"ok": False}
BLIND = {"name": "a"}


@pytest.mark.parametrize(
    ("clause", "records", "gap", "expected"),
    [
        ({"each": {"ok": True}, "if_empty": "fail"}, [GOOD, GOOD], None, "pass"),
        ({"each": {"ok": True}, "if_empty": "fail"}, [GOOD, BAD], None, "fail"),
        ({"each": {"ok": True}, "if_empty": "fail"}, [GOOD, BLIND], None, "unknown"),
        ({"each": {"ok": True}, "if_empty": "fail"}, [BAD, BLIND], None, "fail"),
        ({"each": {"ok": True}, "if_empty": "fail"}, [], None, "fail"),
        ({"each": {"ok": True}, "if_empty": "pass"}, [], None, "pass"),
        ({"each": {"ok": True}, "if_empty": "not_applicable"}, [], None, "not_applicable"),
        ({"each": {"ok": True}, "if_empty": "pass"}, [], "error", "error"),
        ({"each": {"ok": True}, "if_empty": "not_applicable"}, [], "unknown", "unknown"),
        ({"each": {"ok": True}, "if_empty": "pass"}, [GOOD], "error", "error"),
        ({"each": {"ok": True}, "if_empty": "pass"}, [BAD], "error", "fail"),
        ({"where": {"name": "a"}, "each": {"ok": True}, "if_empty": "fail"}, [GOOD, BAD], None, "pass"),
        ({"where": {"name": "a"}, "each": {"ok": True}, "if_empty": "fail"}, [GOOD, NAMELESS_BAD], None, "unknown"),
        ({"where": {"name": "a"}, "each": {"ok": True}, "if_empty": "fail"}, [GOOD, NAMELESS_GOOD], None, "pass"),
        ({"where": {"name": "a"}, "each": {"ok": True}, "if_empty": "pass"}, [NAMELESS_GOOD], None, "unknown"),
        ({"where": {"name": "z"}, "each": {"ok": True}, "if_empty": "pass"}, [GOOD], None, "pass"),
        ({"where": {"name": "a"}, "count": {"at_least": 1}}, [GOOD], None, "pass"),
        ({"where": {"name": "a"}, "count": {"at_least": 1}}, [GOOD], "error", "pass"),
        ({"where": {"name": "a"}, "count": {"at_least": 1}}, [BAD], None, "fail"),
        ({"where": {"name": "a"}, "count": {"at_least": 1}}, [BAD], "error", "error"),
        ({"where": {"name": "a"}, "count": {"at_least": 1}}, [NAMELESS_BAD], None, "unknown"),
        ({"where": {"name": "a"}, "count": 0}, [BAD], None, "pass"),
        ({"where": {"name": "a"}, "count": 0}, [BAD], "unknown", "unknown"),
        ({"where": {"name": "a"}, "count": 0}, [BAD, NAMELESS_BAD], None, "unknown"),
        ({"where": {"name": "a"}, "count": 0}, [GOOD], "unknown", "fail"),
        ({"count": {"at_most": 1}}, [GOOD, BAD], None, "fail"),
        ({"count": {"at_least": 1, "at_most": 2}}, [GOOD, BAD], None, "pass"),
        ({"count": 1, "each": {"ok": True}}, [BAD], None, "fail"),
        ({"count": 1, "each": {"ok": True}}, [GOOD], None, "pass"),
        ({"count": 0}, [], None, "pass"),
    ],
)
def test_three_valued(clause: dict[str, object], records: list[object], gap: str | None, expected: str) -> None:
    assert judge_table(clause, records, gap).status == expected


def test_the_deciding_records_are_named() -> None:
    verdict = judge_table({"each": {"ok": True}, "if_empty": "fail"}, [GOOD, BAD, GOOD])
    assert verdict.deciding == (BAD,)
    assert verdict.chosen == 3
