"""Fields of records that may turn out not to be readable: the others of the record stand all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from scanner.collectors.base import reason_of
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Json

__all__ = ["told"]

T = TypeVar("T")


def told(compute: Callable[[], T]) -> T | dict[str, Json]:
    """What `compute` gives, or the words for why it cannot be told, as they stand in the place of a field."""
    try:
        return compute()
    except (TargetError, ParseError) as error:
        return {"state": getattr(error, "state", "error"), "reason": reason_of(error)}
