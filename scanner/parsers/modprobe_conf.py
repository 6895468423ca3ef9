"""modprobe.d files, read as libkmod reads them.

Source: kmod man/modprobe.d.5, libkmod/libkmod-config.c (`kmod_config_parse`), shared/util.c (`freadline_wrapped`,
`underscores`).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Directive", "does_nothing", "matches", "module_name", "parse"]

_MAX_LINES = 100_000
_WITH_VALUE = frozenset(("alias", "install", "remove", "options", "softdep", "weakdep"))


@dataclass(frozen=True, slots=True)
class Directive:
    """One logical line. `module` has `_` for `-` and may be a glob (install, remove, alias); `value` is the rest of
    the line, or None for blacklist."""

    kind: str
    module: str
    value: str | None
    line: int


def parse(text: str) -> list[Directive]:
    """Directives in order. `#` begins a comment only at the start of a line; a backslash at the end joins lines.

    Lines that libkmod does not understand are skipped, as it does. Raises ParseError for a NUL or too many lines.
    """
    if "\0" in text:
        raise ParseError("a NUL in a modprobe file", offset=text.index("\0"))
    found = []
    for number, line in _logical(text):
        words = line.split(None, 2)
        if len(words) < 2 or words[0].startswith("#"):
            continue
        kind, module = words[0], module_name(words[1])
        if kind == "blacklist":
            found.append(Directive(kind, module, None, number))
        elif kind in _WITH_VALUE and len(words) == 3:
            found.append(Directive(kind, module, words[2].strip(), number))
    return found


def module_name(text: str) -> str:
    """The kernel's spelling of a module name: `-` is `_`, except inside the brackets of a glob."""
    closed = text.rfind("]") + 1
    # Behind the last bracket that closes there is no glob: a search for its end at each `[` would take forever.
    inside = re.sub(r"\[[^\]]*\]|-", lambda found: "_" if found[0] == "-" else found[0], text[:closed])
    return inside + text[closed:].replace("-", "_")


def matches(module: str, pattern: str) -> bool:
    """Whether an install line's module, a glob for libkmod, means this module."""
    return len(pattern) <= 256 and fnmatch.fnmatchcase(module, pattern)


_NOTHING = re.compile(r"(?:(?:/usr)?/s?bin/)?(?:true|false)|:|exit(?:\s+\d+)?")


def does_nothing(command: str) -> bool:
    """Whether an install command only ends, and so never loads the module."""
    return _NOTHING.fullmatch(command.strip()) is not None


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines with continuations joined, each with the number of its first part."""
    lines = text.split("\n")
    if len(lines) > _MAX_LINES:
        raise ParseError("more lines than we read", line=_MAX_LINES)
    parts: list[str] = []
    start = 1
    for number, raw in enumerate(lines, 1):
        line = raw.removesuffix("\r")
        if not parts:
            start = number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        parts.append(line)
        yield start, "".join(parts)
        parts = []
    if parts:
        yield start, "".join(parts)
