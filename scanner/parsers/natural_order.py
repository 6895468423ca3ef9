"""Version order of file names, as `ls -v` and `sort -V` have it (GNU coreutils, "Version sort").

augenrules(8) and fagenrules(8) concatenate rule files in this order, so `5-x` comes before `10-x`.
"""

from __future__ import annotations

import re
from functools import cmp_to_key

__all__ = ["natural_sorted"]

_SUFFIX = re.compile(r"(?:\.[A-Za-z~][A-Za-z0-9~]*)*$")


def natural_sorted(names: list[str]) -> list[str]:
    """`names` in version order; a name without its suffix decides first, plain byte order last."""
    return sorted(names, key=cmp_to_key(_compare))


def _compare(left: str, right: str) -> int:
    first = _parts(_stem(left), _stem(right))
    if first != 0:
        return first
    whole = _parts(left, right)
    if whole != 0:
        return whole
    return (left > right) - (left < right)


def _stem(name: str) -> str:
    found = _SUFFIX.search(name)
    return name[: found.start()] if found is not None and found.start() > 0 else name


def _parts(left: str, right: str) -> int:
    """Compare runs of non-digits by letter weight and runs of digits by number, in turn."""
    i = j = 0
    while i < len(left) or j < len(right):
        while (i < len(left) and not _digit(left[i])) or (j < len(right) and not _digit(right[j])):
            difference = _weight(left, i) - _weight(right, j)
            if difference:
                return difference
            i += 1
            j += 1
        start_i, start_j = i, j
        while i < len(left) and _digit(left[i]):
            i += 1
        while j < len(right) and _digit(right[j]):
            j += 1
        one, other = left[start_i:i].lstrip("0"), right[start_j:j].lstrip("0")
        if one != other:
            longer = len(one) - len(other)
            return longer if longer else (one > other) - (one < other)
    return 0


def _digit(character: str) -> bool:
    return "0" <= character <= "9"


def _weight(text: str, index: int) -> int:
    """Weight of one character: end of text and digits lowest, `~` before them, letters before everything else."""
    if index >= len(text) or _digit(text[index]):
        return 0
    character = text[index]
    if character == "~":
        return -1
    if character.isascii() and character.isalpha():
        return ord(character)
    return ord(character) + 256
