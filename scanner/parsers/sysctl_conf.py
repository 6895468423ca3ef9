"""sysctl.d files, read as systemd-sysctl reads them.

Source: systemd man/sysctl.d.xml, src/sysctl/sysctl.c (`parse_file`), src/shared/sysctl-util.c (`sysctl_normalize`).
"""

from __future__ import annotations

import fnmatch

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Assignment", "dotted", "is_glob", "matches", "parse", "path_of"]

_MAX_LINES = 100_000
_MAX_KEY = 1024


@dataclass(frozen=True, slots=True)
class Assignment:
    """One line. `path` is the key below /proc/sys with slashes, and may be a glob.

    `value` is None for an exclusion (`-key` without `=`), which keeps globs away from the key. `optional`: a leading
    `-`, failure to write is ignored.
    """

    path: str
    value: str | None
    line: int
    optional: bool


def parse(text: str) -> list[Assignment]:
    """The assignments and exclusions in order; systemd-sysctl skips lines that are neither, and so do we.

    Comments begin with `#` or `;` as the first character of a line only, and there are no continuation lines: what
    follows a value on its line belongs to the value. Raises ParseError for a NUL or too many lines.
    """
    if "\0" in text:
        raise ParseError("a NUL in a sysctl file", offset=text.index("\0"))
    lines = text.split("\n")
    if len(lines) > _MAX_LINES:
        raise ParseError("more lines than we read", line=_MAX_LINES)
    found = []
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        optional = key.startswith("-")
        if not equals and not optional:
            continue
        path = path_of(key.removeprefix("-").strip())
        if path and len(path) <= _MAX_KEY:
            found.append(Assignment(path, " ".join(value.split()) if equals else None, number, optional))
    return found


def path_of(key: str) -> str:
    """The path below /proc/sys that a key means: when `/` is its first separator it is one already, else `.` and `/`
    change places (`net.ipv4.conf.eth0/100.rp_filter` is `net/ipv4/conf/eth0.100/rp_filter`)."""
    first = next((char for char in key if char in "./"), "/")
    path = key if first == "/" else key.translate({ord("."): "/", ord("/"): "."})
    found: list[str] = []
    for part in path.split("/"):
        if part == "..":
            # The kernel follows it: `kernel/yama/../kptr_restrict` is another name of kernel/kptr_restrict.
            del found[-1:]
        elif part and part != ".":
            found.append(part)
    return "/".join(found)


def dotted(path: str) -> str:
    """The usual dotted spelling of a path below /proc/sys."""
    return path.translate({ord("."): "/", ord("/"): "."})


def is_glob(path: str) -> bool:
    """Whether systemd takes the key for a pattern."""
    return any(char in path for char in "*?[")


def matches(path: str, pattern: str) -> bool:
    """Whether a glob means the path: `*` and `?` never reach over a `/`."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))
