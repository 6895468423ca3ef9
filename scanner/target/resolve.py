"""Path look-up that cannot leave the root, and what is built on it.

Every component is looked up by the reader's own primitives; a link is read as text and followed here: an absolute link
restarts at the target's root, `..` at the root stays at the root, and at most 40 links are followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanner.model.errors import DamagedError, DeniedError, LimitError, MissingError, PartialError, TargetError
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
    if len(path) > limits.MAX_PATH:
        raise LimitError(f"{path[:200]}: a path of more than {limits.MAX_PATH} bytes")
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
                if len(text) > limits.MAX_PATH:
                    raise DamagedError(f"{path}: a link of more than {limits.MAX_PATH} bytes")
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
    """Depth-first walk in byte order. What cannot be read is appended to `unreadable` as (path, reason).

    Names are counted when a directory is listed, and each is looked up when its turn comes: what is held at any time is
    no more than the names that the budget allows. The budget is one of counts, not of time, so that the same tree gives
    the same facts on a slow machine.
    """
    start = tree.stat(top)
    yield start
    budget = _Budget(limits.MAX_WALK if tree.most_entries is None else tree.most_entries)
    levels = [_below(tree, start, skip, unreadable, budget)]
    while levels:
        path = next(levels[-1], None)
        if path is None:
            levels.pop()
            continue
        try:
            entry = tree.lstat(path)
        except MissingError:
            continue
        except TargetError as error:
            unreadable.append((path, _reason(error)))
            continue
        yield entry
        if entry.type == "directory":
            levels.append(_below(tree, entry, skip, unreadable, budget))
    if budget.spent is not None:
        unreadable.append(budget.spent)


class _Budget:
    """What is left of a walk's budget. `spent`: where it ended, and the reason."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries = 0
        self._text = 0
        self.spent: tuple[str, str] | None = None

    def take(self, path: str, names: list[str]) -> bool:
        """Whether the names of the directory at `path` are still within the budget. Nothing is after one was not."""
        self._entries += len(names)
        self._text += len(path) * len(names) + sum(map(len, names))
        if self.spent is None and self._entries > self._most:
            self.spent = (path, f"limit: more than {self._most} entries")
        elif self.spent is None and self._text > self._most * limits.PATH_PER_ENTRY:
            self.spent = (path, f"limit: more than {self._most * limits.PATH_PER_ENTRY} characters of paths")
        return self.spent is None


def _below(
    tree: FileTree, entry: Entry, skip: frozenset[str], unreadable: list[tuple[str, str]], budget: _Budget
) -> Iterator[str]:
    """Paths of what the directory holds, in byte order."""
    path = entry.path
    if entry.type != "directory" or path in skip or budget.spent is not None:
        return
    if path.count("/") >= limits.MAX_DEPTH or len(path) >= limits.MAX_PATH:
        unreadable.append((path, f"limit: deeper than {limits.MAX_DEPTH} directories or {limits.MAX_PATH} bytes"))
        return
    try:
        names = tree.names(path)
    except TargetError as error:
        unreadable.append((path, _reason(error)))
        if not isinstance(error, PartialError):
            return
        names = error.names
    if not budget.take(path, names):
        return
    names.sort(key=None if "".join(names).isascii() else lambda name: name.encode("utf-8", "surrogateescape"))
    for name in names:
        yield join(path, name)


def _reason(error: TargetError) -> str:
    """The reason of an entry that a walk cannot read: a fixed first word where there is one."""
    if isinstance(error, DeniedError):
        return "permission"
    return f"limit: {error}" if isinstance(error, LimitError) else str(error)
