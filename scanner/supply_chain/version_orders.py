"""Version orders of language ecosystems; each function gives `a - b` as a sign, or None when a text is no such version.

Sources: Semantic Versioning 2.0.0 item 11; PEP 440 "Summary of permitted suffixes and relative ordering"; the
documentation of Gem::Version; NuGet "Package versioning"; Go Modules Reference "Versions". All are pure and linear.
"""

from __future__ import annotations

import re
from typing import Any

from scanner.model.versions import compare_digits

__all__ = ["compare_gem", "compare_generic", "compare_golang", "compare_nuget", "compare_pep440", "compare_semver"]

_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_SEMVER = re.compile(rf"[v=]?(\d+)\.(\d+)\.(\d+)(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?", re.ASCII)
_GOLANG = re.compile(rf"(?:v|go)?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-?({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?", re.ASCII)
_NUGET = re.compile(
    rf"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?", re.ASCII
)
_GEM = re.compile(r"\d+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII)
_WORDS = re.compile(r"[0-9]+|[A-Za-z]+")
_PEP440 = re.compile(
    r"""v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_n>\d*))?
    (?P<post>-(?P<post_bare>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_n>\d*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_n>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.ASCII,
)
_PHASES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}


def compare_semver(a: str, b: str) -> int | None:
    """Semantic Versioning; a leading `v` or `=` is allowed, build metadata does not count."""
    left, right = _SEMVER.fullmatch(a), _SEMVER.fullmatch(b)
    return _precedence(left, right) if left and right else None


def compare_golang(a: str, b: str) -> int | None:
    """Go modules: semver with `v`, pseudo-versions and `+incompatible` included; the toolchain's go1.21rc2 as well."""
    left, right = _GOLANG.fullmatch(a), _GOLANG.fullmatch(b)
    return _precedence(left, right) if left and right else None


def compare_nuget(a: str, b: str) -> int | None:
    """NuGet: up to four numbers, absent ones 0; pre-release labels without regard to case."""
    left, right = _NUGET.fullmatch(a.lower()), _NUGET.fullmatch(b.lower())
    return _precedence(left, right) if left and right else None


def _precedence(left: re.Match[str], right: re.Match[str]) -> int:
    """The groups of a match: numbers, and at last the pre-release identifiers."""
    *numbers, pre = left.groups()
    *others, other_pre = right.groups()
    for one, two in zip(numbers, others, strict=True):
        order = compare_digits(one or "0", two or "0")
        if order:
            return _sign(order)
    if pre is None or other_pre is None:
        return (pre is None) - (other_pre is None)
    return _identifiers(pre.split("."), other_pre.split("."))


def _identifiers(left: list[str], right: list[str]) -> int:
    for one, two in zip(left, right, strict=False):
        if one == two:
            continue
        if one.isdigit() != two.isdigit():
            return -1 if one.isdigit() else 1
        order = compare_digits(one, two) if one.isdigit() else (one > two) - (one < two)
        if order:
            return _sign(order)
    return (len(left) > len(right)) - (len(left) < len(right))


# ---- Python --------------------------------------------------------------------------------------------------------


def compare_pep440(a: str, b: str) -> int | None:
    """Python packages, with the spellings that PEP 440 normalises."""
    left, right = _pep440(a), _pep440(b)
    return None if left is None or right is None else (left > right) - (left < right)


def _pep440(text: str) -> tuple[Any, ...] | None:
    found = _PEP440.fullmatch(text.strip().lower())
    if found is None:
        return None
    release = tuple(int(number) for number in found["release"].split("."))
    while len(release) > 1 and release[-1] == 0:
        release = release[:-1]
    pre, post, dev = found["pre"], found["post"], found["dev"]
    # A development release without pre or post sorts before the pre-releases of its version.
    phase = (_PHASES[pre], int(found["pre_n"] or 0)) if pre else (-1, 0) if dev and not post else (3, 0)
    return (
        int(found["epoch"] or 0),
        release,
        phase,
        int(found["post_bare"] or found["post_n"] or 0) if post else -1,
        (0, int(found["dev_n"] or 0)) if dev else (1, 0),
        _local(found["local"]),
    )


def _local(label: str | None) -> tuple[tuple[int, int, str], ...]:
    """A version with a local label is newer than without; numbers in it are newer than words."""
    parts = re.split(r"[-_.]", label) if label else []
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


# ---- Ruby ----------------------------------------------------------------------------------------------------------


def compare_gem(a: str, b: str) -> int | None:
    """Ruby gems: a word makes a pre-release and is older than any number in its place."""
    a, b = a.strip(), b.strip()
    if not _GEM.fullmatch(a) or not _GEM.fullmatch(b):
        return None
    left, right = _gem(a), _gem(b)
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else "0"
        two = right[index] if index < len(right) else "0"
        if one[0].isdigit() != two[0].isdigit():
            return 1 if one[0].isdigit() else -1
        order = compare_digits(one, two) if one[0].isdigit() else (one > two) - (one < two)
        if order:
            return _sign(order)
    return 0


def _gem(text: str) -> list[str]:
    """Segments without the zeros that end the numbers or the pre-release part."""
    parts = _WORDS.findall(text.replace("-", ".pre."))
    first = next((index for index, part in enumerate(parts) if not part[0].isdigit()), len(parts))
    return _without_zeros(parts[:first]) + _without_zeros(parts[first:])


def _without_zeros(parts: list[str]) -> list[str]:
    while parts and not parts[-1].strip("0"):
        parts = parts[:-1]
    return parts


# ---- anything else -------------------------------------------------------------------------------------------------

_SEPARATED = re.compile(r"[0-9A-Za-z]+")
_COMMIT = re.compile(r"g?(?=[0-9a-f]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{7,64}", re.ASCII)
_BEFORE = ("dev", "snapshot", "alpha", "beta", "milestone", "preview", "pre", "rc", "cr")
_AFTER = ("final", "ga", "release", "post", "patch", "sp")
_RANK = {word: index - len(_BEFORE) for index, word in enumerate(_BEFORE)} | dict.fromkeys(_AFTER, 1)


def compare_generic(a: str, b: str) -> int | None:
    """Dotted versions of unknown custom: numbers as numbers, the usual words of pre-releases before the release.

    What custom does not settle (commit ids, other words, nothing that begins with a number) has no order.
    """
    left, right = _generic(a), _generic(b)
    if left is None or right is None:
        return None
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else ""
        two = right[index] if index < len(right) else ""
        if one == two:
            continue
        order = _generic_pair(one, two)
        if order != 0:
            return order
    return 0


def _generic(text: str) -> list[str] | None:
    """Numbers and words; None when the text does not begin with a number, or is a commit id."""
    text = text.strip().lower()
    text = text[1:] if text[:1] == "v" else text
    if not text[:1].isdigit() or not text.isascii() or _COMMIT.fullmatch(text):
        return None
    parts: list[str] = []
    for word in _SEPARATED.findall(text):
        parts += [word] if _COMMIT.fullmatch(word) and not word.isdigit() else _WORDS.findall(word)
    return parts


def _generic_pair(one: str, two: str) -> int | None:
    if one.isdigit() and two.isdigit():
        return _sign(compare_digits(one, two))
    if (not one or one.isdigit()) and (not two or two.isdigit()):
        # A further number is newer unless it is zero: 1.0 and 1 are the same.
        return (1 if one.strip("0") else 0) - (1 if two.strip("0") else 0)
    left, right = _weight(one), _weight(two)
    if left is None or right is None:
        return _patch_letter(one, two)
    return (left > right) - (left < right)


def _weight(part: str) -> int | None:
    """Words before the release are negative, the end and numbers are not."""
    return _RANK.get(part) if part and not part.isdigit() else 2 if part else 0


def _patch_letter(one: str, two: str) -> int | None:
    """1.1.1, 1.1.1a, 1.1.1b: one letter each, or none."""
    letters = all((len(part) == 1 and part.isalpha()) or not part for part in (one, two))
    return (one > two) - (one < two) if letters else None


def _sign(order: int) -> int:
    return (order > 0) - (order < 0)
