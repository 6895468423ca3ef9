"""dnf.conf and .repo files: `[section]`, `key = value`, values continued by indented lines.

Source: dnf.conf(5); libdnf, libdnf/utils/iniparser/iniparser.cpp (form) and libdnf/conf/OptionBool.cpp (truth words).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.model.errors import ParseError

__all__ = ["Section", "flag", "parse", "words"]

_TRUE = frozenset({"1", "yes", "true", "on"})
_FALSE = frozenset({"0", "no", "false", "off"})
_BLANKS = " \t\r"


@dataclass(slots=True)
class Section:
    """A section: its name, first line (1-based) and settings; of a repeated key the last one counts."""

    name: str
    line: int
    settings: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> list[Section]:
    """The sections in the order of the file; one that is repeated is merged into the first of its name.

    As for dnf, a section may be indented, a comment may not, and a line of blanks continues a value while an empty
    one ends it. Raises ParseError for what makes dnf reject the file: a setting before any section, a line without
    `=`, a section whose bracket does not close, a continuation of nothing.
    """
    sections: dict[str, Section] = {}
    section: Section | None = None
    key: str | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        content = line.strip(_BLANKS)
        if not line or line[0] in "#;":
            key = None
        elif content.startswith("["):
            name, bracket, _ = content[1:].partition("]")
            if not bracket or not name:
                raise ParseError("a section name does not end", line=number)
            section, key = sections.setdefault(name, Section(name, number)), None
        elif section is not None and key is not None and line[0] in _BLANKS:
            section.settings[key] += "\n" + content
        elif not content:
            continue
        elif section is None:
            raise ParseError("a setting outside of any section", line=number)
        elif line[0] in _BLANKS:
            raise ParseError("a continuation line continues nothing", line=number)
        else:
            key, equals, value = line.partition("=")
            key = key.rstrip(" \t")
            if not equals or not key:
                raise ParseError("expected key = value", line=number)
            section.settings[key] = value.strip(_BLANKS)
    for section in sections.values():
        section.settings = {key: _unquote(value) for key, value in section.settings.items()}
    return list(sections.values())


def _unquote(value: str) -> str:
    """The value without blanks at its end and without one pair of quotes around the whole of it."""
    value = value.rstrip(f"{_BLANKS}\n")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def flag(value: str | None) -> bool | None:
    """The truth of a value; None when it is not set or is no truth word (dnf then keeps its default)."""
    word = (value or "").lower()
    return True if word in _TRUE else False if word in _FALSE else None


def words(value: str | None) -> list[str]:
    """The items of a list value: separated by commas, spaces or line ends."""
    return (value or "").replace(",", " ").split()
