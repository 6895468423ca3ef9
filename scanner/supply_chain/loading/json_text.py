"""JSON documents of any size: strict, and without holding the whole tree in memory.

The arrays that make a document large (components, packages, …) are handed on element by element, and the text is
decoded piece by piece, so that peak memory is the bytes and what the loader keeps. Refused: keys that stand twice
(readers differ about which one counts), NaN and Infinity, text that is not UTF-8 or UTF-16, nesting beyond Python's
recursion limit (walk what you get without recursion, or to `MAX_DEPTH`).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C scanner of one string
from typing import Any

from scanner.model.errors import InputError
from scanner.model.strict_json import no_constant, unique_keys
from scanner.supply_chain.loading.base import Source, refuse

__all__ = ["Sink", "read_object"]

Sink = Callable[[Any, int], None]
"""Takes one element of a streamed array and its index."""
_Scan = Callable[[str, int], tuple[Any, int]]
"""Reads the value that begins at a place; gives it and where it ends."""

WINDOW = 256 * 1024
"""Bytes that are decoded at a time, at least."""

_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_HINT = "the file may be cut off or edited by hand: make it again, or copy it again"


def read_object(source: Source, streams: Mapping[str, Sink]) -> dict[str, Any]:
    """The members of the top-level object. Elements of the top-level arrays named in `streams` go to their sink, in
    order and as they are met, and such an array is left out of the result; a value there that is no array stays in it.

    Numbers with a fraction or exponent are given as their text. Raises InputError for what is not strict JSON.
    """
    reader = _Reader(source)
    try:
        return reader.top(streams)
    except RecursionError:
        raise refuse(source, "nested too deeply", hint=_HINT) from None
    except UnicodeDecodeError as error:
        said = f"not {error.encoding} text: {error.reason} at byte {reader.before + error.start}"
        raise refuse(source, said, hint=_HINT) from None
    except InputError:
        raise
    except json.JSONDecodeError as error:
        raise refuse(source, f"not JSON: {error.msg} ({reader.place(error)})", hint=_HINT) from None
    except ValueError as error:
        raise refuse(source, f"not JSON: {str(error)[:200]}", hint=_HINT) from None


class _Reader:
    """Walks the top level by hand and leaves every value to the C scanner.

    A window of the text is decoded at a time: a document of 100 MB with one emoji would take 400 MB as one text. What
    cannot be read to its end inside the window is read again from a larger one.
    """

    def __init__(self, source: Source) -> None:
        self._data = source.data
        # UTF-16 and UTF-32 are told by their zero bytes, as RFC 4627 section 3 had it.
        self._decoder = codecs.getincrementaldecoder(json.detect_encoding(source.data[:4]))()
        self._read = 0
        self._line, self._column = 1, 1
        self._plain, self._clean = (
            json.JSONDecoder(object_pairs_hook=hook, parse_constant=no_constant, parse_float=str).scan_once  # type: ignore[attr-defined]  # the C scanner
            for hook in (unique_keys, _clean_object)
        )
        self._scan: _Scan = self._plain
        self._text = ""
        self._at = 0
        self.before = 0
        """Bytes before those that were decoded last."""

    def top(self, streams: Mapping[str, Sink]) -> dict[str, Any]:
        """The whole document."""
        if self._char() != "{":
            raise self._wrong("the top is no object")
        found: dict[str, Any] = {}
        seen: set[str] = set()
        self._at += 1
        char = self._char()
        while char != "}":
            if char != '"':
                raise self._wrong("a key in double quotes is missing")
            key = self._value(_key)
            if key in seen:
                raise ValueError(f"the key {key[:80]!r} stands twice at the top")
            seen.add(key)
            if self._char() != ":":
                raise self._wrong("a colon is missing")
            self._at += 1
            if self._char() == "[" and key in streams:
                self._array(streams[key])
            else:
                found[key] = self._value()
            char = self._next("}", "a key in double quotes is missing")
        self._at += 1
        if self._char():
            raise self._wrong("something follows the document")
        return found

    def _array(self, sink: Sink) -> None:
        self._at += 1
        index = 0
        char = self._char()
        while char != "]":
            sink(self._value(), index)
            index += 1
            if self._text.startswith((",{", ", {"), self._at):  # most often there is nothing to look for
                self._at += 1 if self._text[self._at + 1] == "{" else 2
            else:
                char = self._next("]", "a value is missing")
        self._at += 1

    def _next(self, end: str, missing: str) -> str:
        """The first character after the comma; or `end`, where it stands in its place. `missing`: what is wrong when it
        follows the comma."""
        char = self._char()
        if char == end:
            return char
        if char != ",":
            raise self._wrong("a comma is missing")
        self._at += 1
        char = self._char()
        if char == end:
            raise self._wrong(missing)
        return char

    def _char(self) -> str:
        """The character at which the next thing begins; empty at the end of the document."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # matches nothing at least
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _value(self, scan: _Scan | None = None) -> Any:
        """The value that begins here, or what `scan` reads."""
        while True:
            try:
                value, end = (scan or self._scan)(self._text, self._at)
                if end + 2 < len(self._text) or not self._more():  # a number may go on: 1e+
                    self._at = end
                    return value if self._scan is self._plain else _clean(value)
            except StopIteration as stopped:
                if not self._more():
                    raise json.JSONDecodeError("a value is missing", self._text, stopped.value) from None
            except json.JSONDecodeError:
                if not self._more():
                    raise

    def _more(self) -> bool:
        """Move the window: from here on, and at least as much again. False at the end of the document."""
        if self._read == len(self._data):
            return False
        text, at = self._text, self._at
        lines = text.count("\n", 0, at)
        self._line += lines
        self._column = at - text.rfind("\n", 0, at) if lines else self._column + at
        rest = self._text = text[at:]
        del text  # it may be four times as large as its bytes
        piece = self._data[self._read : self._read + max(WINDOW, len(rest))]
        self.before = self._read - len(self._decoder.getstate()[0])
        self._read += len(piece)
        self._text = rest + self._decoder.decode(piece, self._read == len(self._data))
        self._at = 0
        self._scan = self._clean if _SURROGATE.search(self._text) else self._plain
        return True

    def _wrong(self, message: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(message, self._text, self._at)

    def place(self, error: json.JSONDecodeError) -> str:
        """Line and column of an error in the window."""
        if error.lineno > 1:
            return f"line {self._line + error.lineno - 1}, column {error.colno}"
        return f"line {self._line}, column {self._column + error.colno - 1}"


def _key(text: str, at: int) -> tuple[str, int]:
    found: tuple[str, int] = scanstring(text, at + 1, True)
    return found


def _clean_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """As `unique_keys`, for a text with surrogate escapes: halves without their other half become U+FFFD."""
    return unique_keys([(_whole(key), _clean(value)) for key, value in pairs])


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value  # an object was cleaned when it closed


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
