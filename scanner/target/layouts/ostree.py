"""ostree and bootc: deployments below /ostree/deploy; the first boot entry names the one that boots.

Sources: ostree `docs/deployment.md` and `src/libostree/ostree-sysroot.c` (names and order of boot entries), UAPI Boot
Loader Specification (order of entries). `/etc` belongs to a deployment, `/var` to its stateroot, `/sysroot` shows the
physical file system.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.model.errors import ParseError, TargetError
from scanner.parsers import bls
from scanner.target.base import FileTree
from scanner.target.composite import SubTree
from scanner.target.contents import Part
from scanner.target.layouts.base import Layout, Slot, exists

__all__ = ["LAYOUT"]

_DEPLOYMENT = re.compile(r"[0-9a-f]{64}\.\d+")
_ARGUMENT = re.compile(r"(?:^|\s)ostree=(/ostree/boot\.[01](?:\.[01])?/(\S+)/([0-9a-f]{64})/(\d+))(?:\s|$)")
_MAX_TEXT = 1 << 20


def _find(parts: Sequence[Part]) -> list[Slot]:
    physical = next((part for part in parts if part.tree is not None and exists(part.tree, "/ostree/deploy")), None)
    if physical is None or physical.tree is None:
        return []
    tree = physical.tree
    deployments = _deployments(tree)
    booted = _named_by_entries(parts, tree)
    order = sorted(deployments, key=lambda path: (booted.index(path) if path in booted else len(booted), path))
    slots = []
    for number, path in enumerate(order):
        stateroot = path.split("/")[3]
        role = "active" if number == 0 else "rollback"
        if path in booted:
            why = "the first boot entry names it" if number == 0 else "a later boot entry names it"
        else:
            why = "no boot entry names any deployment; the first by name" if number == 0 else "no boot entry names it"
        mounts: dict[str, FileTree] = {"/sysroot": tree}
        if exists(tree, f"/ostree/deploy/{stateroot}/var"):
            mounts["/var"] = SubTree(tree, f"/ostree/deploy/{stateroot}/var")
        slots.append(Slot(path.rpartition("/")[2][:12] + path[-2:], role, why, physical, SubTree(tree, path), mounts))
    return slots


def _deployments(tree: FileTree) -> list[str]:
    found = []
    for stateroot in tree.listdir("/ostree/deploy"):
        folder = f"/ostree/deploy/{stateroot}/deploy"
        if exists(tree, folder):
            found += [f"{folder}/{name}" for name in tree.listdir(folder) if _DEPLOYMENT.fullmatch(name)]
    return found


def _named_by_entries(parts: Sequence[Part], tree: FileTree) -> list[str]:
    """Deployments in the order of the boot entries that name them (highest version first)."""
    entries: list[tuple[tuple[int, ...], str]] = []
    for part in parts:
        for folder in ("/loader/entries", "/boot/loader/entries"):
            if part.tree is not None and exists(part.tree, folder):
                entries += _entries(part.tree, folder)
    found: list[str] = []
    for _, options in sorted(entries, reverse=True):
        match = _ARGUMENT.search(options)
        if match is None:
            continue
        try:
            # The argument names a link; the deployment is what it leads to.
            path = tree.resolve(match.group(1))
        except TargetError:
            continue
        if path not in found:
            found.append(path)
    return found


def _entries(tree: FileTree, folder: str) -> list[tuple[tuple[int, ...], str]]:
    found = []
    for name in tree.listdir(folder):
        if not name.endswith(".conf"):
            continue
        try:
            entry = bls.parse(tree.read(f"{folder}/{name}", _MAX_TEXT).decode("utf-8", "replace"))
        except (TargetError, ParseError):
            continue
        values = {item.key: item.value for item in entry.items}
        options = " ".join(item.value for item in entry.items if item.key == "options")
        version = tuple(int(one) for one in re.findall(r"\d+", values.get("version", "") or name)[:8])
        found.append((version, options))
    return found


LAYOUT = Layout("ostree", 10, _find)
