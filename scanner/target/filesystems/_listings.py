"""Directories by path, for readers that can enter a directory only from the one above it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from scanner.model.errors import LimitError
from scanner.target import limits

__all__ = ["Listings"]

_OVERHEAD = 8
"""What a directory costs beside its names, counted in names."""

D = TypeVar("D")


class Listings(Generic[D]):
    """The directories met last, at most `kept` names together.

    `enter(path, parent)` reads a directory coming from its parent (None: it is the root); `names` counts its names.
    """

    def __init__(self, enter: Callable[[str, D | None], D], names: Callable[[D], int], kept: int) -> None:
        self._enter = enter
        self._names = names
        self._room = kept
        self._known: OrderedDict[str, D] = OrderedDict()

    def at(self, path: str) -> D:
        """The directory at canonical `path`, read from the nearest one that is known. Raises what `enter` raises, and
        LimitError."""
        known = self._known.get(path)
        if known is not None:
            self._known.move_to_end(path)
            return known
        todo = [path]
        while todo[-1] != "/":
            parent = todo[-1].rpartition("/")[0] or "/"
            known = self._known.get(parent)
            if known is not None:
                break
            todo.append(parent)
            if len(todo) > limits.MAX_DEPTH + 2:
                raise LimitError(f"{path[:200]}: deeper than {limits.MAX_DEPTH} directories")
        while todo:
            here = todo.pop()
            known = self._enter(here, known)
            self._keep(here, known)
        assert known is not None
        return known

    def _keep(self, path: str, directory: D) -> None:
        self._known[path] = directory
        self._room -= self._names(directory) + _OVERHEAD
        while self._room < 0 and len(self._known) > 1:
            self._room += self._names(self._known.popitem(last=False)[1]) + _OVERHEAD
