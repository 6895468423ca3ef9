"""Characters and words of a shell script: quotes, expansions, comments, here-documents.

The half of `shell_syntax` below the level of commands. Source: POSIX shell command language (XCU 2.2, 2.3, 2.6).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from scanner.model.errors import ParseError
from scanner.parsers import shell_tree as tree
from scanner.parsers.shell_tree import Word

__all__ = ["END_WORD", "NAME", "Scanner"]

END_WORD = " \t\n;&|<>()"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_DEPTH = 40
_SPECIAL = "@*#?$!-0123456789"


class Scanner(ABC):
    """A place in the text. `waiting` are here-documents that begin at the next line end: end mark, tabs stripped."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.waiting: list[tuple[str, bool]] = []

    @abstractmethod
    def sequence(self, ends: frozenset[str]) -> tree.Sequence:
        """Commands up to one of the reserved words (or signs) in `ends`, which is not stepped over."""

    @abstractmethod
    def inner(self, text: str) -> tree.Sequence:
        """The commands of a text of its own, as deep as we are here."""

    def wrong(self, message: str) -> ParseError:
        """A ParseError at the present line."""
        return ParseError(message, line=self.text.count("\n", 0, self.at) + 1)

    def peek(self, count: int = 1) -> str:
        """The next characters."""
        return self.text[self.at : self.at + count]

    def blanks(self) -> None:
        """Step over blanks, joined lines and a comment."""
        while self.at < len(self.text):
            if self.text[self.at] in " \t":
                self.at += 1
            elif self.peek(2) == "\\\n":
                self.at += 2
            elif self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def newlines(self) -> None:
        """Step over blanks and line ends; here-documents begin after a line end."""
        self.blanks()
        while self.peek() == "\n":
            self.at += 1
            self._documents()
            self.blanks()

    def expect(self, sign: str) -> None:
        """Step over `sign`, which must come next."""
        if not self.text.startswith(sign, self.at):
            raise self.wrong(f"{sign!r} expected")
        self.at += len(sign)

    def deeper(self) -> None:
        """Count one level of nesting."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.wrong("nested too deeply")

    def keyword(self) -> str:
        """The reserved word that comes next, if any, without stepping over it."""
        end = self.at
        while end < len(self.text) and self.text[end] not in END_WORD + "\"'`$\\\r":
            end += 1
        if end < len(self.text) and self.text[end] in "\"'`$\\":
            return ""
        return self.text[self.at : end]

    def _documents(self) -> None:
        waiting, self.waiting = self.waiting, []
        for end, strips in waiting:
            while self.at < len(self.text):
                stop = self.text.find("\n", self.at)
                stop = len(self.text) if stop < 0 else stop
                line = self.text[self.at : stop]
                self.at = min(stop + 1, len(self.text))
                if (line.lstrip("\t") if strips else line) == end:
                    break

    def word(self, ends: str = END_WORD) -> Word:
        """One word with its quotes and expansions; it must not be empty."""
        parts: list[tree.Part] = []
        start = self.at
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in ends and not (char in "<>" and self.peek(2) in ("<(", ">(") and not parts):
                # An extended pattern such as `@(a|b)` belongs to the word; its meaning is not needed.
                if char == "(" and parts and self.text[self.at - 1] in "@?*+!":
                    raise self.wrong("extended patterns are not understood")
                break
            self._part(char, parts)
        if self.at == start:
            raise self.wrong("word expected")
        return tuple(parts)

    def _part(self, char: str, parts: list[tree.Part]) -> None:
        if char == "\\":
            if self.peek(2) != "\\\n":
                parts.append(tree.Literal(self.peek(2)[1:], True))
            self.at += 2
        elif char == "'":
            parts.append(tree.Literal(self._until("'"), True))
        elif char == '"':
            self._double(parts)
        elif char == "$":
            self._dollar(parts, False)
        elif char == "`":
            self._backquote(parts, False)
        elif char in "<>" and self.peek(2) in ("<(", ">("):
            self.at += 2
            self._inner()
            parts.append(tree.Variable("", "", True))
        else:
            end = self.at + 1
            while end < len(self.text) and self.text[end] not in END_WORD + "\\'\"$`":
                end += 1
            parts.append(tree.Literal(self.text[self.at : end], False))
            self.at = end

    def _until(self, quote: str) -> str:
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise self.wrong(f"{quote} is not closed")
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return inside

    def _double(self, parts: list[tree.Part]) -> None:
        self.at += 1
        parts.append(tree.Literal("", True))
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return
            if char == "\\" and self.peek(2)[1:] in ("$", "`", '"', "\\", "\n"):
                parts.append(tree.Literal(self.peek(2)[1:].replace("\n", ""), True))
                self.at += 2
            elif char == "$":
                self._dollar(parts, True)
            elif char == "`":
                self._backquote(parts, True)
            else:
                end = self.at + 1
                while end < len(self.text) and self.text[end] not in '"\\$`':
                    end += 1
                parts.append(tree.Literal(self.text[self.at : end], True))
                self.at = end
        raise self.wrong('" is not closed')

    def _dollar(self, parts: list[tree.Part], quoted: bool) -> None:
        if self.peek(3) == "$((":
            parts.append(tree.Sum(self._sum(3), quoted))
        elif self.peek(2) == "$(":
            self.at += 2
            parts.append(tree.Run(self._inner(), quoted))
        elif self.peek(2) == "${":
            self._braces(parts, quoted)
        elif self.peek(2) in ("$'", '$"') and not quoted:
            # Escapes of $'…' are not read: an unknown text is the safe meaning.
            self.at += 1
            inside = self._until(self.peek())
            parts.append(tree.Variable("", "", True) if "\\" in inside else tree.Literal(inside, True))
        else:
            match = NAME.match(self.text, self.at + 1)
            if match is not None:
                parts.append(tree.Variable(match[0], "", quoted))
                self.at = match.end()
            elif self.peek(2)[1:] and self.peek(2)[1:] in _SPECIAL:
                parts.append(tree.Variable(self.peek(2)[1:], "", quoted))
                self.at += 2
            else:
                parts.append(tree.Literal("$", quoted))
                self.at += 1

    def _inner(self) -> tree.Sequence:
        self.deeper()
        body = self.sequence(frozenset({")"}))
        self.expect(")")
        self.depth -= 1
        return body

    def _braces(self, parts: list[tree.Part], quoted: bool) -> None:
        start = self.at + 2
        depth, at = 1, start
        while at < len(self.text) and depth:
            char = self.text[at]
            if char == "\\":
                at += 1
            elif char in "{}":
                depth += 1 if char == "{" else -1
            at += 1
        if depth:
            raise self.wrong("'}' expected")
        inside = self.text[start : at - 1]
        self.at = at
        match = NAME.match(inside)
        name = match[0] if match else inside[:1]
        parts.append(tree.Variable(name, inside[len(name) :], quoted))

    def _backquote(self, parts: list[tree.Part], quoted: bool) -> None:
        self.deeper()
        inside = self._until("`")
        if "\\" in inside:
            parts.append(tree.Variable("", "", quoted))
        else:
            parts.append(tree.Run(self.inner(inside), quoted))
        self.depth -= 1

    def _sum(self, skip: int) -> str:
        """The text of `((…))`; `skip` characters lead in."""
        start = self.at + skip
        depth, at = 2, start
        while at < len(self.text) and depth:
            depth += {"(": 1, ")": -1}.get(self.text[at], 0)
            at += 1
        inside = self.text[start : at - 2]
        if depth or not self.text.startswith("))", at - 2):
            raise self.wrong("'))' expected")
        self.at = at
        return inside
