"""Renames, variants, splits and merges among what was removed and added: suggested with a score and reasons.

They are never asserted: each component stays listed as removed or added.

Candidates share a digest, a name without its numbers, or a rare word of the name; nothing is compared with everything,
so that the cost stays proportional to the number of components.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scanner.supply_chain import versions
from scanner.supply_chain.comparing.components import title, version_of
from scanner.supply_chain.comparing.result import Suggestion
from scanner.supply_chain.identity import ecosystem, identity
from scanner.supply_chain.model import Component

__all__ = ["suggest"]

MAX_BLOCK = 12
"""Components on either side that may share a key; a key of more is too common to mean anything."""
MAX_PARTS = 12
"""Components that one may be split into."""
MAX_TEXT = 200
"""Characters of a name that are compared."""
LEAST = 60
"""The score from which something is suggested."""

_WORD = re.compile(r"[a-z]{3,}|\d+")
_NUMBERS = re.compile(r"[-_.]?\d[\d.]*")


@dataclass(frozen=True, slots=True)
class _Guess:
    """A removed and an added component that may be one (indexes), the score and why."""

    old: int
    new: int
    score: int
    reasons: tuple[str, ...]
    kind: str = "rename"


def suggest(removed: Sequence[Component], added: Sequence[Component]) -> tuple[Suggestion, ...]:
    """What may have become of removed components, the surest first."""
    guesses = [
        guess
        for one, two in sorted(_candidates(removed, added))
        if (guess := _guess(one, two, removed[one], added[two])) is not None
    ]
    guesses.sort(key=lambda one: (-one.score, sorted((title(removed[one.old]), title(added[one.new])))))
    found = [*_renames(guesses, removed, added), *_splits(guesses, removed, added)]
    return tuple(sorted(found, key=lambda one: (-one.score, one.kind, one.old, one.new)))


def _candidates(removed: Sequence[Component], added: Sequence[Component]) -> set[tuple[int, int]]:
    blocks: tuple[dict[str, list[int]], dict[str, list[int]]] = defaultdict(list), defaultdict(list)
    for side, components in zip(blocks, (removed, added), strict=True):
        for index, one in enumerate(components):
            for key in _keys(one):
                side[key].append(index)
    found: set[tuple[int, int]] = set()
    for key, olds in blocks[0].items():
        news = blocks[1].get(key)
        if news is not None and len(olds) <= MAX_BLOCK and len(news) <= MAX_BLOCK:
            found.update((one, two) for one in olds for two in news)
    return found


def _keys(component: Component) -> set[str]:
    name = component.name[:MAX_TEXT].casefold()
    words = {f"word:{word}" for word in _WORD.findall(name) if len(word) > 3}
    return {
        f"name:{name}",
        f"stem:{_NUMBERS.sub('', name)}",
        *words,
        *(f"hash:{digest}" for digest in component.hashes.values()),
    }


def _guess(one: int, two: int, old: Component, new: Component) -> _Guess | None:
    score, reasons = 0, []
    if any(new.hashes.get(name) == digest for name, digest in old.hashes.items()):
        score += 70
        reasons.append("same content")
    alike = _alike(old.name[:MAX_TEXT].casefold(), new.name[:MAX_TEXT].casefold())
    if alike >= 50:
        score += alike * 6 // 10
        reasons.append("same name" if alike == 100 else f"names alike to {alike} %")
    if not reasons:
        return None
    if old.supplier and old.supplier.casefold() == new.supplier.casefold():
        score += 15
        reasons.append("same supplier")
    if version_of(old) and version_of(old) == version_of(new):
        score += 15
        reasons.append("same version")
    elif versions.step(version_of(old), version_of(new)) in ("minor", "patch", "revision"):
        score += 5
        reasons.append("same major version")
    if ecosystem(old) and ecosystem(old) == ecosystem(new):
        score += 5
        reasons.append("same ecosystem")
    elif ecosystem(old) and ecosystem(new):
        score -= 20
    if _is_variant(old, new):
        return _Guess(one, two, min(score + 20, 100), ("same package, other qualifiers", *reasons), "variant")
    return _Guess(one, two, min(score, 100), tuple(reasons)) if score >= LEAST else None


def _is_variant(old: Component, new: Component) -> bool:
    """Whether the package URLs differ in qualifiers only: architecture, platform, repository."""
    one, two = (identity(component) if component.purl else "" for component in (old, new))
    return bool(one) and bool(two) and one.partition("?")[0] == two.partition("?")[0]


def _alike(one: str, two: str) -> int:
    """Dice's coefficient of pairs of letters, in percent; a name that begins with the other and a hyphen is near."""
    if one == two:
        return 100
    left, right = ({text[at : at + 2] for at in range(len(text) - 1)} for text in (one, two))
    shared = 200 * len(left & right) // (len(left) + len(right)) if left or right else 0
    short, long = sorted((one, two), key=len)
    return max(shared, 75) if len(short) > 3 and re.match(rf"{re.escape(short)}[-_./]", long) else shared


def _renames(
    guesses: Sequence[_Guess], removed: Sequence[Component], added: Sequence[Component]
) -> Iterator[Suggestion]:
    """The best partner of each, when each is the best of the other."""
    best_old: dict[int, _Guess] = {}
    best_new: dict[int, _Guess] = {}
    for guess in guesses:
        best_old.setdefault(guess.old, guess)
        best_new.setdefault(guess.new, guess)
    for guess in guesses:
        if best_old[guess.old] is guess and best_new[guess.new] is guess:
            yield Suggestion(
                guess.kind, (title(removed[guess.old]),), (title(added[guess.new]),), guess.score, guess.reasons
            )


def _splits(
    guesses: Sequence[_Guess], removed: Sequence[Component], added: Sequence[Component]
) -> Iterator[Suggestion]:
    """One component with several near ones on the other side that all bear its name or its supplier and version."""
    by_old: dict[int, list[_Guess]] = defaultdict(list)
    by_new: dict[int, list[_Guess]] = defaultdict(list)
    for guess in guesses:
        if _is_part(removed[guess.old].name, added[guess.new].name):
            by_old[guess.old].append(guess)
        if _is_part(added[guess.new].name, removed[guess.old].name):
            by_new[guess.new].append(guess)
    for kind, groups in (("split", by_old), ("merge", by_new)):
        for group in groups.values():
            if 2 <= len(group) <= MAX_PARTS:
                reasons = sorted(set.intersection(*(set(one.reasons) for one in group)))
                yield Suggestion(
                    kind,
                    tuple(sorted({title(removed[one.old]) for one in group})),
                    tuple(sorted({title(added[one.new]) for one in group})),
                    min(one.score for one in group),
                    ("their names begin with that of the whole", *reasons),
                )


def _is_part(whole: str, part: str) -> bool:
    whole, part = whole[:MAX_TEXT].casefold(), part[:MAX_TEXT].casefold()
    return part == whole or (len(whole) > 2 and part.startswith(whole) and part[len(whole)] in "-_./")
