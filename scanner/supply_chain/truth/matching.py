"""Pairing what a document lists with what is installed, one ecosystem at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scanner.supply_chain.making.inventory import Item
from scanner.supply_chain.truth.claims import ANY, Claim, level_arch, level_name, same_version

__all__ = ["Pairs", "pair"]


@dataclass(slots=True)
class Pairs:
    """The outcome. `same`: claim and item that agree; `wrong`: claim, item, and what differs (version_differs,
    architecture_differs); `absent`: claims without item, with items of that name that others account for; `omitted`:
    items without claim. `imprecise`, `by_source`: how many claims agree without naming a release, and how many items
    are listed under their source package only."""

    same: list[tuple[Claim, Item]] = field(default_factory=list)
    wrong: list[tuple[Claim, Item, str]] = field(default_factory=list)
    absent: list[tuple[Claim, tuple[Item, ...]]] = field(default_factory=list)
    omitted: list[Item] = field(default_factory=list)
    imprecise: int = 0
    by_source: int = 0


def pair(kind: str, claims: Sequence[Claim], items: Sequence[Item]) -> Pairs:
    """Pair the `claims` of one ecosystem with its `items`. Several versions of one name are paired as sets: those that
    agree first, the rest in the order of their versions."""
    found = Pairs()
    by_name: dict[str, list[Item]] = {}
    for item in items:
        by_name.setdefault(level_name(kind, item.name), []).append(item)
    named: dict[str, list[Claim]] = {}
    others: list[Claim] = []
    for claim in claims:
        if claim.name in by_name and not claim.is_source:
            named.setdefault(claim.name, []).append(claim)
        else:
            others.append(claim)
    covered: set[str] = set()
    for name, mine in named.items():
        _one_name(kind, mine, by_name[name], found, covered)
    _sources(kind, others, claims, items, found, covered)
    found.omitted = [item for item in items if item.key not in covered]
    return found


def _one_name(kind: str, claims: list[Claim], items: list[Item], found: Pairs, covered: set[str]) -> None:
    left = list(claims)
    for wanted in ("same", "imprecise"):
        waiting, left = left, []
        for claim in waiting:
            fitting = [
                item
                for item in items
                if _fits(claim, item)
                and (item.key not in covered or wanted == "same")
                and same_version(kind, claim.version, item.version, item.arch) == wanted
            ]
            if not fitting:
                left.append(claim)
                continue
            found.same.extend((claim, item) for item in fitting)
            covered.update(item.key for item in fitting)
            found.imprecise += wanted == "imprecise"
    free = sorted((item for item in items if item.key not in covered), key=lambda item: (item.version, item.arch))
    for claim in sorted(left, key=lambda claim: (claim.version, claim.arch)):
        elsewhere = [item for item in free if same_version(kind, claim.version, item.version, item.arch)]
        near = elsewhere or [item for item in free if _fits(claim, item)] or free
        if not near:
            found.absent.append((claim, tuple(items)))
            continue
        partner = near[0]
        found.wrong.append((claim, partner, "architecture_differs" if elsewhere else "version_differs"))
        # A claim without architecture speaks of that version on all of them.
        gone = {
            item.key
            for item in free
            if item is partner or (claim.arch == ANY and item.version == partner.version and not elsewhere)
        }
        covered |= gone
        free = [item for item in free if item.key not in gone]


def _fits(claim: Claim, item: Item) -> bool:
    arch = level_arch(item.arch)
    return claim.arch == arch or ANY in (claim.arch, arch)


def _sources(
    kind: str,
    others: Iterable[Claim],
    claims: Sequence[Claim],
    items: Sequence[Item],
    found: Pairs,
    covered: set[str],
) -> None:
    """Claims that name a source package stand for everything that was built from it.

    A name that is binary and source package at once does so only in a document that lists sources throughout: half of
    the sources that share their name with no binary package at least.
    """
    by_origin: dict[str, list[Item]] = {}
    for item in items:
        if item.origin:
            by_origin.setdefault(level_name(kind, item.origin), []).append(item)
    for claim in others:
        built = by_origin.get(claim.name, [])
        if not built:
            found.absent.append((claim, ()))
            continue
        agreeing = [item for item in built if same_version(kind, claim.version, item.origin_version)]
        if agreeing:
            found.by_source += len([item for item in agreeing if item.key not in covered])
            found.same.extend((claim, item) for item in agreeing)
            covered.update(item.key for item in agreeing)
        else:
            free = [item for item in built if item.key not in covered]
            found.wrong.append((claim, (free or built)[0], "version_differs"))
            covered.update(item.key for item in built)
    names = {level_name(kind, item.name) for item in items}
    pure = [name for name in by_origin if name not in names]
    listed = {claim.name for claim in claims}
    if pure and 2 * sum(name in listed for name in pure) >= len(pure):
        for claim in claims:
            for item in by_origin.get(claim.name, []):
                if item.key not in covered and same_version(kind, claim.version, item.origin_version):
                    covered.add(item.key)
                    found.by_source += 1
