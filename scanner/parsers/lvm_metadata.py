"""The text in which LVM2 writes its metadata down: assignments and nested sections.

Source: lvm2, libdm/libdm-config.c (grammar), man/lvm.conf.5 (syntax). What LVM itself never writes (a name twice in one
section, a section in a list) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from scanner.model.errors import ParseError

__all__ = ["MAX_DEPTH", "MAX_TOKENS", "Section", "Value", "parse"]

MAX_DEPTH = 16
"""Sections inside sections; metadata of a volume group has four."""

MAX_TOKENS = 1_000_000
"""Words, marks and comments of one text."""

Scalar: TypeAlias = int | str
Value: TypeAlias = "Scalar | tuple[Scalar, ...] | Section"
Section: TypeAlias = Mapping[str, Value]

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+|#[^\n]*)|(?P<mark>[={}\[\],])"
    r"|\"(?P<string>(?:[^\"\\]|\\.)*)\"|(?P<word>[^\s#={}\[\],\"'\\]+)",
    re.DOTALL,
)
_NUMBER = re.compile(r"-?[0-9]{1,19}\Z")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str) -> Section:
    """The outermost section. Numbers are int, lists tuples, numbers with a point text. Raises ParseError."""
    return _Reader(text).read()


class _Reader:
    """One pass over the tokens; open sections lie on a stack."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._tokens = 0

    def read(self) -> Section:
        """See `parse`."""
        stack: list[dict[str, Value]] = [{}]
        while (token := self._next()) is not None:
            kind, name = token
            if token == ("mark", "}"):
                if len(stack) == 1:
                    raise self._wrong("a section ends that never began")
                stack.pop()
                continue
            if kind != "word":
                raise self._wrong(f"a name was expected, not {name[:20]!r}")
            if name in stack[-1]:
                raise self._wrong(f"{name[:80]!r} stands twice in one section")
            follows = self._next()
            if follows == ("mark", "{"):
                if len(stack) > MAX_DEPTH:
                    raise self._wrong(f"more than {MAX_DEPTH} sections inside one another")
                inner: dict[str, Value] = {}
                stack[-1][name] = inner
                stack.append(inner)
            elif follows == ("mark", "="):
                stack[-1][name] = self._value()
            else:
                raise self._wrong(f"neither a value nor a section after {name[:80]!r}")
        if len(stack) > 1:
            raise self._wrong("the text ends inside a section")
        return stack[0]

    def _value(self) -> Value:
        token = self._next()
        if token != ("mark", "["):
            return self._scalar(token)
        items: list[Scalar] = []
        token = self._next()
        while token != ("mark", "]"):
            items.append(self._scalar(token))
            token = self._next()
            if token == ("mark", ","):
                token = self._next()
            elif token != ("mark", "]"):
                raise self._wrong("a list is not closed")
        return tuple(items)

    def _scalar(self, token: tuple[str, str] | None) -> Scalar:
        if token is None or token[0] == "mark":
            raise self._wrong("a value was expected")
        kind, text = token
        return int(text) if kind == "word" and _NUMBER.match(text) else text

    def _next(self) -> tuple[str, str] | None:
        """Kind (mark, word, string) and text of the next token; None at the end."""
        while self._at < len(self._text):
            found = _TOKEN.match(self._text, self._at)
            if found is None:
                raise self._wrong(f"{self._text[self._at]!r} is not permitted here")
            self._at = found.end()
            self._tokens += 1
            if self._tokens > MAX_TOKENS:
                raise self._wrong(f"more than {MAX_TOKENS} tokens")
            kind = found.lastgroup or "blank"
            if kind == "string":
                return kind, _ESCAPE.sub(r"\1", found["string"])
            if kind != "blank":
                return kind, found[kind]
        return None

    def _wrong(self, message: str) -> ParseError:
        return ParseError(f"LVM metadata: {message}", line=self._text.count("\n", 0, self._at) + 1)
