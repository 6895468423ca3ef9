r"""Simple commands of a shell script, with how each one is reached; nothing is run or expanded.

Format: POSIX shell command language (XCU 2), bash(1). Quotes, comments, here-documents, `$(...)`, `${...}` and
backquotes are stepped over; a word that holds an expansion is `dynamic`: its text cannot be known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Command", "ShellWord", "When", "commands"]

When: TypeAlias = Literal["always", "sometimes", "function", "elsewhere"]

_OPENERS = {"if": "fi", "for": "done", "while": "done", "until": "done", "select": "done", "case": "esac", "{": "}"}
_CLOSERS = frozenset({"fi", "done", "esac", "}"})
_INNER = frozenset({"then", "else", "elif", "do", "!", "time"})
_MAX_WORDS = 400_000
_PLAIN = re.compile(r"""[^ \t\n;&|()<>\\'"$`]+""")
_MAX_DEPTH = 1000


@dataclass(frozen=True, slots=True)
class ShellWord:
    """One word without its quotes. `dynamic`: an expansion stands in it. `plain`: nothing of it was quoted."""

    text: str
    dynamic: bool
    plain: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command.

    `when`: always (the shell comes by), sometimes (in a branch, a loop, behind `&&` or `||`), function (when the
    function is called), elsewhere (in a subshell or pipeline: it changes nothing in the shell itself).
    """

    words: tuple[ShellWord, ...]
    when: When
    line: int


@dataclass(frozen=True, slots=True)
class _Token:
    sign: str
    word: ShellWord | None
    line: int


def commands(text: str) -> list[Command]:
    """The simple commands of a script, in order. Raises ParseError for binary or huge input."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    return _Reader().read(_Lexer(text).tokens())


class _Reader:
    """Puts tokens together to commands and keeps the stack of what is open."""

    def __init__(self) -> None:
        self._found: list[Command] = []
        self._stack: list[str] = []
        self._open_kinds = {"(": 0, "function": 0, "branch": 0}
        self._left = False
        self._words: list[ShellWord] = []
        self._line = 0
        self._joined = False
        self._piped = False
        self._pending_function = False
        self._function_name = False

    def read(self, tokens: Iterator[_Token]) -> list[Command]:
        """All commands of `tokens`."""
        for token in tokens:
            if token.word is not None:
                self._word(token.word, token.line)
            else:
                self._sign(token.sign)
        self._finish("\n")
        return self._found

    def _word(self, word: ShellWord, line: int) -> None:
        if self._function_name:
            self._function_name = False
            self._pending_function = True
            return
        if self._words or not word.plain:
            self._words.append(word)
            self._line = self._line if len(self._words) > 1 else line
            return
        text = word.text
        if text == "function":
            self._function_name = True
        elif text in _OPENERS:
            self._open("function" if text == "{" and self._pending_function else text)
            self._pending_function = False
        elif text in _CLOSERS:
            self._close(text)
        elif text not in _INNER:
            self._words.append(word)
            self._line = line

    def _open(self, what: str) -> None:
        if len(self._stack) >= _MAX_DEPTH:
            raise ParseError(f"more than {_MAX_DEPTH} blocks inside each other")
        self._stack.append(what)
        if what != "{":
            self._open_kinds[what if what in self._open_kinds else "branch"] += 1

    def _pop(self) -> None:
        what = self._stack.pop()
        if what != "{":
            self._open_kinds[what if what in self._open_kinds else "branch"] -= 1

    def _close(self, text: str) -> None:
        top = self._stack[-1] if self._stack else ""
        if (top == "function" and text == "}") or _OPENERS.get(top) == text:
            self._pop()

    def _sign(self, sign: str) -> None:
        if sign == "(":
            # `name ( )` starts a function; any other parenthesis a subshell.
            self._pending_function = len(self._words) == 1
            self._words.clear()
            self._open("(")
        elif sign == ")":
            self._finish(")")
            if self._stack and self._stack[-1] == "(":
                self._pop()
        else:
            self._finish(sign)

    def _finish(self, sign: str) -> None:
        if self._words:
            piped = self._piped or sign in ("|", "&")
            when = self._when(piped)
            self._found.append(Command(tuple(self._words), when, self._line))
            # Behind a `return` or `exit` on the main way, nothing is certain to be reached.
            self._left = self._left or (when in ("always", "sometimes") and self._words[0].text in ("return", "exit"))
            self._words.clear()
            self._pending_function = False
        self._joined = sign in ("&&", "||") or (self._joined and sign == "|")
        self._piped = sign == "|"

    def _when(self, piped: bool) -> When:
        kinds = self._open_kinds
        if kinds["("] or piped:
            return "elsewhere"
        if kinds["function"]:
            return "function"
        return "sometimes" if self._joined or self._left or kinds["branch"] else "always"


_REDIRECTION = re.compile(r"<<<|<<-?|<>|<&|>>|>&|>\||<|>")


class _Lexer:
    """Cuts a script into words and signs."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._line = 1
        self._documents: list[tuple[str, bool]] = []

    def tokens(self) -> Iterator[_Token]:
        """Every word and sign."""
        text = self._text
        count = 0
        skip_target = False
        while self._place < len(text):
            char = text[self._place]
            count += 1
            if count > _MAX_WORDS:
                raise ParseError(f"more than {_MAX_WORDS} words", line=self._line)
            if char == "\n":
                yield _Token("\n", None, self._line)
                self._newline()
            elif char in " \t":
                self._place += 1
            elif text.startswith("\\\n", self._place):
                self._place += 2
                self._line += 1
            elif char == "#":
                end = text.find("\n", self._place)
                self._place = len(text) if end < 0 else end
            elif char in "<>":
                skip_target = self._redirection()
            elif char in ";&|()":
                sign = text[self._place : self._place + 2]
                sign = sign if sign in ("&&", "||") else char
                self._place += len(sign)
                yield _Token(sign, None, self._line)
            else:
                line = self._line
                word = self._word()
                if skip_target:
                    skip_target = False
                elif not (word.plain and word.text.isdigit() and text[self._place : self._place + 1] in ("<", ">")):
                    yield _Token("", word, line)

    def _newline(self) -> None:
        self._place += 1
        self._line += 1
        for delimiter, stripped in self._documents:
            while self._place < len(self._text):
                end = self._text.find("\n", self._place)
                end = len(self._text) if end < 0 else end
                line = self._text[self._place : end]
                self._place = min(end + 1, len(self._text))
                self._line += 1
                if (line.lstrip("\t") if stripped else line) == delimiter:
                    break
        self._documents.clear()

    def _redirection(self) -> bool:
        """Step over a redirection sign; True when its target word is still to come."""
        found = _REDIRECTION.match(self._text, self._place)
        assert found is not None
        self._place = found.end()
        if found[0] in ("<<", "<<-"):
            while self._text[self._place : self._place + 1] in (" ", "\t"):
                self._place += 1
            self._documents.append((self._word().text, found[0] == "<<-"))
            return False
        return True

    def _word(self) -> ShellWord:
        text = self._text
        piece: list[str] = []
        dynamic = False
        plain = True
        while self._place < len(text) and text[self._place] not in " \t\n;&|()<>":
            char = text[self._place]
            if char == "\\":
                if not text.startswith("\\\n", self._place):
                    piece.append(text[self._place + 1 : self._place + 2])
                    plain = False
                self._skip(2)
            elif char == "'":
                end = text.find("'", self._place + 1)
                end = len(text) if end < 0 else end
                piece.append(text[self._place + 1 : end])
                plain = False
                self._skip(end + 1 - self._place)
            elif char == '"':
                dynamic = self._double(piece) or dynamic
                plain = False
            elif char in "$`":
                piece.append(char)
                dynamic = self._expansion() or dynamic
            else:
                plain_run = _PLAIN.match(text, self._place)
                assert plain_run is not None
                piece.append(plain_run[0])
                self._place = plain_run.end()
        if not piece and plain:
            self._place += 1
        return ShellWord("".join(piece), dynamic, plain)

    def _skip(self, length: int) -> None:
        """Go on by `length`, counting the lines."""
        end = min(self._place + length, len(self._text))
        self._line += self._text.count("\n", self._place, end)
        self._place = end

    def _double(self, piece: list[str]) -> bool:
        """Step over a double-quoted part; True when it holds an expansion."""
        text = self._text
        dynamic = False
        self._place += 1
        while self._place < len(text) and text[self._place] != '"':
            char = text[self._place]
            if char == "\\":
                piece.append(text[self._place + 1 : self._place + 2])
                self._skip(2)
            elif char in "$`":
                piece.append(char)
                dynamic = self._expansion() or dynamic
            else:
                piece.append(char)
                self._skip(1)
        self._place = min(self._place + 1, len(text))
        return dynamic

    def _expansion(self) -> bool:
        """Step over what starts with `$` or a backquote; False for a lone `$`."""
        text = self._text
        if text[self._place] == "`":
            end = text.find("`", self._place + 1)
            self._skip((len(text) if end < 0 else end + 1) - self._place)
            return True
        following = text[self._place + 1 : self._place + 2]
        self._place += 1
        if following in ("(", "{"):
            close = ")" if following == "(" else "}"
            depth = 0
            end = self._place
            while end < len(text):
                if text[end] == "\\":
                    end += 1
                elif text[end] == following:
                    depth += 1
                elif text[end] == close:
                    depth -= 1
                    if depth == 0:
                        break
                end += 1
            self._skip(end + 1 - self._place)
            return True
        return bool(re.match(r"[A-Za-z0-9_@*#?$!'\"-]", following))
