"""Paragraphs of `Field: value` as Debian's control files have them, values of many lines whole.

Source: deb822(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scanner.model.errors import ParseError

__all__ = ["paragraphs"]


def paragraphs(text: str) -> Iterator[Mapping[str, str]]:
    """Field (lower case) to value of every paragraph; lines of one value are joined by newlines, `#` lines left out.

    Raises ParseError.
    """
    fields: dict[str, list[str]] = {}
    last: list[str] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip(" \t\r"):
            if fields:
                yield _joined(fields)
            fields, last = {}, None
        elif line[0] in " \t":
            if last is None:
                raise ParseError("a continuation line without a field", line=number)
            last.append(line.strip())
        elif line[0] != "#":
            name, colon, value = line.partition(":")
            if not colon or not name.strip() or " " in name.strip():
                raise ParseError("expected Field: value", line=number)
            last = [value.strip()]
            fields[name.strip().lower()] = last
    if fields:
        yield _joined(fields)


def _joined(fields: dict[str, list[str]]) -> dict[str, str]:
    return {name: "\n".join(lines) if len(lines) > 1 else lines[0] for name, lines in fields.items()}
