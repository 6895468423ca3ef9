"""What a mounted or running block device stands on, layer by layer, by sysfs. Not a collector itself.

Source: kernel, Documentation/ABI/stable/sysfs-block and testing/sysfs-block-dm; cryptsetup, `dm/uuid` of its devices.
"""

from __future__ import annotations

import posixpath
import re

from scanner.collectors.base import Look
from scanner.model.errors import DeniedError, LimitError, MissingError, NotCollectedError
from scanner.model.records import dataclass
from scanner.parsers import mountinfo
from scanner.parsers.mountinfo import Mount

__all__ = ["Stack", "block_backed", "mount_table", "of_device", "of_mount"]

MAX_NODES = 1024
_CRYPT = {
    "LUKS1": "luks1",
    "LUKS2": "luks2",
    "PLAIN": "plain",
    "TCRYPT": "tcrypt",
    "LOOPAES": "loopaes",
    "BITLK": "bitlocker",
    "FVAULT2": "fvault2",
}
"""Type in `CRYPT-<TYPE>-…`: what encrypts. VERITY, INTEGRITY and SUBDEV do not."""


@dataclass(frozen=True, slots=True)
class Stack:
    """`layers`: every device from the top down; `leaves`: those that stand on no other; `paths`: what encrypts each way
    down to a leaf, None for a way without encryption."""

    layers: tuple[str, ...]
    leaves: tuple[str, ...]
    paths: tuple[str | None, ...]

    @property
    def encryption(self) -> str:
        """luks1, luks2, plain …; `none` when any way down is without; `mixed` when the ways differ."""
        if None in self.paths or not self.paths:
            return "none"
        kinds = {path for path in self.paths if path is not None}
        return kinds.pop() if len(kinds) == 1 else "mixed"


def mount_table(look: Look) -> tuple[list[Mount], str]:
    """The mounts of the system, and the file that shows them. Raises NotCollectedError, ParseError.

    Those of process 1: a scan that runs as a sandboxed service sees mounts that nobody else has. Without the right to
    see them (no root), our own.
    """
    for path in ("/proc/1/mountinfo", "/proc/self/mountinfo"):
        try:
            text = look.running_text(path)
        except DeniedError:
            continue
        if text is not None:
            return mountinfo.parse(text), path
    raise NotCollectedError("/proc/self/mountinfo is not there")


def of_device(look: Look, names: list[str]) -> Stack:
    """The stack below devices (names as in /sys/class/block). Raises TargetError when a device is not there."""
    todo: list[tuple[str, str | None]] = [(name, None) for name in names]
    layers: list[str] = []
    leaves: list[str] = []
    paths: list[str | None] = []
    while todo:
        if len(layers) > MAX_NODES:
            raise LimitError(f"more than {MAX_NODES} devices below {names[0]}")
        name, above = todo.pop()
        base = f"/sys/class/block/{name}"
        if not look.runtime.exists(base):
            raise NotCollectedError(f"{base} is not there")
        kind = _crypt_kind(look, base)
        layers.append(f"{name} ({kind})" if kind else name)
        # The layer nearest to the data counts: what lies above is already encrypted by it or not at all.
        inside = above or kind
        below = _names(look, f"{base}/slaves")
        if below:
            todo.extend((slave, inside) for slave in reversed(below))
        else:
            leaves.append(name)
            paths.append(inside)
    return Stack(tuple(dict.fromkeys(layers)), tuple(sorted(set(leaves))), tuple(paths))


def _crypt_kind(look: Look, base: str) -> str | None:
    if not look.runtime.exists(f"{base}/dm/uuid"):
        return None
    uuid = look.running_text(f"{base}/dm/uuid") or ""
    found = re.match(r"CRYPT-([A-Z0-9]+)-", uuid)
    return _CRYPT.get(found[1]) if found else None


def _names(look: Look, folder: str) -> list[str]:
    try:
        return look.runtime.names(folder)
    except MissingError:
        return []


def block_backed(mount: Mount) -> bool:
    """Whether a mount's data lies on a block device (btrfs has device numbers of its own)."""
    return not mount.device.startswith("0:") or (mount.type == "btrfs" and mount.source.startswith("/dev/"))


def of_mount(look: Look, mount: Mount) -> Stack:
    """The stack below a mount. Raises NotCollectedError when it cannot be followed."""
    if not block_backed(mount):
        raise NotCollectedError(f"{mount.target} is a {mount.type} file system, which lies on no block device")
    if mount.device.startswith("0:"):
        return of_device(look, _btrfs_devices(look, _kernel_name(look, mount.source)))
    try:
        link = look.runtime.readlink(f"/sys/dev/block/{mount.device}")
    except MissingError:
        raise NotCollectedError(f"/sys/dev/block/{mount.device} is not there") from None
    return of_device(look, [posixpath.basename(link)])


def _kernel_name(look: Look, source: str) -> str:
    """`/dev/mapper/root` is a link to `../dm-0`; `/dev/sda1` is its own name."""
    if source.count("/") == 2:
        return source.removeprefix("/dev/")
    try:
        return posixpath.basename(look.runtime.readlink(source))
    except MissingError:
        raise NotCollectedError(f"{source} is not there") from None


def _btrfs_devices(look: Look, name: str) -> list[str]:
    """All devices of the btrfs that `name` belongs to: one of them alone says nothing about the others."""
    for folder in _names(look, "/sys/fs/btrfs"):
        devices = _names(look, f"/sys/fs/btrfs/{folder}/devices")
        if name in devices:
            return devices
    raise NotCollectedError(f"/sys/fs/btrfs does not name the devices beside {name}")
