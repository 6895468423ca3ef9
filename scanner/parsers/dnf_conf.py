"""dnf.conf and .repo files: `[section]`, `key = value`, values continued by indented lines.

Source: dnf.conf(5); libdnf, libdnf/utils/iniparser/iniparser.cpp (form) and libdnf/conf/OptionBool.cpp (truth words).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.model.errors import ParseError

__all__ = ["Section", "flag", "parse", "words"]

_TRUE = frozenset({"1", "yes", "true", "on"})
_FALSE = frozenset({"0", "no", "false", "off"})


@dataclass(slots=True)
class Section:
    """A section: its name, first line (1-based) and settings; of a repeated key the last one counts."""

    name: str
    line: int
    settings: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> list[Section]:
    """The sections in the order of the file; one that is repeated is merged into the first of its name.

    Raises ParseError for what makes dnf reject the file: a setting before any section, a line without `=`, a section
    whose bracket does not close.
    """
    sections: dict[str, Section] = {}
    section: Section | None = None
    key: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip(" \t\r"):
            key = None
        elif line[0] in "#;":
            continue
        elif line[0] == "[":
            name, bracket, _ = line[1:].partition("]")
            if not bracket or not name:
                raise ParseError("a section name does not end", line=number)
            section, key = sections.setdefault(name, Section(name, number)), None
        elif section is None:
            raise ParseError("a setting outside of any section", line=number)
        elif line[0] in " \t":
            if key is None:
                raise ParseError("a continuation line continues nothing", line=number)
            section.settings[key] += "\n" + line.strip(" \t")
        else:
            key, equals, value = line.partition("=")
            key = key.rstrip(" \t")
            if not equals or not key:
                raise ParseError("expected key = value", line=number)
            section.settings[key] = value.strip(" \t")
    return list(sections.values())


def flag(value: str | None) -> bool | None:
    """The truth of a value; None when it is not set or is no truth word (dnf then keeps its default).

    A carriage return at the end makes it no truth word, as it does for dnf.
    """
    word = (value or "").lower()
    return True if word in _TRUE else False if word in _FALSE else None


def words(value: str | None) -> list[str]:
    """The items of a list value: separated by commas, spaces or line ends."""
    return (value or "").replace(",", " ").split()
