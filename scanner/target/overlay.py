"""Directories laid over one another as overlayfs shows them: layers of a container, a hotfix over /usr.

Source: kernel Documentation/filesystems/overlayfs.rst ("Upper and Lower", "whiteouts and opaque directories").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scanner.model.errors import MissingError, NotCollectedError
from scanner.target import limits
from scanner.target.base import Entry, FileTree

__all__ = ["OverlayTree"]

_OVERLAY = "trusted.overlay."


class OverlayTree(FileTree):
    """`layers`, the uppermost first, as one tree. A layer whose attributes cannot be read makes its folders unreadable:
    they may hide what lies below them."""

    def __init__(self, layers: Sequence[FileTree]) -> None:
        self._layers = list(layers)
        self._known: dict[str, list[FileTree]] = {}
        self.lost = frozenset().union(*(layer.lost for layer in self._layers))

    def _stack(self, path: str) -> list[FileTree]:
        """The layers that make the entry at `path`: one for a file, all that merge for a directory."""
        known = self._known.get(path)
        if known is not None:
            return known
        if path == "/":
            return self._layers
        above = self._stack(path.rpartition("/")[0] or "/")
        found: list[FileTree] = []
        for layer in above:
            try:
                entry = layer.lstat(path)
            except MissingError:
                continue
            if self._is_whiteout(layer, entry):
                break
            if entry.type != "directory":
                found = found or [layer]
                break
            found.append(layer)
            attributes = layer.xattrs(path)
            if _OVERLAY + "redirect" in attributes:
                raise NotCollectedError(f"unsupported: {path} is a redirected directory of an overlay")
            if attributes.get(_OVERLAY + "opaque") == b"y":
                break
        if not found:
            raise MissingError(f"{path} does not exist")
        if found[0].lstat(path).type == "directory" and len(self._known) < limits.MAX_REMEMBERED:
            self._known[path] = found
        return found

    def _is_whiteout(self, layer: FileTree, entry: Entry) -> bool:
        if entry.type == "char":
            return entry.rdev == 0
        return entry.type == "file" and not entry.size and _OVERLAY + "whiteout" in layer.xattrs(entry.path)

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        stack = self._stack(path)
        entry = stack[0].lstat(path)
        # Inode numbers of different layers say nothing about one another; they lie on one file system here.
        return replace(entry, nlink=2) if entry.type == "directory" and len(stack) > 1 else entry

    def readlink(self, path: str) -> str:
        """See FileTree."""
        return self._stack(path)[0].readlink(path)

    def names(self, path: str) -> list[str]:
        """See FileTree."""
        found: dict[str, None] = {}
        for layer in self._stack(path):
            found.update(dict.fromkeys(layer.names(path)))
        return [name for name in found if self._is_there(f"{path.rstrip('/')}/{name}")]

    def _is_there(self, path: str) -> bool:
        try:
            self._stack(path)
        except MissingError:
            return False
        return True

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        layer = self._stack(path)[0]
        if _OVERLAY + "metacopy" in layer.xattrs(path):
            raise NotCollectedError(f"unsupported: {path} has its content in another layer (metacopy)")
        return layer.pread(path, offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree. Those of the overlay itself are left out."""
        found = self._stack(path)[0].xattrs(path)
        return {name: value for name, value in found.items() if not name.startswith(_OVERLAY)}
