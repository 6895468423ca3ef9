"""The repositories file of apk: one address a line, with an optional `@tag` before it.

Source: apk-repositories(5); a line may also hold, since apk 3, a version component and several components.
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["ApkRepository", "parse"]


@dataclass(frozen=True, slots=True)
class ApkRepository:
    """One line: packages of a tagged repository are used only when the tag is asked for."""

    address: str
    tag: str | None
    line: int


def parse(text: str) -> list[ApkRepository]:
    """The repositories in the order of the file. Raises ParseError."""
    found: list[ApkRepository] = []
    for number, raw in enumerate(text.split("\n"), 1):
        words = raw.strip(" \t\r").split()
        if not words or words[0].startswith("#"):
            continue
        tag = words.pop(0)[1:] if words[0].startswith("@") else None
        if not words:
            raise ParseError("a tag without an address", line=number)
        found.append(ApkRepository(" ".join(words), tag, number))
    return found
