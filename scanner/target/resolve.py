"""Path look-up that cannot leave the root, and what is built on it.

Every component is looked up by the reader's own primitives; a link is read as text and followed here: an absolute link
restarts at the target's root, `..` at the root stays at the root, and at most 40 links are followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanner.model.errors import DamagedError, DeniedError, LimitError, MissingError, TargetError
from scanner.target import limits

if TYPE_CHECKING:
    from scanner.target.base import Entry, FileTree

__all__ = ["join", "read_whole", "resolve", "walk"]


def join(parent: str, name: str) -> str:
    """`parent`/`name` for canonical parents."""
    return f"/{name}" if parent == "/" else f"{parent}/{name}"


def resolve(tree: FileTree, path: str, *, follow: bool = True) -> str:
    """The canonical path of `path`; every component but the last must exist and be a directory or a link to one.

    The last component is not checked for existence (a later lstat does that), unless it is a link to follow.
    """
    if "\0" in path:
        raise MissingError(f"{path!r} holds a NUL")
    todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    here = "/"
    stack: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            if stack:
                stack.pop()
            here = "/" + "/".join(stack)
            continue
        if len(stack) >= limits.MAX_DEPTH:
            raise LimitError(f"{path}: deeper than {limits.MAX_DEPTH} directories")
        candidate = join(here, part)
        if todo or follow:
            entry = tree.lstat(candidate)
            if entry.type == "link":
                links += 1
                if links > limits.MAX_LINKS:
                    raise DamagedError(f"{path}: more than {limits.MAX_LINKS} links")
                text = tree.readlink(candidate)
                if text.startswith("/"):
                    stack.clear()
                    here = "/"
                todo.extend(piece for piece in reversed(text.split("/")) if piece not in ("", "."))
                continue
            if todo and entry.type != "directory":
                raise MissingError(f"{candidate} is a {entry.type}, not a directory")
        stack.append(part)
        here = candidate
    return here


def read_whole(tree: FileTree, path: str, limit: int) -> bytes:
    """All bytes of the regular file at canonical `path`, at most `limit`."""
    chunks: list[bytes] = []
    got = 0
    while True:
        chunk = tree.pread(path, got, min(limit + 1 - got, 1 << 20))
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        got += len(chunk)
        if got > limit:
            raise LimitError(f"{path} is longer than {limit} bytes")


def walk(tree: FileTree, top: str, skip: frozenset[str], unreadable: list[tuple[str, str]]) -> Iterator[Entry]:
    """Depth-first walk in byte order. What cannot be read is appended to `unreadable` as (path, reason)."""
    count = 0
    start = tree.stat(top)
    todo = [start]
    while todo:
        entry = todo.pop()
        yield entry
        count += 1
        if count > limits.MAX_WALK:
            unreadable.append((entry.path, f"limit: more than {limits.MAX_WALK} entries"))
            return
        if entry.type != "directory" or entry.path in skip:
            continue
        if entry.path.count("/") >= limits.MAX_DEPTH:
            unreadable.append((entry.path, f"limit: deeper than {limits.MAX_DEPTH} directories"))
            continue
        try:
            names = tree.names(entry.path)
        except TargetError as error:
            unreadable.append((entry.path, "permission" if isinstance(error, DeniedError) else str(error)))
            continue
        names.sort(key=lambda name: name.encode("utf-8", "surrogateescape"), reverse=True)
        for name in names:
            path = join(entry.path, name)
            try:
                todo.append(tree.lstat(path))
            except MissingError:
                continue
            except TargetError as error:
                unreadable.append((path, "permission" if isinstance(error, DeniedError) else str(error)))
