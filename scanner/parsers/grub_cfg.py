"""What a GRUB configuration boots: its `linux` commands with the menu entry around each, and the variables it sets.

The script language is read word by word, not run: every branch of an `if` counts, so that nothing that could boot is
overlooked. Source: GNU GRUB manual, "Writing full configuration files directly" (quoting, `menuentry`, `linux`, `set`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Assigned", "Boot", "GrubConfig", "expand", "parse"]

_MAX_WORDS = 200_000
_LINUX = frozenset(("linux", "linux16", "linuxefi"))
_NAME = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<plain>\w+))", re.ASCII)
_TRANSPARENT = frozenset(("then", "do", "while", "until", "{", "!"))
_ALONE = frozenset(("if", "else", "elif"))

# GRUB expands `$` in words and in double quotes, not in single quotes or behind a backslash; and a quoted space does
# not part words. Both are kept apart until the line is put together.
_LITERAL_DOLLAR = "\ue000"
_LITERAL_SPACE = "\ue001"
_QUOTED_SPACES = str.maketrans(dict.fromkeys(" \t\n", _LITERAL_SPACE))


@dataclass(frozen=True, slots=True)
class Boot:
    """One `linux` command. `title` is that of the innermost menu entry, "" outside of all; `words` are unexpanded."""

    title: str
    kernel: str
    words: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Assigned:
    """A value that a variable gets. `sure`: every boot sets it; `fallback`: set just when it is empty before."""

    value: str
    sure: bool
    fallback: bool


@dataclass(frozen=True, slots=True)
class GrubConfig:
    """`assigned`: every value that a variable may get, in order; `commands`: names of the commands used."""

    boots: tuple[Boot, ...]
    assigned: Mapping[str, tuple[Assigned, ...]]
    commands: frozenset[str]


def parse(text: str) -> GrubConfig:
    """The configuration in `text`. Raises ParseError for a NUL, an open quote or an absurd size."""
    if "\0" in text:
        raise ParseError("a NUL in a GRUB configuration", offset=text.index("\0"))
    boots: list[Boot] = []
    assigned: dict[str, list[Assigned]] = {}
    commands: set[str] = set()
    titles: list[str | None] = []
    tests: list[tuple[str, ...]] = []
    for line, words in _commands(text):
        name, rest = words[0], words[1:]
        commands.add(name)
        if name == "if":
            tests.append(())
        elif name in ("[", "test") and tests and not tests[-1]:
            tests[-1] = tuple(rest)
        elif name in ("else", "elif") and tests:
            tests[-1] = (name,)
        elif name == "fi" and tests:
            tests.pop()
        elif name == "}" and titles:
            titles.pop()
        elif rest and rest[-1] == "{":
            titles.append(_plain(rest[0]) if name in ("menuentry", "submenu") else None)
        if name in _LINUX and rest:
            title = next((title for title in reversed(titles) if title is not None), "")
            boots.append(Boot(title, _plain(rest[0]), tuple(rest[1:]), line))
        for word in rest if name in ("set", "export") else (name,):
            variable, equals, value = word.partition("=")
            if equals and re.fullmatch(r"\w+", variable, re.ASCII):
                fallback = len(tests) == 1 and not titles and _asks_empty(tests[0], variable)
                assigned.setdefault(variable, []).append(
                    Assigned(value.replace(_LITERAL_SPACE, " "), not tests and not titles, fallback)
                )
    return GrubConfig(tuple(boots), {key: tuple(values) for key, values in assigned.items()}, frozenset(commands))


def _asks_empty(test: tuple[str, ...], variable: str) -> bool:
    return len(test) >= 2 and test[0] == "-z" and test[1] in (f"${variable}", f"${{{variable}}}")


def expand(words: tuple[str, ...], variables: Mapping[str, str]) -> str:
    """The words with variables put in (an unknown one is empty, as in GRUB), joined to one line.

    A word that holds a quoted space gets double quotes around it, as `grub_create_loader_cmdline` does it.
    """
    return " ".join(_word(word, variables) for word in words)


def _word(word: str, variables: Mapping[str, str]) -> str:
    text = _plain(_NAME.sub(lambda found: variables.get(found["braced"] or found["plain"], ""), word))
    return f'"{text}"' if _LITERAL_SPACE in word else text


def _plain(word: str) -> str:
    return word.replace(_LITERAL_DOLLAR, "$").replace(_LITERAL_SPACE, " ")


def _commands(text: str) -> Iterator[tuple[int, list[str]]]:
    """Simple commands: (line of the first word, words), parted by `;`, `|`, `&` and line ends, without keywords."""
    current: list[str] = []
    start = 1
    for count, (line, word) in enumerate(_words(text)):
        if count > _MAX_WORDS:
            raise ParseError("more words than we read", line=line)
        if word is None:
            if current:
                yield start, current
            current = []
        elif not current and word in _ALONE:
            yield line, [word]
        elif current or word not in _TRANSPARENT:
            if not current:
                start = line
            current.append(word)
            if word == "{" or (word == "}" and len(current) == 1):
                yield start, current
                current = []
    if current:
        yield start, current


def _words(text: str) -> Iterator[tuple[int, str | None]]:
    """(line, word), and None where a command ends."""
    out: list[str] = []
    open_word = False
    line = begin = 1
    at = 0
    while at < len(text):
        char = text[at]
        if not open_word and char not in " \t\r\n;|&#":
            begin = line
        if char in " \t\r\n;|&":
            if open_word:
                yield begin, "".join(out)
            out, open_word = [], False
            if char in "\n;|&":
                yield line, None
        elif char == "#" and not open_word:
            at = _until(text, "\n", at)
            continue
        elif char == "\\":
            at += 1
            if at < len(text) and text[at] != "\n":
                out.append(_LITERAL_DOLLAR if text[at] == "$" else text[at].translate(_QUOTED_SPACES))
                open_word = True
        elif char in "'\"":
            end = _closing(text, char, at, line)
            out.append(_unquoted(text[at + 1 : end], char).translate(_QUOTED_SPACES))
            open_word = True
            line += text.count("\n", at, end)
            at = end
        else:
            out.append(char)
            open_word = True
        if at < len(text) and text[at] == "\n":
            line += 1
        at += 1
    if open_word:
        yield begin, "".join(out)


def _until(text: str, char: str, at: int) -> int:
    end = text.find(char, at)
    return len(text) if end < 0 else end


def _closing(text: str, quote: str, start: int, line: int) -> int:
    at = start + 1
    while at < len(text) and text[at] != quote:
        at += 2 if quote == '"' and text[at] == "\\" else 1
    if at >= len(text):
        raise ParseError(f"the quote {quote} is not closed", line=line)
    return at


def _unquoted(text: str, quote: str) -> str:
    if quote == "'":
        return text.replace("$", _LITERAL_DOLLAR)
    return re.sub(r"\\(.)", lambda found: _escaped(found[1]), text.replace("\\\n", ""), flags=re.DOTALL)


def _escaped(char: str) -> str:
    if char == "$":
        return _LITERAL_DOLLAR
    return char if char in '"\\' else "\\" + char
