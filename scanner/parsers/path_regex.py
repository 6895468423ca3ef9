"""Regular expressions of file_contexts, matched in linear time against short paths.

Python's `re` backtracks, and the expressions come from the inspected system; this is Thompson's construction for the
part of the PCRE language that policies use: literals, `.`, `[...]`, `( )`, `(?: )`, `|`, `* + ?` (and their lazy and
possessive forms, which match the same texts), `{m,n}`, escapes. Anything else raises ParseError.
Source: file_contexts(5), pcre2pattern(3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from scanner.model.errors import ParseError

__all__ = ["Pattern", "literal_start"]

_MAX_STATES = 4000
_MAX_DEPTH = 40
_MAX_REPEAT = 100
_META = ".^$?*+|[({\\"
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": lambda char: "0" <= char <= "9",
    "w": lambda char: char == "_" or (char.isascii() and char.isalnum()),
    "s": lambda char: char in " \t\n\r\v\f",
}
_POSIX: dict[str, Callable[[str], bool]] = {
    "digit": _CLASSES["d"],
    "alpha": lambda char: char.isascii() and char.isalpha(),
    "alnum": lambda char: char.isascii() and char.isalnum(),
    "upper": lambda char: "A" <= char <= "Z",
    "lower": lambda char: "a" <= char <= "z",
    "xdigit": lambda char: char in "0123456789abcdefABCDEF",
    "space": _CLASSES["s"],
}
_CONTROL = {"n": "\n", "t": "\t", "r": "\r"}

Test = Callable[[str], bool]


def literal_start(pattern: str) -> str:
    """The text that every match begins with: up to the first special character, less what a `?`, `*` or `{` makes
    optional, nothing if an alternative stands outside all groups."""
    depth = 0
    for index, char in enumerate(pattern):
        if char == "|" and depth == 0 and pattern[index - 1 : index] != "\\":
            return ""
        depth += (char == "(") - (char == ")")
    end = next((index for index, char in enumerate(pattern) if char in _META), len(pattern))
    return pattern[: end - 1] if pattern[end : end + 1] in ("?", "*", "{") and end else pattern[:end]


@dataclass(slots=True)
class _Machine:
    """States: `tests[n]` consumes one character and goes to `steps[n][0]`; without a test all steps are free."""

    tests: list[Test | None] = field(default_factory=list)
    steps: list[list[int]] = field(default_factory=list)

    def state(self, test: Test | None = None) -> int:
        if len(self.tests) >= _MAX_STATES:
            raise ParseError("expression too large")
        self.tests.append(test)
        self.steps.append([])
        return len(self.tests) - 1


class Pattern:
    """One compiled expression; `matches` asks whether it matches a whole text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._machine = _Machine()
        self._start, self._end = self._alternatives(0)
        if self._at < len(text):
            raise ParseError("a closing parenthesis too many", offset=self._at)

    def matches(self, subject: str) -> bool:
        """Whether the expression matches all of `subject`; time is states times characters."""
        current = self._closure({self._start})
        for char in subject:
            after: set[int] = set()
            for state in current:
                test = self._machine.tests[state]
                if test is not None and test(char):
                    after.update(self._machine.steps[state])
            if not after:
                return False
            current = self._closure(after)
        return self._end in current

    def _closure(self, states: set[int]) -> set[int]:
        todo = list(states)
        while todo:
            state = todo.pop()
            if self._machine.tests[state] is None:
                for step in self._machine.steps[state]:
                    if step not in states:
                        states.add(step)
                        todo.append(step)
        return states

    # ---- construction: every part is a pair (first state, last state), the last one without a test ----------------

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _alternatives(self, depth: int) -> tuple[int, int]:
        if depth > _MAX_DEPTH:
            raise ParseError("nested too deeply", offset=self._at)
        machine = self._machine
        start, end = machine.state(), machine.state()
        while True:
            first, last = self._sequence(depth)
            machine.steps[start].append(first)
            machine.steps[last].append(end)
            if self._peek() != "|":
                return start, end
            self._at += 1

    def _sequence(self, depth: int) -> tuple[int, int]:
        start = last = self._machine.state()
        while self._peek() not in ("", "|", ")"):
            begun = self._at
            first, end = self._atom(depth)
            first, end = self._repeated(first, end, begun, depth)
            self._machine.steps[last].append(first)
            last = end
        return start, last

    def _atom(self, depth: int) -> tuple[int, int]:
        char = self._peek()
        self._at += 1
        if char == "(":
            if self._text.startswith("?:", self._at):
                self._at += 2
            elif self._peek() in ("?", "*"):
                raise ParseError("a group of an unsupported kind", offset=self._at)
            part = self._alternatives(depth + 1)
            if self._peek() != ")":
                raise ParseError("a group without an end", offset=self._at)
            self._at += 1
            return part
        if char == "[":
            return self._one(self._set())
        if char == ".":
            return self._one(lambda other: other != "\n")
        if char == "\\":
            return self._one(self._escape())
        if char in "*+?{^$":
            raise ParseError(f"{char} in an unsupported place", offset=self._at - 1)
        return self._one(lambda other: other == char)

    def _one(self, test: Test) -> tuple[int, int]:
        first, last = self._machine.state(test), self._machine.state()
        self._machine.steps[first].append(last)
        return first, last

    def _escape(self) -> Test:
        char = self._peek()
        self._at += 1
        if char.lower() in _CLASSES and char:
            inside = _CLASSES[char.lower()]
            return inside if char.islower() else lambda other: not inside(other)
        if not char or (char.isalnum() and char not in _CONTROL):
            raise ParseError("an unsupported escape", offset=self._at)
        plain = _CONTROL.get(char, char)
        return lambda other: other == plain

    def _set(self) -> Test:
        negated = self._peek() == "^"
        self._at += negated
        tests: list[Test] = []
        first = True
        while first or self._peek() != "]":
            first = False
            tests.append(self._member())
        self._at += 1
        return lambda char: any(test(char) for test in tests) != negated

    def _member(self) -> Test:
        if self._text.startswith("[:", self._at):
            end = self._text.find(":]", self._at)
            name = self._text[self._at + 2 : end] if end > 0 else ""
            if name not in _POSIX:
                raise ParseError("an unsupported character class", offset=self._at)
            self._at = end + 2
            return _POSIX[name]
        low = self._peek()
        if not low:
            raise ParseError("a set without an end", offset=self._at)
        self._at += 1
        if low == "\\":
            return self._escape()
        high = self._text[self._at + 1 : self._at + 2]
        if self._peek() == "-" and high not in ("", "]", "\\", "["):
            self._at += 2
            return lambda char: low <= char <= high
        return lambda char: char == low

    def _repeated(self, first: int, last: int, begun: int, depth: int) -> tuple[int, int]:
        char = self._peek()
        if char == "{":
            return self._counted(first, last, begun, depth)
        if char not in ("*", "+", "?") or not char:
            return first, last
        self._at += 1
        if self._peek() in ("?", "+"):
            self._at += 1
        return self._loop(first, last, optional=char != "+", again=char != "?")

    def _loop(self, first: int, last: int, *, optional: bool, again: bool) -> tuple[int, int]:
        machine = self._machine
        start, end = machine.state(), machine.state()
        machine.steps[start].append(first)
        machine.steps[last].append(end)
        if optional:
            machine.steps[start].append(end)
        if again:
            machine.steps[last].append(first)
        return start, end

    def _counted(self, first: int, last: int, begun: int, depth: int) -> tuple[int, int]:
        """`{m}`, `{m,}`, `{m,n}`: the atom is read again for every repetition."""
        close = self._text.find("}", self._at)
        low_text, comma, high_text = self._text[self._at + 1 : max(close, 0)].partition(",")
        if close < 0 or not low_text.isdecimal() or not (high_text.isdecimal() or not high_text):
            raise ParseError("an unsupported repetition", offset=self._at)
        low = int(low_text) if len(low_text) < 4 else _MAX_REPEAT + 1
        high = low if not comma else int(high_text) if high_text and len(high_text) < 4 else None
        if low > _MAX_REPEAT or (high is not None and not low <= high <= _MAX_REPEAT) or len(high_text) > 3:
            raise ParseError("a repetition that is too long", offset=self._at)
        end_of_all = close + 1
        machine = self._machine
        start = at = machine.state()
        for index in range(low if high is None else high):
            if index:
                self._at = begun
                first, last = self._atom(depth)
            part = (first, last) if index < low else self._loop(first, last, optional=True, again=False)
            machine.steps[at].append(part[0])
            at = part[1]
        if high is None:
            self._at = begun
            first, last = self._atom(depth)
            part = self._loop(first, last, optional=True, again=True)
            machine.steps[at].append(part[0])
            at = part[1]
        self._at = end_of_all
        return start, at
