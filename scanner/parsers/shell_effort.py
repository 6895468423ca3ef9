"""What following shell scripts may cost altogether, counted and not timed, so that every machine ends alike.

One unit is about what one simple command costs (some 30 µs). Whoever follows several scripts sets the sum for all of
them with `limited`; the parts of the interpreter say what they do with `spend`. Without a limit nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from scanner.model.errors import AssayError

__all__ = ["UndecidedError", "limited", "spend"]


class UndecidedError(AssayError):
    """What the script does cannot be told without running it."""


class _Effort:
    def __init__(self, most: int) -> None:
        self.most = most
        self.left = most


_CURRENT: ContextVar[_Effort | None] = ContextVar("effort", default=None)


@contextmanager
def limited(most: int) -> Iterator[None]:
    """Inside, `spend` raises UndecidedError when more than `most` units are spent, and ever after."""
    token = _CURRENT.set(_Effort(most))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def spend(units: int) -> None:
    """Count `units`. Raises UndecidedError (`limit: …`) when none are left."""
    effort = _CURRENT.get()
    if effort is not None:
        effort.left -= units
        if effort.left < 0:
            raise UndecidedError(f"limit: the scripts together take more than {effort.most} steps to follow")
