"""What is paired with what, what is lost beside results, and when two sides cannot be compared."""

import pytest

from scanner.gate.comparing import different
from scanner.gate.deciding import Compared, decide
from scanner.gate.policy import Policy, load_policy
from scanner.gate.sides import Control, roles
from scanner.model.errors import InputError
from tests.unit.gate.sides_lab import NOW, B, control, gate, one_pair, record, side


def answer(verdict: str) -> Control:
    return control("manual", answered=True, verdict=verdict)


def names(found: object) -> list[tuple[str, str, str]]:
    return [(one.difference.klass, one.difference.name, one.action) for one in found.differences]  # type: ignore[attr-defined]


def test_an_instance_with_other_parameters_is_paired_by_its_controls() -> None:
    old = side(
        record("pass", "rule-a@00000001", params={"n": 1}, controls=("cis:1",)),
        record("pass", "rule-a@00000002", params={"n": 2}, controls=("stig:1",)),
    )
    new = side(
        record("pass", "rule-a@00000003", params={"n": 3}, controls=("cis:1",)),
        record("fail", "rule-a@00000002", params={"n": 2}, controls=("stig:1",)),
    )
    found = gate(new, old)
    assert names(found) == [
        ("regression", "rule-a@00000002", "fail"),
        ("parameters_changed", "rule-a@00000003", "incomplete"),
    ]
    assert found.differences[1].difference.reason == "other parameters: n"


def test_parameters_that_two_frameworks_now_share_are_no_removed_rule() -> None:
    old = side(
        record("pass", "rule-a@00000001", params={"n": 1}, controls=("cis:1",)),
        record("pass", "rule-a@00000002", params={"n": 2}, controls=("stig:1",)),
    )
    new = side(record("pass", "rule-a@00000002", params={"n": 2}, controls=("cis:1", "stig:1")))
    assert names(gate(new, old)) == [("parameters_changed", "rule-a@00000002", "incomplete")]


def test_weaker_parameters_do_not_fix_a_failure() -> None:
    found = one_pair("fail", "pass", old={"params": {"n": 15}}, new={"params": {"n": 1}})
    assert found is not None
    assert (found.difference.klass, found.action) == ("parameters_changed", "incomplete")


def test_a_pass_by_other_parameters_cannot_be_decided() -> None:
    other = {"old": {"params": {"n": 15}}, "new": {"params": {"n": 1}}}
    old, new = side(record("pass", **other["old"])), side(record("pass", **other["new"]))
    assert (gate(new, old).decision, gate(new, old).exit_code) == ("incomplete", 3)
    listed = load_policy(b"schema: gate-policy/v1\nwarn_on: [parameters_changed]\n", "gate.yaml")
    assert gate(new, old, listed).decision == "met"
    text = one_pair("pass", "pass", old={"rule_digest": B})
    assert text is not None
    assert (text.difference.klass, text.action) == ("rule_changed", "warn")


def test_a_rule_that_is_no_longer_judged_is_a_regression() -> None:
    found = one_pair("pass", "absent")
    assert found is not None
    assert (found.difference.klass, found.action) == ("regression", "fail")
    assert found.difference.reason == "the rule is no longer judged"


def test_where_the_text_of_a_rule_is_not_known_the_status_counts() -> None:
    found = one_pair("pass", "fail", old={"rule_digest": ""})
    assert found is not None
    assert found.difference.klass == "regression"
    changed = one_pair("pass", "fail", old={"rule_digest": B})
    assert changed is not None
    assert (changed.difference.klass, changed.action) == ("not_comparable", "incomplete")


def test_evidence_that_is_no_longer_read() -> None:
    old = side(record("pass", facts=("fact.a", "fact.b")))
    new = side(record("pass", facts=("fact.a", "fact.b")), unread={"fact.b": "error: permission", "fact.c": "error: x"})
    found = gate(new, old)
    assert names(found) == [("evidence_lost", "fact.b", "fail")]
    assert found.decision == "not_met"
    # What the baseline could not read either, or never asked, is not lost.
    assert names(gate(new, side(record("pass"), unread={"fact.b": "error: permission"}))) == []
    assert names(gate(new, side(record("pass", facts=("fact.a",))))) == []


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        (control("manual", answered=True), control("manual", answered=True), []),
        (control("manual", answered=True), control("manual", answered=False), ["answer_lost"]),
        (control("manual", answered=True), control("manual"), ["answer_lost"]),
        (control("manual", answered=True), None, ["answer_lost"]),
        (control("manual", answered=False), control("manual"), []),
        (answer("met"), answer("met"), []),
        (answer("met"), answer("not_met"), ["answer_lost"]),
        (answer("met"), answer("not_applicable"), ["answer_lost"]),
        (answer("not_applicable"), answer("not_met"), ["answer_lost"]),
        (answer("not_applicable"), answer("met"), []),
        (answer("not_met"), answer("met"), []),
        (answer("not_met"), answer("not_met"), ["old_failure"]),
        # A baseline of before tells no verdict.
        (control("manual", answered=True), answer("not_met"), ["answer_lost"]),
        (control("manual"), answer("not_met"), ["failure_shown"]),
        (control("manual"), answer("met"), []),
        (control("pass"), control("manual", coverage="manual"), ["control_changed"]),
        (control("pass"), None, ["regression"]),
        (control("pass_in_part"), None, ["regression"]),
        (control("fail"), None, []),
    ],
)
def test_controls_that_no_result_explains(before: object, now: object, wanted: list[str]) -> None:
    old = side(record("pass", controls=()), controls=(before,))
    new = side(record("pass", controls=()), controls=(now,) if now else ())
    assert [one.difference.klass for one in gate(new, old).differences] == wanted


def test_an_answer_that_got_worse_fails_and_says_so() -> None:
    old, new = (side(record("pass"), controls=(answer(word),)) for word in ("met", "not_met"))
    found = gate(new, old)
    assert (found.decision, [one.action for one in found.differences]) == ("not_met", ["fail"])
    assert found.differences[0].difference.reason == "a person answered met before, and not met now"


def test_an_answer_not_met_fails_without_a_baseline() -> None:
    found = gate(side(record("pass"), controls=(answer("not_met"), control("manual", "2"))), None)
    assert names(found) == [("failure", "stig:1", "fail")]
    assert gate(side(record("pass"), controls=(answer("met"),)), None).decision == "met"
    late = control("manual", answered=False, verdict="not_met")
    assert gate(side(record("pass"), controls=(late,)), None).decision == "met"


def test_an_answer_to_a_control_that_the_baseline_does_not_have() -> None:
    found = gate(side(record("pass"), controls=(answer("not_met"),)), side(record("pass")))
    assert names(found) == [("new_failure", "stig:1", "warn")]


def test_a_lowered_severity_hides_no_regression() -> None:
    policy = Policy(floors={"regression": "high"}, by_severity={"high": 0})
    old, new = side(record("pass", severity="high")), side(record("fail", severity="low"))
    found = gate(new, old, policy)
    assert names(found) == [("regression", "rule-a@00000001", "fail")]
    assert found.differences[0].difference.severity == "high"
    assert "severity high before, low now" in found.differences[0].difference.reason
    assert [one.state for one in found.checks if one.check == "limits"] == ["failed"]
    raised = gate(side(record("fail", severity="high")), side(record("pass", severity="low")), policy)
    assert raised.differences[0].action == "fail"


@pytest.mark.parametrize("klass", ["improved", "rule_changed"])
def test_what_is_no_worse_explains_no_control_that_is_gone(klass: str) -> None:
    before = record("unknown") if klass == "improved" else record("pass", rule_digest=B)
    old = side(before, controls=(control("pass"),))
    found = gate(side(record("pass")), old)
    assert names(found)[0] == ("regression", "stig:1", "fail")
    assert {one.difference.klass for one in found.differences} == {"regression", klass}
    worse = side(record("pass"), controls=(control("pass"),))
    assert {one.difference.subject for one in gate(side(record("fail")), worse).differences} == {"rule"}


def test_a_control_that_a_result_explains_is_not_named_twice() -> None:
    old, new = side(record("pass"), controls=(control("pass"),)), side(record("fail"), controls=(control("fail"),))
    assert [one.difference.subject for one in gate(new, old).differences] == ["rule"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"kind": "tree"}, "kind"),
        ({"identity": {"os_id": "kairos"}}, "system"),
        ({"profiles": ("stig",), "fits": {}}, "judged by"),
        ({"fits": {"profile velaos": "by_analogy"}}, "fit"),
    ],
)
def test_what_cannot_be_compared_ends_3(more: dict[str, object], says: str) -> None:
    old, new = side(record("pass"), **more), side(record("fail"))
    assert [says in text for text in different(old, new)] == [True]
    found = gate(new, old)
    assert (found.decision, found.exit_code, found.differences) == ("different", 3, ())
    assert says in found.sentence
    allowed = gate(new, old, allow_different=True)
    assert (allowed.decision, len(allowed.differences), len(allowed.different)) == ("not_met", 1, 1)


def test_several_targets_are_paired_by_what_they_are() -> None:
    server = {"identity": {"os_id": "velaos", "variant_id": "server", "arch": "x86_64"}}
    client = {"identity": {"os_id": "velaos", "variant_id": "client", "arch": "x86_64"}}
    old = Compared("old", "bundle", (side(record("pass"), **server), side(record("fail"), **client)))
    new = Compared("new", "bundle", (side(record("fail"), **client), side(record("fail"), **server)))
    found = decide(new, old, Policy(), now=NOW)
    assert [(one.difference.role, one.difference.klass) for one in found.differences] == [
        ("velaos/server/x86_64/image", "regression"),
        ("velaos/client/x86_64/image", "old_failure"),
    ]
    less = decide(Compared("new", "bundle", new.sides[:1]), old, Policy(), now=NOW)
    assert less.decision == "different"
    allowed = decide(Compared("new", "bundle", new.sides[:1]), old, Policy(), now=NOW, allow_different=True)
    assert allowed.decision == "not_met"


def test_a_target_that_is_gone_fails_although_different_ones_are_allowed() -> None:
    server, client = ({"identity": {"os_id": "velaos", "variant_id": one}} for one in ("server", "client"))
    old = Compared("old", "bundle", (side(record("pass"), **server), side(record("pass"), **client)))
    new = Compared("new", "bundle", (side(record("pass"), **server), side(record("pass"), **server)))
    found = decide(new, old, Policy(), now=NOW, allow_different=True)
    assert (found.decision, [one.text for one in found.checks if one.check == "targets"]) == (
        "not_met",
        ["the baseline has a target velaos/client/image, the new release has none"],
    )
    same = decide(old, old, Policy(), now=NOW, allow_different=True)
    assert (same.decision, [one for one in same.checks if one.check == "targets"]) == ("met", [])


def test_targets_that_look_alike_have_roles_of_their_own() -> None:
    one = side(record("pass"), identity={"os_id": "velaos", "host_name": "a"})
    found = roles([one, one, one])
    assert len(found) == 3


def test_without_a_baseline_every_failure_counts() -> None:
    found = gate(side(record("fail"), record("unknown", "rule-b@00000001"), record("pass", "rule-c@00000001")), None)
    assert names(found) == [("failure", "rule-a@00000001", "fail"), ("no_verdict", "rule-b@00000001", "note")]
    assert (found.decision, found.unchanged) == ("not_met", 1)


@pytest.mark.parametrize("statuses", [(), ("unknown", "manual"), ("not_applicable", "error")])
def test_where_nothing_is_judged_nothing_passes(statuses: tuple[str, ...]) -> None:
    new = side(*(record(status, f"rule-{status}@00000001") for status in statuses))
    assert gate(new, new).decision == "incomplete"
    assert gate(new, None).decision == "incomplete"
    assert gate(side(*new.records, record("pass")), None).decision == "met"


def test_a_gate_on_a_day_before_the_judgement_cannot_decide() -> None:
    new = side(record("pass"), evaluated_at="2026-11-21T00:00:00Z")
    assert (gate(new, new).exit_code, "after the day of the gate" in gate(new, new).lines[0]) == (3, True)
    assert gate(new, new, now="2026-11-21T00:00:00Z").exit_code == 0
    given = gate(new, new, now="2026-11-21T00:00:00Z", day_given=True)
    assert given.notes[0] == "The day of the gate was given: 2026-11-21 (--clock)."
    assert not any("--clock" in note for note in gate(new, new).notes)


def test_the_order_of_the_sides_changes_nothing() -> None:
    rules = [record("fail", f"rule-{letter}@00000001") for letter in "dacb"]
    old = side(*(record("pass", one.instance) for one in rules))
    assert names(gate(side(*rules), old)) == names(gate(side(*reversed(rules)), old))


def test_a_result_that_stands_there_twice_is_refused() -> None:
    """The second could hide the first."""
    with pytest.raises(InputError, match="twice"):
        side(record("fail"), record("pass"))
    with pytest.raises(InputError, match="twice"):
        side(record("pass"), controls=(control("fail"), control("pass")))
