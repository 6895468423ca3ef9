"""Tree files: changes to a root tree as one text that a person can read and change, and how they become files.

A line `==> PATH [mode=OCTAL] [owner=USER:GROUP] [-> TARGET]` begins an entry, the lines below are its content. A path
that ends in "/" is a directory, an arrow makes a symbolic link, and a file without content gets a line that names it (a
program, say). `@name@` stands for a value given by the caller. Lines before the first entry are a comment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Entry", "parse", "write"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file (`content`), a link (`target`) or a directory (neither)."""

    path: str
    content: str | None = None
    target: str | None = None
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"


def parse(text: str, values: Mapping[str, str]) -> list[Entry]:
    """The entries of a tree file. Raises ValueError for a header that cannot be read."""
    known = "|".join(map(re.escape, values))
    filled = re.sub(f"@({known})@", lambda found: values[found[1]], text) if known else text
    return [_entry(*block.partition("\n")[::2]) for block in re.split("^==> ", filled, flags=re.MULTILINE)[1:]]


def _entry(header: str, body: str) -> Entry:
    head, arrow, target = header.partition(" -> ")
    target = target.strip()
    path, *words = head.split()
    fields = dict(word.partition("=")[::2] for word in words)
    unknown = set(fields) - {"mode", "owner"}
    if unknown or (arrow and not target):
        raise ValueError(f"{header!r}: a header is PATH [mode=OCTAL] [owner=USER:GROUP] [-> TARGET]")
    usual = "0755" if path.endswith("/") or not body else "0644"
    owner, _, group = fields.get("owner", "root:root").partition(":")
    return Entry(
        path.rstrip("/"),
        None if arrow or path.endswith("/") else body or f"a stub of {path}\n",
        target if arrow else None,
        int(fields.get("mode", usual), 8),
        owner,
        group,
    )


def write(root: Path, entries: Iterable[Entry]) -> None:
    """Make the entries below `root`, replacing what is there. Nothing is written through a link out of `root`.

    Owners are those of the tree's own passwd and group. Raises ValueError for a path that leads out of it.
    """
    base = root.resolve()
    users, groups = _numbers(base / "etc/passwd"), _numbers(base / "etc/group")
    for entry in entries:
        place = base / entry.path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.parent.resolve().is_relative_to(base):
            raise ValueError(f"{entry.path} lies behind a link that leads out of the tree")
        if entry.content is None and entry.target is None:
            place.mkdir(exist_ok=True)
        else:
            place.unlink(missing_ok=True)
            if entry.target is not None:
                os.symlink(entry.target, place)
            else:
                place.write_text(entry.content or "", encoding="utf-8")
        os.chown(place, users[entry.owner], groups[entry.group], follow_symlinks=False)
        if entry.target is None:
            place.chmod(entry.mode)


def _numbers(path: Path) -> dict[str, int]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {fields[0]: int(fields[2]) for fields in (line.split(":") for line in lines)}
