"""What holds for every pair of documents."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.comparing.matching import match
from scanner.supply_chain.comparing.result import Change, Diff
from scanner.supply_chain.comparing.series import timeline
from scanner.supply_chain.identity import identity
from scanner.supply_chain.model import Bom
from tests.unit.supply_chain.comparing.bom_maker import boms, shuffled

EXAMPLES = settings(
    max_examples=10_000 if os.environ.get("ASSAY_LONG") else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

MIRROR = {
    "component_added": "component_removed",
    "version_upgraded": "version_downgraded",
    "field_lost": "field_gained",
    "support_passed": "support_regained",
    "relation_added": "relation_removed",
    "vulnerability_appeared": "vulnerability_vanished",
    "quality_worse": "quality_better",
}
MIRROR |= {value: key for key, value in MIRROR.items()}


@EXAMPLES
@given(boms(), st.randoms(use_true_random=False))
def test_a_document_does_not_differ_from_itself(one: Bom, order: Any) -> None:
    for other in (one, shuffled(one, order)):
        diff = compare(one, other)
        assert diff.changes == ()
        assert diff.suggestions == ()
        assert diff.accounted["unchanged"] == len(one.components)


@EXAMPLES
@given(boms(), boms(), st.randoms(use_true_random=False))
def test_order_makes_no_difference(old: Bom, new: Bom, order: Any) -> None:
    assert compare(old, new) == compare(shuffled(old, order), shuffled(new, order))


def sides(change: Change) -> tuple[str, ...]:
    return change.kind, change.before, change.after, change.old, change.new


def mirrored(change: Change) -> tuple[str, ...]:
    return MIRROR.get(change.kind, change.kind), change.after, change.before, change.new, change.old


@EXAMPLES
@given(boms(), boms())
def test_swapping_the_documents_swaps_every_change(old: Bom, new: Bom) -> None:
    forth, back = compare(old, new), compare(new, old)
    here, there = Counter(map(sides, forth.changes)), Counter(map(mirrored, back.changes))
    assert (here - there, there - here) == (Counter(), Counter())
    assert {(one.old, one.new, one.score) for one in forth.suggestions} == {
        (one.new, one.old, one.score) for one in back.suggestions
    }


@EXAMPLES
@given(boms(), boms())
def test_every_component_is_accounted_for_exactly_once(old: Bom, new: Bom) -> None:
    found = match(old, new)
    assert sorted([pair.old for pair in found.pairs] + list(found.removed)) == list(range(len(old.components)))
    assert sorted([pair.new for pair in found.pairs] + list(found.added)) == list(range(len(new.components)))
    diff = compare(old, new)
    assert diff.accounted["unchanged"] + diff.accounted["changed"] == len(found.pairs)
    told = Counter(change.kind for change in diff.changes)
    assert (told["component_removed"], told["component_added"]) == (len(found.removed), len(found.added))


@EXAMPLES
@given(boms(), boms())
def test_packages_are_never_taken_for_each_other(old: Bom, new: Bom) -> None:
    """Other qualifiers, other architectures: another package. Only the subject may have become another one."""
    for pair in match(old, new).pairs:
        one, two = old.components[pair.old], new.components[pair.new]
        if one.purl is not None and two.purl is not None and pair.by != "subject":
            assert identity(one) == identity(two)


@EXAMPLES
@given(boms(), boms())
def test_equal_components_are_paired_before_all_others(old: Bom, new: Bom) -> None:
    if old.subject is not None and new.subject is not None:
        new = replace(new, subject=None)
    found = match(old, new)
    left = Counter((one.purl, one.version) for one in (old.components[index] for index in found.removed) if one.purl)
    right = Counter((one.purl, one.version) for one in (new.components[index] for index in found.added) if one.purl)
    assert not left & right


@EXAMPLES
@given(boms(), boms())
def test_the_result_is_plain_and_consistent(old: Bom, new: Bom) -> None:
    diff: Diff = compare(old, new)
    document = diff.to_json()
    assert len(diff.summary) <= 10
    assert sum(document["counts"]["materiality"].values()) == len(diff.changes)
    assert sum(document["counts"]["kinds"].values()) == len(diff.changes)
    assert all(change.reason and "{" not in change.reason for change in diff.changes)


@EXAMPLES
@given(st.lists(boms(), min_size=1, max_size=4))
def test_a_timeline_holds_every_component_of_every_release(releases: list[Bom]) -> None:
    line = timeline(releases)
    for number, release in enumerate(releases):
        assert sum(len(row.versions[number]) for row in line.rows) == len(release.components)
    assert all(any(row.versions) for row in line.rows)
