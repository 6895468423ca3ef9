"""Whether a program takes its configuration, for rules to which a refused one is a failure of the system itself."""

from __future__ import annotations

from collections.abc import Callable

from scanner.collectors.base import Look
from scanner.model.errors import ParseError
from scanner.model.fact import FactSpec, Json

__all__ = ["refusals", "spec"]


def refusals(look: Look, read: Callable[[Look], object | None]) -> Json:
    """One record with the reason, or none where the program takes what `read` reads; None where `read` gives None."""
    try:
        return None if look.shared(read) is None else []
    except ParseError as error:
        return [{"reason": str(error)}]


def spec(name: str, program: str) -> FactSpec:
    """The declaration of such a fact."""
    text = f"Why {program} refuses its configuration, with file and line; empty: it takes it; absent: there is none."
    return FactSpec(name, "table", text, fields={"reason": "text: what is wrong"})
