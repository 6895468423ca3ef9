"""The target behind a path, by what is there and never by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.model.errors import InputError
from scanner.target.partial import honest
from scanner.target.tree import TreeTarget

if TYPE_CHECKING:
    from scanner.target.base import BlockDevice, Target
    from scanner.target.devices import FileDevice

__all__ = ["open_path"]

_TAR_MAGIC = 257


def open_path(
    path: Path,
    *,
    runtime: bool = False,
    slot: str | None = None,
    platform: str | None = None,
    keys: Sequence[bytes] = (),
) -> Target:
    """The target at `path`; a tree that is no whole root says of nothing that it is absent (see partial).

    A folder is an OCI layout or a root tree; a file is a tar archive or a disk image, compressed or not.

    `runtime`: /proc and /sys inside a root tree are its running half. `slot` and `platform` choose inside images and
    archives; `keys` (content of key files) open what is encrypted. Raises InputError when there is nothing,
    NoRootError when no system in it can be read.
    """
    target = _opened(path, runtime=runtime, slot=slot, platform=platform, keys=keys)
    target.tree = honest(target.tree)
    return target


def _opened(path: Path, *, runtime: bool, slot: str | None, platform: str | None, keys: Sequence[bytes]) -> Target:
    if path.is_dir():
        if (path / "oci-layout").is_file() and (path / "index.json").is_file():
            from scanner.target.archive import ArchiveTarget

            return ArchiveTarget(path, None, platform=platform)
        return TreeTarget(path, runtime=runtime)
    if not path.exists():
        raise InputError("there is no such file or directory", where=str(path))
    return _opened_file(path, slot=slot, platform=platform, keys=keys)


def _opened_file(path: Path, *, slot: str | None, platform: str | None, keys: Sequence[bytes]) -> Target:
    # The readers of images are many: a directory does not wait for them.
    from scanner.target.archive import ArchiveTarget
    from scanner.target.cached import CachedDevice
    from scanner.target.devices import FileDevice
    from scanner.target.image import ImageTarget

    file = FileDevice(path)
    try:
        unpacked = _unpacked(file)
        stream: BlockDevice = unpacked[1] if unpacked is not None else file
        if stream.pread(_TAR_MAGIC, 5) == b"ustar":
            return ArchiveTarget(path, CachedDevice.over(stream), platform=platform)
        return ImageTarget(path, file, unpacked, slot=slot, keys=keys)
    except BaseException:
        file.close()
        raise


def _unpacked(file: FileDevice) -> tuple[str, BlockDevice] | None:
    """What the compression of the file holds, or None when it is not compressed."""
    from scanner.target.containers import compressed
    from scanner.target.containers.base import HEAD
    from scanner.target.filesystems._initramfs_streams import begins_with_archive

    head = file.pread(0, HEAD)
    if begins_with_archive(head):
        return None  # an initramfs goes on behind its first compressed part
    for one in compressed.CONTAINERS:
        if one.probe(head):
            return one.kind, one.open(file)[0]
    return None
