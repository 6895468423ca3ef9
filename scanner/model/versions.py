"""The order of package versions, as each package manager defines it: negative, zero or positive like `a - b`.

Sources: rpm-version(7) with rpm's own rules for `~` and `^`; deb-version(7) and Debian policy 5.6.12; apk-package(5) of
apk-tools 3, "version". Pure functions of text; all of them are total: any text has a place in the order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = [
    "compare",
    "compare_apk",
    "compare_digits",
    "compare_dotted",
    "compare_dpkg",
    "compare_rpm",
    "compare_rpm_label",
    "compare_runs",
]

_DOTTED = re.compile(r"[0-9]+|[A-Za-z]+")
_RPM_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")
_APK_TOKEN = re.compile(
    r"(?P<dot>\.?)(?P<digits>[0-9]+)|(?P<letter>[a-z])|_(?P<suffix>[a-z]+)|~(?P<hash>[0-9a-f]+)|-r(?P<rev>[0-9]+)"
)

Token = tuple[int, int | str]


def compare(manager: str, a: str, b: str) -> int:
    """Compare two whole versions (epoch included) as `manager` does: rpm, dpkg or apk. Raises ValueError for others."""
    if manager == "rpm":
        return compare_rpm(a, b)
    if manager == "dpkg":
        return compare_dpkg(a, b)
    if manager == "apk":
        return compare_apk(a, b)
    raise ValueError(f"no version order is known for {manager}")


# ---- rpm -----------------------------------------------------------------------------------------------------------


def compare_rpm(a: str, b: str) -> int:
    """Compare `[epoch:]version[-release]`. A missing epoch is 0; a release counts only when both have one."""
    epoch_a, version_a, release_a = _rpm_parts(a)
    epoch_b, version_b, release_b = _rpm_parts(b)
    order = (epoch_a > epoch_b) - (epoch_a < epoch_b) or compare_rpm_label(version_a, version_b)
    if order or release_a is None or release_b is None:
        return order
    return compare_rpm_label(release_a, release_b)


def _rpm_parts(text: str) -> tuple[int, str, str | None]:
    head, colon, rest = text.partition(":")
    epoch = 0
    if colon and (not head or _is_number(head)):
        epoch, text = int(head or 0), rest
    version, dash, release = text.rpartition("-")
    return (epoch, version, release) if dash else (epoch, text, None)


def compare_rpm_label(a: str, b: str) -> int:
    """Compare one version or one release: segments of digits and of letters; `~` sorts before the end, `^` after it."""
    if a == b:
        return 0
    left, right = _RPM_SEGMENT.findall(a), _RPM_SEGMENT.findall(b)
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else ""
        two = right[index] if index < len(right) else ""
        if one == two:
            continue
        order = _rpm_segment(one, two)
        if order:
            return order
    return 0


def _rpm_segment(one: str, two: str) -> int:
    if "~" in (one, two):
        return -1 if one == "~" else 1
    if "^" in (one, two):
        # A caret is newer than the end of the other version, older than any further segment.
        if one == "^":
            return 1 if not two else -1
        return -1 if not one else 1
    if not one or not two:
        return 1 if one else -1
    if one[0].isdigit() != two[0].isdigit():
        return 1 if one[0].isdigit() else -1
    if one[0].isdigit():
        return compare_digits(one, two)
    return (one > two) - (one < two)


# ---- dpkg ----------------------------------------------------------------------------------------------------------


def compare_dpkg(a: str, b: str) -> int:
    """Compare `[epoch:]upstream[-revision]`; no epoch is 0, no revision sorts as revision 0."""
    epoch_a, upstream_a, revision_a = _dpkg_parts(a)
    epoch_b, upstream_b, revision_b = _dpkg_parts(b)
    return (
        (epoch_a > epoch_b) - (epoch_a < epoch_b)
        or compare_runs(upstream_a, upstream_b)
        or compare_runs(revision_a, revision_b)
    )


def _dpkg_parts(text: str) -> tuple[int, str, str]:
    head, colon, rest = text.partition(":")
    epoch = 0
    if colon and _is_number(head):
        epoch, text = int(head), rest
    upstream, dash, revision = text.rpartition("-")
    return (epoch, upstream, revision) if dash else (epoch, text, "")


def compare_runs(a: str, b: str) -> int:
    """Compare one part of a version in turns: a run without digits by letter weight (`_run_weight`), then a number.

    GNU "Version sort" (coreutils) orders the parts of file names in the same way.
    """
    i = j = 0
    while i < len(a) or j < len(b):
        while (i < len(a) and not _digit(a[i])) or (j < len(b) and not _digit(b[j])):
            order = _run_weight(a, i) - _run_weight(b, j)
            if order:
                return order
            i += 1
            j += 1
        start_i, start_j = i, j
        while i < len(a) and _digit(a[i]):
            i += 1
        while j < len(b) and _digit(b[j]):
            j += 1
        order = compare_digits(a[start_i:i], b[start_j:j])
        if order:
            return order
    return 0


def _run_weight(text: str, position: int) -> int:
    """Tilde before the end of the part, the end (or a digit) before letters, letters before everything else."""
    char = text[position] if position < len(text) else ""
    if char == "~":
        return -1
    if not char or _digit(char):
        return 0
    return ord(char) if char.isascii() and char.isalpha() else ord(char) + 256


# ---- apk -----------------------------------------------------------------------------------------------------------

# Kinds of token in the order in which they may follow each other; the kind decides when one version has ended.
_FIRST, _DIGITS, _LETTER, _SUFFIX, _SUFFIX_NUMBER, _HASH, _REVISION, _END, _INVALID = range(9)
_SUFFIXES = {"alpha": 1, "beta": 2, "pre": 3, "rc": 4, "cvs": 6, "svn": 7, "git": 8, "hg": 9, "p": 10}
_BEFORE_RELEASE = 5


def compare_apk(a: str, b: str) -> int:
    """Compare `digits{.digits}{letter}{_suffix{digits}}{~hash}{-rN}`; what breaks that form sorts as an early end."""
    for one, two in zip(_apk_tokens(a), _apk_tokens(b), strict=False):
        order = _apk_pair(one, two)
        if order or one[0] >= _END or two[0] >= _END:
            return order
    return 0


def _apk_tokens(text: str) -> Iterator[Token]:
    previous = -1
    position = 0
    while position < len(text):
        match = _APK_TOKEN.match(text, position)
        token = _apk_token(match, previous) if match else None
        if match is None or token is None:
            yield _INVALID, ""
            return
        yield token
        previous = token[0]
        position = match.end()
    yield (_END, "") if previous >= 0 else (_INVALID, "")


def _apk_token(match: re.Match[str], previous: int) -> Token | None:
    """The token, or None where it may not stand."""
    if match["digits"] is not None:
        if previous < 0:
            return None if match["dot"] else (_FIRST, match["digits"])
        if previous <= _DIGITS:
            return _DIGITS, match["digits"]
        return (_SUFFIX_NUMBER, match["digits"]) if previous == _SUFFIX and not match["dot"] else None
    if previous < 0:
        return None
    if match["letter"] is not None:
        return (_LETTER, match["letter"]) if previous <= _DIGITS else None
    if match["suffix"] is not None:
        weight = _SUFFIXES.get(match["suffix"])
        return (_SUFFIX, weight) if weight is not None and previous <= _SUFFIX_NUMBER else None
    if match["hash"] is not None:
        return (_HASH, match["hash"]) if previous < _HASH else None
    return (_REVISION, match["rev"]) if previous < _REVISION else None


def _apk_pair(one: Token, two: Token) -> int:
    kind, other = one[0], two[0]
    if kind != other:
        if kind == _SUFFIX and isinstance(one[1], int) and one[1] < _BEFORE_RELEASE:
            return -1
        if other == _SUFFIX and isinstance(two[1], int) and two[1] < _BEFORE_RELEASE:
            return 1
        return other - kind
    left, right = one[1], two[1]
    if isinstance(left, int) and isinstance(right, int):
        return left - right
    left, right = str(left), str(right)
    if kind in (_LETTER, _HASH) or (kind == _DIGITS and "0" in (left[:1], right[:1])):
        # A later number with a leading zero is a decimal fraction: 1.05 comes before 1.1.
        return (left > right) - (left < right)
    return compare_digits(left, right)


# ---- generic -------------------------------------------------------------------------------------------------------


def compare_dotted(a: str, b: str) -> int:
    """Compare numbers as numbers and words as words, segment by segment; separators do not count.

    A number is newer than a word in its place; further numbers make a version newer, a further word (rc, beta)
    older; `1.0` and `1` are the same.
    """
    left, right = _DOTTED.findall(a), _DOTTED.findall(b)
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else "0"
        two = right[index] if index < len(right) else "0"
        if one[0].isdigit() != two[0].isdigit():
            return 1 if one[0].isdigit() else -1
        order = compare_digits(one, two) if one[0].isdigit() else (one > two) - (one < two)
        if order:
            return order
    return 0


def compare_digits(a: str, b: str) -> int:
    """Compare two texts of digits of any length without making numbers of them (int() is quadratic, and limited)."""
    a, b = a.lstrip("0"), b.lstrip("0")
    return len(a) - len(b) or (a > b) - (a < b)


def _digit(char: str) -> bool:
    return "0" <= char <= "9"


def _is_number(text: str) -> bool:
    """Whether this is an epoch: digits, few enough to be a number in C."""
    return text.isascii() and text.isdigit() and len(text) <= 18
