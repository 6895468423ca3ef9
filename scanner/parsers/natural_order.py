"""Version order of file names, as `ls -v` and `sort -V` have it (GNU coreutils, "Version sort").

augenrules(8) and fagenrules(8) concatenate rule files in this order, so `5-x` comes before `10-x`.
"""

from __future__ import annotations

import re
from functools import cmp_to_key

from scanner.model.versions import compare_runs

__all__ = ["natural_sorted"]

_SUFFIX = re.compile(r"(?:\.[A-Za-z~][A-Za-z0-9~]*)*$")


def natural_sorted(names: list[str]) -> list[str]:
    """`names` in version order; a name without its suffix decides first, plain byte order last."""
    return sorted(names, key=cmp_to_key(_compare))


def _compare(left: str, right: str) -> int:
    first = compare_runs(_stem(left), _stem(right))
    if first != 0:
        return first
    whole = compare_runs(left, right)
    if whole != 0:
        return whole
    return (left > right) - (left < right)


def _stem(name: str) -> str:
    found = _SUFFIX.search(name)
    return name[: found.start()] if found is not None and found.start() > 0 else name
