"""The rule language of USBGuard: a target, then attributes with one value or a set of them.

First match wins. `name value` and `name { value … }` without an operator mean `equals`.
Source: usbguard-rules.conf(5); USBGuard/usbguard src/Library/RuleParser/Grammar.hpp.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Attribute", "Interface", "Rule", "parse", "parse_line"]

_TARGETS = ("allow", "block", "reject")
_OPERATORS = ("all-of", "one-of", "none-of", "equals-ordered", "equals", "match-all")
_TEXT = r'"(?:\\(?:x[0-9A-Fa-f]{2}|[0-9]{1,3}|[abfnrtv\\\'"])|[^"\\\r\n])*"'
_VALUES = {
    **dict.fromkeys(("name", "hash", "parent-hash", "serial", "via-port", "with-connect-type", "label"), _TEXT),
    "id": r"(?:[0-9A-Fa-f]{4}:(?:[0-9A-Fa-f]{4}|\*)|\*:\*)",
    "with-interface": r"[0-9A-Fa-f]{2}:(?:[0-9A-Fa-f]{2}:(?:[0-9A-Fa-f]{2}|\*)|\*:\*)",
    "if": r"!?[A-Za-z-][A-Za-z0-9-]*(?:\((?:\\.|[^)\\\r\n])*\))?",
}
_PATTERNS = {name: re.compile(text) for name, text in _VALUES.items()}
_WORD = re.compile(r"[a-z-]+")
_BLANK = re.compile(r"[ \t]+")
_MAX_LINE = 65536
_MAX_VALUES = 4096


@dataclass(frozen=True, slots=True)
class Interface:
    """A USB interface type; None stands for any subclass or protocol."""

    cls: int
    subclass: int | None
    protocol: int | None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: name, set operator, values as written."""

    name: str
    operator: str
    values: tuple[str, ...]

    def interfaces(self) -> tuple[Interface, ...]:
        """The values of `with-interface` taken apart."""
        return tuple(_interface(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `line` is 1-based."""

    target: str
    attributes: tuple[Attribute, ...]
    line: int

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, if the rule has it."""
        return next((one for one in self.attributes if one.name == name), None)


def parse(text: str) -> list[Rule]:
    """Every rule of one file, in order. Raises ParseError (with the line) where usbguard-daemon refuses the file."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    rules = []
    for number, line in enumerate(text.split("\n"), 1):
        rule = parse_line(line, number)
        if rule is not None:
            rules.append(rule)
    return rules


def parse_line(line: str, number: int) -> Rule | None:
    """The rule of one line; None for an empty line or a comment."""
    if len(line) > _MAX_LINE:
        raise ParseError(f"longer than {_MAX_LINE} characters", line=number)
    cursor = _Cursor(line, number)
    cursor.blank()
    if cursor.done():
        return None
    target = cursor.word()
    if target not in _TARGETS:
        raise ParseError(f"unknown target {target[:40]!r}", line=number)
    attributes: list[Attribute] = []
    while True:
        had_blank = cursor.blank()
        if cursor.done():
            break
        if not had_blank:
            raise cursor.wrong()
        attributes.append(_attribute(cursor, first=not attributes))
    names = [one.name for one in attributes]
    if len(names) != len(set(names)):
        raise ParseError("an attribute stands twice", line=number)
    return Rule(target, tuple(attributes), number)


class _Cursor:
    """A place in one line."""

    def __init__(self, line: str, number: int) -> None:
        self._line = line
        self._at = 0
        self.number = number

    def blank(self) -> bool:
        found = _BLANK.match(self._line, self._at)
        self._at = found.end() if found else self._at
        return found is not None

    def done(self) -> bool:
        """At the end, or at a comment."""
        return self._at >= len(self._line) or self._line[self._at] == "#"

    def take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._line, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found.group()

    def word(self) -> str:
        word = self.take(_WORD)
        if word is None:
            raise self.wrong()
        return word

    def sign(self, char: str) -> bool:
        if self._line.startswith(char, self._at):
            self._at += 1
            return True
        return False

    def wrong(self) -> ParseError:
        return ParseError(f"not understood at column {self._at + 1}", line=self.number)


def _attribute(cursor: _Cursor, *, first: bool) -> Attribute:
    if first:
        device = cursor.take(_PATTERNS["id"])
        if device is not None:
            return Attribute("id", "equals", (device,))
    name = cursor.word()
    if name not in _PATTERNS or not cursor.blank():
        raise cursor.wrong()
    pattern = _PATTERNS[name]
    operator = "equals"
    if not cursor.sign("{"):
        value = None if name == "if" else cursor.take(pattern)
        if value is not None:
            return Attribute(name, operator, (value,))
        word = cursor.take(pattern if name == "if" else _WORD)
        if name == "if" and word is not None and word not in _OPERATORS:
            return Attribute(name, operator, (word,))
        if word not in _OPERATORS or not cursor.blank() or not cursor.sign("{"):
            raise cursor.wrong()
        operator = word
    return Attribute(name, operator, _values(cursor, pattern))


def _values(cursor: _Cursor, pattern: re.Pattern[str]) -> tuple[str, ...]:
    values: list[str] = []
    had_blank = True
    cursor.blank()
    while not cursor.sign("}"):
        value = cursor.take(pattern) if had_blank else None
        if value is None or len(values) >= _MAX_VALUES:
            raise cursor.wrong()
        values.append(value)
        had_blank = cursor.blank()
    if not values:
        raise cursor.wrong()
    return tuple(values)


def _interface(value: str) -> Interface:
    cls, subclass, protocol = value.split(":")
    return Interface(
        int(cls, 16), None if subclass == "*" else int(subclass, 16), None if protocol == "*" else int(protocol, 16)
    )
