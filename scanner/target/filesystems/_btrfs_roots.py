"""btrfs: the root tree: where each tree begins, which subvolume is the default one, and the paths of subvolumes.

Sources: btrfs-progs Documentation/dev/On-disk-format.rst (ROOT_ITEM, ROOT_BACKREF), fs/btrfs/super.c
(get_default_root), fs/btrfs/inode.c (fixup_tree_root_location).
"""

from __future__ import annotations

from collections import OrderedDict

from scanner.model.errors import DamagedError, LimitError, MissingError, TargetError
from scanner.model.records import dataclass
from scanner.target import limits
from scanner.target.filesystems import _btrfs_items as items
from scanner.target.filesystems._btrfs_node import CSUM_TREE, FS_TREE, ROOT_TREE, Tree, Volume, is_subvolume
from scanner.target.filesystems._btrfs_super import uuid_text

__all__ = ["FileRoot", "Roots", "Subvolume"]

_LAST = (1 << 64) - 1
_KEPT = 64
_STEPS = 200_000
"""Directories looked at to tell the paths of all subvolumes."""


@dataclass(frozen=True, slots=True)
class Subvolume:
    """A subvolume as `btrfs subvolume list` shows it; `path` counts from the top of the file system ("/" is tree 5)."""

    id: int
    path: str
    read_only: bool
    uuid: str
    default: bool


@dataclass(frozen=True, slots=True)
class FileRoot:
    """An open subvolume: its tree and the inode of its top directory."""

    tree: Tree
    directory: int


class Roots:
    """The root tree of a volume."""

    def __init__(self, volume: Volume) -> None:
        sb = volume.sb
        self._volume = volume
        self._tree = Tree(volume, ROOT_TREE, sb.root, sb.root_level, sb.generation)
        self._open: OrderedDict[int, FileRoot] = OrderedDict()
        self._steps = 0

    def _root(self, number: int) -> items.Root | None:
        found = self._tree.before((number, items.ROOT_ITEM, _LAST))
        if found is None or found[0][:2] != (number, items.ROOT_ITEM):
            return None
        return items.root(found[1], number)

    def checksums(self) -> Tree | None:
        """The checksum tree, if there is one."""
        root = self._root(CSUM_TREE)
        return None if root is None else Tree(self._volume, CSUM_TREE, root.address, root.level, root.generation)

    def default(self) -> int:
        """The subvolume that a mount without options shows."""
        raw = self._tree.find((self._volume.sb.directory, items.DIR_ITEM, items.name_hash(b"default")))
        for name, _, (number, kind, _) in items.records(raw or b"", self._volume.sb.directory):
            if name == b"default":
                if kind != items.ROOT_ITEM or not is_subvolume(number):
                    raise DamagedError(f"the default subvolume is tree {number}")
                return number
        return FS_TREE

    def file_root(self, number: int) -> FileRoot:
        """Subvolume `number`, opened."""
        found = self._open.get(number)
        if found is None:
            root = self._root(number) if is_subvolume(number) else None
            if root is None:
                raise MissingError(f"no subvolume has the number {number}")
            tree = Tree(self._volume, number, root.address, root.level, root.generation)
            found = self._open[number] = FileRoot(tree, root.directory)
            if len(self._open) > _KEPT:
                self._open.popitem(last=False)
        return found

    def parent(self, number: int) -> tuple[int, int, str] | None:
        """The subvolume and directory that hold subvolume `number`, and its name there."""
        low = (number, items.ROOT_BACKREF, 0)
        for key, raw in self._tree.span(low, (number, items.ROOT_BACKREF, _LAST)):
            return key[2], *items.root_name(raw, number)
        return None

    def subvolumes(self) -> list[Subvolume]:
        """Every subvolume that is not deleted, by number. One whose path cannot be told is noted and left out."""
        default = self.default()
        self._steps = 0
        found: list[Subvolume] = []
        number = FS_TREE
        while True:
            root = self._root(number)
            if root is not None:
                try:
                    path = self._path(number)
                except TargetError as error:
                    self._volume.note(f"subvolume {number} left out: {error}")
                else:
                    found.append(Subvolume(number, path, root.read_only, uuid_text(root.uuid), number == default))
            if len(found) > limits.MAX_NAMES:
                raise LimitError(f"more than {limits.MAX_NAMES} subvolumes")
            following = self._next(max(number + 1, 256))
            if following is None:
                return found
            number = following

    def number_of(self, subvolume: int | str) -> int:
        """The number of a subvolume that is given by number or by path from the top of the file system."""
        if isinstance(subvolume, int):
            return subvolume
        path = "/" + subvolume.strip("/")
        for found in self.subvolumes():
            if found.path == path:
                return found.id
        raise MissingError(f"no subvolume is named {path}")

    def _next(self, low: int) -> int | None:
        """The first tree that holds files and has a number of at least `low`."""
        for key, _ in self._tree.span((low, items.ROOT_ITEM, 0), ((1 << 63) - 1, items.ROOT_ITEM, _LAST)):
            if key[1] == items.ROOT_ITEM:
                return key[0]
        return None

    def _path(self, number: int) -> str:
        parts: list[str] = []
        for _ in range(limits.MAX_DEPTH):
            if number == FS_TREE:
                return "/" + "/".join(reversed(parts))
            above = self.parent(number)
            if above is None:
                raise DamagedError(f"subvolume {number} has no parent")
            number, directory, name = above
            parts.append(name)
            parts.extend(self._names_up(self.file_root(number), directory))
        raise LimitError(f"deeper than {limits.MAX_DEPTH} subvolumes")

    def _names_up(self, root: FileRoot, directory: int) -> list[str]:
        """Names from `directory` up to the top of its subvolume."""
        names: list[str] = []
        while directory != root.directory:
            self._steps += 1
            if len(names) > limits.MAX_DEPTH or self._steps > _STEPS:
                raise LimitError(f"deeper than {limits.MAX_DEPTH} directories, or too many such subvolumes")
            low = (directory, items.INODE_REF, 0)
            for key, raw in root.tree.span(low, (directory, items.INODE_REF, _LAST)):
                names.append(items.directory_name(raw, directory))
                directory = key[2]
                break
            else:
                raise MissingError(f"directory {directory} has no parent")
        return names
