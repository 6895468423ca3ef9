"""Words of a line as the shell splits them, with a bound: `shlex` takes time with the square of the longest word."""

from __future__ import annotations

import shlex

__all__ = ["MAX_LINE", "split"]

MAX_LINE = 65_536
"""Characters of one text to split (some 0.1 s at worst)."""


def split(text: str, *, comments: bool = False) -> list[str]:
    """The words of `text`, quotes and backslashes taken off. Raises ValueError for an open quote or a text too long."""
    if len(text) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} characters")
    return shlex.split(text, comments=comments)
