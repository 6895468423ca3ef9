"""Nothing turned around, and nothing called "does not apply", on evidence that has gaps; forms that decide nothing."""

from typing import Any

import pytest

from scanner.engine.cases import CASE_DAY
from scanner.engine.conditions import test as status_of
from scanner.engine.evaluate import evaluate
from scanner.engine.form import FormError, check_clause
from scanner.engine.judge import Instance, judge
from scanner.engine.params import resolve
from scanner.engine.tables import judge_table
from scanner.model.errors import UsageError
from scanner.model.fact import Fact
from scanner.model.rule import Param, Rule

GAPS = ("permission: /etc/x",)
LIST = {"fact": "f", "contains_any": ["bad"], "if_absent": "fail"}
OBJECT = {"fact": "f", "has": {"a": 1}, "if_absent": "fail"}


def _fact(value: Any, gaps: tuple[str, ...] = ()) -> dict[str, Fact]:
    return {"f": Fact("f", "absent" if value is None else "present", value=value, gaps=gaps)}


@pytest.mark.parametrize(("clause", "value"), [(LIST, ["good"]), (OBJECT, {"a": 2})])
def test_a_fail_with_gaps_is_not_turned_into_a_pass(clause: dict[str, Any], value: Any) -> None:
    assert evaluate({"not": clause}, _fact(value)).status == "pass"
    assert evaluate({"not": clause}, _fact(value, GAPS)).status == "error"
    assert evaluate({"not": {"all": [{"any": [clause]}]}}, _fact(value, GAPS)).status == "error"
    assert evaluate(clause, _fact(value, GAPS)).status == "fail"


@pytest.mark.parametrize(("clause", "value"), [(LIST, ["good"]), (OBJECT, {"a": 2})])
def test_a_when_with_gaps_is_not_not_applicable(clause: dict[str, Any], value: Any) -> None:
    rule = Rule("x", "X", "low", "", {"fact": "f", "set": True}, when=clause)
    for gaps, status in (((), "not_applicable"), (GAPS, "error"), (("not_collected: luks",), "unknown")):
        result = judge(Instance(rule, {}, {}), _fact(value, gaps), {"kind": "live"}, today=CASE_DAY)
        assert result.status == status


def test_absent_with_gaps_is_not_absent() -> None:
    assert evaluate({"fact": "f", "equals": 1, "if_absent": "pass"}, _fact(None, GAPS)).status == "error"


def test_a_where_that_does_not_apply_chooses_nothing_and_rules_nothing_out() -> None:
    where = {"inner": {"each": {"x": 1}, "if_empty": "not_applicable"}}
    assert judge_table({"where": where, "count": 0}, [{"inner": []}]).status == "unknown"
    records = [{"inner": [], "y": 2}, {"inner": [{"x": 1}], "y": 1}]
    assert judge_table({"where": where, "each": {"y": 1}, "if_empty": "fail"}, records).status == "unknown"


@pytest.mark.parametrize(
    "clause",
    [
        {"fact": "f", "count": {}},
        {"fact": "f", "each": {"a": 1}, "count": {"at_least": 1}},
        {"fact": "f", "each": {"a": {"if_empty": "pass"}}, "if_empty": "fail"},
        {"fact": "f", "each": {"a": {"each": {"b": 1}, "if_empty": "banana"}}, "if_empty": "fail"},
        {"fact": "f", "version_at_least": ""},
        {"fact": "f", "at_least": "many"},
    ],
)
def test_forms_that_decide_nothing_are_refused(clause: dict[str, Any]) -> None:
    with pytest.raises(FormError):
        check_clause(clause, ())


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"equals": [1]}, [True], "error"),
        ({"equals": ["1"]}, [1], "pass"),
        ({"equals": {"a": 1}}, {"a": 2}, "fail"),
        ({"equals": {"a": 1}}, {"b": 1}, "fail"),
        ({"equals": ["a", "b"]}, ["a"], "fail"),
        ({"contains_all": ["None"]}, [None], "fail"),
        ({"contains_all": ["True"]}, [True], "fail"),
        ({"version_at_least": "x"}, "1", "error"),
    ],
)
def test_types_are_not_confused_inside_lists(condition: Any, value: Any, expected: str) -> None:
    assert status_of(condition, value) == expected


@pytest.mark.parametrize(
    ("type_", "default", "check", "given", "says"),
    [
        ("number", 1, {"fact": "f", "at_least": "${p}"}, [1], "wants a number"),
        ("number", 1, {"fact": "f", "at_least": "${p}"}, "9" * 5000, "whole number"),
        ("list", [], {"fact": "f", "in": "${p}"}, 5, "wants a list"),
        ("text", "a", {"fact": "f", "matches": "${p}"}, "(", "regular expression"),
        ("text", "0644", {"fact": "f", "mode_within": "${p}"}, "all", "octal"),
        ("text", "1", {"fact": "f", "count": "${p}"}, "some", "whole numbers"),
    ],
)
def test_a_parameter_that_makes_no_condition_is_refused(
    type_: str, default: Any, check: dict[str, Any], given: Any, says: str
) -> None:
    rule = Rule("x", "X", "low", "", check, params={"p": Param("p", type_, default, "")})
    with pytest.raises(UsageError, match=says):
        resolve(rule, [("profile q", {"p": given})])
