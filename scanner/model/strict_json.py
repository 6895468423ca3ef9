"""JSON read strictly: what two readers could understand in two ways is refused.

RFC 8259 leaves open which of two equal keys counts, and Python reads `NaN` and `Infinity`, which are no JSON at all.
RFC 8785 wants both refused (I-JSON, RFC 7493 section 2.3).
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["no_constant", "no_fraction", "unique_keys"]


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once; an `object_pairs_hook`. Raises ValueError that names the key."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:80]!r} stands twice in one object")
            seen.add(key)
    return found


def no_constant(word: str) -> NoReturn:
    """Refuses NaN, Infinity and -Infinity; a `parse_constant`. Raises ValueError."""
    raise ValueError(f"{word} is no number in JSON")


def no_fraction(word: str) -> NoReturn:
    """Refuses numbers that are not whole, which our own documents never hold; a `parse_float`. Raises ValueError."""
    raise ValueError(f"{word[:40]} is no whole number")
