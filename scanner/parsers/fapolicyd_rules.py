"""The rule language of fapolicyd: decision, permission, subject, colon, object; `%name=a,b` sets.

Words are split at spaces only. Without `perm=` a rule is about opening, not executing. A `:` must stand between
subject and object. A line the daemon refuses keeps it from starting, so it is a ParseError here.
Sources: fapolicyd.rules(5); fapolicyd src/library/rules.c (nv_split, parse_new_format, parse_set_line).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Condition", "Line", "Rule", "lines_of", "parse"]

_DECISIONS = frozenset(
    (*("allow", "deny", "allow_audit", "deny_audit"), *("allow_syslog", "deny_syslog", "allow_log", "deny_log"))
)
_PERMS = frozenset(("open", "execute", "any"))
_SUBJECT = frozenset(
    ("auid", "uid", "gid", "sessionid", "pid", "ppid", "trust", "comm", "exe", "dir", "ftype", "pattern", "device")
)
_OBJECT = frozenset(("path", "dir", "device", "ftype", "trust", "filehash", "sha256hash"))
_SET = re.compile(r"%([A-Za-z0-9_]+)(\+?=)(.*)\Z", re.DOTALL)
_MAX_LINE = 65536
_MAX_VALUES = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line, the file it stands in, its number (1-based)."""

    text: str
    source: str
    number: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One attribute and the values of which one must fit; `all` has none."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `allows` sums the decision up; `perm` is open, execute or any; `text` is the line as written."""

    decision: str
    allows: bool
    perm: str
    subject: tuple[Condition, ...]
    object: tuple[Condition, ...]
    text: str
    source: str
    line: int


def lines_of(text: str, source: str) -> list[Line]:
    """The lines of one file."""
    return [Line(line, source, number) for number, line in enumerate(text.split("\n"), 1)]


def parse(lines: Iterable[Line]) -> list[Rule]:
    """Every rule in order, sets put in. Raises ParseError (naming file and line) for what the daemon refuses."""
    sets: dict[str, tuple[str, ...]] = {}
    rules: list[Rule] = []
    for line in lines:
        try:
            words = _words(line.text)
            if not words or words[0].startswith("#"):
                continue
            if words[0].startswith("%"):
                _define(sets, words[0])
            else:
                rules.append(_rule(words, sets, line))
        except ParseError as error:
            raise ParseError(error.message, line=line.number, where=line.source) from None
    return rules


def _words(text: str) -> list[str]:
    """Words split at spaces; a double quote right after `=` or `,` keeps spaces until the next one."""
    if len(text) > _MAX_LINE or "\0" in text:
        raise ParseError("a line that is too long or binary")
    words: list[str] = []
    word: list[str] = []
    quoted = False
    at = 0
    while at < len(text):
        char = text[at]
        if quoted and char == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
            at += 1
            word.append(text[at])
        elif char == '"' and (quoted or (word and word[-1] in "=,")):
            quoted = not quoted
            if not quoted and text[at + 1 : at + 2] not in ("", " ", ","):
                raise ParseError("text after a closing quote")
        elif char == " " and not quoted:
            if word:
                words.append("".join(word))
            word = []
        else:
            word.append(char)
        at += 1
    if quoted:
        raise ParseError("a quote without an end")
    return [*words, "".join(word)] if word else words


def _define(sets: dict[str, tuple[str, ...]], word: str) -> None:
    found = _SET.match(word)
    if found is None or not found.group(3):
        raise ParseError(f"not a set: {word[:60]}")
    name, operator, values = found.groups()
    if operator == "+=":
        if name != "languages" or name not in sets:
            raise ParseError(f"only %languages can be added to, after it is defined: %{name}")
        sets[name] = (*sets[name], *values.split(","))
    elif name in sets:
        raise ParseError(f"%{name} is defined twice")
    else:
        sets[name] = tuple(values.split(","))
    if len(sets[name]) > _MAX_VALUES:
        raise ParseError(f"%{name} has more than {_MAX_VALUES} values")


def _rule(words: list[str], sets: dict[str, tuple[str, ...]], line: Line) -> Rule:
    decision = words[0]
    if decision not in _DECISIONS:
        raise ParseError(f"unknown decision {decision[:40]}")
    rest = words[1:]
    perm = "open"
    if rest and rest[0].startswith("perm="):
        perm = rest.pop(0).removeprefix("perm=")
        if perm not in _PERMS:
            raise ParseError(f"unknown permission {perm[:40]}")
    if ":" not in rest:
        raise ParseError("no colon between subject and object")
    colon = rest.index(":")
    return Rule(
        decision,
        decision.startswith("allow"),
        perm,
        _conditions(rest[:colon], _SUBJECT, sets, "subject"),
        _conditions(rest[colon + 1 :], _OBJECT, sets, "object"),
        line.text.strip(),
        line.source,
        line.number,
    )


def _conditions(
    words: list[str], known: frozenset[str], sets: dict[str, tuple[str, ...]], side: str
) -> tuple[Condition, ...]:
    if not words:
        raise ParseError(f"no {side}")
    found: list[Condition] = []
    for word in words:
        name, equals, value = word.partition("=")
        name = name.lower().replace("file_hash", "filehash")
        if word == "all":
            found.append(Condition("all", ()))
        elif not equals or not value or name not in known:
            raise ParseError(f"unknown {side} {word[:60]}")
        elif value.startswith("%"):
            if value[1:] not in sets:
                raise ParseError(f"unknown set {value[:60]}")
            found.append(Condition(name, sets[value[1:]]))
        else:
            found.append(Condition(name, tuple(value.split(","))))
    return tuple(found)
