"""Systems of typed partitions: /usr on partitions of its own, or several roots, as systemd updates them (A/B).

The root of a system that has its vendor part in /usr is made at the first boot; until then nobody can tell what /etc
will hold. Sources: UAPI Discoverable Partitions Specification, systemd-gpt-auto-generator(8), systemd-sysupdate(8),
bootup(7) and systemd src/shared/base-filesystem.c (links of a root that is made at boot).
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.target.base import FileTree
from scanner.target.contents import Part
from scanner.target.layouts.base import Layout, Slot, exists, is_root
from scanner.target.layouts.ranked import Ranked, is_empty_slot, ranked, readable
from scanner.target.loader import choices
from scanner.target.unknown import BareRoot, UnknownTree

__all__ = ["LAYOUT"]

_MERGED = ("bin", "sbin", "lib", "lib64", "lib32", "libx32")


def _find(parts: Sequence[Part]) -> list[Slot]:
    usrs = _typed(parts, "usr")
    roots = _typed(parts, "root")
    if any(_is_usr(part) for part in usrs):
        root = next((part for part in roots if not is_empty_slot(part)), None)
        return [_of_usr(one, root) for one in ranked(usrs, choices(parts), parts, "usr", by_label=True)]
    if len(roots) > 1 and any(_is_root(part) for part in roots):
        return [_of_root(one) for one in ranked(roots, choices(parts), parts, "root", by_label=True)]
    return []


def _typed(parts: Sequence[Part], word: str) -> list[Part]:
    """Partitions of that type that hold anything; what lies inside one (an opened LUKS volume) is not another."""
    found = [part for part in parts if part.type == word and part.state != "empty"]
    inside = {id(one) for part in found for one in part.walk() if one is not part}
    return [part for part in found if id(part) not in inside]


def _is_usr(part: Part) -> bool:
    tree = readable(part).tree
    return tree is not None and (exists(tree, "/lib/os-release") or (exists(tree, "/bin") and exists(tree, "/lib")))


def _is_root(part: Part) -> bool:
    tree = readable(part).tree
    return tree is not None and is_root(tree)


def _of_root(one: Ranked) -> Slot:
    inner = readable(one.part)
    tree: FileTree = inner.tree if inner.tree is not None else _unread(one.part)
    return Slot(_name(one.part), one.role, one.why, inner, tree)


def _of_usr(one: Ranked, root: Part | None) -> Slot:
    inner = readable(one.part)
    usr: FileTree = inner.tree if inner.tree is not None else _unread(one.part)
    tree, said = _root_over(usr, root)
    return Slot(_name(one.part), one.role, f"{one.why}; {said}", inner, tree, {"/usr": usr})


def _root_over(usr: FileTree, root: Part | None) -> tuple[FileTree, str]:
    """The root file system that /usr is mounted in, and words on it."""
    inner = readable(root) if root is not None else None
    if inner is not None and inner.tree is not None and exists(inner.tree, "/etc"):
        return inner.tree, f"its root is {inner.name}"
    if root is not None and inner is not None and inner.tree is None and root.state != "empty":
        said = f"the root file system on {root.name} is {root.state} ({root.kind})"
    else:
        said = "the root file system is made at the first boot, what /etc will hold cannot be read"
    links = {name: f"usr/{name}" for name in _MERGED if exists(usr, f"/{name}")}
    return BareRoot(said, links), said


def _unread(part: Part) -> UnknownTree:
    return UnknownTree(f"{part.name} is {part.state} ({part.kind})")


def _name(part: Part) -> str:
    return part.partition_label or part.label or part.name


LAYOUT = Layout("discoverable", 40, _find)
