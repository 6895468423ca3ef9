"""Regular expressions of content and of users: compiled in one place, and only such that end.

A backtracking matcher needs exponential time on some texts when one loop of a pattern can read the same text in two
ways, as `(a|aa)+$` does, and a power of the text's length when loops that stand behind one another can share it, as in
`.*a.*b`. Both are properties of the pattern alone, of the ambiguity of its automaton (Weber and Seidl, "On the degree
of ambiguity of finite automata", 1991). `safe` refuses the first kind; `longest` says how much text the second may be
asked about.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from operator import or_

# The parser of `re` itself: what it makes of a pattern is what is run. Not public, but the same in 3.11 to 3.14.
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from scanner.engine.pattern_shape import ALL, CHARACTERS, EXPONENTIAL, TOO_LARGE, PatternError, Shape

__all__ = ["ALWAYS_SEARCHED", "MAX_PATTERN", "MAX_SEARCHED", "PatternError", "compiled", "longest", "safe"]

MAX_PATTERN = 8_000
"""Characters of a pattern."""

MAX_SEARCHED = 65_536
"""Characters of a text that the simplest pattern may be asked about."""

ALWAYS_SEARCHED = 512
"""Characters of a text that every safe pattern may be asked about."""

_STEPS = 1 << 28
"""Steps of the matcher that one search may take: half a second at worst."""

_STEPS_OF_ALL_WAYS = 1 << 31
"""The same, with every way to read one text counted, of which few are taken at once."""

_MAX_WAYS = 4096
_WAYS = "its parts can read the same text in very many ways, as a?a?a?a?a?…: its search can take for ever"


@lru_cache(maxsize=2048)
def compiled(text: str) -> re.Pattern[str]:
    """The pattern, compiled. Raises PatternError for what is none."""
    if len(text) > MAX_PATTERN:
        raise PatternError(f"a regular expression of more than {MAX_PATTERN:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets that a later Python may read otherwise
            return re.compile(text)
    except RecursionError:
        raise PatternError("not a regular expression: nested too deeply") from None
    except (re.error, OverflowError, MemoryError, ValueError) as error:
        raise PatternError(f"not a regular expression: {error}") from None


def safe(text: str) -> None:
    """Raise PatternError unless `text` is a pattern whose search ends soon on every text."""
    if longest(text) < ALWAYS_SEARCHED:
        raise PatternError("a slow regular expression: too many of its repeats can share a text, as .*a.*b.*c")


@lru_cache(maxsize=2048)
def longest(text: str) -> int:
    """The longest text, in characters, that the pattern `text` is searched in; ALWAYS_SEARCHED or more when it is safe.

    Raises PatternError for a pattern that can take for ever.
    """
    compiled(text)
    power, ways = _cost(text)
    return min(MAX_SEARCHED, *(int(steps ** (1 / max(power, 1))) for steps in (_STEPS, _STEPS_OF_ALL_WAYS / ways)))


def _cost(text: str) -> tuple[int, int]:
    """The power of the text's length with which the time of a search grows at worst, and the factor before it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = _parser.parse(text)
    flags = parsed.state.flags
    shape = Shape()
    try:
        start = shape.sequence(_needed(parsed), flags)
    except RecursionError:
        raise PatternError(TOO_LARGE) from None
    first = shape.chars(ALL)
    shape.join(first.last, start.first)
    if not _anchored(parsed, flags):
        # A search begins anew at every character: a loop over anything, before all else.
        shape.join(first.last, first.first)
    power, ways = _degree(shape)
    for beside in shape.lookarounds:
        more, times = _degree(beside)
        power, ways = power + more, ways * times
    return power, ways


def _needed(parsed: Any) -> Sequence[Any]:
    """Without `.*` and the like at its end: the search is over before."""
    items = list(parsed)
    while items and items[-1][0] in (c.MAX_REPEAT, c.MIN_REPEAT) and items[-1][1][0] == 0:
        if len(items[-1][1][2]) != 1 or items[-1][1][2][0][0] not in CHARACTERS:
            break
        items.pop()
    return items


def _anchored(parsed: Any, flags: int) -> bool:
    """Whether a search looks at the start of the text only."""
    if flags & re.MULTILINE or not len(parsed):
        return False
    op, value = parsed[0]
    if op is c.AT:
        return value in (c.AT_BEGINNING, c.AT_BEGINNING_STRING)
    if op is c.BRANCH:
        return all(_anchored(branch, flags) for branch in value[1])
    return op is c.SUBPATTERN and not value[1] & re.MULTILINE and _anchored(value[3], flags)


# ---- ambiguity -----------------------------------------------------------------------------------------------------


def _degree(shape: Shape) -> tuple[int, int]:
    """Loops that multiply: one, and one more for every two loops behind one another that can share a text (0: no loop);
    and the ways to read one text apart from that.

    Raises PatternError when there is more: a loop that is ambiguous in itself, or too many ways without a loop.
    """
    parts = _parts(shape.follow)
    part_of = {one: number for number, part in enumerate(parts) for one in part}
    letters = [reduce(or_, (shape.labels[one] for one in part)) for part in parts]
    signs = _signs(shape.labels)
    # From a part on: links between loops, and ways to read one text apart from these. The parts stand from the end of
    # the pattern to its beginning: what follows is known before.
    links: list[int] = []
    ways: list[int] = []
    loops: set[int] = set()
    for number, part in enumerate(parts):
        after = [
            (later, one, many)
            for x in part
            for one, many in shape.follow[x].items()
            if (later := part_of[one]) != number
        ]
        most = max((links[later] for later, _, _ in after), default=0)
        fan = max((_fan(shape, one, part_of, ways, number, signs) for one in part), default=1)
        if len(part) > 1 or part[0] in shape.follow[part[0]]:
            loops.add(number)
            _check_loop(shape, part)
            linked: set[int] = set()
            for later in {part_of[one] for one in _reached(shape, part, letters[number])} & loops - {number}:
                common = letters[number] & letters[later]
                if not _reached(shape, part, common).isdisjoint(parts[later]):
                    most = max(most, links[later] + 1)
                    linked.update(parts[later])
            if letters[number] != ALL:
                # It can be left at as many places as the text goes on the same behind it.
                near = _reached(shape, part, letters[number], linked)
                fan *= 1 + len([one for one in near if part_of[one] not in loops])
        if fan > _MAX_WAYS:
            raise PatternError(_WAYS)
        links.append(most)
        ways.append(fan)
    return (1 + max(links) if loops else 0), max(ways)


def _fan(
    shape: Shape, here: int, part_of: Mapping[int, int], ways: Sequence[int], number: int, signs: Sequence[int]
) -> int:
    """The ways to read one text from a position on, outside its own loop: the sum over what one character leads to."""
    best = 1
    after = [
        (shape.labels[one], many * ways[part_of[one]])
        for one, many in shape.follow[here].items()
        if part_of[one] != number
    ]
    for sign in signs if len(after) > 1 else ():
        best = max(best, sum(many for label, many in after if label & sign))
    return max(best, max((many for _, many in after), default=1))


def _signs(labels: Iterable[int]) -> list[int]:
    """One character for all that stand in the same sets of a pattern."""
    distinct = sorted(set(labels))
    kinds: dict[int, int] = {}
    for place in range(132):
        kind = sum(1 << number for number, label in enumerate(distinct) if label >> place & 1)
        kinds.setdefault(kind, 1 << place)
    return list(kinds.values())


def _reached(shape: Shape, start: Iterable[int], letters: int, without: Collection[int] = ()) -> set[int]:
    """The positions that can be reached by texts of these letters alone, not through those of `without`."""
    seen: set[int] = set()
    todo = list(start)
    while todo:
        follow = shape.follow[todo.pop()]
        shape.spend(len(follow))
        for after in follow:
            if after not in seen and after not in without and shape.labels[after] & letters:
                seen.add(after)
                todo.append(after)
    return seen


def _check_loop(shape: Shape, part: Sequence[int]) -> None:
    """Raise PatternError when a text leads from a position of the loop back to it in two ways: two walks that read the
    same text, part, and meet again."""
    loop = frozenset(part)
    follow = {one: [after for after in shape.follow[one] if after in loop] for one in loop}
    if any(shape.follow[one][after] > 1 for one in loop for after in follow[one]):
        raise PatternError(EXPONENTIAL)
    todo = [(one, one) for one in loop]
    seen: set[tuple[int, int]] = set()
    while todo:
        one, other = todo.pop()
        shape.spend(len(follow[one]) * len(follow[other]))
        for left in follow[one]:
            for right in follow[other]:
                if not shape.labels[left] & shape.labels[right]:
                    continue
                if left == right:
                    if one != other:
                        raise PatternError(EXPONENTIAL)
                elif (left, right) not in seen and (right, left) not in seen:
                    seen.add((left, right))
                    todo.append((left, right))


def _parts(follow: Sequence[Mapping[int, int]]) -> list[list[int]]:
    """The strongly connected parts, each before those that lead to it (Tarjan, without recursion)."""
    number = [0] * len(follow)
    low = [0] * len(follow)
    on_stack: set[int] = set()
    stack: list[int] = []
    found: list[list[int]] = []
    count = 0
    for root in range(len(follow)):
        if number[root]:
            continue
        count += 1
        number[root] = low[root] = count
        stack.append(root)
        on_stack.add(root)
        walk = [(root, iter(follow[root]))]
        while walk:
            here, rest = walk[-1]
            for after in rest:
                if not number[after]:
                    count += 1
                    number[after] = low[after] = count
                    stack.append(after)
                    on_stack.add(after)
                    walk.append((after, iter(follow[after])))
                    break
                if after in on_stack:
                    low[here] = min(low[here], number[after])
            else:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[here])
                if low[here] == number[here]:
                    part = stack[stack.index(here) :]
                    del stack[-len(part) :]
                    on_stack.difference_update(part)
                    found.append(part)
    return found
