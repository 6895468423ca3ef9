"""The order of Maven versions.

Source: Apache Maven, POM Reference, "Version Order Specification".
"""

from __future__ import annotations

import re

from scanner.model.versions import compare_digits

__all__ = ["compare_maven"]

_TOKEN = re.compile(r"([.\-_]?)([0-9]+|[^0-9.\-_]+|(?=[.\-_]|$))")
_QUALIFIERS = {"alpha": 0, "beta": 1, "milestone": 2, "rc": 3, "cr": 3, "snapshot": 4, "": 5, "sp": 6}
_RELEASE = {"final", "ga", "release"}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}

Token = tuple[str, str]
"""The separator before it (`.` or `-`), and a number or a qualifier."""


def compare_maven(a: str, b: str) -> int | None:
    """Sign of `a - b`; None when one of them is empty."""
    if not a.strip() or not b.strip():
        return None
    left, right = _tokens(a), _tokens(b)
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else _padding(right[index])
        two = right[index] if index < len(right) else _padding(left[index])
        order = _pair(one, two)
        if order:
            return (order > 0) - (order < 0)
    return 0


def _tokens(text: str) -> list[Token]:
    """Split at separators and where digits meet letters, then trim what says nothing."""
    found: list[Token] = []
    text = text.strip().lower()
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.end() == position:
            break
        separator, value = match.groups()
        following = text[match.end() : match.end() + 1]
        if not found and not separator:
            separator = "."
        found.append(_token("." if separator == "." else "-", value, following.isdigit()))
        position = match.end()
    return _trimmed(found)


def _token(separator: str, value: str, before_digit: bool) -> Token:
    if not value:
        return separator, "0"
    if value[0].isdigit():
        return separator, value.lstrip("0") or "0"
    if before_digit:
        value = _SHORT.get(value, value)
    # A qualifier behind a dot counts as behind a hyphen.
    return "-", "" if value in _RELEASE else "rc" if value == "cr" else value


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Without null values (0, release words) at the end and before each hyphen."""
    kept: list[Token] = []
    for token in tokens:
        if token[0] == "-":
            # A number at the start stays, or 0-rc would be the same as rc.
            _trim(kept, int(bool(kept) and kept[0][1][:1].isdigit()))
        kept.append(token)
    _trim(kept, 0)
    return kept


def _trim(tokens: list[Token], keep: int) -> None:
    while len(tokens) > keep and tokens[-1][1] in ("0", ""):
        tokens.pop()


def _padding(other: Token) -> Token:
    return (other[0], "0") if other[1][:1].isdigit() else (other[0], "")


def _pair(one: Token, two: Token) -> int:
    numbers = one[1][:1].isdigit(), two[1][:1].isdigit()
    if numbers == (True, True):
        # -number is older than .number
        return compare_digits(one[1], two[1]) if one[0] == two[0] else (one[0] == ".") - (two[0] == ".")
    if numbers == (False, False):
        left, right = _rank(one[1]), _rank(two[1])
        return (left > right) - (left < right)
    return 1 if numbers[0] else -1


def _rank(qualifier: str) -> tuple[int, str]:
    known = _QUALIFIERS.get(qualifier)
    return (known, "") if known is not None else (len(_QUALIFIERS), qualifier)
