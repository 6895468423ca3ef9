"""The position automaton of a regular expression (Glushkov): a state for every character that the pattern writes.

Whatever is hard to tell is taken as the worse, the more ambiguous: characters outside ASCII are told apart by class
only; a counted repeat of more than a few is a loop; what stands in an atomic group counts as if it could be read again;
what a look-around forbids is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

# The parser of `re` itself: what it makes of a pattern is what is run. Not public, but the same in 3.11 to 3.14.
from re import _constants as c  # type: ignore[attr-defined]
from typing import Any

__all__ = ["ALL", "CHARACTERS", "PatternError", "Shape"]

_MAX_POSITIONS = 10_000
_MAX_EDGES = 50_000
_MAX_STEPS = 500_000
_MAX_COPIES = 8
_MAX_SAME = 128
_MANY = 1_000_000
"""As many ways as matter."""

_DIGITS, _WORDS, _SPACES, _REST = (1 << 128, 1 << 129, 1 << 130, 1 << 131)
"""The bits of the characters outside ASCII, by class, in a set of characters that is a number."""

_OTHERS = _DIGITS | _WORDS | _SPACES | _REST
ALL = (1 << 132) - 1
"""The set of all characters."""

EXPONENTIAL = "a repeat can read the same text in two ways, as (a|aa)+ or (a+)+: its search can take for ever"
TOO_LARGE = "a regular expression too large to be judged safe"
_EMPTY = "it repeats what can be empty, as (a*)+: its search can take for ever"


class PatternError(ValueError):
    """Why a pattern is not used."""


class _Part:
    """A part of a pattern: the ways in which it can be empty, and its first and last positions with the ways there."""

    __slots__ = ("first", "last", "null")

    def __init__(self, null: int, first: dict[int, int], last: dict[int, int]) -> None:
        self.null, self.first, self.last = null, first, last


class Shape:
    """The position automaton of a pattern: a state for every character that the pattern writes.

    `labels`: the characters that each position reads; `follow`: the positions that can come next, with the ways there.
    """

    def __init__(self) -> None:
        self.labels: list[int] = []
        self.follow: list[dict[int, int]] = []
        self.lookarounds: list[Shape] = []
        self._edges = 0
        self._steps = 0

    def spend(self, steps: int) -> None:
        """Count the steps of looking at it: the look itself must end soon."""
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise PatternError(TOO_LARGE)

    def chars(self, label: int) -> _Part:
        """A position that reads one character of the set `label`."""
        number = len(self.labels)
        if number >= _MAX_POSITIONS:
            raise PatternError(TOO_LARGE)
        self.labels.append(label)
        self.follow.append({})
        return _Part(0, {number: 1}, {number: 1})

    def join(self, last: Mapping[int, int], first: Mapping[int, int], *, loop: bool = False) -> None:
        """The positions `first` can follow the positions `last`. `loop`: as the next round of a repeat."""
        self._edges += len(last) * len(first)
        if self._edges > _MAX_EDGES:
            raise PatternError(TOO_LARGE)
        for one, ways in last.items():
            follow = self.follow[one]
            for other, more in first.items():
                follow[other] = min(_MANY, follow.get(other, 0) + ways * more)
                if loop and follow[other] > 1:
                    raise PatternError(EXPONENTIAL)

    def sequence(self, items: Iterable[Any], flags: int) -> _Part:
        """The part that consists of these items of the parser, one behind the other."""
        whole = _Part(1, {}, {})
        for item in items:
            whole = self._both(whole, self._item(item, flags))
        return whole

    def _both(self, one: _Part, other: _Part) -> _Part:
        self.join(one.last, other.first)
        return _Part(
            min(_MANY, one.null * other.null),
            _sum(one.first, other.first, one.null),
            _sum(other.last, one.last, other.null),
        )

    def _item(self, item: tuple[Any, Any], flags: int) -> _Part:
        self.spend(1)
        op, value = item
        if op in CHARACTERS:
            return self.chars(_label(op, value, flags))
        if op is c.SUBPATTERN:
            _, added, removed, body = value
            return self.sequence(body, (flags | added) & ~removed)
        if op is c.ATOMIC_GROUP:
            return self.sequence(value, flags)
        if op is c.BRANCH:
            return self._branch(value[1], flags)
        if op in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            least, most, body = value
            return self._repeat(least, most, body, flags)
        if op in (c.ASSERT, c.ASSERT_NOT):
            beside = Shape()
            inside = beside.sequence(value[1], flags)
            beside.join(beside.chars(ALL).last, inside.first)
            self.lookarounds += (beside, *beside.lookarounds)
            return _Part(1, {}, {})
        if op in (c.AT, c.FAILURE):
            return _Part(1, {}, {})
        raise PatternError("a back reference: its search can take for ever")

    def _branch(self, branches: Iterable[Any], flags: int) -> _Part:
        parts = [self.sequence(branch, flags) for branch in branches]
        whole = _Part(0, {}, {})
        for part in parts:
            whole = _Part(
                min(_MANY, whole.null + part.null), _sum(whole.first, part.first, 1), _sum(whole.last, part.last, 1)
            )
        return whole

    def _repeat(self, least: int, most: int, body: Any, flags: int) -> _Part:
        single = len(body) == 1 and body[0][0] in CHARACTERS
        if most <= _MAX_COPIES or (single and least == most <= _MAX_SAME):
            return self._copies(least, most, body, flags)
        part = self.sequence(body, flags)
        if part.null:
            raise PatternError(_EMPTY)
        self.join(part.last, part.first, loop=True)
        return _maybe(part) if least == 0 else part

    def _copies(self, least: int, most: int, body: Any, flags: int) -> _Part:
        """The parts of a short counted repeat, the last first: x{1,3} is x(x(x)?)?."""
        whole = _Part(1, {}, {})
        for number in range(most):
            self.spend(1)
            part = self.sequence(body, flags)
            if part.null and most > 1:
                raise PatternError(_EMPTY)
            whole = self._both(part, whole)
            if number < most - least:
                whole = _maybe(whole)
        return whole


def _maybe(part: _Part) -> _Part:
    return _Part(min(_MANY, part.null + 1), part.first, part.last)


def _sum(one: Mapping[int, int], other: Mapping[int, int], ways: int) -> dict[int, int]:
    """The ways of both, those of `other` each in `ways` ways."""
    out = dict(one)
    for position, more in other.items() if ways else ():
        out[position] = min(_MANY, out.get(position, 0) + more * ways)
    return out


# ---- sets of characters --------------------------------------------------------------------------------------------

CHARACTERS = (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN)


def _bit(code: int) -> int:
    """The set of one character; outside ASCII it stands for all of its class."""
    if code < 128:
        return 1 << code
    sign = chr(code)
    return _DIGITS if sign.isdecimal() else _WORDS if sign.isalnum() else _SPACES if sign.isspace() else _REST


@cache
def _category(name: str, flags: int) -> int:
    r"""The characters of a class as `\d`: exact in ASCII, and outside it of whole classes."""
    sign, others = {
        "DIGIT": (r"\d", _DIGITS),
        "SPACE": (r"\s", _SPACES),
        "WORD": (r"\w", _DIGITS | _WORDS),
    }[name.rpartition("_")[2]]
    found = sum(1 << code for code in range(128) if re.match(sign, chr(code)))
    if not flags & re.ASCII:
        found |= others
    return ALL & ~found if "_NOT_" in name else found


def _label(op: Any, value: Any, flags: int) -> int:
    if op is c.ANY:
        return ALL if flags & re.DOTALL else ALL & ~_bit(10)
    if op is c.NOT_LITERAL:
        return ALL & ~_folded(_bit(value), flags) | _OTHERS
    if op is c.LITERAL:
        return _folded(_bit(value), flags)
    # `found`: characters of the set, and maybe more outside ASCII; `whole`: those that are in it for certain.
    found = whole = 0
    negated = False
    for kind, one in value:
        if kind is c.NEGATE:
            negated = True
        elif kind is c.CATEGORY:
            category = _category(str(one), flags & re.ASCII)
            found |= category
            whole |= category
        else:
            low, high = (one, one) if kind is c.LITERAL else one
            inside = sum(1 << code for code in range(low, min(high, 127) + 1))
            found |= inside | (_bit(high) if low == high else _OTHERS if high > 127 else 0)
            whole |= inside
    return ALL & ~(_folded(whole, flags) & ~_OTHERS | whole) if negated else _folded(found, flags)


def _folded(label: int, flags: int) -> int:
    """With the other case of every letter; some letters have a third outside ASCII."""
    if not flags & re.IGNORECASE:
        return label
    upper, lower = label >> 65 & _LETTERS, label >> 97 & _LETTERS
    both = upper | lower
    return label | both << 65 | both << 97 | (_WORDS if both else 0)


_LETTERS = (1 << 26) - 1
