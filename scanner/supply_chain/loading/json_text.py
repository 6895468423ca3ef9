"""JSON documents of any size: strict, and without holding the whole tree in memory.

The arrays that make a document large (components, packages, …) are handed on element by element, so that peak memory is
the text and what the loader keeps. Refused: keys that stand twice (readers differ about which one counts), NaN and
Infinity, text that is not UTF-8 or UTF-16, nesting beyond Python's recursion limit (walk what you get without
recursion, or to `MAX_DEPTH`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C scanner of one string
from typing import Any

from scanner.model.errors import InputError
from scanner.supply_chain.loading.base import Source, refuse

__all__ = ["Sink", "read_object"]

Sink = Callable[[Any, int], None]
"""Takes one element of a streamed array and its index."""

_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_HINT = "the file may be cut off or edited by hand: make it again, or copy it again"


def read_object(source: Source, streams: Mapping[str, Sink]) -> dict[str, Any]:
    """The members of the top-level object. Elements of the top-level arrays named in `streams` go to their sink, in
    order and as they are met, and such an array is left out of the result; a value there that is no array stays in it.

    Numbers with a fraction or exponent are given as their text. Raises InputError for what is not strict JSON.
    """
    text = _decoded(source)
    hook = _clean_object if _SURROGATE.search(text) else _object
    decoder = json.JSONDecoder(object_pairs_hook=hook, parse_constant=_refused, parse_float=str)
    try:
        return _Reader(text, decoder).top(streams)
    except RecursionError:
        raise refuse(source, "nested too deeply", hint=_HINT) from None
    except InputError:
        raise
    except ValueError as error:
        raise refuse(source, f"not JSON: {_said(error)}", hint=_HINT) from None


class _Reader:
    """Walks the top level by hand and leaves every value to the C scanner."""

    def __init__(self, text: str, decoder: json.JSONDecoder) -> None:
        self.text = text
        self.value = decoder.raw_decode

    def top(self, streams: Mapping[str, Sink]) -> dict[str, Any]:
        text = self.text
        at = self._skip(0)
        if text[at : at + 1] != "{":
            raise json.JSONDecodeError("the top is no object", text, at)
        found: dict[str, Any] = {}
        seen: set[str] = set()
        at = self._skip(at + 1)
        if text[at : at + 1] == "}":
            self._end(at + 1)
            return found
        while True:
            if text[at : at + 1] != '"':
                raise json.JSONDecodeError("a key in double quotes is missing", text, at)
            key, at = scanstring(text, at + 1, True)
            if key in seen:
                raise ValueError(f"the key {key[:80]!r} stands twice at the top")
            seen.add(key)
            at = self._skip(at)
            if text[at : at + 1] != ":":
                raise json.JSONDecodeError("a colon is missing", text, at)
            at = self._skip(at + 1)
            if key in streams and text[at : at + 1] == "[":
                at = self._array(at, streams[key])
            else:
                found[key], at = self.value(text, at)
            at = self._skip(at)
            char = text[at : at + 1]
            if char == "}":
                self._end(at + 1)
                return found
            if char != ",":
                raise json.JSONDecodeError("a comma is missing", text, at)
            at = self._skip(at + 1)

    def _array(self, at: int, sink: Sink) -> int:
        text, value = self.text, self.value
        at = self._skip(at + 1)
        if text[at : at + 1] == "]":
            return at + 1
        index = 0
        while True:
            element, at = value(text, at)
            sink(element, index)
            index += 1
            char = text[at : at + 1]
            if char != "," and char != "]":
                at = self._skip(at)
                char = text[at : at + 1]
            if char == "]":
                return at + 1
            if char != ",":
                raise json.JSONDecodeError("a comma is missing", text, at)
            at = self._skip(at + 1)

    def _skip(self, at: int) -> int:
        return _SPACE.match(self.text, at).end()  # type: ignore[union-attr]  # matches nothing at least

    def _end(self, at: int) -> None:
        at = self._skip(at)
        if at != len(self.text):
            raise json.JSONDecodeError("something follows the document", self.text, at)


def _decoded(source: Source) -> str:
    """The text. UTF-16 and UTF-32 are told by their zero bytes, as RFC 4627 section 3 had it."""
    encoding = json.detect_encoding(source.data[:4])
    try:
        return source.data.decode(encoding)
    except UnicodeDecodeError as error:
        raise refuse(source, f"not {encoding} text: {error.reason} at byte {error.start}", hint=_HINT) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add says nothing
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return found


def _clean_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """As `_object`, for a text with surrogate escapes: halves without their other half become U+FFFD."""
    return _object([(_whole(key), _clean(value)) for key, value in pairs])


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value  # an object was cleaned when it closed


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")


def _said(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    return str(error)[:200]
