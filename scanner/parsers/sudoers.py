r"""One sudoers file: Defaults, aliases, user specifications and includes, in the order they stand in.

Format: sudoers(5). A backslash before the end of a line joins lines, `#` starts a comment (not before digits: a user
id; not in `#include`), `"..."` quotes, `\x` escapes. Tags, run-as users and options of a command hold for the commands
after it in the same list until they are changed. A line that sudo would refuse becomes a `Problem`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.sudoers_words import Word, Words, members

__all__ = ["Alias", "Default", "Include", "Problem", "Rule", "Statement", "parse"]

SCOPES = {"": "global", "@": "host", ":": "user", "!": "command", ">": "runas"}
ALIASES = {
    "User_Alias": "user",
    "Runas_Alias": "runas",
    "Host_Alias": "host",
    "Cmnd_Alias": "command",
    "Cmd_Alias": "command",
}
_TAGS = frozenset(
    f"{prefix}{name}"
    for name in ("EXEC", "FOLLOW", "LOG_INPUT", "LOG_OUTPUT", "MAIL", "INTERCEPT", "PASSWD", "SETENV")
    for prefix in ("", "NO")
)
_OPTIONS = frozenset(
    "ROLE TYPE CWD CHROOT TIMEOUT NOTBEFORE NOTAFTER PRIVS LIMITPRIVS APPARMOR_PROFILE".split()  # noqa: SIM905
)
_INCLUDE = re.compile(r"[@#](include|includedir)[ \t]+(.*)\Z", re.DOTALL)
_DEFAULTS = re.compile(r"Defaults(?:([@:!>])|(?=[ \t]|\Z))")
_DIGEST = re.compile(r"sha(?:224|256|384|512)\Z")
_SETTING = re.compile(
    r"""[ \t]*(?P<not>!*)[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*
    (?:(?P<op>[+-]?=)[ \t]*(?P<value>"(?:[^"\\]|\\.)*"|(?:[^ \t",\\]|\\.)+))?[ \t]*(?P<end>,|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_MAX_STATEMENTS = 50_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that does not follow the grammar."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Include:
    """`@include` or `@includedir` (`folder`) with its path as written."""

    path: str
    folder: bool
    line: int


@dataclass(frozen=True, slots=True)
class Default:
    """One parameter of a Defaults line. `value` is None for a flag; `enabled` is False for a negated parameter;
    `operator` is "", "=", "+=" or "-="."""

    scope: str
    members: tuple[str, ...]
    name: str
    enabled: bool
    operator: str
    value: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Alias:
    """One alias; `kind` is user, runas, host or command. A leading `!` of a member says "not"."""

    kind: str
    name: str
    members: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One command of a user specification with everything that holds for it."""

    users: tuple[str, ...]
    hosts: tuple[str, ...]
    runas_users: tuple[str, ...] | None
    runas_groups: tuple[str, ...]
    tags: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    command: str
    line: int


Statement: TypeAlias = Include | Default | Alias | Rule


def parse(text: str) -> tuple[list[Statement], list[Problem]]:
    """Statements and refused lines of one file. Raises ParseError for binary or huge input."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    statements: list[Statement] = []
    problems: list[Problem] = []
    for number, line in _logical_lines(text):
        try:
            statements.extend(_statement(line, number))
        except ValueError as error:
            problems.append(Problem(number, str(error)))
        if len(statements) + len(problems) > _MAX_STATEMENTS:
            raise ParseError(f"more than {_MAX_STATEMENTS} statements", line=number)
    return statements, problems


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Joined lines without comments, stripped, each with the number of its first line."""
    parts: list[str] = []
    start = 0
    for number, raw in enumerate(text.split("\n"), 1):
        if not parts:
            start = number
        content, comment = _without_comment(raw, whole=not parts)
        content = content.rstrip(" \t\r")
        backslashes = len(content) - len(content.rstrip("\\"))
        if backslashes % 2 and not comment:
            parts.append(content[:-1])
            continue
        parts.append(content)
        joined = "".join(parts).strip(" \t")
        parts = []
        if joined:
            yield start, joined
    joined = "".join(parts).strip(" \t")
    if joined:
        yield start, joined


def _without_comment(raw: str, *, whole: bool) -> tuple[str, bool]:
    """The line up to its comment, and whether there was one. `whole`: the line starts a statement."""
    if whole and _INCLUDE.match(raw.lstrip(" \t")):
        return raw, False
    quoted = escaped = False
    for index, char in enumerate(raw):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == "#" and not quoted and not re.match(r"#-?[0-9]", raw[index : index + 3]):
            return raw[:index], True
    return raw, False


def _statement(line: str, number: int) -> list[Statement]:
    include = _INCLUDE.match(line)
    if include:
        return [Include(_path(include[2]), include[1] == "includedir", number)]
    defaults = _DEFAULTS.match(line)
    if defaults:
        return list(_defaults(line[defaults.end() :], SCOPES[defaults[1] or ""], number))
    word = line.replace("\t", " ").partition(" ")[0]
    if word in ALIASES:
        return list(_aliases(ALIASES[word], Words(line[len(word) :]), number))
    return list(_rules(Words(line), number))


def _path(text: str) -> str:
    text = text.strip(" \t")
    if text.startswith('"'):
        if len(text) < 3 or not text.endswith('"'):
            raise ValueError("the path of an include is not closed")
        return text[1:-1]
    path = re.sub(r"\\([ \t])", r"\1", text)
    if not path or re.search(r"(?<!\\)[ \t]", text):
        raise ValueError("an include needs one path")
    return path


def _defaults(text: str, scope: str, number: int) -> Iterator[Default]:
    who: tuple[str, ...] = ()
    if scope != "global":
        words = Words(text)
        # A list of commands ends at the first blank too: arguments need an alias or quotes there.
        who = members(words)
        text = words.rest()
    place = 0
    while True:
        found = _SETTING.match(text, place)
        if found is None or (found["end"] == "," and not text[found.end() :].strip(" \t")):
            raise ValueError("a Defaults line is not made of parameters")
        value = found["value"]
        if value is not None:
            value = re.sub(r"\\(.)", r"\1", value[1:-1] if value.startswith('"') else value)
        enabled = len(found["not"]) % 2 == 0
        yield Default(scope, who, found["name"], enabled, found["op"] or "", value, number)
        place = found.end()
        if found["end"] != ",":
            return


def _aliases(kind: str, words: Words, number: int) -> Iterator[Alias]:
    while True:
        name = words.take()
        if not _NAME.match(name.text) or name.text == "ALL":
            raise ValueError(f"{name.text[:40]!r} cannot be the name of an alias")
        words.expect("=")
        if kind == "command":
            found = [_command(words)]
            while words.accept(","):
                found.append(_command(words))
        else:
            found = list(members(words))
        yield Alias(kind, name.text, tuple(found), number)
        if not words.accept(":"):
            words.end()
            return


@dataclass(slots=True)
class _Held:
    """What one command hands on to the next one of its list."""

    runas_users: tuple[str, ...] | None
    runas_groups: tuple[str, ...]
    tags: dict[str, str]
    options: dict[str, str]


def _rules(words: Words, number: int) -> Iterator[Rule]:
    users = members(words)
    while True:
        hosts = members(words)
        words.expect("=")
        held = _Held(None, (), {}, {})
        while True:
            _prefix(words, held)
            command = _command(words)
            yield Rule(
                users,
                hosts,
                held.runas_users,
                held.runas_groups,
                tuple(sorted(held.tags.values())),
                tuple(sorted(held.options.items())),
                command,
                number,
            )
            if not words.accept(","):
                break
        if not words.accept(":"):
            words.end()
            return


def _prefix(words: Words, held: _Held) -> None:
    """Run-as list, options and tags before a command, put into `held`."""
    if words.accept("("):
        held.runas_users = () if words.at(")") or words.at(":") else members(words)
        held.runas_groups = members(words) if words.accept(":") and not words.at(")") else ()
        words.expect(")")
    while True:
        word = words.peek()
        if word is None or word.kind != "word" or word.quoted:
            return
        if word.text in _OPTIONS and words.second("="):
            words.take()
            words.expect("=")
            held.options[word.text] = words.take().text
        elif word.text in _TAGS and words.second(":"):
            words.take()
            words.expect(":")
            held.tags[word.text.removeprefix("NO")] = word.text
        else:
            return


def _command(words: Words) -> str:
    """A command with its arguments, blanks made single; a leading `!` is kept."""
    parts: list[str] = []
    negated = 0
    while words.accept("!"):
        negated += 1
    word = words.take()
    while _DIGEST.match(word.text) and words.accept(":"):
        words.take()
        # Base64 may end in "=", which is a token of its own.
        while words.accept("="):
            pass
        words.accept(",")
        word = words.take()
    if not word.text.startswith(("/", "~", "^", "sudoedit", "list")) and not _NAME.match(word.text):
        raise ValueError(f"{word.text[:40]!r} is no command")
    parts.append(word.text)
    while True:
        following: Word | None = words.peek()
        if following is None or following.kind not in ("word", "!", "(", ")"):
            break
        parts.append(words.take_any().text)
    if len(parts) > 1 and _NAME.match(word.text):
        raise ValueError(f"{word.text[:40]} takes no arguments")
    return "!" * (negated % 2) + " ".join(parts)
