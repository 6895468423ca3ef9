"""The document itself, as canonical JSON (RFC 8785) with a final newline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.model.canonical import canonical
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]


def _render(document: Mapping[str, Any]) -> bytes:
    return canonical(dict(document)) + b"\n"


OUTPUT = Output("json", "The whole result, for programs (published schema).", ".json", _render)
