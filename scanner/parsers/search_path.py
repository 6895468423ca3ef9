"""What a start-up script of a shell puts into PATH, element by element, and which files it names.

Built on the simple commands of shell_words: nothing is run. Source: bash(1), PATH, "Tilde Expansion"; the function
pathmunge of Fedora's and RHEL's /etc/profile (its first argument becomes an element).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from scanner.model.records import dataclass
from scanner.parsers.shell_words import Command, ShellWord, commands

__all__ = ["Element", "Kind", "Mention", "classify", "elements", "mentions", "split_list"]

Kind: TypeAlias = Literal["inherited", "home", "absolute", "relative", "undecided"]

MAX_MENTIONS = 5_000
_BRACED = re.compile(r"\$\{(PATH|HOME)\}(?![A-Za-z0-9_])")
_ASSIGNED = re.compile(r"PATH\+?=(.*)\Z", re.DOTALL)
_DECLARING = frozenset({"export", "readonly", "declare", "typeset", "local"})
_FUNCTION_ARGUMENT = re.compile(r"\$[0-9@*]")
_FILE = re.compile(r"(?:~|\$HOME|\$\{HOME\})?/[^\s\"'$`;&|()<>{}*?\[\]\\:,=#]+")


@dataclass(frozen=True, slots=True)
class Element:
    """One element as written, what it is, and its line (1-based). An empty one is relative: the current directory."""

    text: str
    kind: Kind
    line: int


@dataclass(frozen=True, slots=True)
class Mention:
    """A file that a script names: absolute, or below the home directory (`~/…`)."""

    path: str
    line: int


def elements(text: str) -> list[Element]:
    """Every element that a statement of the script may put into PATH. Raises ParseError for binary or huge input."""
    found: list[Element] = []
    for command in commands(_BRACED.sub(r"$\1", text)):
        if command.when != "elsewhere":
            for value in _values(command):
                found += [
                    element
                    for element in split_list(value, command.line)
                    if not (command.when == "function" and _FUNCTION_ARGUMENT.search(element.text))
                ]
    return found


def split_list(value: str, line: int) -> list[Element]:
    """The elements of a value of PATH, inherited ones left out."""
    found = [Element(text, classify(text), line) for text in value.split(":")]
    return [element for element in found if element.kind != "inherited"]


def classify(text: str) -> Kind:
    """What one element is."""
    if text == "$PATH":
        return "inherited"
    if re.match(r"(?:~|\$HOME)(?:/|\Z)", text) and not re.search(r"[$`]", text[1:]):
        return "home"
    if "$" in text or "`" in text or text.startswith("~"):
        return "undecided"
    return "absolute" if text.startswith("/") else "relative"


def _values(command: Command) -> Iterator[str]:
    """Texts that become (a part of) PATH by this command."""
    words: list[ShellWord] = list(command.words)
    if not words:
        return
    first = words[0].text
    if first == "pathmunge":
        yield from (word.text for word in words[1:2])
    elif first == "setenv" and len(words) > 2 and words[1].text == "PATH":
        yield words[2].text
    elif first in _DECLARING or _ASSIGNED.match(first):
        for word in words:
            match = _ASSIGNED.match(word.text)
            if match is not None:
                # `PATH+=:/opt` goes on with what was there: the part before its first colon is no element of its own.
                appended = word.text.startswith("PATH+=:")
                yield match[1][1:] if appended else match[1]


def mentions(text: str) -> list[Mention]:
    """Files named in the script outside of comment lines, each once."""
    first: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            continue
        for match in _FILE.finditer(line):
            path = re.sub(r"\A(?:\$HOME|\$\{HOME\})", "~", match[0])
            first.setdefault(path, number)
            if len(first) >= MAX_MENTIONS:
                return [Mention(path, line) for path, line in first.items()]
    return [Mention(path, line) for path, line in first.items()]
