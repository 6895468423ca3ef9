"""The formats by name. They are no formats of an assessment: `scanner.outputs` knows nothing of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from scanner.model.errors import UsageError

__all__ = ["FORMATS", "check", "render"]

FORMATS = ("table", "json", "markdown", "sarif", "junit", "gitlab")


def check(name: str) -> None:
    """Raise UsageError unless there is a format of this name."""
    if name not in FORMATS:
        raise UsageError(f"a gate has no output format {name!r}", hint=f"known: {', '.join(FORMATS)}")


def render(name: str, document: Mapping[str, Any]) -> bytes:
    """The result in a format. Raises UsageError for a name that is none."""
    check(name)
    if name == "json":
        from scanner.model.canonical import canonical

        return canonical(document) + b"\n"
    data: bytes = import_module(f"scanner.gate.outputs.{name}").render(document)
    return data
