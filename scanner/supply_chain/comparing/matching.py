"""Which component of one document is which of the other.

Pairs are asserted only by what the documents say: the same package URL, the same identity, being the subject, or, when
one side has no package URL, the same name. Everything weaker is left to `suggesting`. No stage depends on the order of
components, and swapping the documents swaps the pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from scanner.supply_chain.bulk import maker
from scanner.supply_chain.comparing.pairing import pair_sets
from scanner.supply_chain.identity import ecosystem, identity
from scanner.supply_chain.model import Bom, Component

__all__ = ["MATCHED_BY", "Matching", "Pair", "match"]

MATCHED_BY: Mapping[str, str] = {
    "purl": "both have the same package URL, version included",
    "identity": "the package URLs differ in version or build only; or, without any, type, group and name are the same",
    "subject": "each is what its document describes",
    "name_and_type": "one has no package URL; group, name and type are the same, and nothing else that is left fits",
    "name": "one has no package URL; group and name are the same, and nothing else that is left fits",
    "bare_name": "one has no package URL or no group; name and type are the same, and nothing else that is left fits",
}
"""Reasons for a pair, the strongest first."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Indexes of a component in both documents, and why they belong together."""

    old: int
    new: int
    by: str


_pair = maker(Pair)


@dataclass(frozen=True, slots=True)
class Matching:
    """Every component of both sides exactly once: paired, removed or added (indexes, ascending). `twins`: pairs whose
    identity occurs more than once on a side (positions in `pairs`)."""

    pairs: tuple[Pair, ...]
    removed: tuple[int, ...]
    added: tuple[int, ...]
    twins: frozenset[int]


def match(old: Bom, new: Bom) -> Matching:
    """Pair the components of two documents."""
    work = _Work(old.components, new.components)
    work.subjects(_index_of(old), _index_of(new))
    work.stage("purl", attrgetter("purl"))
    work.stage("identity", identity)
    work.named("name_and_type", lambda one: (one.group.casefold(), one.name.casefold(), one.type))
    work.named("name", lambda one: (one.group.casefold(), one.name.casefold()))
    work.named("bare_name", lambda one: (one.name.casefold(), one.type), bare=True)
    return Matching(tuple(work.pairs), tuple(sorted(work.old)), tuple(sorted(work.new)), frozenset(work.twins))


def _index_of(bom: Bom) -> int | None:
    """Where the component stands that the document describes."""
    if bom.subject is None:
        return None
    return next((index for index, one in enumerate(bom.components) if one.ref == bom.subject), None)


def _among(wanted: str, components: Sequence[Component]) -> bool:
    """Whether one of the components has this identity."""
    tail = wanted.partition("?")[0].rpartition("/")[2]
    # Two cheap looks first: to make the identity of every component costs more than the rest of the comparison.
    return any(
        (tail in one.purl.lower() or tail in one.purl if one.purl else tail == one.name) and identity(one) == wanted
        for one in components
    )


_Group = int | list[int]
"""One index, as most keys have, or several."""


class _Work:
    """What is still to be paired on either side, and the pairs so far."""

    def __init__(self, old: Sequence[Component], new: Sequence[Component]) -> None:
        self.sides = old, new
        self.old = set(range(len(old)))
        self.new = set(range(len(new)))
        self.pairs: list[Pair] = []
        self.twins: list[int] = []

    def subjects(self, old: int | None, new: int | None) -> None:
        """What the documents describe belongs together, unless it is a component of the other document as well."""
        if old is None or new is None:
            return
        left, right = self.sides[0][old], self.sides[1][new]
        one, two = identity(left), identity(right)
        if one != two and (_among(one, self.sides[1]) or _among(two, self.sides[0])):
            return
        self._take([(old, new)], "subject", False)

    def stage(self, by: str, key: Callable[[Component], Any]) -> None:
        """Pair what has the same key, several of one key as sets. A key of None pairs nothing."""
        left, right = self._groups(self.old, self.sides[0], key), self._groups(self.new, self.sides[1], key)
        for value, olds in left.items():
            news = right.get(value)
            if news is None:
                continue
            if type(olds) is int and type(news) is int:
                self._take([(olds, news)], by, False)
            else:
                self._sets(_listed(olds), _listed(news), by)

    def named(self, by: str, key: Callable[[Component], Any], *, bare: bool = False) -> None:
        """Pair by name what has no package URL on at least one side, where nothing else has that name."""
        left, right = self._groups(self.old, self.sides[0], key), self._groups(self.new, self.sides[1], key)
        for value, olds in left.items():
            news = right.get(value)
            if news is not None and self._one_thing(_listed(olds), _listed(news), bare):
                self._sets(_listed(olds), _listed(news), by)

    def _one_thing(self, olds: Sequence[int], news: Sequence[int], bare: bool) -> bool:
        """Whether all of one name is one identity a side, and the sides do not contradict each other."""
        left = [self.sides[0][index] for index in olds]
        right = [self.sides[1][index] for index in news]
        if left[0].purl is not None and right[0].purl is not None:
            return False
        if len({identity(one) for one in left}) > 1 or len({identity(one) for one in right}) > 1:
            return False
        if bare and left[0].group and right[0].group:
            return False
        one, two = ecosystem(left[0]), ecosystem(right[0])
        return not one or not two or one == two

    def _groups(
        self, open_: Iterable[int], side: Sequence[Component], key: Callable[[Component], Any]
    ) -> dict[Any, _Group]:
        groups: dict[Any, _Group] = {}
        for index in open_:
            value = key(side[index])
            if value is None:
                continue
            known = groups.setdefault(value, index)
            if type(known) is list:
                known.append(index)
            elif known != index:
                groups[value] = [*_listed(known), index]
        return groups

    def _sets(self, olds: list[int], news: list[int], by: str) -> None:
        if len(olds) == 1 and len(news) == 1:
            self._take([(olds[0], news[0])], by, False)
            return
        old, new = self.sides
        self._take(pair_sets([(one, old[one]) for one in olds], [(one, new[one]) for one in news]), by, True)

    def _take(self, found: Iterable[tuple[int, int]], by: str, twins: bool) -> None:
        for one, two in found:
            if twins:
                self.twins.append(len(self.pairs))
            self.pairs.append(_pair(one, two, by))
            self.old.discard(one)
            self.new.discard(two)


def _listed(group: _Group) -> list[int]:
    return [group] if isinstance(group, int) else group
