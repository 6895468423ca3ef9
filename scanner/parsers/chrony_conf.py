"""chrony.conf and .sources files: one directive a line.

Format: chrony.conf(5); chrony, conf.c and cmdparse.c (CPS_NormalizeLine, CPS_ParseNTPSourceAdd). A line is a comment
when its first sign is one of ! ; # %, nowhere else; directives and options have no case.
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["SOURCES", "Directive", "options", "parse"]

SOURCES = frozenset({"server", "pool", "peer"})
_MAX_LINE = 2048
# Options of a source that stand alone; every other one is followed by its value.
_ALONE = frozenset(
    {
        *("auto_offline", "burst", "copy", "iburst", "ipv4", "ipv6", "noselect", "nts", "offline", "prefer"),
        *("require", "trust", "xleave"),
    }
)


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its name in lower case, the words after it, its line (1-based)."""

    name: str
    words: tuple[str, ...]
    line: int


def parse(text: str) -> list[Directive]:
    """Every directive in order. Raises ParseError for a NUL or a line that chronyd would cut off."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) >= _MAX_LINE:
            raise ParseError(f"longer than {_MAX_LINE - 1} characters", line=number)
        words = line.split()
        if words and words[0][0] not in "!;#%":
            found.append(Directive(words[0].lower(), tuple(words[1:]), number))
    return found


def options(words: tuple[str, ...]) -> dict[str, str | None]:
    """Options of a source (the words after its address): name in lower case to its value, None for one without."""
    found: dict[str, str | None] = {}
    at = 0
    while at < len(words):
        name = words[at].lower()
        takes_value = name not in _ALONE and at + 1 < len(words)
        found[name] = words[at + 1] if takes_value else None
        at += 2 if takes_value else 1
    return found
