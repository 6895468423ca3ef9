"""Operators, one table: condition, value, status. A wrong type is an error, a field nobody looked at is unknown."""

import pytest

from scanner.engine.conditions import MISSING, test_record, words, words_of_record
from scanner.engine.conditions import test as status_of

test_record.__test__ = False  # type: ignore[attr-defined]  # a function of the engine, not a test

CASES = [
    ("no", "no", "pass"),
    ("no", "yes", "fail"),
    ("1", 1, "pass"),
    (1, "1", "pass"),
    (True, True, "pass"),
    (True, "true", "error"),
    (True, 1, "error"),
    (None, None, "pass"),
    (None, "", "fail"),
    ("", None, "fail"),
    ([], [], "pass"),
    ("x", ["x"], "error"),
    ("x", {"a": 1}, "error"),
    ({"equals": []}, ["ssh"], "fail"),
    ({"in": ["1", "2"]}, "2", "pass"),
    ({"in": [1, 2]}, "3", "fail"),
    ({"in": ["a"]}, ["a"], "error"),
    ({"in": ["a"]}, None, "fail"),
    ({"at_least": 4}, 4, "pass"),
    ({"at_least": 4}, "3", "fail"),
    ({"at_least": 4}, "many", "error"),
    ({"at_least": 4}, None, "fail"),
    ({"at_least": 4}, True, "error"),
    ({"at_most": 900}, "900", "pass"),
    ({"at_most": 900}, -1, "pass"),
    ({"at_most": 900}, "９", "error"),
    ({"at_least": 1, "at_most": 5}, 6, "fail"),
    ({"contains_all": ["a", "b"]}, ["b", "a", "c"], "pass"),
    ({"contains_all": [7, 11]}, [7], "fail"),
    ({"contains_all": ["a"]}, "a", "error"),
    ({"contains_all": ["a"]}, None, "fail"),
    ({"contains_any": ["a", "z"]}, ["z"], "pass"),
    ({"not": {"contains_any": ["a"]}}, ["b"], "pass"),
    ({"not": {"contains_any": ["a"]}}, "b", "error"),
    ({"not": {"contains_any": ["a"]}}, MISSING, "unknown"),
    ({"matches": "^a+$"}, "aaa", "pass"),
    ({"matches": "^a+$"}, "b", "fail"),
    ({"matches": "a"}, "a" * 70_000, "error"),
    ({"matches": "a"}, ["a"], "error"),
    ({"version_at_least": "2.4.1"}, "2.10", "pass"),
    ({"version_at_least": "2.4.1"}, "2.4", "fail"),
    ({"version_at_least": "2.4.1"}, "unknown", "error"),
    ({"mode_within": "0644"}, "0640", "pass"),
    ({"mode_within": "0644"}, "0664", "fail"),
    ({"mode_within": "0644"}, "4644", "fail"),
    ({"mode_within": "0644"}, "rw-r--r--", "error"),
    ({"set": True}, None, "fail"),
    ({"set": False}, None, "pass"),
    ({"any": ["a", {"matches": "^b"}]}, "bc", "pass"),
    ({"any": [{"at_least": 5}, "x"]}, "x", "pass"),
    ({"all": [{"not": "a"}, {"not": "b"}]}, "c", "pass"),
    ("anything", MISSING, "unknown"),
    ("anything", {"state": "error", "reason": "permission"}, "error"),
    ({"not": "anything"}, {"state": "not_collected"}, "unknown"),
    ({"has": {"type": "argon2id"}}, {"type": "argon2id"}, "pass"),
    ({"has": {"type": "argon2id"}}, {}, "unknown"),
    ({"has": {"type": "x"}}, "text", "error"),
    ({"where": {"a": 1}, "count": 1}, [{"a": 1}, {"a": 2}], "pass"),
    ({"each": {"a": 1}, "if_empty": "fail"}, [], "fail"),
    ({"each": {"a": 1}, "if_empty": "pass"}, [], "pass"),
    ({"each": {"a": 1}, "if_empty": "pass"}, "text", "error"),
]


@pytest.mark.parametrize(("condition", "value", "expected"), CASES, ids=[str(index) for index in range(len(CASES))])
def test_operator(condition: object, value: object, expected: str) -> None:
    assert status_of(condition, value) == expected


def test_a_record_matcher_combines_fields() -> None:
    record = {"name": "a", "mode": "0600"}
    assert test_record({"name": "a", "mode": {"mode_within": "0640"}}, record) == "pass"
    assert test_record({"any": [{"name": "b"}, {"mode": "0600"}]}, record) == "pass"
    assert test_record({"not": {"name": "a"}}, record) == "fail"
    assert test_record({"name": "a", "owner": "root"}, record) == "unknown"
    assert test_record({"name": "b", "owner": "root"}, record) == "fail"
    assert test_record({"name": "a"}, "no record") == "error"


def test_words_read_like_a_sentence() -> None:
    assert words({"at_least": 4}) == "at least 4"
    assert words({"in": ["1", "2"]}) == "one of 1, 2"
    assert words({"not": {"contains_any": ["ssh"]}}) == "not containing any of ssh"
    assert words(None) == "not set"
    assert words_of_record({"target": "DROP", "services": {"equals": []}}) == "target DROP and services none"
