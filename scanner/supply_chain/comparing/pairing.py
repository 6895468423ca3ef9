"""Several components of one identity (versions, copies) on both sides, paired as sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import Any

from scanner.supply_chain import versions
from scanner.supply_chain.identity import ecosystem
from scanner.supply_chain.model import Component

__all__ = ["compare_versions", "content_of", "pair_sets"]

Numbered = tuple[int, Component]

MAX_CELLS = 10_000
"""Up to so many combinations of left-over versions the best pairing is looked for; beyond, newest goes with newest."""

_FAR = 1000


def content_of(component: Component) -> tuple[Any, ...]:
    """Everything of a component that is compared, in a form that can be sorted."""
    return (
        component.version,
        component.purl or "",
        component.type,
        component.group,
        component.name,
        component.supplier,
        component.scope,
        component.end_of_support,
        tuple(sorted((one.acknowledgement, one.expression or "", one.text) for one in component.licenses)),
        tuple(sorted(component.hashes.items())),
        tuple(sorted(component.cpes)),
    )


def pair_sets(old: Sequence[Numbered], new: Sequence[Numbered]) -> list[tuple[int, int]]:
    """Pairs of numbers: equal content first, then equal versions, then the nearest versions in order.

    What is left over on the longer side has no pair. Symmetric, and independent of the order given.
    """
    pairs: list[tuple[int, int]] = []
    left = sorted(old, key=lambda one: (content_of(one[1]), one[1].ref))
    right = sorted(new, key=lambda one: (content_of(one[1]), one[1].ref))
    exact: tuple[Callable[[Component], Any], ...] = (
        lambda one: (content_of(one), one.ref),
        content_of,
        lambda one: (one.version, one.purl, one.ref),
        lambda one: (one.version, one.purl),
        lambda one: one.version,
    )
    for key in exact:
        found, left, right = _equal(left, right, key)
        pairs += found
        if not left or not right:
            return pairs
    return pairs + _nearest(left, right)


def _equal(
    left: list[Numbered], right: list[Numbered], key: Callable[[Component], Any]
) -> tuple[list[tuple[int, int]], list[Numbered], list[Numbered]]:
    waiting: dict[Any, list[Numbered]] = defaultdict(list)
    for one in reversed(right):
        waiting[key(one[1])].append(one)
    pairs, rest = [], []
    for one in left:
        same = waiting.get(key(one[1]))
        if same:
            pairs.append((one[0], same.pop()[0]))
        else:
            rest.append(one)
    taken = {number for _, number in pairs}
    return pairs, rest, [one for one in right if one[0] not in taken]


def _nearest(left: list[Numbered], right: list[Numbered]) -> list[tuple[int, int]]:
    """Pair as many as the shorter side has, without crossing in version order, at the least distance in all."""
    order = cmp_to_key(_order)
    left, right = sorted(left, key=order), sorted(right, key=order)
    if len(left) == len(right) or len(left) * len(right) > MAX_CELLS:
        size = min(len(left), len(right))
        return [(one[0], two[0]) for one, two in zip(left[-size:], right[-size:], strict=True)]
    if len(left) < len(right):
        return _aligned(left, right)
    return [(two, one) for one, two in _aligned(right, left)]


def compare_versions(one: Component, a: str, two: Component, b: str) -> int | None:
    """The order of version `a` of one component and `b` of the other; None when they are of different ecosystems."""
    left, right = ecosystem(one), ecosystem(two)
    return None if left and right and left != right else versions.compare(left or right, a, b)


def _order(one: Numbered, two: Numbered) -> int:
    a, b = one[1].version, two[1].version
    # Without an order of versions, that of the texts: any will do, if it is always the same.
    return compare_versions(one[1], a, two[1], b) or (a > b) - (a < b)


def _aligned(short: list[Numbered], long: list[Numbered]) -> list[tuple[int, int]]:
    """Each of `short` with one of `long`; of equally near ones the newest is taken."""
    spare = len(long) - len(short)
    # best[i][skipped]: least cost of pairing short[:i] with long[:i + skipped], `skipped` of which have no pair
    best = [[0] * (spare + 1)]
    for i, one in enumerate(short):
        above = best[-1]
        row: list[int] = []
        for skipped in range(spare + 1):
            cost = above[skipped] + _distance(one, long[i + skipped])
            row.append(cost if not row else min(cost, row[-1]))
        best.append(row)
    pairs, skipped = [], spare
    for i in range(len(short) - 1, -1, -1):
        while skipped and best[i + 1][skipped - 1] == best[i + 1][skipped] and not _fits(best, short, long, i, skipped):
            skipped -= 1
        pairs.append((short[i][0], long[i + skipped][0]))
    return pairs


def _fits(best: list[list[int]], short: list[Numbered], long: list[Numbered], i: int, skipped: int) -> bool:
    """Whether the pair at this place is part of a cheapest pairing."""
    return best[i][skipped] + _distance(short[i], long[i + skipped]) == best[i + 1][skipped]


def _distance(one: Numbered, two: Numbered) -> int:
    return {"revision": 1, "patch": 10, "minor": 100}.get(versions.step(one[1].version, two[1].version), _FAR)
