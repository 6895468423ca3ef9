"""Paths of the target that a pattern means, as glob(3) finds them for the programs that include files by pattern."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from scanner.collectors.base import Look
from scanner.model.errors import LimitError, NotCollectedError, ParseError

__all__ = ["glob_paths"]

MAX_PATHS = 1024
"""Paths that one pattern may mean."""

_RUNNING = ("/run/", "/var/run/", "/proc/", "/sys/", "/dev/")


def glob_paths(look: Look, pattern: str) -> list[str]:
    """Existing paths for the absolute `pattern`, in byte order; a hidden name needs a literal dot (glob(7)).

    Raises NotCollectedError for places that only a running system has, ParseError for backslashes (nobody uses them),
    LimitError for a pattern that means too much.
    """
    if pattern.startswith(_RUNNING):
        raise NotCollectedError(f"{pattern} is included, and exists only on a running system")
    if "\\" in pattern:
        raise ParseError(f"{pattern}: a backslash in a pattern is not supported")
    found = [""]
    for part in (part for part in pattern.split("/") if part):
        if re.search(r"[*?[]", part):
            found = [f"{folder}/{name}" for folder in found for name in _matching(look, folder or "/", part)]
        else:
            found = [f"{folder}/{part}" for folder in found]
        if len(found) > MAX_PATHS:
            raise LimitError(f"{pattern} means more than {MAX_PATHS} paths")
    return [path for path in found if look.entry(path, follow=False) is not None]


def _matching(look: Look, folder: str, part: str) -> list[str]:
    pattern = part.replace("[^", "[!")
    hidden = part.startswith(".")
    return [n for n in look.names(folder) if fnmatchcase(n, pattern) and (hidden or not n.startswith("."))]
