"""`[section]` and `key = value` lines as SSSD, libuser and polkit's authority files have them.

Source: sssd.conf(5), FILE FORMAT (libini_config: `#` or `;` begins a comment line, an indented line goes on with the
value before it); libuser.conf(5); pklocalauthority(8).
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Line", "parse"]

_BLANKS = " \t\r\v\f"


@dataclass(frozen=True, slots=True)
class Line:
    """One setting: its section, key and value as written, and its line (1-based). A section without any setting stands
    as a line with an empty key."""

    section: str
    key: str
    value: str
    line: int


def parse(text: str, *, continued: bool = False) -> list[Line]:
    """Every section and setting in order. With `continued`, indented lines go on with the value before them.

    Raises ParseError for a line of another form, a section that does not end, and settings outside of sections.
    """
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    found: list[Line] = []
    parts: list[str] = []
    section: str | None = None
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.strip(_BLANKS)
        if not line or line[0] in "#;":
            continue
        if continued and raw[0] in " \t" and parts and line[0] != "[":
            parts.append(line)
            continue
        _join(found, parts)
        if line[0] == "[":
            if line[-1] != "]" or not line[1:-1].strip():
                raise ParseError("a section that does not end", line=number)
            section = line[1:-1].strip()
            found.append(Line(section, "", "", number))
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip() or section is None:
            raise ParseError("neither a section nor `key = value` in one", line=number)
        found.append(Line(section, key.strip(), "", number))
        parts.append(value.strip(_BLANKS))
    _join(found, parts)
    return found


def _join(found: list[Line], parts: list[str]) -> None:
    """Give the last setting its value, all its lines together."""
    if parts:
        last = found[-1]
        found[-1] = Line(last.section, last.key, " ".join(parts), last.line)
        parts.clear()
