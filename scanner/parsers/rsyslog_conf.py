"""Configuration of rsyslogd in its three syntaxes, as one list of statements in order.

sysklogd lines (`mail.* -/var/log/maillog`), `$Directive value` lines and RainerScript (`action(type="omfile" …)`,
`if … then …`, `ruleset(name="…") {…}`) may be mixed freely. Expressions are not evaluated: what they guard is marked.
Source: rsyslog.conf(5); rsyslog, grammar/lexer.l and grammar/grammar.y; "Basic Structure" of the manual.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Literal, TypeAlias

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Kind", "Statement", "parse"]

MAX_STATEMENTS = 50_000
MAX_DEPTH = 200

Kind: TypeAlias = Literal["directive", "object", "action", "legacy", "discard", "call"]

_OBJECTS = frozenset(
    (
        *("action", "dyn_stats", "global", "include", "input", "lookup_table", "main_queue", "module", "parser"),
        *("percentile_stats", "ratelimit", "reload_lookup_table", "ruleset", "template", "timezone"),
    )
)
_BLANKS = " \t\r\n\v\f"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PROPERTY = re.compile(r':\$?[A-Za-z0-9!._-]+[ \t]*,[ \t]*!?[A-Za-z]+[ \t]*,[ \t]*"(?:\\.|[^"\\])*"')
_PART = r"[A-Za-z0-9*][A-Za-z0-9*,]*\.[!=A-Za-z0-9*]+"
_PRIORITY = re.compile(rf"{_PART}(?:;{_PART})*;?(?=[ \t\v{{])")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.$!-]*")
_STRING = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_QUOTED = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", re.DOTALL)
_OPENING = re.compile(r"[ \t\n\v]*\(")
_CALLED = re.compile(r"[ \t]+([^\s{};#]+)")
_BARE = re.compile(r"[^\s\"'()\[\],=]+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_END = re.compile("\n")
_ANY_END = re.compile("[\n\v]")
_NAMED = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    `kind`: directive (`$Name value`: `name` in lower case, `text`), object (`name`, `parameters`), action (an `action`
    object), legacy (the action of a sysklogd line: `text`), discard (`stop` or `~`), call (`text`: the ruleset).
    `selectors`: the facility.priority filters around it, all of which must hold. `guarded`: some other condition must
    hold too. `ruleset`: the ruleset it belongs to, None for the default one. `line` is 1-based.
    """

    kind: Kind
    line: int
    name: str = ""
    text: str = ""
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    selectors: tuple[str, ...] = ()
    guarded: bool = False
    ruleset: str | None = None

    def parameter(self, name: str) -> str | None:
        """The value of a parameter (names have no case); of an array the first item; None when it is not given."""
        values = self.parameters.get(name)
        return values[0] if values else None


def parse(text: str) -> list[Statement]:
    """Every statement in order. Raises ParseError for what rsyslogd does not read: an open quote, block or object."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    # A backslash at the end of a line joins lines; \v stands for that line end, so that places stay right.
    return _Reader(text.replace("\r\n", "\n").replace("\\\n", " \v")).read()


@dataclass(frozen=True, slots=True)
class _Scope:
    """The conditions that hold around a statement."""

    selectors: tuple[str, ...] = ()
    guarded: bool = False
    ruleset: str | None = None


class _Reader:
    """One pass over the text; `pending` are the conditions of the next statement alone."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: list[Statement] = []
        self.blocks: list[_Scope] = []
        self.scope = _Scope()
        self.pending: _Scope | None = None
        self.last = _Scope()
        self.program = False
        self._ends = [match.start() for match in re.finditer("[\n\v]", text)]

    def line(self, at: int | None = None) -> int:
        """The 1-based line of a place."""
        return bisect.bisect_left(self._ends, self.at if at is None else at) + 1

    def read(self) -> list[Statement]:
        while self._skip():
            self._statement()
            if len(self.found) > MAX_STATEMENTS:
                raise ParseError(f"more than {MAX_STATEMENTS} statements")
        if self.blocks:
            raise ParseError("a block is not closed", line=self.line())
        return self.found

    def _skip(self) -> bool:
        """Step over blanks and comments; False at the end."""
        while self.at < len(self.text):
            if self.text[self.at] in _BLANKS:
                self.at += 1
            elif self.text[self.at] == "#":
                self._to_line_end()
            elif self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at + 2)
                if end < 0:
                    raise ParseError("a comment does not end", line=self.line())
                self.at = end + 2
            else:
                return True
        return False

    def _to_line_end(self, *, joined: bool = False) -> str:
        """The rest of the line; with `joined`, of the lines that continue it too."""
        match = (_END if joined else _ANY_END).search(self.text, self.at)
        end = match.start() if match is not None else len(self.text)
        rest, self.at = self.text[self.at : end], end
        return rest.replace("\v", " ")

    # ---- statements ------------------------------------------------------------------------------------------------

    def _statement(self) -> None:
        char = self.text[self.at]
        if char == "{":
            self._open()
        elif char == "}":
            self._close()
        elif char == "$":
            self._directive()
        elif char == "&":
            self.at += 1
            self.pending = self.last
        elif char in "!+" or (char == "-" and not self.text.startswith("-/", self.at)):
            # BSD blocks: what follows holds for one program or host, until !*, +* or -*.
            self.program = self._to_line_end(joined=True)[1:].partition("#")[0].strip() != "*"
        elif not self._filter() and not self._keyword():
            self._legacy()

    def _conditions(self) -> _Scope:
        now = self.pending if self.pending is not None else self.scope
        self.pending = None
        return replace(now, guarded=now.guarded or self.program)

    def _add(self, kind: Kind, line: int, *, name: str = "", text: str = "", given: _Parameters | None = None) -> None:
        now = self._conditions()
        self.last = now
        self.found.append(Statement(kind, line, name, text, given or {}, now.selectors, now.guarded, now.ruleset))

    def _open(self, scope: _Scope | None = None) -> None:
        if len(self.blocks) >= MAX_DEPTH:
            raise ParseError(f"nested deeper than {MAX_DEPTH} blocks", line=self.line())
        self.at += 1
        self.blocks.append(self.scope)
        self.scope = scope or (self.pending if self.pending is not None else self.scope)
        self.pending = None

    def _close(self) -> None:
        if not self.blocks:
            raise ParseError("a block is closed that was not opened", line=self.line())
        self.at += 1
        self.last, self.scope = self.scope, self.blocks.pop()
        self.pending = None

    def _directive(self) -> None:
        line = self.line()
        name, _, value = self._to_line_end(joined=True)[1:].replace("\t", " ").partition(" ")
        value = value.split(" #")[0].strip()
        if name.lower() == "ruleset":
            ruleset = None if value.lower() == "rsyslog_defaultruleset" else value
            self.scope = replace(self.scope, ruleset=ruleset)
        self._add("directive", line, name=name.lower(), text=value)

    def _filter(self) -> bool:
        """Read a facility.priority or property filter; the conditions of the next statement then hold it."""
        base = self.pending if self.pending is not None else self.scope
        match = _PRIORITY.match(self.text, self.at)
        if match is not None:
            self.pending = replace(base, selectors=(*base.selectors, match[0].rstrip(";")))
        else:
            match = _PROPERTY.match(self.text, self.at)
            if match is None:
                return False
            self.pending = replace(base, guarded=True)
        self.at = match.end()
        return True

    def _keyword(self) -> bool:
        """Read a RainerScript statement, if one stands here."""
        match = _WORD.match(self.text, self.at)
        if match is None:
            return False
        word, line = match[0].lower(), self.line()
        after = match.end()
        if word in _OBJECTS:
            opening = _OPENING.match(self.text, after)
            if opening is None:
                return False
            self.at = opening.end()
            self._object(word, line)
        elif word in ("if", "foreach", "else"):
            self.at = after
            self._branch(word, line)
        elif word in ("set", "unset", "reset", "call_indirect"):
            self._to_semicolon(line)
        elif word in ("stop", "continue"):
            self.at = after
            if word == "stop":
                self._add("discard", line)
        elif word == "call":
            name = _CALLED.match(self.text, after)
            if name is None:
                raise ParseError("call without a name", line=line)
            self.at = name.end()
            self._add("call", line, text=name[1])
        else:
            return False
        return True

    def _branch(self, word: str, line: int) -> None:
        base = self.pending if self.pending is not None else self.scope
        if word != "else":
            self._to(r"\b(?:then|do)\b", f"{word} without its then or do", line)
        self.pending = replace(base, guarded=True)

    def _to_semicolon(self, line: int) -> None:
        self._to(";", "a statement without its semicolon", line)
        self.pending = None

    def _to(self, end: str, message: str, line: int) -> None:
        """Step over `end`, which counts outside of quotes and comments only."""
        pattern = re.compile(rf"[\"'\#]|/\*|({end})", re.IGNORECASE)
        while (match := pattern.search(self.text, self.at)) is not None:
            self.at = match.start()
            if match[1]:
                self.at = match.end()
                return
            if match[0] in "\"'":
                quoted = _QUOTED.match(self.text, self.at)
                if quoted is None:
                    raise ParseError("a quote is not closed", line=line)
                self.at = quoted.end()
            else:
                self._skip()
        raise ParseError(message, line=line)

    def _object(self, word: str, line: int) -> None:
        given = self._parameters(line)
        if word == "action":
            self._add("action", line, given=given)
            return
        name = (given.get("name") or ("",))[0]
        self._add("object", line, name=word, given=given)
        if word == "ruleset" and self._skip() and self.text[self.at] == "{":
            self._open(_Scope(ruleset=name))
        elif word == "template" and self._skip() and self.text[self.at] == "{":
            self._to(r"\}", "a template that does not end", line)

    def _parameters(self, line: int) -> _Parameters:
        """`name="value" name=["a", "b"]` up to the closing bracket, names in lower case; of a repeated one the last."""
        given: _Parameters = {}
        while self._skip():
            if self.text[self.at] == ")":
                self.at += 1
                return given
            match = _PARAMETER.match(self.text, self.at)
            if match is None:
                break
            self.at = match.end()
            if not self._skip() or self.text[self.at] != "=":
                break
            self.at += 1
            given[match[0].lower()] = self._values(line)
        raise ParseError('an object that does not end, or no `name="value"` in it', line=line)

    def _values(self, line: int) -> tuple[str, ...]:
        if not self._skip():
            raise ParseError("a parameter without a value", line=line)
        if self.text[self.at] != "[":
            return (self._string(line),)
        self.at += 1
        items = []
        while self._skip() and self.text[self.at] != "]":
            items.append(self._string(line))
            if self._skip() and self.text[self.at] == ",":
                self.at += 1
        self.at += 1
        return tuple(items)

    def _string(self, line: int) -> str:
        match = _STRING.match(self.text, self.at) or _BARE.match(self.text, self.at)
        if match is None:
            raise ParseError("a value that is no string", line=line)
        self.at = match.end()
        if match[0][0] != '"':
            return match[0]
        return _ESCAPE.sub(lambda found: _NAMED.get(found[1], found[1]), match[1].replace("\v", "\n"))

    def _legacy(self) -> None:
        line = self.line()
        text = self._to_line_end(joined=True).strip()
        if text == "~":
            self._add("discard", line)
        else:
            self._add("legacy", line, text=text)


_Parameters: TypeAlias = dict[str, tuple[str, ...]]
