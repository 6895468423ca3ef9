"""The Linux kernel command line, split as the kernel itself splits it.

Source: Linux lib/cmdline.c (`next_arg`), kernel/params.c (`parse_args`, `dash2underscore`), lib/ctype.c (`_ctype`).
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["MAX_LENGTH", "CommandLine", "Parameter", "parse"]

MAX_LENGTH = 65_536
"""Bytes of a command line that we take at all; kernels keep 2048 (x86, arm64) or 4096 (s390)."""

# isspace() of the kernel is about Latin-1 bytes: a UTF-8 no-break space (C2 A0) ends a word in its second byte.
_SPACE = frozenset("\t\n\v\f\r \xa0")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One word before `--`. `name` has `_` for every `-`; `value` is None for a bare flag, "" for `name=`."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`parameters` in order, as the kernel reads them, and the words after a bare `--`, which only init sees."""

    parameters: tuple[Parameter, ...]
    init_arguments: tuple[str, ...]


def parse(text: str) -> CommandLine:
    """The words of `text`; what follows a NUL is not there for the kernel. Raises ParseError when it is too long."""
    raw = text.encode("utf-8", "surrogateescape")
    if len(raw) > MAX_LENGTH:
        raise ParseError(f"a command line of {len(raw)} bytes", offset=MAX_LENGTH)
    line = raw.partition(b"\0")[0].decode("latin-1")
    parameters: list[Parameter] = []
    at = _skip(line, 0)
    while at < len(line):
        name, value, at = _next(line, at)
        if value is None and name == "--":
            return CommandLine(tuple(parameters), tuple(_text(word) for word in line[at:].split()))
        parameters.append(Parameter(_text(name).replace("-", "_"), None if value is None else _text(value)))
    return CommandLine(tuple(parameters), ())


def _next(line: str, start: int) -> tuple[str, str | None, int]:
    """The word at `start`: name, value, and where the next word begins."""
    quoted = line[start] == '"'
    begin = start + 1 if quoted else start
    in_quotes = quoted
    equals = 0
    at = begin
    while at < len(line):
        char = line[at]
        if char in _SPACE and not in_quotes:
            break
        if char == "=" and equals == 0:
            equals = at - begin  # stays 0 for a leading "=", exactly as in the kernel
        elif char == '"':
            in_quotes = not in_quotes
        at += 1
    word = line[begin:at]
    value: str | None = None
    name = word
    if equals:
        name, value = word[:equals], word[equals + 1 :]
        if value.startswith('"'):
            value = value[1:].removesuffix('"')
            quoted = False
        elif quoted:
            value = value.removesuffix('"')
    elif quoted:
        name = word.removesuffix('"')
    return name, value, _skip(line, at + 1)


def _skip(line: str, at: int) -> int:
    while at < len(line) and line[at] in _SPACE:
        at += 1
    return at


def _text(word: str) -> str:
    return word.encode("latin-1").decode("utf-8", "surrogateescape")
