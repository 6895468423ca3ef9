"""Owners and modes that a mounted FAT file system shows: the medium has none, the mount options make them.

Sources: mount(8), "Mount options for fat"; kernel fs/fat/inode.c (`fat_parse_param`, defaults) and fs/fat/fat.h
(`fat_make_mode`); systemd-gpt-auto-generator(8) for what it mounts itself. Not followed: `showexec`, and the read-only
attribute, which takes the write permissions of a file away; so a file may be less writable than shown.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from dataclasses import replace

from scanner.model.errors import DamagedError, TargetError
from scanner.model.records import dataclass
from scanner.target.base import Entry, FileTree
from scanner.target.composite import SubTree

__all__ = ["AUTOMATIC", "FatMount", "Owners", "owners"]

_MAX_TEXT = 1 << 20
_OCTAL = re.compile(r"[0-7]{1,4}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_MASKS = {"umask": ("files", "folders"), "fmask": ("files",), "dmask": ("folders",)}
_NAMES = {"uid": "/etc/passwd", "gid": "/etc/group"}


@dataclass(frozen=True, slots=True)
class Owners:
    """Owner and group of everything, and the permission bits that files and folders lack."""

    uid: int = 0
    gid: int = 0
    files: int = 0o022
    folders: int = 0o022


AUTOMATIC = Owners(files=0o077, folders=0o077)
"""What systemd uses for the boot partitions that it mounts by their type."""


def owners(options: Sequence[str], system: FileTree) -> Owners:
    """What mount options say, the last of a kind counting; names of users are looked up in `system`.

    Raises DamagedError for a value that mount(8) refuses.
    """
    found: dict[str, int] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if key in _MASKS and equals:
            if not _OCTAL.fullmatch(value):
                raise DamagedError(f"mount option {option[:80]!r}")
            found |= dict.fromkeys(_MASKS[key], int(value, 8) & 0o777)
        elif key in _NAMES and equals:
            found[key] = int(value) if _NUMBER.fullmatch(value) else _number(value, _NAMES[key], system)
    return Owners(**found)


def _number(name: str, path: str, system: FileTree) -> int:
    """The number of a user or group: the third field of its line."""
    try:
        text = system.read(path, _MAX_TEXT).decode("utf-8", "surrogateescape")
    except TargetError as error:
        raise DamagedError(f"no number is known of {name[:80]!r}: {error}") from None
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) > 2 and fields[0] == name and _NUMBER.fullmatch(fields[2]):
            return int(fields[2])
    raise DamagedError(f"{path} has no {name[:80]!r}")


class FatMount(SubTree):
    """The FAT file system `tree` as it looks when it is mounted with `shown`."""

    def __init__(self, tree: FileTree, shown: Owners) -> None:
        super().__init__(tree, "/")
        self._shown = shown
        self.lost = tree.lost - {"owner", "mode"}

    def lstat(self, path: str) -> Entry:
        """See FileTree."""
        entry = super().lstat(path)
        lacking = self._shown.folders if entry.type == "directory" else self._shown.files
        mode = stat.S_IFMT(entry.mode) | (0o777 & ~lacking)
        return replace(entry, mode=mode, uid=self._shown.uid, gid=self._shown.gid)
