"""Whether a tree is the root of a system."""

from __future__ import annotations

from scanner.model.errors import TargetError
from scanner.target.base import FileTree

__all__ = ["exists", "is_initrd", "is_root", "is_whole"]

_INITRD_RELEASE = ("/etc/initrd-release", "/usr/lib/initrd-release")
_INITRD_MARKS = ("/conf/arch.conf", "/conf/initramfs.conf", "/newroot")
"""What initramfs-tools and Alpine's mkinitfs put beside /init."""


def exists(tree: FileTree, path: str) -> bool:
    """Whether `path` leads to something in the tree that can be looked at."""
    try:
        tree.stat(path)
    except TargetError:
        return False
    return True


def is_root(tree: FileTree) -> bool:
    """Whether the tree is the root of a system: it says which system it is, or has the folders of one."""
    if exists(tree, "/usr/lib/os-release") or exists(tree, "/etc/os-release"):
        return True
    return exists(tree, "/etc") and exists(tree, "/usr") and (exists(tree, "/bin") or exists(tree, "/sbin"))


def is_initrd(tree: FileTree) -> bool:
    """Whether the tree only runs until the real root is mounted: dracut, initramfs-tools or mkinitfs made it.

    Source: os-release(5), initrd-release; mkinitramfs(8); mkinitfs(1).
    """
    if any(exists(tree, path) for path in _INITRD_RELEASE):
        return True
    return exists(tree, "/init") and any(exists(tree, path) for path in _INITRD_MARKS)


def is_whole(tree: FileTree) -> bool:
    """Whether what is not in the tree is not on the system: it has both /etc and /usr, and programs or a name, and no
    other root is mounted over it."""
    if is_initrd(tree) or not (exists(tree, "/etc") and exists(tree, "/usr")):
        return False
    return any(exists(tree, path) for path in ("/usr/lib/os-release", "/etc/os-release", "/bin", "/sbin"))
