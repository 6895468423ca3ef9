"""composefs: the tree that the kernel shows of an EROFS image whose file contents lie in an object store.

The image is the lower layer of an overlay mount, the object store its data-only layer: `trusted.overlay.metacopy` marks
a file without content, `trusted.overlay.redirect` says which object has it, and the whiteouts `00` to `ff` in the top
directory hide the store. Attributes of the content's own overlay use are escaped by one more `overlay.`.

Sources: composefs libcomposefs/lcfs-writer-erofs.c (what is written), kernel Documentation/filesystems/overlayfs.rst
("Data-only lower layers", "fs-verity support", "Nesting overlayfs mounts").
"""

from __future__ import annotations

from scanner.model.errors import DamagedError, MissingError, NotCollectedError
from scanner.target.base import Entry, FileTree

__all__ = ["ComposefsTree"]

_OVERLAY = "trusted.overlay."
_ESCAPED = "trusted.overlay.overlay."
_METACOPY = _OVERLAY + "metacopy"
_REDIRECT = _OVERLAY + "redirect"


class ComposefsTree(FileTree):
    """The files of `image`, contents from `objects` (the top of the object store).

    What names no object, or one of another size, raises DamagedError when it is read, as the kernel gives an I/O error.
    """

    def __init__(self, image: FileTree, objects: FileTree) -> None:
        self._image = image
        self._objects = objects
        self.lost = image.lost
        self.notes = image.notes

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        entry = self._image.lstat(path)
        if entry.type == "char" and entry.rdev == 0:
            raise MissingError(f"{path} does not exist")
        return entry

    def readlink(self, path: str) -> str:
        """See FileTree."""
        return self._image.readlink(path)

    def names(self, path: str) -> list[str]:
        """See FileTree. Whiteouts are left out."""
        found = []
        for name in self._image.names(path):
            try:
                self.lstat(f"{path.rstrip('/')}/{name}")
            except MissingError:
                continue
            found.append(name)
        return found

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        attributes = self._image.xattrs(path)
        if _METACOPY not in attributes:
            return self._image.pread(path, offset, length)
        return self._objects.pread(self._object(path, attributes), offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree. Those of the overlay itself are left out, those of the content are unescaped."""
        return {
            name.replace(_ESCAPED, _OVERLAY, 1): value
            for name, value in self._image.xattrs(path).items()
            if not name.startswith(_OVERLAY) or name.startswith(_ESCAPED)
        }

    def _object(self, path: str, attributes: dict[str, bytes]) -> str:
        """The canonical path of the object that has the content of `path`."""
        redirect = attributes.get(_REDIRECT)
        if redirect is None:
            raise NotCollectedError(f"{path}: its content is in no object that the image names")
        target = redirect.decode("utf-8", "surrogateescape")
        if not target.startswith("/") or any(part in ("", ".", "..") for part in target[1:].split("/")):
            raise DamagedError(f"{path}: redirected to {target[:80]!r}")
        try:
            target = self._objects.resolve(target, follow=False)
            found = self._objects.lstat(target)
        except MissingError:
            raise DamagedError(f"{path}: the object store has no {target[:80]}") from None
        wanted = self._image.lstat(path)
        if found.type != "file" or found.size != wanted.size:
            raise DamagedError(f"{path}: object {target} has {found.size} bytes, the image says {wanted.size}")
        return target
