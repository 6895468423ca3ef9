"""Waivers annotate; owner and expiry are required."""

import pytest

from scanner.engine.cases import CASE_DAY
from scanner.engine.judge import Instance, judge
from scanner.engine.waivers import load_waivers, waiver_for
from scanner.model.errors import ContentError
from scanner.model.fact import Fact
from scanner.model.rule import Rule

GOOD = """schema: waivers/v1
waivers:
  - id: w1
    rule: x
    reason: The vendor fixes it in release 3.
    owner: a.person@example.org
    expires: 2026-12-31
    ticket: SEC-1
"""


def _result(value: int) -> object:
    rule = Rule("x", "X", "low", "", {"fact": "p", "equals": 1}, upstream=("public_x",))
    return judge(Instance(rule, {}, {}), {"p": Fact("p", "present", value=value)}, {"kind": "live"}, today=CASE_DAY)


def test_a_waiver_notes_and_does_not_change() -> None:
    failed = _result(0)
    note = waiver_for(failed, load_waivers(GOOD.encode(), "w.yaml"), {"host_name": "kiosk"}, "2026-11-20")  # type: ignore[arg-type]
    assert note is not None
    assert (note["id"], note["expired"], failed.status) == ("w1", False, "fail")  # type: ignore[attr-defined]


def test_expiry_is_the_last_valid_day() -> None:
    waivers = load_waivers(GOOD.encode(), "w.yaml")
    days = {"2026-12-31": False, "2027-01-01": True}
    for day, expired in days.items():
        note = waiver_for(_result(0), waivers, {}, day)  # type: ignore[arg-type]
        assert note is not None
        assert note["expired"] is expired


def test_a_pass_needs_no_waiver_and_other_targets_get_none() -> None:
    waivers = load_waivers(GOOD.replace("ticket: SEC-1", "target: 'lab-*'").encode(), "w.yaml")
    assert waiver_for(_result(1), waivers, {"host_name": "lab-1"}, "2026-11-20") is None  # type: ignore[arg-type]
    assert waiver_for(_result(0), waivers, {"host_name": "kiosk"}, "2026-11-20") is None  # type: ignore[arg-type]
    assert waiver_for(_result(0), waivers, {"host_name": "lab-1"}, "2026-11-20") is not None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    owner: a.person@example.org\n", "", "owner"),
        ("    expires: 2026-12-31\n", "", "expires"),
        ("2026-12-31", "never", "expires"),
        ("2026-12-31", "2026-13-31", "expires"),
        ("ticket", "tiket", "no part"),
        ("waivers/v1", "waivers/v2", "waivers/v1"),
        ("    reason: The vendor fixes it in release 3.\n", "    reason: ''\n", "reason"),
    ],
)
def test_a_waiver_without_its_parts_is_refused(old: str, new: str, says: str) -> None:
    with pytest.raises(ContentError, match=says) as caught:
        load_waivers(GOOD.replace(old, new).encode(), "w.yaml")
    assert caught.value.where.startswith("w.yaml")


def test_a_waiver_that_still_holds_comes_before_an_expired_one() -> None:
    second = GOOD.replace("id: w1", "id: w2").replace("2026-12-31", "2027-12-31").partition("waivers:\n")[2]
    note = waiver_for(_result(0), load_waivers((GOOD + second).encode(), "w.yaml"), {}, "2027-06-01")  # type: ignore[arg-type]
    assert note is not None
    assert (note["id"], note["expired"]) == ("w2", False)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("2026-12-31", "2026-02-31"),
        GOOD.replace("reason: The", "reason: [a]\n    ticket: The").replace("    ticket: SEC-1\n", ""),
        "schema: waivers/v1\nwaivers: 5\n",
        "schema: waivers/v1\nwaivers: " + "[" * 100_000,
        "schema: waivers/v1\nwaivers:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 3000)),
    ],
)
def test_a_waiver_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ContentError):
        load_waivers(text.encode(), "w.yaml")
