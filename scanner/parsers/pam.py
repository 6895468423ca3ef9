r"""PAM service files: the lines of /etc/pam.d/<service>.

Format: pam.conf(5) / pam.d(5); Linux-PAM libpam/pam_handlers.c and pam_misc.c. `#` starts a comment anywhere, a
backslash before the end of a line joins it to the next, words are split at blanks, `[...]` holds one word with blanks
(`\]` is a `]` inside). Type and control words are read without regard to case (not those in brackets). `@include` is
Debian's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Literal

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["CONTROLS", "TYPES", "Line", "Problem", "control_of", "parse"]

TYPES = ("auth", "account", "password", "session")

CONTROLS: dict[str, dict[str, str]] = {
    "required": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"},
    "requisite": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "die"},
    "sufficient": {"success": "done", "new_authtok_reqd": "done", "default": "ignore"},
    "optional": {"success": "ok", "new_authtok_reqd": "ok", "default": "ignore"},
}
"""The four words, spelled as the bracket form they stand for."""

_ACTIONS = frozenset({"ignore", "ok", "done", "bad", "die", "reset"})
_NATIVE = re.compile(r"^(?:/usr)?/lib(?:64|/[^/]+-linux-[^/]+)?/security/|^(?:/usr)?/lib/\$ISA/security/")
_MAX_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that libpam refuses; a stack with one fails when it is used."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """One statement of a service file.

    `kind`: module, include, substack or at_include (all types). `type` is empty for at_include. `control` is one of the
    four words when the brackets mean exactly that, else the brackets with their pairs sorted. `actions` maps a return
    value to an action (ignore ok done bad die reset, or a number of modules to skip). `module` is the bare name
    (`pam_unix`) when it is loaded from the system's module folder, else the whole path; for includes it is the file.
    """

    kind: Literal["module", "include", "substack", "at_include"]
    type: str
    control: str
    actions: dict[str, str] = field(hash=False)
    module: str
    arguments: tuple[str, ...]
    optional_module: bool
    line: int


def parse(text: str) -> tuple[list[Line], list[Problem]]:
    """Statements and refused lines of one service file. Raises ParseError for binary or huge input."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    lines: list[Line] = []
    problems: list[Problem] = []
    for number, logical in _logical_lines(text):
        try:
            lines.append(_statement(logical, number))
        except ValueError as error:
            problems.append(Problem(number, str(error)))
        if len(lines) + len(problems) > _MAX_LINES:
            raise ParseError(f"more than {_MAX_LINES} statements", line=number)
    return lines, problems


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Joined lines without comments, each with the number of its first line."""
    parts: list[str] = []
    start = 0
    for number, raw in enumerate(text.split("\n"), 1):
        content, comment, _ = raw.partition("#")
        if not parts:
            start = number
        # A backslash behind a `#` is part of the comment; one before blanks is not the last character.
        if not comment and content.endswith("\\"):
            parts.append(content[:-1])
            continue
        parts.append(content)
        joined = " ".join(parts)
        parts = []
        if joined.strip(" \t\r"):
            yield start, joined
    if any(part.strip(" \t\r") for part in parts):
        yield start, " ".join(parts)


def _statement(text: str, number: int) -> Line:
    words = _words(text)
    first = words[0]
    if first.lower() == "@include":
        if len(words) != 2:
            raise ValueError("@include needs one file")
        return Line("at_include", "", "include", {}, words[1], (), False, number)
    optional = first.startswith("-")
    kind = first.removeprefix("-").lower()
    if kind not in TYPES:
        raise ValueError(f"unknown type {first[:40]!r}")
    if len(words) < 3:
        raise ValueError("no module is named")
    control = words[1].lower()
    if control == "include":
        return Line("include", kind, control, {}, words[2], (), optional, number)
    if control == "substack":
        return Line("substack", kind, control, {}, words[2], (), optional, number)
    name, actions = control_of(words[1])
    return Line("module", kind, name, actions, _module(words[2]), tuple(words[3:]), optional, number)


def control_of(word: str) -> tuple[str, dict[str, str]]:
    """Normalised control and its actions. Raises ValueError for what libpam refuses."""
    if not word.startswith("["):
        known = CONTROLS.get(word.lower())
        if known is None:
            raise ValueError(f"unknown control {word[:40]!r}")
        return word.lower(), dict(known)
    actions: dict[str, str] = {}
    pieces = word.removeprefix("[").removesuffix("]").replace("=", " = ").split()
    if len(pieces) % 3:
        raise ValueError("a control in brackets is not made of value=action pairs")
    for value, equals, action in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        if equals != "=" or value == "=":
            raise ValueError("a control in brackets is not made of value=action pairs")
        if action not in _ACTIONS and not (action.isascii() and action.isdigit() and 0 < int(action[:9]) < 10_000):
            raise ValueError(f"unknown action {action[:40]!r}")
        # The first default fills what is unset at that moment, so a second one has nothing left to fill.
        if value != "default" or "default" not in actions:
            actions[value] = action
    # libpam: what no pair names is a failure.
    actions.setdefault("default", "bad")
    for name, meaning in CONTROLS.items():
        if actions == meaning:
            return name, actions
    return "[" + " ".join(f"{value}={action}" for value, action in sorted(actions.items())) + "]", actions


def _module(word: str) -> str:
    path = _NATIVE.sub("", word)
    return path if "/" in path else path.removesuffix(".so")


def _words(text: str) -> list[str]:
    """Words of a line; a word that starts with `[` runs to the closing bracket. Controls keep their brackets."""
    words: list[str] = []
    index = 0
    while index < len(text):
        char = text[index]
        if char in " \t\n":
            index += 1
        elif char == "[":
            end, word = _bracket(text, index + 1)
            # Only the second word is a control; an argument in brackets loses them.
            words.append(f"[{word}]" if len(words) == 1 else word)
            index = end
        else:
            end = index
            while end < len(text) and text[end] not in " \t\n":
                end += 1
            words.append(text[index:end])
            index = end
    if not words:
        raise ValueError("an empty statement")
    return words


def _bracket(text: str, index: int) -> tuple[int, str]:
    piece: list[str] = []
    while index < len(text):
        char = text[index]
        if char == "\\" and text[index + 1 : index + 2] == "]":
            piece.append("]")
            index += 2
        elif char == "]":
            return index + 1, "".join(piece)
        else:
            piece.append(char)
            index += 1
    raise ValueError("a bracket is not closed")
