"""The algebra of statuses (design: meaning of a verdict)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["ALL_ORDER", "ANY_ORDER", "all_of", "any_of", "deciding", "inverse"]

ALL_ORDER = ("fail", "error", "unknown", "manual", "pass", "not_applicable")
"""`all`: the first of these that a part has. Parts that do not apply drop out."""

ANY_ORDER = ("pass", "error", "unknown", "manual", "fail", "not_applicable")
"""`any`: the first of these that a part has."""


def _first(order: Sequence[str], parts: Iterable[str]) -> str:
    present = set(parts)
    for status in order:
        if status in present:
            return status
    return "unknown"


def all_of(parts: Iterable[str]) -> str:
    """Status of parts that must all hold. No part at all is unknown: nothing was shown."""
    return _first(ALL_ORDER, parts)


def any_of(parts: Iterable[str]) -> str:
    """Status of parts of which one must hold."""
    return _first(ANY_ORDER, parts)


def inverse(status: str) -> str:
    """`not`: swaps pass and fail, and nothing else."""
    return {"pass": "fail", "fail": "pass"}.get(status, status)


def deciding(order: Sequence[str], parts: Sequence[str]) -> int:
    """Index of the first part that decided."""
    return list(parts).index(_first(order, parts))
