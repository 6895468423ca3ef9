"""GVariant values: the serialised form that dconf databases hold, and the text form of keyfiles.

Values become plain data: bool, int, float, str, None (nothing), list (arrays, dictionaries as lists of pairs), tuple.
Source: GVariant specification ("Serialisation Format", alignment, framing offsets); GLib, "GVariant text format".
"""

from __future__ import annotations

import re
import struct
from typing import Any, TypeAlias

from scanner.model.errors import ParseError

__all__ = ["Value", "from_bytes", "from_text", "to_text"]

Value: TypeAlias = Any
"""bool, int, float, str, None, list or tuple of these."""

MAX_DEPTH = 32
MAX_TYPE = 255
"""Characters of a type; the work on every value grows with it."""

_FIXED = {"b": "B", "y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "h": "i", "d": "d"}
_NAMED_TYPES = {
    **{"boolean": "b", "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "uint32": "u"},
    **{"int64": "x", "uint64": "t", "double": "d", "handle": "h", "string": "s", "objectpath": "o", "signature": "g"},
}


# ---- serialised form -----------------------------------------------------------------------------------------------


def from_bytes(data: bytes, *, big_endian: bool = False) -> tuple[str, Value]:
    """Type string and value of a serialised variant: the value, a NUL, its type. Raises ParseError."""
    value, end, kind = data.rpartition(b"\0")
    if not end:
        raise ParseError("a variant without its type")
    try:
        text = kind.decode("ascii")
    except UnicodeDecodeError:
        raise ParseError("a type that is no text") from None
    _check_type(text)
    return text, _Decoder(">" if big_endian else "<").decode(text, value, 0)


def _check_type(text: str) -> None:
    if len(text) > MAX_TYPE or _type_end(text, 0) != len(text):
        raise ParseError(f"{text[:20]!r} is not one type")


def _type_end(text: str, at: int, depth: int = 0) -> int:
    """Where the type that starts at `at` ends. Raises ParseError when none starts there."""
    if at >= len(text) or depth > MAX_DEPTH:
        raise ParseError("a type that does not end")
    sign = text[at]
    if sign in _FIXED or sign in "sogv":
        return at + 1
    if sign in "am":
        return _type_end(text, at + 1, depth + 1)
    closing = {"(": ")", "{": "}"}.get(sign)
    if closing is None:
        raise ParseError(f"{sign!r} is no type")
    at += 1
    while at < len(text) and text[at] != closing:
        at = _type_end(text, at, depth + 1)
    if at >= len(text):
        raise ParseError("a type that does not end")
    return at + 1


def _members(kind: str) -> list[str]:
    found = []
    at = 1
    while at < len(kind) - 1:
        end = _type_end(kind, at)
        found.append(kind[at:end])
        at = end
    return found


def _alignment(kind: str) -> int:
    sign = kind[0]
    if sign in _FIXED:
        return struct.calcsize(_FIXED[sign])
    if sign in "am":
        return _alignment(kind[1:])
    if sign in "({":
        return max((_alignment(member) for member in _members(kind)), default=1)
    return 8 if sign == "v" else 1


def _size(kind: str) -> int | None:
    """Bytes of a value of this type; None when it depends on the value."""
    sign = kind[0]
    if sign in _FIXED:
        return struct.calcsize(_FIXED[sign])
    if sign not in "({":
        return None
    end = 0
    for member in _members(kind):
        size = _size(member)
        if size is None:
            return None
        end = _aligned(end, _alignment(member)) + size
    return max(1, _aligned(end, _alignment(kind)))


def _aligned(at: int, to: int) -> int:
    return -(-at // to) * to


class _Decoder:
    """Values of one byte order."""

    def __init__(self, order: str) -> None:
        self._order = order

    def decode(self, kind: str, data: bytes, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise ParseError("values nested too deeply")
        sign = kind[0]
        if sign in _FIXED:
            return self._number(sign, data)
        if sign in "sog":
            if data[-1:] != b"\0":
                raise ParseError("a string that does not end")
            return data[:-1].decode("utf-8", "surrogateescape")
        if sign == "v":
            value, end, inner = data.rpartition(b"\0")
            if not end:
                raise ParseError("a variant without its type")
            text = inner.decode("ascii", "replace")
            _check_type(text)
            return self.decode(text, value, depth + 1)
        if sign == "m":
            return self._maybe(kind[1:], data, depth)
        if sign == "a":
            return self._array(kind[1:], data, depth)
        return self._tuple(kind, data, depth)

    def _number(self, sign: str, data: bytes) -> Value:
        form = self._order + _FIXED[sign]
        if len(data) != struct.calcsize(form):
            raise ParseError("a number of the wrong size")
        (value,) = struct.unpack(form, data)
        return bool(value) if sign == "b" else value

    def _maybe(self, kind: str, data: bytes, depth: int) -> Value:
        if not data:
            return None
        return self.decode(kind, data if _size(kind) is not None else data[:-1], depth + 1)

    def _offsets(self, data: bytes, width: int) -> list[int]:
        return [
            int.from_bytes(data[at : at + width], "little" if self._order == "<" else "big")
            for at in range(0, len(data), width)
        ]

    def _array(self, kind: str, data: bytes, depth: int) -> list[Value]:
        if not data:
            return []
        size = _size(kind)
        if size is not None:
            if len(data) % size:
                raise ParseError("an array whose size does not fit")
            return [self.decode(kind, data[at : at + size], depth + 1) for at in range(0, len(data), size)]
        width = _offset_width(len(data))
        (last,) = self._offsets(data[-width:], width)
        if last > len(data) - width or (len(data) - last) % width:
            raise ParseError("an array whose offsets do not fit")
        ends = self._offsets(data[last:], width)
        found = []
        start = 0
        for end in ends:
            start = _aligned(start, _alignment(kind))
            if not start <= end <= last:
                raise ParseError("an element lies outside its array")
            found.append(self.decode(kind, data[start:end], depth + 1))
            start = end
        return found

    def _tuple(self, kind: str, data: bytes, depth: int) -> tuple[Value, ...]:
        members = _members(kind)
        width = _offset_width(len(data))
        found = []
        start, stored = 0, 0
        for number, member in enumerate(members):
            start = _aligned(start, _alignment(member))
            size = _size(member)
            if size is not None:
                end = start + size
            elif number == len(members) - 1:
                end = len(data) - stored * width
            else:
                stored += 1
                at = len(data) - stored * width
                end = self._offsets(data[at : at + width], width)[0] if 0 <= at < len(data) else -1
            if not start <= end <= len(data):
                raise ParseError("a member lies outside its tuple")
            found.append(self.decode(member, data[start:end], depth + 1))
            start = end
        return tuple(found)


def _offset_width(length: int) -> int:
    """Bytes of each framing offset in a container of this length."""
    return next(width for width, most in ((1, 0xFF), (2, 0xFFFF), (4, 0xFFFFFFFF), (8, 1 << 64)) if length <= most)


# ---- text form -----------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>b?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))
      | (?P<type>@[a-zA-Z(){}*?]+)
      | (?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf(?:inity)?\b|nan\b))
      | (?P<word>[a-z][a-z0-9]*)
      | (?P<sign>[\[\](){}<>,:])
    )\s*""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\n": ""}


def from_text(text: str) -> tuple[str | None, Value]:
    """Type and value of a text. The type is None for a container that does not say it. Raises ParseError."""
    reader = _Text(text)
    kind, value = reader.value(0)
    if reader.tokens[reader.at :]:
        raise ParseError("more than one value")
    return kind, value


class _Text:
    """Tokens of a text and the place in them."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                raise ParseError(f"no value at character {place + 1}")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            place = match.end()

    def next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise ParseError("a value that does not end")
        self.at += 1
        return self.tokens[self.at - 1]

    def value(self, depth: int) -> tuple[str | None, Value]:
        if depth > MAX_DEPTH:
            raise ParseError("values nested too deeply")
        form, text = self.next()
        if form == "type":
            return text[1:], self.value(depth + 1)[1]
        if form == "string":
            return "s", _unquoted(text)
        if form == "number":
            return _number(text)
        if form == "word":
            return self._word(text, depth)
        closing = {"[": "]", "(": ")", "{": "}", "<": ">"}.get(text)
        if closing is None:
            raise ParseError(f"{text!r} is no value")
        items = self._items(closing, depth)
        if text == "<":
            return "v", items[0] if items else None
        return None, tuple(items) if text == "(" else items

    def _word(self, word: str, depth: int) -> tuple[str | None, Value]:
        if word in ("true", "false"):
            return "b", word == "true"
        if word == "nothing":
            return None, None
        if word == "just":
            return None, self.value(depth + 1)[1]
        if word not in _NAMED_TYPES:
            raise ParseError(f"{word!r} is no value")
        return _NAMED_TYPES[word], self.value(depth + 1)[1]

    def _items(self, closing: str, depth: int) -> list[Value]:
        found: list[Value] = []
        while True:
            if self.at < len(self.tokens) and self.tokens[self.at] == ("sign", closing):
                self.at += 1
                return found
            item = self.value(depth + 1)[1]
            form, text = self.next()
            if text == ":" and form == "sign":
                item = (item, self.value(depth + 1)[1])
                form, text = self.next()
            found.append(item)
            if (form, text) == ("sign", closing):
                return found
            if (form, text) != ("sign", ","):
                raise ParseError("items are separated by commas")


def _unquoted(token: str) -> str:
    body = token.removeprefix("b")[1:-1]

    def letter(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if code is None:
            return _LETTERS.get(found[3], found[3])
        number = int(code, 16)
        if number > 0x10FFFF:
            raise ParseError("no such character")
        return chr(number)

    return _ESCAPE.sub(letter, body)


def _number(token: str) -> tuple[str, Value]:
    bare = token.lstrip("+-").lower()
    if len(bare) > 400:
        raise ParseError("a number of more than 400 digits")
    if bare.startswith("0x"):
        number = int(bare, 16)
        return "i", -number if token.startswith("-") else number
    if bare.isdecimal():
        # A leading 0 makes it octal, as in C.
        octal = len(bare) > 1 and bare.startswith("0") and all(digit in "01234567" for digit in bare)
        number = int(bare, 8 if octal else 10)
        return "i", -number if token.startswith("-") else number
    return "d", float(token)


def to_text(value: Value) -> str:
    """A short text of a value: words for flags and numbers, a string as it is, containers in brackets."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return f"[{', '.join(to_text(item) for item in value)}]"
    if isinstance(value, tuple):
        return f"({', '.join(to_text(item) for item in value)})"
    return str(value)
