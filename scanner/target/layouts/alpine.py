"""Alpine Linux in diskless mode: a boot medium with packages, and an archive of local changes (apkovl).

The root is made in memory at each boot: the initramfs installs packages from `apks/` and unpacks the archive over
them. The archive is what is here of it, so what it does not hold is unknown, never absent. A system installed on a disk
(`setup-disk` in sys mode) is a plain one, and so is a verified EROFS root that its boot image names.

Sources: Alpine Linux wiki "Alpine local backup" (lbu, apkovl), mkinitfs `initramfs-init.in` (boot of a diskless
system), alpine-conf `lbu.in`.
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.model.errors import MissingError, NotCollectedError, TargetError
from scanner.target.archives.layers import LayeredTree
from scanner.target.base import BlockDevice, Entry, FileTree
from scanner.target.containers import compressed
from scanner.target.containers.base import HEAD
from scanner.target.contents import Part
from scanner.target.devices import EntryDevice
from scanner.target.layouts.base import Layout, Slot, exists, is_root
from scanner.target.unknown import UnknownTree

__all__ = ["LAYOUT"]

_OVERLAY = ".apkovl.tar.gz"
_ENCRYPTED = ".apkovl.tar.gz."
_MADE = "this root is made at boot by installing packages; only the local changes (apkovl) are here"


class _Changes(FileTree):
    """The archive of local changes: what it holds is said, the rest of the root is not known."""

    def __init__(self, archive: FileTree) -> None:
        self._archive = archive
        self.notes = archive.notes

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        try:
            return self._archive.lstat(path)
        except MissingError:
            raise NotCollectedError(f"{path}: {_MADE}") from None

    def readlink(self, path: str) -> str:
        """See FileTree."""
        return self._archive.readlink(path)

    def names(self, path: str) -> list[str]:
        """See FileTree. Packages may add to every folder, so none can be listed."""
        raise NotCollectedError(f"{path}: {_MADE}")

    def pread(self, path: str, offset: int, length: int) -> bytes:
        """See FileTree."""
        return self._archive.pread(path, offset, length)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """See FileTree."""
        return self._archive.xattrs(path)


def _find(parts: Sequence[Part]) -> list[Slot]:
    medium = next((part for part in parts if part.tree is not None and _is_medium(part.tree)), None)
    if medium is None or any(part.tree is not None and is_root(part.tree) for part in parts):
        return []
    found: list[tuple[Part, str]] = []
    for part in parts:
        names = _top(part.tree) if part.tree is not None else []
        found += [(part, name) for name in names if name.endswith(_OVERLAY) or _ENCRYPTED in name]
    if not found:
        why = f"{medium.name} boots Alpine Linux without an archive of local changes"
        return [Slot("diskless", "only", f"{why}: {_MADE.partition(';')[0]}", medium, UnknownTree(_MADE))]
    return [_slot(number, part, name, len(found)) for number, (part, name) in enumerate(found)]


def _is_medium(tree: FileTree) -> bool:
    if exists(tree, "/.alpine-release"):
        return True
    try:
        return exists(tree, "/apks") and any(one.startswith("modloop-") for one in tree.listdir("/boot"))
    except TargetError:
        return False


def _top(tree: FileTree) -> list[str]:
    try:
        return tree.listdir("/")
    except TargetError:
        return []


def _slot(number: int, part: Part, name: str, count: int) -> Slot:
    assert part.tree is not None
    role = "only" if count == 1 else "active" if number == 0 else "other"
    why = f"local changes of a diskless system in {name} on {part.name}" + (
        f", of {count} archives" if count > 1 else ""
    )
    try:
        tree: FileTree = _Changes(LayeredTree([_unpacked(EntryDevice(part.tree, f"/{name}", f"{part.name}/{name}"))]))
    except TargetError as error:
        tree = UnknownTree(f"{name} cannot be read: {error}")
    return Slot(name.partition(".apkovl")[0], role, why, part, tree)


def _unpacked(device: BlockDevice) -> BlockDevice:
    head = device.pread(0, HEAD)
    for container in compressed.CONTAINERS:
        if container.probe(head):
            return container.open(device)[0]
    raise NotCollectedError("unsupported: encrypted, or packed in another way than gzip")


LAYOUT = Layout("alpine-diskless", 30, _find)
