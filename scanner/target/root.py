"""Whether a tree is the root of a system."""

from __future__ import annotations

from scanner.model.errors import TargetError
from scanner.target.base import FileTree

__all__ = ["exists", "is_root", "is_whole"]


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


def is_whole(tree: FileTree) -> bool:
    """Whether what is not in the tree is not on the system: it has both /etc and /usr, and programs or a name."""
    if not (exists(tree, "/etc") and exists(tree, "/usr")):
        return False
    return any(exists(tree, path) for path in ("/usr/lib/os-release", "/etc/os-release", "/bin", "/sbin"))
