"""How augenrules(8) makes one list of lines of the files in /etc/audit/rules.d.

Comments and empty lines go; the last `-D`, `-b`, `-f` are moved to the front and the last `-e` to the end, wherever
they stood. Files are joined as they are: one without a newline at its end swallows the first line of the next.
Source: audit-userspace init.d/augenrules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from scanner.parsers.audit_rules import Line

__all__ = ["merge"]

_COMMENT = re.compile(r"\s*#")
_MOVED = (
    ("D", re.compile(r"\s*-D\s*$")),
    ("b", re.compile(r"\s*-b")),
    ("f", re.compile(r"\s*-f")),
    ("e", re.compile(r"\s*-e")),
)


def merge(files: Iterable[tuple[str, str]]) -> list[Line]:
    """The lines that augenrules would write, of (path, text) in natural order of names."""
    moved: dict[str, Line] = {}
    rest: list[Line] = []
    for line in _joined(files):
        if not line.text or _COMMENT.match(line.text):
            continue
        for letter, pattern in _MOVED:
            if pattern.match(line.text):
                moved[letter] = line
                break
        else:
            rest.append(line)
    front = [moved[letter] for letter in ("D", "b", "f") if letter in moved]
    return front + rest + ([moved["e"]] if "e" in moved else [])


def _joined(files: Iterable[tuple[str, str]]) -> list[Line]:
    lines: list[Line] = []
    open_line: Line | None = None
    for source, text in files:
        if not text:
            continue
        pieces = text.split("\n")
        for number, piece in enumerate(pieces, 1):
            line = Line(piece, source, number)
            if number == 1 and open_line is not None:
                line = Line(open_line.text + piece, open_line.source, open_line.number)
            if number == len(pieces):
                open_line = line if line.text else None
            else:
                lines.append(line)
    return [*lines, open_line] if open_line is not None else lines
