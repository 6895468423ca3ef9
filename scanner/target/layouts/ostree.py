"""ostree and bootc: deployments below /ostree/deploy; the first boot entry names the one that boots next.

`/etc` belongs to a deployment, `/var` to its stateroot, `/sysroot` shows the physical file system. With composefs the
root is not the checkout but the image `.ostree.cfs` in it, whose contents are objects of the repository. The copy of
prepare-root.conf inside the initramfs decides that; the one of the deployment, that it was made from, is read here.

Sources: ostree docs/deployment.md, src/libostree/ostree-sysroot.c (boot entries), src/switchroot/ostree-prepare-root.c
and src/libotcore/otcore-prepare-root.c (what is mounted), ostree-system-generator (/var, /boot).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.model.errors import ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import ostree
from scanner.target.base import FileTree
from scanner.target.composefs import ComposefsTree
from scanner.target.composite import SubTree
from scanner.target.contents import Part
from scanner.target.devices import EntryDevice
from scanner.target.filesystems.base import open_filesystem
from scanner.target.layouts.base import Layout, Slot, exists
from scanner.target.loader import Choice, argument, choices, text_of
from scanner.target.overlay import OverlayTree
from scanner.target.unknown import UnknownTree

__all__ = ["LAYOUT"]

_DEPLOYMENT = re.compile(r"[0-9a-f]{64}\.\d{1,9}")
_TARGET = re.compile(r"/ostree/(?:boot\.[01](?:\.[01])?/[^/\s]+/[0-9a-f]{64}/\d{1,9}|root\.[ab])")
_ANDROID = ("/ostree/root.a", "/ostree/root.b")
_CONFIGURATIONS = ("/usr/lib/ostree/prepare-root.conf", "/etc/ostree/prepare-root.conf")
_IMAGE = ".ostree.cfs"
_TRUE, _FALSE = ("yes", "true", "1", "signed", "verity"), ("no", "false", "0", "none", "")
_MAX_DEPLOYMENTS = 256


@dataclass(frozen=True, slots=True)
class _Boot:
    """A deployment that something starts: how that was found, and the command line."""

    why: str
    options: str
    choice: Choice | None = None


def _find(parts: Sequence[Part]) -> list[Slot]:
    physical = next((part for part in parts if part.tree is not None and exists(part.tree, "/ostree/deploy")), None)
    if physical is None or physical.tree is None:
        return []
    boots = _boots(choices(parts), physical.tree)
    found = _deployments(physical.tree)
    found.sort(key=lambda path: (list(boots).index(path) if path in boots else len(boots), path))
    return [_slot(number, path, physical, boots.get(path), bool(boots)) for number, path in enumerate(found)]


def _deployments(tree: FileTree) -> list[str]:
    """Canonical paths of the deployments of every stateroot."""
    found = []
    for stateroot in _names(tree, "/ostree/deploy"):
        folder = f"/ostree/deploy/{stateroot}/deploy"
        found += [f"{folder}/{name}" for name in _names(tree, folder) if _DEPLOYMENT.fullmatch(name)]
    return found[:_MAX_DEPLOYMENTS]


def _names(tree: FileTree, folder: str) -> list[str]:
    try:
        return tree.listdir(folder)
    except TargetError:
        return []


def _boots(found: Sequence[Choice], tree: FileTree) -> dict[str, _Boot]:
    """Deployments in the order of the boot entries that name them. The argument names a link, the deployment is what it
    leads to."""
    boots: dict[str, _Boot] = {}
    for choice in found:
        target = argument(choice.options or "", "ostree")
        if target is None or not _TARGET.fullmatch(target):
            continue
        path = _led_to(tree, target)
        if path is not None:
            order = "the first boot entry" if not boots else "a later boot entry"
            boots.setdefault(path, _Boot(f"{order} names it ({choice.where})", choice.options or "", choice))
    for link in _ANDROID if not boots else ():
        path = _led_to(tree, link)
        if path is not None:
            boots.setdefault(path, _Boot(f"the link {link} of Android's boot names it", ""))
    return boots


def _led_to(tree: FileTree, link: str) -> str | None:
    try:
        return tree.resolve(link)
    except TargetError:
        return None


def _slot(number: int, path: str, physical: Part, boot: _Boot | None, any_boots: bool) -> Slot:
    assert physical.tree is not None
    stateroot, _, name = path.removeprefix("/ostree/deploy/").partition("/deploy/")
    if boot is not None:
        role, why = ("active" if number == 0 else "rollback"), boot.why
    elif any_boots:
        role, why = "other", "no boot entry names it"
    else:
        role = "active" if number == 0 else "other"
        why = "no boot entry names any deployment" + ("; the first by name is taken" if number == 0 else "")
    tree, said, mounts = _tree(physical.tree, path, boot.options if boot is not None else "")
    mounts["/sysroot"] = physical.tree
    mounts |= _shared(physical.tree, tree, stateroot, boot)
    return Slot(f"{name[:12]}.{name.rpartition('.')[2]}", role, f"{why}{said}", physical, tree, mounts)


def _shared(physical: FileTree, tree: FileTree, stateroot: str, boot: _Boot | None) -> dict[str, FileTree]:
    """/var of the stateroot, and /boot where the entry was found; a line in fstab for either goes before."""
    mounts: dict[str, FileTree] = {}
    wanted = {words[1] for line in (text_of(tree, "/etc/fstab") or "").splitlines() if len(words := line.split()) > 1}
    if "/var" not in wanted and exists(physical, f"/ostree/deploy/{stateroot}/var"):
        mounts["/var"] = SubTree(physical, f"/ostree/deploy/{stateroot}/var")
    if "/boot" in wanted:
        return mounts
    own = boot is None or boot.choice is None or boot.choice.part.tree is physical
    if own and exists(physical, "/boot/loader"):
        mounts["/boot"] = SubTree(physical, "/boot")
    elif boot is not None and boot.choice is not None and boot.choice.part.type != "esp" and not own:
        assert boot.choice.part.tree is not None
        mounts["/boot"] = boot.choice.part.tree
    return mounts


def _tree(physical: FileTree, path: str, options: str) -> tuple[FileTree, str, dict[str, FileTree]]:
    """The root that the initramfs makes of a deployment, words on how, and what it mounts over it."""
    checkout = SubTree(physical, path)
    groups = _configuration(checkout)
    wanted = argument(options, "ostree.prepare-root.composefs")
    wanted = wanted if wanted is not None else groups.get("composefs", {}).get("enabled", "")
    wanted = wanted.strip().lower()
    mounts: dict[str, FileTree] = {}
    if wanted in _FALSE or (wanted == "maybe" and not exists(checkout, f"/{_IMAGE}")):
        return _hotfixed(checkout, checkout, mounts)
    if wanted not in (*_TRUE, "maybe"):
        return UnknownTree(f"unsupported: composefs {wanted[:40]!r} in prepare-root.conf"), "", mounts
    try:
        image = open_filesystem("erofs", EntryDevice(physical, f"{path}/{_IMAGE}", _IMAGE))
        tree = ComposefsTree(image, SubTree(physical, "/ostree/repo/objects"))
    except TargetError as error:
        reason = f"composefs is asked for ({wanted}) and its image cannot be used: {error}"
        return UnknownTree(reason), f"; {reason}", mounts
    transient = groups.get("etc", {}).get("transient", "").lower() in ("true", "1")
    if transient and exists(tree, "/usr/etc"):
        mounts["/etc"] = SubTree(tree, "/usr/etc")
    elif exists(checkout, "/etc"):
        mounts["/etc"] = SubTree(checkout, "/etc")
    if wanted == "signed":
        return tree, "; its root is a signed composefs image", mounts
    found, said, mounts = _hotfixed(tree, checkout, mounts)
    return found, f"; its root is a composefs image{said}", mounts


def _hotfixed(
    tree: FileTree, checkout: FileTree, mounts: dict[str, FileTree]
) -> tuple[FileTree, str, dict[str, FileTree]]:
    """`ostree admin unlock --hotfix` lays a folder of changes over /usr."""
    if not exists(checkout, "/.usr-ovl-work"):
        return tree, "", mounts
    try:
        mounts["/usr"] = OverlayTree([SubTree(checkout, "/.usr-ovl-upper"), SubTree(tree, "/usr")])
    except TargetError as error:
        mounts["/usr"] = UnknownTree(f"the hotfix over /usr cannot be read: {error}")
    return tree, "; a hotfix lies over /usr", mounts


def _configuration(checkout: FileTree) -> ostree.Keyfile:
    """The later file replaces the earlier one whole; one that cannot be understood gives a word that nobody knows."""
    found: ostree.Keyfile = {}
    for path in _CONFIGURATIONS:
        if not exists(checkout, path):
            continue
        try:
            found = ostree.parse_keyfile(text_of(checkout, path) or "[composefs")
        except ParseError:
            found = {"composefs": {"enabled": f"unreadable: {path}"}}
    return found


LAYOUT = Layout("ostree", 10, _find)
