"""System extensions: images that systemd lays over /usr and /opt (sysext) or over /etc (confext) at boot.

Only those that match the system are merged, the highest version on top. An image that cannot be read makes the folders
it may change unreadable. Sources: systemd-sysext(8), os-release(5) ("extension-release"), UAPI specification "Extension
Images".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cmp_to_key

from scanner.model.errors import ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import os_release, uapi_version
from scanner.target.base import FileTree
from scanner.target.composite import ComposedTree, SubTree
from scanner.target.contents import MAX_NESTING, explore
from scanner.target.devices import EntryDevice
from scanner.target.overlay import OverlayTree
from scanner.target.root import exists
from scanner.target.unknown import UnknownTree

__all__ = ["extended"]

_WANTS = tuple(f"{top}/systemd/system/sysinit.target.wants" for top in ("/etc", "/usr/lib", "/lib"))
_MAX_TEXT = 1 << 20
_MAX_IMAGES = 16


@dataclass(frozen=True, slots=True)
class _Kind:
    service: str
    folders: tuple[str, ...]
    places: tuple[str, ...]
    release: str
    level: str


_KINDS = (
    _Kind(
        "systemd-sysext.service",
        ("/etc/extensions", "/var/lib/extensions", "/usr/lib/extensions", "/usr/local/lib/extensions"),
        ("/usr", "/opt"),
        "/usr/lib/extension-release.d",
        "SYSEXT_LEVEL",
    ),
    _Kind(
        "systemd-confext.service",
        ("/var/lib/confexts", "/usr/lib/confexts", "/usr/local/lib/confexts"),
        ("/etc",),
        "/etc/extension-release.d",
        "CONFEXT_LEVEL",
    ),
)


def extended(composed: ComposedTree) -> Iterator[tuple[str, FileTree]]:
    """Places of the tree that enabled extensions change, and what the running system shows there."""
    for kind in _KINDS:
        if not any(_is_link(composed, f"{folder}/{kind.service}") for folder in _WANTS):
            continue
        found = _found(composed, kind)
        highest = sorted(found, key=cmp_to_key(uapi_version.compare), reverse=True)
        for place in kind.places:
            above = [part for name in highest if (part := _part(found[name], name, place)) is not None]
            if above:
                below = _below(composed, place)
                yield place, OverlayTree([*above, *([below] if below is not None else [])])


def _is_link(tree: FileTree, path: str) -> bool:
    try:
        tree.stat(path, follow=False)
    except TargetError:
        return False
    return True


def _found(tree: FileTree, kind: _Kind) -> dict[str, FileTree]:
    """Extensions that are merged, by name; the first folder that has a name counts."""
    paths: dict[str, str] = {}
    for folder in kind.folders:
        try:
            names = tree.listdir(folder)
        except TargetError:
            continue
        for name in names:
            paths.setdefault(name.removesuffix(".raw"), f"{folder}/{name}")
    found: dict[str, FileTree] = {}
    for count, (name, path) in enumerate(sorted(paths.items())):
        inside = (
            _opened(tree, path) if count < _MAX_IMAGES else UnknownTree(f"limit: more than {_MAX_IMAGES} extensions")
        )
        if isinstance(inside, UnknownTree) or _matches(tree, inside, name, kind):
            found[name] = inside
    return found


def _opened(tree: FileTree, path: str) -> FileTree:
    """The root of an extension: a folder, or the first file system in an image."""
    try:
        if tree.stat(path).type == "directory":
            return SubTree(tree, path)
        part = explore(EntryDevice(tree, path, path), path, MAX_NESTING - 2)
    except TargetError as error:
        return UnknownTree(f"the extension {path} cannot be read: {error}")
    inside = next((one.tree for one in part.walk() if one.tree is not None), None)
    return inside if inside is not None else UnknownTree(f"the extension {path} is {part.state} ({part.kind})")


def _matches(tree: FileTree, inside: FileTree, name: str, kind: _Kind) -> bool:
    """Whether it is made for this system: the same ID, and the same level or version where it states one."""
    own = _release(inside, f"{kind.release}/extension-release.{name}")
    if own is None:
        return False
    host = _release(tree, "/etc/os-release") or _release(tree, "/usr/lib/os-release") or {}
    if own.get("ID") == "_any":
        return True
    if own.get("ID") != host.get("ID"):
        return False
    if kind.level in own and kind.level in host:
        return own[kind.level] == host[kind.level]
    return own.get("VERSION_ID") == host.get("VERSION_ID") or "VERSION_ID" not in host


def _release(tree: FileTree, path: str) -> Mapping[str, str] | None:
    try:
        text = tree.read(path, _MAX_TEXT).decode("utf-8", "replace")
        return {key: one.value for key, one in os_release.parse(text).items()}
    except (TargetError, ParseError):
        return None


def _part(tree: FileTree, name: str, place: str) -> FileTree | None:
    if isinstance(tree, UnknownTree):
        return tree
    try:
        return SubTree(tree, place) if exists(tree, place) else None
    except TargetError as error:
        return UnknownTree(f"the extension {name} cannot be read: {error}")


def _below(composed: ComposedTree, place: str) -> FileTree | None:
    """What the medium has at the place, mounts below it left out: an overlay shows one file system of each layer."""
    try:
        tree, inner = composed.owner(composed.resolve(place))
        return SubTree(tree, inner)
    except TargetError:
        return None
