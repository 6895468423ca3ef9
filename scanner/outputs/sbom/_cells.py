"""Cells of CSV files that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from scanner.outputs._text import visible

__all__ = ["written"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What makes a cell a formula; spreadsheets of East Asia read the wide signs alike."""


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """RFC 4180 text in UTF-8. A cell that a spreadsheet would compute gets an apostrophe before it."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerows([_safe(cell) for cell in row] for row in rows)
    return stream.getvalue().encode("utf-8")


def _safe(cell: str) -> str:
    shown = visible(cell)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
