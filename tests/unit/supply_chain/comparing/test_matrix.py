"""One base against several: each comparison is told whole, and a change stands in one row."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.comparing.matrix import compare_with_each
from scanner.supply_chain.model import Bom, Vulnerability
from tests.unit.supply_chain.comparing.bom_maker import bom, boms, component

BASE = bom(component("a"), component("b", "2.0.0"), name="base")
KIOSK = bom(component("a", "1.0.1"), component("b", "1.9.0"), name="kiosk")
POS = bom(component("a", "1.0.1"), component("c"), name="pos")


def test_a_change_stands_in_one_row_with_everyone_who_has_it() -> None:
    found = compare_with_each(BASE, [KIOSK, POS])
    rows = {(row.kind, row.name): [level for level, _ in row.cells] for row in found.rows}
    assert rows == {
        ("version_upgraded", "a"): ["none", "none"],
        ("version_downgraded", "b"): ["high", ""],
        ("component_removed", "b"): ["", "low"],
        ("component_added", "c"): ["", "low"],
    }
    assert [one.own for one in found.variants] == [1, 2]
    assert found.worst == "high" and found.rows[0].kind == "version_downgraded"
    counts = found.to_json()["counts"]
    assert (counts["changes"], counts["in_all"], counts["in_one"]) == (4, 1, 3)


def test_the_same_component_at_another_version_is_another_row() -> None:
    found = compare_with_each(BASE, [bom(component("a", "1.0.1")), bom(component("a", "1.0.2"))])
    moves = [(row.after, row.variants) for row in found.rows if row.name == "a"]
    assert sorted(moves) == [("1.0.1", 1), ("1.0.2", 1)]


def test_vulnerabilities_of_one_component_stay_apart() -> None:
    flaws = tuple(Vulnerability(name, ("a@1.0.0",), "affected", severity="high") for name in ("CVE-1", "CVE-2"))
    found = compare_with_each(BASE, [bom(*BASE.components, vulnerabilities=flaws)])
    assert sum(row.kind == "vulnerability_appeared" for row in found.rows) == 2


def test_copies_are_counted() -> None:
    twice = [component("x", ref="x1", purl="pkg:npm/x@1.0.0"), component("x", ref="x2", purl="pkg:npm/x@1.0.0")]
    row = next(row for row in compare_with_each(bom(), [bom(*twice)]).rows if row.name == "x")
    assert row.cells[0][1] == 2


@settings(deadline=None, max_examples=60)
@given(boms(), st.lists(boms(), min_size=1, max_size=3))
def test_nothing_is_lost_between_the_comparisons_and_the_rows(base: Bom, others: list[Bom]) -> None:
    found = compare_with_each(base, others)
    for number, other in enumerate(others):
        alone = compare(base, other)
        assert Counter(change.kind for change in alone.changes) == Counter(
            {
                kind: total
                for kind in {row.kind for row in found.rows}
                if (total := sum(row.cells[number][1] for row in found.rows if row.kind == kind))
            }
        )
        assert found.variants[number].diff["worst"] == alone.worst
    assert all(1 <= row.variants <= len(others) for row in found.rows)


@settings(deadline=None, max_examples=60)
@given(boms())
def test_a_base_compared_with_itself_has_no_rows(base: Bom) -> None:
    assert compare_with_each(base, [base, base]).rows == ()
