"""`name = value [option]` with blanks around the equal sign required: auditd.conf and fapolicyd.conf share this lexer.

Both daemons split at spaces only and do not start when a line has another form, so such a line is an error of the file
and not a setting that may be skipped. Of a repeated name the last line wins.
Sources: audit-userspace src/auditd-config.c and fapolicyd src/library/daemon-config.c (nv_split, get_line).
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Value", "parse", "parse_leniently"]

_FORM = "not `name = value` with spaces around the equal sign"


@dataclass(frozen=True, slots=True)
class Value:
    """One value, the word after it (or None), and its line (1-based)."""

    text: str
    option: str | None
    line: int


def parse(text: str, *, max_line: int) -> dict[str, Value]:
    """Settings by name as written. Raises ParseError for a line the daemon refuses.

    Lines of `max_line` characters and more are skipped, as the daemons do.
    """
    found, refused = parse_leniently(text, max_line=max_line)
    if refused:
        raise ParseError(f"{_FORM}; the daemon does not start", line=refused[0])
    return dict(found)


def parse_leniently(text: str, *, max_line: int) -> tuple[list[tuple[str, Value]], list[int]]:
    """Every setting in order, repeated ones too, and the lines that are none. Raises ParseError for binary input."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    found: list[tuple[str, Value]] = []
    refused: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) >= max_line:
            continue
        words = [word for word in line.split(" ") if word]
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 3 or words[1] != "=" or len(words) > 4:
            refused.append(number)
            continue
        found.append((words[0], Value(words[2], words[3] if len(words) == 4 else None, number)))
    return found, refused
