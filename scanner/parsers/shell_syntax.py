"""Reads a shell script into the tree of `shell_tree`.

One pass, character by character; nesting is limited. What is not understood is a ParseError, never a guess.
Source: POSIX shell command language (XCU 2.3, 2.9, 2.10), bash(1).
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.parsers import shell_tree as tree
from scanner.parsers.shell_scanner import END_WORD, NAME, Scanner
from scanner.parsers.shell_tree import Word

__all__ = ["parse"]

MAX_TEXT = 256 * 1024
_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_FUNCTION = re.compile(r"([^\s()<>|&;$'\"`\\=]+)[ \t]*\([ \t]*\)")
_REDIRECT = re.compile(r"([0-9]*)(<<<|<<-|<<|<>|<&|>>|>&|>\||<|>)|(&>>|&>)")
_DECLARATIONS = [(tree.Literal(name, False),) for name in ("local", "declare", "export", "readonly", "typeset")]
_CLOSERS = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}"})


def parse(text: str) -> tree.Sequence:
    """The whole script. Raises ParseError for syntax that is not understood, binary or huge input."""
    if len(text) > MAX_TEXT:
        raise ParseError(f"longer than {MAX_TEXT} characters")
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    if "\r" in text:
        # A shell takes it for a part of the word before it: nothing in such a script means what it seems to.
        raise ParseError("holds carriage returns", offset=text.index("\r"))
    reader = _Reader(text)
    script = reader.sequence(frozenset())
    if reader.at < len(reader.text):
        raise reader.wrong(f"unexpected {reader.text[reader.at]!r}")
    return script


class _Reader(Scanner):
    """Commands."""

    def inner(self, text: str) -> tree.Sequence:
        """See Scanner."""
        reader = _Reader(text)
        reader.depth = self.depth
        return reader.sequence(frozenset())

    # ---- lists -----------------------------------------------------------------------------------------------------

    def sequence(self, ends: frozenset[str]) -> tree.Sequence:
        """Commands up to one of the reserved words (or signs) in `ends`, which is not stepped over."""
        self.deeper()
        items: list[tuple[tree.Command, bool]] = []
        while True:
            self.newlines()
            sign = self.peek(2) if self.peek(2) in (";;", ";&") else self.peek() if self.peek() == ")" else ""
            if self.at >= len(self.text) or self.keyword() in ends or sign in ends:
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
            match = NAME.match(self.text, self.at)
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
                words.append(self.word(" \t\n" if regex else END_WORD))

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
                if assign is not None and (not words or words[0] in _DECLARATIONS):
                    assigns.append(self._assign(assign))
                else:
                    words.append(self.word())
        if not (assigns or words or redirects):
            raise self.wrong(f"unexpected {self.peek()!r}")
        return tree.Simple(tuple(assigns), tuple(words), tuple(redirects))

    def _assign(self, match: re.Match[str]) -> tree.Assign:
        self.at = match.end()
        if self.peek() != "(":
            value = self.word() if self.peek() and self.peek() not in END_WORD else ()
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
