"""Waivers at the gate: layers and their order, expiry, what is unused or overbroad, and what a waiver never does."""

import pytest

from scanner.engine.content import load
from scanner.engine.waivers import load_waivers
from scanner.gate.classes import DEFAULT_ACTIONS
from scanner.gate.policy import Policy, Waiving
from scanner.gate.waiver_files import added
from scanner.gate.waiving import Layer, Layered, lint
from scanner.model.errors import ContentError
from tests.unit.gate.sides_lab import NOW, gate, note, one_pair, record, side

TODAY = NOW[:10]


def layer(where: str, *entries: str) -> Layer:
    text = "schema: waivers/v1\nwaivers:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)
    return Layer(where, load_waivers(text.encode(), where))


def entry(name: str = "W-1", about: str = "rule: rule-a", expires: str = "2027-01-31", more: str = "") -> str:
    return f"id: {name}, {about}, reason: r, owner: o, expires: {expires}{more}"


def layered(*layers: Layer) -> Layered:
    return Layered(layers, TODAY)


@pytest.mark.parametrize(
    ("about", "accepted"),
    [
        ("rule: rule-a", True),
        ("rule: rule-a@00000001", True),
        ("rule: public_a", True),
        ("control: 'stig:1'", True),
        ("rule: rule-a, target: 'vela-*'", True),
        ("rule: rule-a, target: velaos", True),
        ("rule: rule-a, target: 'kiosk-*'", False),
        ("rule: rule-b", False),
        ("control: 'stig:2'", False),
    ],
)
def test_what_a_waiver_is_about(about: str, accepted: bool) -> None:
    found = one_pair("pass", "fail", layered=layered(layer("w.yaml", entry(about=about))))
    assert found is not None
    assert found.action == ("accepted" if accepted else "fail")
    assert (found.difference.klass, found.difference.after) == ("regression", "fail")


@pytest.mark.parametrize(("before", "after"), [("pass", "absent"), ("pass", "not_applicable"), ("fail", "manual")])
def test_what_is_no_failure_can_be_accepted_too(before: str, after: str) -> None:
    found = one_pair(before, after, layered=layered(layer("w.yaml", entry())))
    assert found is not None
    assert found.action == "accepted"


def test_what_needs_no_accepting_is_not_accepted() -> None:
    found = one_pair("fail", "pass", layered=layered(layer("w.yaml", entry())))
    assert found is not None
    assert (found.difference.klass, found.action) == ("fixed", "note")


@pytest.mark.parametrize(("expires", "action"), [(TODAY, "accepted"), ("2026-11-19", "fail")])
def test_the_last_day_counts(expires: str, action: str) -> None:
    found = one_pair("fail", "fail", layered=layered(layer("w.yaml", entry(expires=expires))))
    assert found is not None
    assert found.action == action


def test_the_gates_waivers_count_in_the_place_of_the_noted_ones() -> None:
    found = one_pair("pass", "fail", new={"waiver": note("2027-01-31")}, layered=layered(layer("w.yaml")))
    assert found is not None
    assert found.action == "fail"
    noted = one_pair("pass", "fail", new={"waiver": note("2027-01-31")})
    assert noted is not None
    assert noted.action == "accepted"
    late = one_pair("pass", "fail", new={"waiver": note("2026-11-01")})
    assert late is not None
    assert late.action == "fail"


def test_a_note_that_says_expired_stays_so() -> None:
    for one in (note("2027-01-31", expired=True), note("never"), note("2027-01-31", created="2026-11-21")):
        found = one_pair("pass", "fail", new={"waiver": one})
        assert found is not None
        assert found.action == "fail"


def test_the_policy_counts_for_noted_waivers_too() -> None:
    rules = [record("fail", f"rule-{number}@00000001", waiver=note("2036-01-01")) for number in range(12)]
    one = side(*rules)
    found = gate(one, one)
    assert [(c.state, c.text.split(": ")[1]) for c in found.checks if c.check == "waivers"] == [
        ("warning", "overbroad"),
        ("warning", "overbroad"),
    ]
    strict = gate(one, one, Policy(waivers=Waiving(overbroad="fail", approver=True)))
    assert strict.decision == "not_met"
    assert {c.text.split(": ")[1] for c in strict.checks if c.state == "failed"} == {"overbroad", "approver"}
    blank = side(record("fail", waiver=note("2027-01-31", approver=" ")))
    assert gate(blank, blank, Policy(waivers=Waiving(approver=True))).decision == "not_met"
    approved = side(record("fail", waiver=note("2027-01-31", approver="p")))
    assert gate(approved, approved, Policy(waivers=Waiving(approver=True))).decision == "met"
    late = side(record("fail", waiver=note("2026-01-01")))
    assert any("expired" in c.text for c in gate(late, None).checks)


@pytest.mark.parametrize(("created", "action"), [(TODAY, "accepted"), ("2026-11-21", "fail")])
def test_a_waiver_holds_from_the_day_it_was_created(created: str, action: str) -> None:
    found = gate(
        side(record("fail")),
        side(record("pass")),
        layered=layered(layer("w.yaml", entry(more=f", created: {created}"))),
    )
    assert found.differences[0].action == action
    early = [one.text for one in found.checks if one.check == "waivers"]
    assert [f"accepts nothing before {created}" in text for text in early] == ([True] if action == "fail" else [])


def test_blank_texts_count_as_absent() -> None:
    (one,) = layer("w.yaml", entry(more=", approver: ' ', ticket: '', created: '', control: ''")).waivers
    assert (one.approver, one.ticket, one.created, one.control) == (None, None, None, None)
    # Without a target it would hold for every one.
    with pytest.raises(ContentError, match="`target` is empty"):
        layer("w.yaml", entry(more=", target: ' '"))


def test_the_later_file_holds() -> None:
    organisation = layer("org.yaml", entry(expires="2027-06-30"))
    release = layer("release.yaml", entry(expires="2026-11-01"))
    found = gate(side(record("fail")), side(record("fail")), layered=layered(organisation, release))
    assert found.differences[0].action == "fail"
    texts = [one.text for one in found.checks if one.check == "waivers"]
    assert any("org.yaml" in text and "replaced" in text for text in texts)
    other = gate(side(record("fail")), side(record("fail")), layered=layered(release, organisation))
    assert other.differences[0].action == "accepted"


def test_one_that_holds_goes_before_an_expired_one_then_the_later_file() -> None:
    files = (
        layer("org.yaml", entry("W-org")),
        layer("product.yaml", entry("W-product")),
        layer("release.yaml", entry("W-release", expires="2026-01-01")),
    )
    (found,) = gate(side(record("fail")), side(record("fail")), layered=layered(*files)).differences
    assert found.difference.waiver is not None
    assert (found.difference.waiver["id"], found.difference.waiver["layer"]) == ("W-product", "product.yaml")


def test_unused_expired_and_overbroad_ones_are_reported() -> None:
    rules = [record("fail", f"rule-{number}@00000001") for number in range(12)]
    one = side(*rules)
    files = layered(
        layer(
            "w.yaml",
            entry("wide", "control: 'stig:1'"),
            entry("idle", "rule: rule-z"),
            entry("old", "rule: rule-y", "2026-01-01"),
            entry("long", "rule: rule-x", "2036-01-01"),
        )
    )
    found = gate(one, one, layered=files)
    told = {tuple(one.text.split(": ")[0:2]): one.state for one in found.checks if one.check == "waivers"}
    assert told == {
        ("waiver wide (w.yaml)", "overbroad"): "warning",
        ("waiver idle (w.yaml)", "unused"): "warning",
        ("waiver old (w.yaml)", "expired"): "warning",
        ("waiver long (w.yaml)", "unused"): "warning",
        ("waiver long (w.yaml)", "overbroad"): "warning",
    }
    assert found.decision == "met"
    strict = Policy(waivers=Waiving(overbroad="fail", unused="note", approver=True))
    refused = gate(one, one, strict, layered=files)
    assert refused.decision == "not_met"
    assert {one.text.split(": ")[1] for one in refused.checks if one.state == "failed"} == {"overbroad", "approver"}


def test_a_waiver_that_is_taken_away() -> None:
    """The baseline noted it; the new release has none."""
    found = one_pair("fail", "fail", old={"waiver": note("2027-01-31")})
    assert found is not None
    assert (found.difference.klass, found.action) == ("waiver_lost", DEFAULT_ACTIONS["waiver_lost"])


def test_lint() -> None:
    book = load()
    rule = next(iter(book.rules))
    files = layer(
        "w.yaml",
        entry("good", f"rule: {rule}, target: velaos", more=", approver: a, created: 2026-10-01"),
        entry("bare", f"rule: {rule}"),
        entry("same", f"rule: {rule}, target: velaos", more=", approver: o, created: 2026-10-01"),
        entry("lost", "rule: no-such-rule, target: velaos", more=", approver: a, created: 2026-10-01"),
        entry("none", "control: 'stig:none', target: velaos", more=", approver: a, created: 2026-10-01"),
        entry("late", f"rule: {rule}, target: velaos", "2026-01-01", ", approver: a, created: 2025-10-01"),
        entry("soon", f"rule: {rule}, target: velaos", more=", approver: a, created: 2026-12-01"),
    )
    found = [(one.waiver, one.kind) for one in lint(files, book, {"stig:1"}, TODAY, Waiving())]
    assert found == [
        ("bare", "created"),
        ("bare", "approver"),
        ("bare", "target"),
        ("same", "approver"),
        ("lost", "rule"),
        ("none", "control"),
        ("late", "expired"),
        ("soon", "created"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        "id: x, reason: r, owner: o, expires: 2027-01-31",
        "id: x, rule: a, control: 'b:c', reason: r, owner: o, expires: 2027-01-31",
        "id: x, control: b, reason: r, owner: o, expires: 2027-01-31",
        "id: x, control: 'b:', reason: r, owner: o, expires: 2027-01-31",
        "id: x, rule: a, reason: r, owner: o, expires: 2027-01-31, created: yesterday",
        "id: x, rule: a, reason: r, owner: o, expires: 2027-01-31, created: 2027-02-01",
    ],
)
def test_a_waiver_that_is_none(wrong: str) -> None:
    with pytest.raises(ContentError):
        layer("w.yaml", wrong)


NEW = {"id": "W-9", "rule": "a", "reason": 'says "no": # & *', "owner": "o\u2028x", "expires": "2027-01-31"}


@pytest.mark.parametrize(
    "before",
    [
        "",
        "schema: waivers/v1\nwaivers: []\n",
        "schema: waivers/v1\nwaivers:\n",
        "# ours\nschema: waivers/v1\nwaivers:\n- {id: W-1, rule: b, reason: r, owner: o, expires: 2027-01-31}\n# end\n",
        "schema: waivers/v1\nwaivers:\n    - id: W-1\n      rule: b\n      reason: r\n      owner: o\n      expires: 2027-01-31",
    ],
)
def test_a_waiver_is_added_and_the_rest_stays(before: str) -> None:
    data = added(before.encode(), NEW, "w.yaml")
    old = load_waivers(before.encode(), "w") if before else ()
    found = load_waivers(data, "w.yaml")
    assert found[:-1] == old
    assert (found[-1].id, found[-1].reason, found[-1].owner) == (NEW["id"], NEW["reason"], NEW["owner"])
    if old:
        assert data.decode().startswith(before)


@pytest.mark.parametrize(
    ("before", "waiver"),
    [
        ("schema: waivers/v1\nwaivers: [{id: W-1, rule: b, reason: r, owner: o, expires: 2027-01-31}]\n", NEW),
        ("waivers:\n  - {id: W-1, rule: b, reason: r, owner: o, expires: 2027-01-31}\nschema: waivers/v1\n", NEW),
        ("schema: waivers/v1\nwaivers:\n  - {id: W-9, rule: b, reason: r, owner: o, expires: 2027-01-31}\n", NEW),
        ("", {**NEW, "expires": "never"}),
        ("", {**NEW, "owner": " "}),
    ],
)
def test_what_cannot_be_added_is_refused(before: str, waiver: dict[str, str]) -> None:
    with pytest.raises(ContentError):
        added(before.encode(), waiver, "w.yaml")
