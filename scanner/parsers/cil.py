"""As much of the Common Intermediate Language as `(typepermissive X)` needs: tokens, nesting, blocks.

Compiled modules in the module store are CIL, often bzip2 compressed. A statement inside `(block b …)` names `b.X`;
names with a leading dot are global. Source: SELinuxProject/selinux secilc/docs (statements, blocks), libsemanage.
"""

from __future__ import annotations

import bz2
import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Permissive", "permissive_types", "unpacked"]

_TOKEN = re.compile(r'(?P<space>\s+|;[^\n]*)|(?P<paren>[()])|(?P<text>"[^"]*")|(?P<word>[^\s();"]+)')
_BZIP2 = b"BZh"
_MAX_DEPTH = 10_000


@dataclass(frozen=True, slots=True)
class Permissive:
    """One permissive type and the line (1-based) that says so."""

    type: str
    line: int


def unpacked(data: bytes, limit: int) -> str:
    """Text of a module, decompressed if need be. Raises ParseError when damaged or longer than `limit` bytes."""
    if data[:3] == _BZIP2:
        data = _decompressed(data, limit)
    if len(data) > limit:
        raise ParseError(f"longer than {limit} bytes")
    return data.decode("utf-8", "surrogateescape")


def _decompressed(data: bytes, limit: int) -> bytes:
    """All streams of a bzip2 file, never more than `limit` bytes of them."""
    parts: list[bytes] = []
    room = limit
    while data:
        stream = bz2.BZ2Decompressor()
        try:
            part = stream.decompress(data, max_length=room + 1)
        except (OSError, ValueError) as error:
            raise ParseError(f"damaged bzip2 data: {error}") from None
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise ParseError(f"unpacks to more than {limit} bytes")
        if not stream.eof:
            raise ParseError("bzip2 data is cut short")
        data = stream.unused_data
    return b"".join(parts)


def permissive_types(text: str) -> list[Permissive]:
    """Every `(typepermissive X)`, in order. Raises ParseError for unbalanced parentheses."""
    found: list[Permissive] = []
    stack: list[list[str]] = []
    line = 1
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ParseError("a quoted text without an end", line=line)
        at = token.end()
        if token.lastgroup == "word":
            if stack and len(stack[-1]) < 3:
                stack[-1].append(token.group())
        elif token.group() == "(":
            if len(stack) >= _MAX_DEPTH:
                raise ParseError("nested too deeply", line=line)
            stack.append([])
        elif token.group() == ")":
            if not stack:
                raise ParseError("a closing parenthesis too many", line=line)
            _statement(stack, line, found)
        line += token.group().count("\n")
    if stack:
        raise ParseError("an opening parenthesis too many", line=line)
    return found


def _statement(stack: list[list[str]], line: int, found: list[Permissive]) -> None:
    words = stack.pop()
    if len(words) == 2 and words[0] == "typepermissive":
        blocks = [outer[1] for outer in stack if len(outer) >= 2 and outer[0] in ("block", "in")]
        name = words[1]
        found.append(Permissive(name[1:] if name.startswith(".") else ".".join([*blocks, name]), line))
