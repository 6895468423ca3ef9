"""The assessment itself, as canonical JSON (RFC 8785) with a final newline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.frameworks.texts import without_texts
from scanner.model.canonical import canonical
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]


def _render(assessment: Mapping[str, Any]) -> bytes:
    return canonical(without_texts(assessment)) + b"\n"


OUTPUT = Output("json", "The assessment: results, controls, summary, evidence.", ".json", _render)
