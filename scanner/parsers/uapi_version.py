"""The order of versions in boot entries and partition labels.

Source: UAPI.10 Version Format Specification, "Version Comparison" (systemd compares so in boot menus, sysupdate and
image dissection).
"""

from __future__ import annotations

import re
from string import ascii_letters, digits

from scanner.model.versions import compare_digits

__all__ = ["compare"]

_IGNORED = re.compile(r"\A[^A-Za-z0-9~^.-]+")
_MAX_LENGTH = 1024
_SEPARATORS = "~-^."
"""In this order before everything else: pre-release, release, patch, next component."""


def compare(a: str, b: str) -> int:
    """Negative when version `a` is older than `b`, positive when it is newer, 0 when they are of one age."""
    a, b = a[:_MAX_LENGTH], b[:_MAX_LENGTH]
    while True:
        a, b = _IGNORED.sub("", a, count=1), _IGNORED.sub("", b, count=1)
        if a.startswith("~") or b.startswith("~"):
            if not (a.startswith("~") and b.startswith("~")):
                return -1 if a.startswith("~") else 1
            a, b = a[1:], b[1:]
            continue
        if not a or not b:
            return bool(a) - bool(b)
        for separator in _SEPARATORS[1:]:
            if a.startswith(separator) or b.startswith(separator):
                if not (a.startswith(separator) and b.startswith(separator)):
                    return -1 if a.startswith(separator) else 1
                a, b = a[1:], b[1:]
                break
        else:
            order, a, b = _segment(a, b)
            if order:
                return order


def _segment(a: str, b: str) -> tuple[int, str, str]:
    """Compare the numbers or the letters that both begin with; what follows them."""
    if a[0] in digits or b[0] in digits:
        one, two = _head(a, digits), _head(b, digits)
        # An absent number is older than any, 0 included.
        if not one or not two:
            return (1 if one else -1), a, b
        return compare_digits(one, two), a[len(one) :], b[len(two) :]
    one, two = _head(a, ascii_letters), _head(b, ascii_letters)
    return (one > two) - (one < two), a[len(one) :], b[len(two) :]


def _head(text: str, allowed: str) -> str:
    return text[: len(text) - len(text.lstrip(allowed))]
