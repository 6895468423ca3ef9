"""Which of two versions is newer, by the rules of the ecosystem that the component comes from."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from scanner.model.versions import compare_apk, compare_digits, compare_dpkg, compare_rpm
from scanner.supply_chain.maven_versions import compare_maven
from scanner.supply_chain.version_orders import (
    compare_gem,
    compare_generic,
    compare_golang,
    compare_nuget,
    compare_pep440,
    compare_semver,
)

__all__ = ["STEPS", "compare", "step"]

MAX_LENGTH = 512
"""Characters of a version; a longer text is none, and comparing it would cost time."""

STEPS = ("major", "minor", "patch", "revision", "other")
"""How far two versions are apart, see `step`."""

_DEB = re.compile(r"(?:\d+:)?\d[0-9A-Za-z.+~:-]*", re.ASCII)
_RPM = re.compile(r"(?:\d+:)?[0-9A-Za-z._+~^%{}-]+", re.ASCII)
_APK = re.compile(
    r"\d+(?:\.\d+)*[a-z]?(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*(?:~[0-9a-f]+)?(?:-r\d+)?", re.ASCII
)
_LEADING = re.compile(r"(?:\d+[:!])?[a-z=]{0,3}(\d+(?:[._]\d+)*)", re.ASCII | re.IGNORECASE)


def _deb(a: str, b: str) -> int | None:
    return compare_dpkg(a, b) if _DEB.fullmatch(a) and _DEB.fullmatch(b) else None


def _rpm(a: str, b: str) -> int | None:
    return compare_rpm(a, b) if _RPM.fullmatch(a) and _RPM.fullmatch(b) else None


def _apk(a: str, b: str) -> int | None:
    return compare_apk(a, b) if _APK.fullmatch(a) and _APK.fullmatch(b) else None


_ORDERS: dict[str, Callable[[str, str], int | None]] = {
    "deb": _deb,
    "rpm": _rpm,
    "apk": _apk,
    "npm": compare_semver,
    "cargo": compare_semver,
    "hex": compare_semver,
    "pub": compare_semver,
    "swift": compare_semver,
    "golang": compare_golang,
    "pypi": compare_pep440,
    "maven": compare_maven,
    "nuget": compare_nuget,
    "gem": compare_gem,
}
"""By type of the package URL; every other ecosystem has the generic order."""


@lru_cache(maxsize=4096)
def compare(ecosystem: str, a: str, b: str) -> int | None:
    """-1 when `a` is older than `b`, 1 when it is newer, 0 when they are of one age (however they are written).

    None: no order can be said, because a text is no version of that ecosystem. `ecosystem`: type of a package URL.
    """
    if a == b:
        return 0
    if not a or not b or len(a) > MAX_LENGTH or len(b) > MAX_LENGTH:
        return None
    order = _ORDERS.get(ecosystem, compare_generic)(a, b)
    return None if order is None else (order > 0) - (order < 0)


def step(a: str, b: str) -> str:
    """The first number that differs: major, minor, patch (any later one), revision (what stands behind the numbers:
    a package release, a pre-release), other (no numbers to compare)."""
    left, right = _numbers(a), _numbers(b)
    if left is None or right is None:
        return "other"
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else "0"
        two = right[index] if index < len(right) else "0"
        if compare_digits(one, two):
            return STEPS[min(index, 2)]
    return "revision"


def _numbers(text: str) -> list[str] | None:
    found = _LEADING.match(text[:MAX_LENGTH])
    return re.split(r"[._]", found[1]) if found else None
