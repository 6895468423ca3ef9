"""Annotations of a GitHub workflow: one command a line, in which nothing that a target said can be a command.

Source: GitHub documentation, "Workflow commands for GitHub Actions": `::error title=…::message`, with %, CR and LF of a
message and also `:` and `,` of a property written as percent escapes. A step shows ten annotations of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.gate.outputs import words

__all__ = ["commands"]

_MAX = 10


def commands(document: Mapping[str, Any]) -> Iterator[str]:
    """The verdict as the first annotation, then the worst differences and requirements, as many as are shown."""
    data = words.visible(document)
    verdict = "notice" if data["decision"] == "met" else "error"
    yield _command(verdict, words.headline(data), "\n".join(data["lines"]) or data["sentence"])
    left = {"error": _MAX - (verdict == "error"), "warning": _MAX}
    for one in words.shown(data):
        level = {"fail": "error", "incomplete": "error", "warn": "warning"}.get(one["action"], "")
        if left.get(level, 0):
            left[level] -= 1
            title = f"{one['severity']}: {one['rule'] or one['name']}: {words.changes(one)}"
            lines = [one["title"], *(f"{label}: {text}" for label, text in words.lines(one))]
            yield _command(level, title, "\n".join(lines))
    for one in words.broken(data):
        level = "warning" if one["state"] == "warning" else "error"
        if left[level]:
            left[level] -= 1
            yield _command(level, one["check"].replace("_", " "), one["text"])


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_property(title)}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
