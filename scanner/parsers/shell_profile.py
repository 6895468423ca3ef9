"""What a start-up script of a shell does to the umask and to chosen variables.

Format: bash(1), "umask", "Bash Variables" (TMOUT), "readonly", "declare". Only literal values are decided; a value made
by an expansion, `eval` and what a sourced file does are not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from scanner.model.records import dataclass
from scanner.parsers.shell_words import Command, ShellWord, When, commands

__all__ = ["Setting", "parse", "permits", "umask_bits"]

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(.*)\Z", re.DOTALL)
_DECLARING = frozenset({"export", "readonly", "declare", "typeset", "local"})
_RUNNING = frozenset({"eval", "trap", "alias"})
"""Commands that run their words as a script, at once or later."""
_PREFIXES = frozenset({"builtin", "command", "exec"})
_CLAUSE = re.compile(r"([ugoa]*)([-+=])([rwxXst]*)\Z")


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing done to the umask (`name` is umask) or to a variable.

    `value` is None when the statement gives none (`export TMOUT`) or when it is not `decided`. `unset`: the variable is
    removed. `exported`, `readonly`: what this statement itself says.
    """

    name: str
    value: str | None
    decided: bool
    unset: bool
    exported: bool
    readonly: bool
    when: When
    line: int


def parse(text: str, variables: Collection[str]) -> list[Setting]:
    """Every statement about the umask or one of `variables`, in order. Raises ParseError for binary or huge input."""
    found: list[Setting] = []
    for command in commands(text):
        found.extend(item for item in _settings(command) if item.name == "umask" or item.name in variables)
    return found


def umask_bits(value: str) -> int | None:
    """The mask that `value` sets: octal digits, or symbols that name all of user, group and others; else None.

    Symbols change the present mask; they are decided only when each class gets its permissions with `=`. A number that
    is no octal number or beyond 7777 is refused by bash (dash cuts it off): it takes nothing away that could be told.
    """
    if re.fullmatch(r"[0-9]{1,12}", value):
        octal = re.fullmatch(r"0*([0-7]{1,4})", value)
        return 0 if octal is None else int(octal[1], 8) & 0o777
    granted: dict[str, int] = {}
    for clause in value.split(","):
        match = _CLAUSE.match(clause)
        if match is None or match[2] != "=" or not set(match[3]) <= set("rwx"):
            return None
        bits = sum({"r": 4, "w": 2, "x": 1}[letter] for letter in set(match[3]))
        classes = "ugo" if not match[1] or "a" in match[1] else match[1]
        granted.update(dict.fromkeys(classes, bits))
    if set(granted) != set("ugo"):
        return None
    return 0o777 & ~(granted["u"] << 6 | granted["g"] << 3 | granted["o"])


def permits(mask: int | None) -> str | None:
    """The permissions that a mask leaves to a new directory, as octal text: 027 leaves 0750."""
    return None if mask is None else f"{0o777 & ~mask:04o}"


def _settings(command: Command) -> Iterator[Setting]:
    words = list(command.words)
    while words and words[0].text in _PREFIXES:
        words.pop(0)
    if not words:
        return
    name = words[0].text
    if name == "umask" and not words[0].dynamic:
        yield from _umask(words[1:], command)
    elif name in _DECLARING:
        yield from _declared(name, words[1:], command)
    elif name in _RUNNING and any("umask" in word.text for word in words[1:]):
        yield Setting("umask", None, False, False, False, False, command.when, command.line)
    elif name == "unset":
        for word in words[1:]:
            if not word.text.startswith("-"):
                yield Setting(word.text, None, not word.dynamic, True, False, False, command.when, command.line)
    elif all(_ASSIGNMENT.match(word.text) for word in words):
        for word in words:
            yield _assigned(word, command, exported=False, readonly=False)


def _umask(arguments: list[ShellWord], command: Command) -> Iterator[Setting]:
    for word in arguments:
        if word.text in ("-S", "-p", "-Sp", "-pS", "--"):
            continue
        value = None if word.dynamic else word.text
        yield Setting("umask", value, not word.dynamic, False, False, False, command.when, command.line)
        return


def _declared(name: str, arguments: list[ShellWord], command: Command) -> Iterator[Setting]:
    exported = name == "export"
    readonly = name == "readonly"
    for word in arguments:
        if re.match(r"[-+][A-Za-z]", word.text):
            sets = word.text.startswith("-")
            exported = (sets if "x" in word.text else exported) if name != "export" else (sets and "n" not in word.text)
            readonly = sets if "r" in word.text else readonly
        elif _ASSIGNMENT.match(word.text):
            yield _assigned(word, command, exported=exported, readonly=readonly)
        elif not word.dynamic:
            yield Setting(word.text, None, True, False, exported, readonly, command.when, command.line)


def _assigned(word: ShellWord, command: Command, *, exported: bool, readonly: bool) -> Setting:
    match = _ASSIGNMENT.match(word.text)
    assert match is not None
    decided = not word.dynamic and match[2] == "="
    value = match[3] if decided else None
    return Setting(match[1], value, decided, False, exported, readonly, command.when, command.line)
