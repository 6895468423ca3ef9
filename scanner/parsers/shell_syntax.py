"""Reads a shell script into the tree of `shell_tree`.

One pass, character by character; nesting is limited. What is not understood is a ParseError, never a guess.
Source: POSIX shell command language (XCU 2.3, 2.9, 2.10), bash(1).
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.parsers import shell_tree as tree
from scanner.parsers.shell_tree import Word

__all__ = ["parse"]

MAX_TEXT = 256 * 1024
_MAX_DEPTH = 40
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_FUNCTION = re.compile(r"([^\s()<>|&;$'\"`\\=]+)[ \t]*\([ \t]*\)")
_REDIRECT = re.compile(r"([0-9]*)(<<<|<<-|<<|<>|<&|>>|>&|>\||<|>)|(&>>|&>)")
_SPECIAL = "@*#?$!-0123456789"
_END_WORD = " \t\n;&|<>()"
_CLOSERS = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}"})


def parse(text: str) -> tree.Sequence:
    """The whole script. Raises ParseError for syntax that is not understood, binary or huge input."""
    if len(text) > MAX_TEXT:
        raise ParseError(f"longer than {MAX_TEXT} characters")
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    reader = _Reader(text.replace("\\\r\n", "\\\n"))
    script = reader.sequence(frozenset())
    if reader.at < len(reader.text):
        raise reader.wrong(f"unexpected {reader.text[reader.at]!r}")
    return script


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.waiting: list[tuple[str, bool]] = []

    # ---- characters ------------------------------------------------------------------------------------------------

    def wrong(self, message: str) -> ParseError:
        """A ParseError at the present line."""
        return ParseError(message, line=self.text.count("\n", 0, self.at) + 1)

    def peek(self, count: int = 1) -> str:
        """The next characters."""
        return self.text[self.at : self.at + count]

    def blanks(self) -> None:
        """Step over blanks, joined lines and a comment."""
        while self.at < len(self.text):
            if self.text[self.at] in " \t\r":
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
        while end < len(self.text) and self.text[end] not in _END_WORD + "\"'`$\\\r":
            end += 1
        if end < len(self.text) and self.text[end] in "\"'`$\\":
            return ""
        return self.text[self.at : end]

    # ---- lists -----------------------------------------------------------------------------------------------------

    def sequence(self, ends: frozenset[str]) -> tree.Sequence:
        """Commands up to one of the reserved words (or signs) in `ends`, which is not stepped over."""
        self.deeper()
        items: list[tuple[tree.Command, bool]] = []
        while True:
            self.newlines()
            if self.at >= len(self.text) or self.keyword() in ends or self.peek(2) in ends or self.peek() in ends:
                break
            if self.peek() == ")" or self.keyword() in _CLOSERS:
                raise self.wrong(f"unexpected {self.keyword() or self.peek()!r}")
            command = self.and_or()
            self.blanks()
            background = self.peek() == "&" and self.peek(2) != "&&"
            items.append((command, background))
            if background or (self.peek() == ";" and self.peek(2) not in (";;", ";&")):
                self.at += 1
            elif self.peek() not in ("\n", "", ")", ";"):
                raise self.wrong(f"unexpected {self.peek()!r}")
        self.depth -= 1
        return tree.Sequence(tuple(items))

    def and_or(self) -> tree.Command:
        """Pipelines joined by `&&` and `||`."""
        first = self.pipeline()
        rest: list[tuple[str, tree.Command]] = []
        self.blanks()
        while self.peek(2) in ("&&", "||"):
            sign = self.peek(2)
            self.at += 2
            self.newlines()
            rest.append((sign, self.pipeline()))
            self.blanks()
        return tree.AndOr(first, tuple(rest)) if rest else first

    def pipeline(self) -> tree.Command:
        """Commands joined by `|`, with `!` and `time` before them."""
        negated = False
        self.blanks()
        while self.keyword() in ("!", "time"):
            negated ^= self.keyword() == "!"
            self.at += len(self.keyword())
            self.blanks()
        commands = [self.command()]
        self.blanks()
        while self.peek() == "|" and self.peek(2) != "||":
            self.at += 2 if self.peek(2) == "|&" else 1
            self.newlines()
            commands.append(self.command())
            self.blanks()
        return tree.Pipe(tuple(commands), negated) if negated or len(commands) > 1 else commands[0]

    # ---- commands --------------------------------------------------------------------------------------------------

    def command(self) -> tree.Command:
        """One command, simple or compound."""
        self.deeper()
        word = self.keyword()
        simple = {"if": self._if, "while": self._loop, "until": self._loop, "for": self._for, "case": self._case}
        found: tree.Command
        if word in simple:
            found = simple[word]()
        elif word == "select":
            raise self.wrong("select is not understood")
        elif word == "{":
            self.at += 1
            found = self.sequence(frozenset({"}"}))
            self.expect("}")
        elif self.peek(2) == "((":
            found = tree.Arithmetic(self._sum(2))
        elif self.peek() == "(":
            self.at += 1
            body = self.sequence(frozenset({")"}))
            self.expect(")")
            found = tree.Group(body, True, self._redirects())
        elif word == "[[":
            found = self._compare()
        elif word == "function" or _FUNCTION.match(self.text, self.at):
            found = self._function()
        else:
            found = self._simple()
        if not isinstance(found, tree.Simple | tree.Function | tree.Group):
            redirects = self._redirects()
            if redirects:
                found = tree.Group(found, False, redirects)
        self.depth -= 1
        return found

    def _if(self) -> tree.Command:
        branches: list[tuple[tree.Sequence, tree.Sequence]] = []
        otherwise = None
        while True:
            self.at += len(self.keyword())
            condition = self.sequence(frozenset({"then"}))
            self.expect("then")
            body = self.sequence(frozenset({"elif", "else", "fi"}))
            branches.append((condition, body))
            if self.keyword() != "elif":
                break
        if self.keyword() == "else":
            self.expect("else")
            otherwise = self.sequence(frozenset({"fi"}))
        self.expect("fi")
        return tree.If(tuple(branches), otherwise)

    def _loop(self) -> tree.Command:
        until = self.keyword() == "until"
        self.at += 5
        condition = self.sequence(frozenset({"do"}))
        return tree.Loop(condition, self._do(), until)

    def _do(self) -> tree.Sequence:
        self.expect("do")
        body = self.sequence(frozenset({"done"}))
        self.expect("done")
        return body

    def _for(self) -> tree.Command:
        self.at += 3
        self.blanks()
        words: tuple[Word, ...] | None = None
        name = ""
        if self.peek(2) == "((":
            self._sum(2)
        else:
            match = _NAME.match(self.text, self.at)
            if match is None:
                raise self.wrong("for without a name")
            name = match[0]
            self.at = match.end()
            self.newlines()
            if self.keyword() == "in":
                self.at += 2
                words = tuple(self._words())
        self.blanks()
        if self.peek() == ";":
            self.at += 1
        self.newlines()
        return tree.For(name, words, self._do())

    def _words(self) -> list[Word]:
        found = []
        self.blanks()
        while self.at < len(self.text) and self.peek() not in "\n;&|<>()":
            found.append(self.word())
            self.blanks()
        return found

    def _case(self) -> tree.Command:
        self.at += 4
        self.blanks()
        word = self.word()
        self.newlines()
        self.expect("in")
        branches: list[tuple[tuple[Word, ...], tree.Sequence]] = []
        falls = False
        self.newlines()
        while self.keyword() != "esac":
            if self.peek() == "(":
                self.at += 1
            patterns = [self._pattern()]
            while self.peek() == "|":
                self.at += 1
                patterns.append(self._pattern())
            self.expect(")")
            body = self.sequence(frozenset({";;", ";&", "esac"}))
            branches.append((tuple(patterns), body))
            if self.peek(2) in (";;", ";&"):
                falls |= self.peek(2) == ";&" or self.peek(3) == ";;&"
                self.at += 3 if self.peek(3) == ";;&" else 2
            self.newlines()
        self.expect("esac")
        return tree.Case(word, tuple(branches), falls)

    def _pattern(self) -> Word:
        self.blanks()
        word = self.word()
        self.blanks()
        return word

    def _function(self) -> tree.Command:
        if self.keyword() == "function":
            self.at += len("function")
            self.blanks()
            name = self.keyword()
            self.at += len(name)
            self.blanks()
            if self.peek() == "(":
                self.at += 1
                self.blanks()
                self.expect(")")
        else:
            match = _FUNCTION.match(self.text, self.at)
            assert match is not None
            name = match[1]
            self.at = match.end()
        if not name:
            raise self.wrong("function without a name")
        self.newlines()
        return tree.Function(name, self.command())

    def _compare(self) -> tree.Command:
        self.at += 2
        words: list[Word] = []
        while True:
            self.newlines()
            if self.at >= len(self.text):
                raise self.wrong("']]' expected")
            if self.keyword() == "]]":
                self.at += 2
                return tree.Compare(tuple(words))
            sign = self.peek(2) if self.peek(2) in ("&&", "||") else self.peek() if self.peek() in "()<>" else ""
            if sign:
                self.at += len(sign)
                words.append((tree.Literal(sign, False),))
            else:
                regex = bool(words) and words[-1] == (tree.Literal("=~", False),)
                words.append(self.word(" \t\n" if regex else _END_WORD))

    def _simple(self) -> tree.Command:
        assigns: list[tree.Assign] = []
        words: list[Word] = []
        redirects: list[tree.Redirect] = []
        while True:
            self.blanks()
            if self.at >= len(self.text):
                break
            redirect = _REDIRECT.match(self.text, self.at)
            if redirect is not None and self.peek(2) not in ("<(", ">("):
                redirects.append(self._redirect(redirect))
            elif self.peek() in "\n;&|()":
                break
            else:
                assign = _ASSIGN.match(self.text, self.at)
                # Declarations take assignments as words: `local x=…`, `declare -a y=(…)`.
                if assign is not None and (not words or self.text.startswith("(", assign.end())):
                    assigns.append(self._assign(assign))
                else:
                    words.append(self.word())
        if not (assigns or words or redirects):
            raise self.wrong(f"unexpected {self.peek()!r}")
        return tree.Simple(tuple(assigns), tuple(words), tuple(redirects))

    def _assign(self, match: re.Match[str]) -> tree.Assign:
        self.at = match.end()
        if self.peek() != "(":
            value = self.word() if self.peek() and self.peek() not in _END_WORD else ()
            return tree.Assign(match[1], value, None, bool(match[2]))
        self.at += 1
        items: list[Word] = []
        self.newlines()
        while self.peek() != ")":
            if self.at >= len(self.text) or self.peek() in ";&|<>(":
                raise self.wrong("')' expected")
            items.append(self.word())
            self.newlines()
        self.at += 1
        return tree.Assign(match[1], (), tuple(items), bool(match[2]))

    # ---- redirections ----------------------------------------------------------------------------------------------

    def _redirects(self) -> tuple[tree.Redirect, ...]:
        found = []
        self.blanks()
        while (match := _REDIRECT.match(self.text, self.at)) is not None:
            found.append(self._redirect(match))
            self.blanks()
        return tuple(found)

    def _redirect(self, match: re.Match[str]) -> tree.Redirect:
        self.at = match.end()
        sign = match[2] or match[3]
        self.blanks()
        if sign not in ("<<", "<<-"):
            return tree.Redirect(sign, match[1] or "", self.word())
        delimiter = self.word()
        if not all(isinstance(part, tree.Literal) for part in delimiter):
            raise self.wrong("here-document with an unknown end")
        end = "".join(part.text for part in delimiter if isinstance(part, tree.Literal))
        self.waiting.append((end, sign == "<<-"))
        # What the document says is not kept: an unknown text.
        return tree.Redirect("<<", match[1] or "", (tree.Variable("", "", True),))

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

    # ---- words -----------------------------------------------------------------------------------------------------

    def word(self, ends: str = _END_WORD) -> Word:
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
            while end < len(self.text) and self.text[end] not in _END_WORD + "\\'\"$`":
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
            match = _NAME.match(self.text, self.at + 1)
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
        match = _NAME.match(inside)
        name = match[0] if match else inside[:1]
        parts.append(tree.Variable(name, inside[len(name) :], quoted))

    def _backquote(self, parts: list[tree.Part], quoted: bool) -> None:
        self.deeper()
        inside = self._until("`")
        if "\\" in inside:
            parts.append(tree.Variable("", "", quoted))
        else:
            reader = _Reader(inside)
            reader.depth = self.depth
            parts.append(tree.Run(reader.sequence(frozenset()), quoted))
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
