"""The algebra of statuses: all pairs, and the laws that make the order of parts irrelevant."""

from itertools import product

import pytest

from scanner.engine.status import all_of, any_of, inverse

FIVE = ("pass", "fail", "error", "unknown", "not_applicable")

ALL = {
    ("pass", "pass"): "pass",
    ("pass", "fail"): "fail",
    ("pass", "error"): "error",
    ("pass", "unknown"): "unknown",
    ("pass", "not_applicable"): "pass",
    ("fail", "fail"): "fail",
    ("fail", "error"): "fail",
    ("fail", "unknown"): "fail",
    ("fail", "not_applicable"): "fail",
    ("error", "error"): "error",
    ("error", "unknown"): "error",
    ("error", "not_applicable"): "error",
    ("unknown", "unknown"): "unknown",
    ("unknown", "not_applicable"): "unknown",
    ("not_applicable", "not_applicable"): "not_applicable",
}
ANY = {
    ("pass", "pass"): "pass",
    ("pass", "fail"): "pass",
    ("pass", "error"): "pass",
    ("pass", "unknown"): "pass",
    ("pass", "not_applicable"): "pass",
    ("fail", "fail"): "fail",
    ("fail", "error"): "error",
    ("fail", "unknown"): "unknown",
    ("fail", "not_applicable"): "fail",
    ("error", "error"): "error",
    ("error", "unknown"): "error",
    ("error", "not_applicable"): "error",
    ("unknown", "unknown"): "unknown",
    ("unknown", "not_applicable"): "unknown",
    ("not_applicable", "not_applicable"): "not_applicable",
}


@pytest.mark.parametrize(("left", "right"), list(product(FIVE, FIVE)))
def test_every_pair(left: str, right: str) -> None:
    assert all_of([left, right]) == ALL.get((left, right)) or ALL.get((right, left)) == all_of([left, right])
    assert any_of([left, right]) == ANY.get((left, right)) or ANY.get((right, left)) == any_of([left, right])


@pytest.mark.parametrize("join", [all_of, any_of])
def test_commutative_and_associative(join: object) -> None:
    assert callable(join)
    for one, two, three in product(FIVE, repeat=3):
        assert join([one, two]) == join([two, one])
        assert join([join([one, two]), three]) == join([one, join([two, three])]) == join([one, two, three])


def test_nothing_shown_is_unknown() -> None:
    assert all_of([]) == any_of([]) == "unknown"


def test_not_swaps_pass_and_fail_only() -> None:
    assert [inverse(status) for status in FIVE] == ["fail", "pass", "error", "unknown", "not_applicable"]
