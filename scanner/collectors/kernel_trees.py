"""The folders in which kernels keep their modules: which modules there are as files, and which are built in.

Sources: depmod(8), modules.dep(5), Documentation/kbuild/kbuild.rst (modules.builtin).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from scanner.collectors.base import Look, reason_of
from scanner.model.errors import TargetError
from scanner.model.records import dataclass
from scanner.parsers.modprobe_conf import module_name

__all__ = ["KernelTree", "kernel_trees"]

_PARENTS = ("/usr/lib/modules", "/lib/modules")
_MODULE = re.compile(r"(?P<name>[^/]+)\.ko(?:\.(?:gz|xz|zst))?")
_MAX_KERNELS = 64


@dataclass(frozen=True, slots=True)
class KernelTree:
    """One kernel release. `modules`: name -> paths of its files (all that are found, in depmod's list or not).

    `complete`: there are module files and a list of the built-in ones, so a name in neither does not exist.
    """

    release: str
    folder: str
    modules: Mapping[str, tuple[str, ...]]
    builtin: frozenset[str]
    complete: bool

    @property
    def images(self) -> tuple[str, ...]:
        """Where the kernel itself may be."""
        return (f"{self.folder}/vmlinuz", f"{self.folder}/vmlinux", f"/boot/vmlinuz-{self.release}")


def kernel_trees(look: Look) -> list[KernelTree]:
    """Every folder of modules, by release; what cannot be read in one is a gap."""
    found: dict[str, KernelTree] = {}
    seen: set[str] = set()
    for parent in _PARENTS:
        real = look.real(parent)
        if real is None or real in seen:
            continue
        seen.add(real)
        releases = look.names(parent)
        if len(releases) > _MAX_KERNELS:
            look.gap(parent, f"limit: more than {_MAX_KERNELS} kernels")
        for release in releases[:_MAX_KERNELS]:
            folder = f"{parent}/{release}"
            entry = look.entry(folder)
            if entry is None or entry.type != "directory":
                continue
            tree = _tree(look, release, folder, entry.path)
            if tree is not None:
                found[release] = _together(found[release], tree) if release in found else tree
    return [found[release] for release in sorted(found)]


def _together(first: KernelTree, other: KernelTree) -> KernelTree:
    """One kernel with two folders, where /lib is not a link to /usr/lib: modprobe reads one of them, depmod another."""
    names = sorted({*first.modules, *other.modules})
    modules = {name: (*first.modules.get(name, ()), *other.modules.get(name, ())) for name in names}
    return replace(
        first, modules=modules, builtin=first.builtin | other.builtin, complete=first.complete or other.complete
    )


def _tree(look: Look, release: str, folder: str, real: str) -> KernelTree | None:
    modules: dict[str, list[str]] = {}
    count = 0
    todo = [(real, folder)]
    seen = {real}
    while todo:
        place, name = todo.pop()
        try:
            for entry in look.target.tree.walk(place):
                count += 1
                shown = name + entry.path.removeprefix(place)
                match = _MODULE.fullmatch(entry.path.rpartition("/")[2])
                if match is not None and entry.type in ("file", "link"):
                    modules.setdefault(module_name(match["name"]), []).append(shown)
                elif entry.type == "link" and shown not in (f"{folder}/build", f"{folder}/source"):
                    # depmod goes into linked folders as well; build and source lead to the kernel's own code.
                    linked = look.entry(entry.path)
                    if linked is not None and linked.type == "directory" and linked.path not in seen:
                        seen.add(linked.path)
                        todo.append((linked.path, shown))
        except TargetError as error:
            look.gap(name, reason_of(error))
        for path, reason in look.target.tree.unreadable:
            look.gap(path, reason)
    listed = look.try_text(f"{folder}/modules.builtin")
    if not modules and listed is None and count <= 1:
        return None  # an empty folder is left behind by a removed kernel
    builtin = frozenset(
        module_name(match["name"])
        for line in (listed or "").split("\n")
        if (match := _MODULE.fullmatch(line.strip().rpartition("/")[2]))
    )
    return KernelTree(
        release,
        folder,
        {name: tuple(paths) for name, paths in sorted(modules.items())},
        builtin,
        bool(modules) and listed is not None,
    )
