"""Formats of SBOM documents, by the kind of document: each is a module here with an `OUTPUT`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from scanner.model.errors import UsageError
from scanner.outputs.base import Output

__all__ = ["FORMATS", "named"]

FORMATS: Mapping[str, Mapping[str, str]] = {
    "diff": {
        "csv": "diff_csv",
        "html": "diff_html",
        "json": "plain_json",
        "md": "diff_markdown",
        "pdf": "diff_pdf",
        "table": "diff_table",
    },
    "matrix": {
        "csv": "matrix_csv",
        "html": "matrix_html",
        "json": "plain_json",
        "md": "matrix_markdown",
        "table": "matrix_table",
    },
    "timeline": {"csv": "timeline_csv", "json": "plain_json", "table": "timeline_table"},
    "truth": {"json": "plain_json", "table": "truth_table"},
}
"""Kind of document to format to module."""


def named(kind: str, name: str) -> Output:
    """The format `name` for a kind of document; its module is imported only now. Raises UsageError."""
    formats = FORMATS[kind]
    if name not in formats:
        raise UsageError(f"there is no output format {name!r} for this", hint=f"known: {', '.join(sorted(formats))}")
    output = importlib.import_module(f"scanner.outputs.sbom.{formats[name]}").OUTPUT
    assert isinstance(output, Output)
    return output
