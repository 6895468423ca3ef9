"""One instance judged: applicability, halves, drift, what is required."""

import pytest

from scanner.engine.cases import CASE_DAY
from scanner.engine.judge import Instance, day_of, judge
from scanner.engine.params import instance_id, resolve, substitute
from scanner.model.errors import InputError
from scanner.model.fact import Fact
from scanner.model.rule import Param, Rule

LIVE = {"kind": "live", "identity": {"platform": "linux"}}
IMAGE = {"kind": "image", "identity": {"platform": "linux"}}


def _rule(**more: object) -> Rule:
    fields: dict[str, object] = {
        "id": "x",
        "title": "X is on",
        "severity": "low",
        "rationale": "",
        "check": {"persistent": {"fact": "p", "equals": 1}, "runtime": {"fact": "r", "equals": 1}},
    }
    return Rule(**{**fields, **more})  # type: ignore[arg-type]


def _facts(persistent: object = None, runtime: object = None) -> dict[str, Fact]:
    facts = {}
    if persistent is not None:
        facts["p"] = Fact("p", "present", value=persistent)
    if runtime is not None:
        facts["r"] = Fact("r", "present", "runtime", value=runtime)
    return facts


@pytest.mark.parametrize(
    ("persistent", "runtime", "require", "status", "facets", "half"),
    [
        (1, 1, "both", "pass", ("pass", "pass"), None),
        (1, None, "both", "unknown", ("pass", "unknown"), "persistent half"),
        (1, None, "persistent", "pass", ("pass", "not_required"), "persistent half"),
        (0, None, "persistent", "fail", ("fail", "not_required"), "persistent half"),
        (1, 0, "both", "fail", ("pass", "fail"), None),
        (1, 0, "persistent", "fail", ("pass", "fail"), None),
        (0, 1, "both", "fail", ("fail", "pass"), None),
        (None, 1, "both", "unknown", ("unknown", "pass"), None),
        (None, None, "both", "unknown", ("unknown", "unknown"), None),
        (None, None, "persistent", "unknown", ("unknown", "not_required"), None),
    ],
)
def test_halves(
    persistent: object, runtime: object, require: str, status: str, facets: tuple[str, str], half: str | None
) -> None:
    result = judge(Instance(_rule(), {}, {}), _facts(persistent, runtime), LIVE, today=CASE_DAY, require=require)
    assert (result.status, (result.facets["persistent"], result.facets["runtime"])) == (status, facets)
    assert result.half == half


@pytest.mark.parametrize("persistent", [0, None])
def test_a_half_that_did_not_pass_is_never_said_to_pass(persistent: object) -> None:
    for require in ("both", "persistent"):
        result = judge(Instance(_rule(), {}, {}), _facts(persistent), LIVE, today=CASE_DAY, require=require)
        assert "half passes" not in result.explanation


def test_drift_is_said() -> None:
    assert judge(Instance(_rule(), {}, {}), _facts(1, 0), LIVE, today=CASE_DAY).explanation.startswith(
        "drift: configured rightly"
    )
    assert judge(Instance(_rule(), {}, {}), _facts(0, 1), LIVE, today=CASE_DAY).explanation.startswith(
        "drift: the running system is right"
    )


def test_an_error_of_the_running_half_counts_even_when_it_is_not_required() -> None:
    facts = {**_facts(1), "r": Fact("r", "error", "runtime", reason="permission: /proc/x")}
    assert judge(Instance(_rule(), {}, {}), facts, LIVE, today=CASE_DAY, require="persistent").status == "error"


@pytest.mark.parametrize(
    ("when", "status"),
    [
        (Fact("w", "present", value="yes"), "pass"),
        (Fact("w", "present", value="no"), "not_applicable"),
        (Fact("w", "absent"), "not_applicable"),
        (Fact("w", "not_collected"), "unknown"),
        (Fact("w", "error", reason="permission"), "error"),
        (None, "unknown"),
    ],
)
def test_when(when: Fact | None, status: str) -> None:
    rule = _rule(when={"fact": "w", "equals": "yes"}, check={"fact": "p", "equals": 1})
    facts = _facts(1) | ({"w": when} if when else {})
    assert judge(Instance(rule, {}, {}), facts, LIVE, today=CASE_DAY).status == status


def test_a_target_the_rule_cannot_judge_is_unknown_never_not_applicable() -> None:
    assert judge(Instance(_rule(targets=("live",)), {}, {}), _facts(1, 1), IMAGE, today=CASE_DAY).status == "unknown"
    other = {"kind": "live", "identity": {"platform": "veridian"}}
    assert judge(Instance(_rule(), {}, {}), _facts(1, 1), other, today=CASE_DAY).status == "unknown"


def test_a_manual_rule_asks_a_person() -> None:
    rule = _rule(check={"manual": {"question": "Who holds the key?", "evidence": "the escrow record"}})
    assert judge(Instance(rule, {}, {}), {}, LIVE, today=CASE_DAY).status == "manual"


def test_parameters_make_instances() -> None:
    rule = _rule(params={"max": Param("max", "number", 5, "limit", ("var_max",))})
    values, sources = resolve(rule, [("command line", {}), ("profile p", {"var_max": "3"})])
    assert (values, sources) == ({"max": 3}, {"max": "profile p"})
    assert instance_id("x", {"max": 3}) != instance_id("x", {"max": 5})
    assert instance_id("x", {"a": 1, "b": 2}) == instance_id("x", {"b": 2, "a": 1})


def test_substitution_keeps_types_alone_and_makes_text_inside() -> None:
    assert substitute({"at_most": "${max}"}, {"max": 3}) == {"at_most": 3}
    assert substitute("files.entry:${path}", {"path": "/etc/x"}) == "files.entry:/etc/x"
    assert substitute(["${missing}"], {}) == ["${missing}"]


def test_the_day_of_an_instant() -> None:
    assert day_of("1970-01-01T23:59:59Z") == 0
    assert day_of("2026-02-01T00:00:00Z") == 20485


@pytest.mark.parametrize(
    "instant",
    ["9999-99-99T99:99:99Z", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01", ""],
)
def test_an_instant_that_no_calendar_has_is_refused(instant: str) -> None:
    with pytest.raises(InputError, match="no time that the calendar has"):
        day_of(instant)
