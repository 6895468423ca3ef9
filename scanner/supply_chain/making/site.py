"""The target as the surveyors see it: reading with a note for everything that could not be read."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator

from scanner.model.canonical import printable
from scanner.model.errors import LimitError, MissingError, ParseError, PartialError, TargetError
from scanner.supply_chain.model import Dropped
from scanner.target.base import Entry, Target

__all__ = ["Site"]

_CHUNK = 8 * 1024 * 1024
_MOST_NOTES = 200
_GIT = "git"
"""The digest that names a content in git and in Software Heritage: SHA-1 with the length before it."""
_CUT = "sha256-160"
"""The first 160 bits of a SHA-256, as apk 3 keeps them of files."""


class Site:
    """Reads one target. `gaps` gathers what could not be read; nothing but LimitError of the whole target is fatal."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.tree = target.tree
        self._folders: dict[str, str | None] = {}
        self._gaps: dict[tuple[str, str], tuple[str, int]] = {}

    @property
    def gaps(self) -> tuple[Dropped, ...]:
        """What could not be read, in the order met."""
        return tuple(Dropped(what, why, place, count) for (what, why), (place, count) in self._gaps.items())

    def gap(self, what: str, error: Exception | str, place: str = "") -> None:
        """Note that something of kind `what` could not be read."""
        why = printable(str(error))[:300]
        if len(self._gaps) >= _MOST_NOTES and (what, why) not in self._gaps:
            why = "other reasons"
        first, count = self._gaps.get((what, why), (printable(place), 0))
        self._gaps[what, why] = (first, count + 1)

    def data(self, path: str, limit: int, what: str) -> bytes | None:
        """The bytes of a file; None when it is not there, or (noted) cannot be read."""
        try:
            return self.tree.read(path, limit)
        except MissingError:
            return None
        except TargetError as error:
            self.gap(what, error, path)
            return None

    def text(self, path: str, limit: int, what: str) -> str | None:
        """Like `data`; undecodable bytes are kept as surrogates."""
        data = self.data(path, limit, what)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def names(self, path: str, what: str) -> list[str]:
        """Sorted names in a folder; none when there is no such folder, or (noted) it cannot be read whole."""
        try:
            if self.tree.stat(path).type != "directory":
                return []
            return self.tree.listdir(path)
        except MissingError:
            return []
        except TargetError as error:
            self.gap(what, error, path)
            return sorted(error.names) if isinstance(error, PartialError) else []

    def entry(self, path: str, *, follow: bool = True) -> Entry | None:
        """The file system entry, or None when it is not there or cannot be looked at."""
        try:
            return self.tree.stat(path, follow=follow)
        except TargetError:
            return None

    def canonical(self, path: str) -> str | None:
        """`path` with the links of its folders resolved (its last part is not followed), as a walk tells it.

        None when its folder is not there, and for a path that ends in dots: no package brings one.
        """
        folder, name = posixpath.split(path)
        if name in (".", ".."):
            return None
        if folder not in self._folders:
            try:
                self._folders[folder] = self.tree.resolve(folder)
            except TargetError:
                self._folders[folder] = None
        parent = self._folders[folder]
        if parent is None:
            return None
        return f"{parent.rstrip('/')}/{name}" if name else parent

    def walk(self, skip: tuple[str, ...]) -> Iterator[Entry]:
        """Every entry of the tree; what cannot be entered is noted."""
        try:
            yield from self.tree.walk("/", skip=skip)
        except TargetError as error:
            self.gap("files", error, "/")
        for path, reason in self.tree.unreadable:
            self.gap("files", reason, path)

    def digests(self, path: str, size: int, algorithms: tuple[str, ...]) -> dict[str, str] | None:
        """Hexadecimal digests of the regular file at canonical `path`; None (noted) when it cannot be read.

        Algorithms are named as in hashlib; besides, `git` is that of a blob, left out if the size has changed,
        and `sha256-160` the first 160 bits of a SHA-256.
        """
        made = {name: _hasher(name, size) for name in algorithms}
        length = 0
        try:
            for offset in range(0, max(size, 1), _CHUNK):
                data = self.tree.pread(path, offset, _CHUNK)
                length += len(data)
                for one in made.values():
                    one.update(data)
        except TargetError as error:
            self.gap("content of files", error if isinstance(error, LimitError) else "cannot be read", path)
            return None
        return {
            name: one.hexdigest()[: 40 if name == _CUT else None]
            for name, one in made.items()
            if name != _GIT or length == size
        }

    def parsed_badly(self, what: str, path: str, error: ParseError) -> None:
        """Note a file that is not what its format says."""
        self.gap(what, f"malformed: {error}", path)


def _hasher(name: str, size: int) -> hashlib._Hash:
    if name == _GIT:
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return hashlib.new("sha256" if name == _CUT else name, usedforsecurity=False)
