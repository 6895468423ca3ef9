"""Clauses against facts: status, expected, found and the evidence that decided."""

import pytest

from scanner.engine.evaluate import evaluate, facts_of
from scanner.model.fact import Evidence, Fact

FILE = Evidence("/etc/x.conf", sha256="ab" * 32)


def _table(*records: dict[str, object], gaps: tuple[str, ...] = ()) -> dict[str, Fact]:
    return {"t": Fact("t", "present", value=list(records), evidence=(FILE,), gaps=gaps)}


def _value(value: object, **more: object) -> dict[str, Fact]:
    return {"v": Fact("v", "present", value=value, evidence=(FILE,), **more)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "if_absent", "expected"),
    [
        ("absent", None, "fail"),
        ("absent", "pass", "pass"),
        ("absent", "not_applicable", "not_applicable"),
        ("not_collected", "pass", "unknown"),
        ("error", "pass", "error"),
    ],
)
def test_states_that_hold_no_value(state: str, if_absent: str | None, expected: str) -> None:
    clause: dict[str, object] = {"fact": "v", "equals": "x"}
    if if_absent:
        clause["if_absent"] = if_absent
    facts = {"v": Fact("v", state, reason="because")}  # type: ignore[arg-type]
    verdict = evaluate(clause, facts)
    assert verdict.status == expected
    assert "because" in verdict.found


def test_a_fact_nobody_collected_is_unknown() -> None:
    assert evaluate({"fact": "v", "equals": "x"}, {}).status == "unknown"
    assert evaluate({"not": {"fact": "v", "equals": "x", "if_absent": "fail"}}, {}).status == "unknown"


def test_found_names_the_record_and_its_place() -> None:
    facts = _table({"key": "kernel.kptr_restrict", "value": "0", "source": "/etc/x.conf", "line": 3})
    clause = {
        "fact": "t",
        "where": {"key": "kernel.kptr_restrict"},
        "each": {"value": {"in": ["1", "2"]}},
        "if_empty": "fail",
    }
    verdict = evaluate(clause, facts)
    assert verdict.status == "fail"
    assert "value 0" in verdict.found
    assert "/etc/x.conf:3" in verdict.found
    assert verdict.evidence == (Evidence("/etc/x.conf", 3, None, "ab" * 32),)
    assert "one of 1, 2" in verdict.expected


def test_an_incomplete_table_shows_existence_and_failure_but_never_all() -> None:
    record = {"key": "a", "value": "1"}
    gaps = ("permission: /etc/y.conf",)
    exists = {"fact": "t", "where": {"key": "a"}, "count": {"at_least": 1}}
    every = {"fact": "t", "each": {"value": "1"}, "if_empty": "fail"}
    none = {"fact": "t", "where": {"key": "b"}, "count": 0}
    assert evaluate(exists, _table(record, gaps=gaps)).status == "pass"
    assert evaluate(every, _table(record, gaps=gaps)).status == "error"
    assert evaluate(none, _table(record, gaps=gaps)).status == "error"
    assert evaluate(every, _table(record, gaps=("unsupported: zstd module",))).status == "unknown"
    assert evaluate(every, _table({"key": "a", "value": "0"}, gaps=gaps)).status == "fail"


def test_an_incomplete_value_never_passes() -> None:
    assert evaluate({"fact": "v", "equals": "x"}, _value("x", gaps=("permission: /y",))).status == "error"
    assert evaluate({"fact": "v", "equals": "x"}, _value("y", gaps=("permission: /y",))).status == "fail"


def test_parts_that_do_not_apply_drop_out() -> None:
    facts = {**_value("x"), "a": Fact("a", "absent")}
    away = {"fact": "a", "equals": 1, "if_absent": "not_applicable"}
    good = {"fact": "v", "equals": "x"}
    assert evaluate({"all": [away, good]}, facts).status == "pass"
    assert evaluate({"any": [away, {"fact": "v", "equals": "y"}]}, facts).status == "fail"
    assert evaluate({"all": [away, away]}, facts).status == "not_applicable"


def test_wrong_kind_of_fact_is_an_error() -> None:
    assert evaluate({"fact": "v", "each": {"a": 1}, "if_empty": "pass"}, _value("x")).status == "error"
    assert evaluate({"fact": "t", "has": {"a": 1}}, _table({"a": 1})).status == "error"


def test_says_replaces_the_expectation() -> None:
    assert evaluate({"fact": "v", "equals": "x", "says": "it is x"}, _value("x")).expected == "it is x"


def test_all_facts_of_a_clause_are_known_before_it_is_judged() -> None:
    clause = {
        "all": [{"fact": "a", "equals": 1}, {"any": [{"fact": "b", "equals": 1}, {"not": {"fact": "c", "equals": 1}}]}]
    }
    assert facts_of(clause) == ["a", "b", "c"]
