"""balenaOS: two roots, each a container (hostapp) in the storage of an engine, with state and data beside them.

The root of a partition is not what runs: `/current` leads to a container whose layers are laid over one another, and
the partition is seen at /mnt/sysroot/active. A flasher holds the image that it installs as a file in /opt.

Sources: balena-os/meta-balena: recipes-support/resin-mounts (mounts and binds), recipes-core/balena-rollback and
recipes-core/initrdscripts/files/abroot (`resin_root_part`), recipes-containers/hostapp-update (layout of a root);
balena-os/balena-engine cmd/mobynit (how the container becomes the root), moby daemon/graphdriver/overlay2 and layer/
(files of the storage).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.model.errors import DamagedError, MissingError, NotCollectedError, ParseError, TargetError
from scanner.parsers.systemd_unit import Unit, parse
from scanner.target.base import FileTree
from scanner.target.composite import SubTree
from scanner.target.contents import Part, explore
from scanner.target.devices import EntryDevice
from scanner.target.layouts.base import Layout, Slot, exists, is_root
from scanner.target.layouts.ranked import readable
from scanner.target.loader import text_of
from scanner.target.overlay import OverlayTree
from scanner.target.unknown import UnknownTree

__all__ = ["LAYOUT"]

_ROOTS = ("rootA", "rootB")
_VENDORS = ("resin-", "balena-")
_STORAGE = ("/balena", "/docker")
_ENVIRONMENTS = (
    "/resinOS_uEnv.txt", "/bootenv", "/EFI/BOOT/grubenv", "/EFI/BOOT/bootenv", "/grub/grubenv", "/grubenv",
)  # fmt: skip
_SETTING = re.compile(r"^(resin_root_part|upgrade_available|bootcount)=([A-Za-z0-9]{1,8})\s*$", re.MULTILINE)
_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system")
_TARGET = re.compile(r"--target (/\S{1,250})")
_SOURCE = re.compile(r"--bind-root (/\S{1,250})")
_HEX = re.compile(r"[0-9a-f]{8,128}(?:-init)?")
_IMAGE = ".balenaos-img"
_MAX_LAYERS = 128
_MAX_BINDS = 200
_MAX_IMAGES = 4


def _find(parts: Sequence[Part]) -> list[Slot]:
    roots = [found for name in _ROOTS if (found := _labelled(parts, name)) is not None]
    if roots:
        return _installed(parts, roots)
    flasher = next((part for part in parts if (part.label or "").startswith("flash-root") and part.tree), None)
    return _flasher(flasher) if flasher is not None else []


def _labelled(parts: Sequence[Part], name: str) -> Part | None:
    """The partition called so (by its file system or in the table), or what was opened of it."""
    wanted = [f"{vendor}{name}" for vendor in _VENDORS]
    found = next((part for part in parts if part.label in wanted or part.partition_label in wanted), None)
    return readable(found) if found is not None else None


# ---- which root boots ----------------------------------------------------------------------------------------------


def _installed(parts: Sequence[Part], roots: Sequence[Part]) -> list[Slot]:
    chosen, why = _chosen(parts, roots)
    slots = []
    for part in sorted(roots, key=lambda one: one is not chosen):
        tree, said = _system(part)
        if tree is None:
            continue
        if part is chosen:
            role, reason = "active", why
        else:
            role, reason = ("rollback", "the other root") if chosen is not None else ("other", why)
        mounts = _over(tree, part, [one for one in roots if one is not part], parts)
        slots.append(Slot(part.label or part.name, role, f"{reason}{said}", part, tree, mounts))
    if slots and chosen is None:
        slots[0].role, slots[0].why = "active", f"{slots[0].why}; the first is taken"
    return slots


def _chosen(parts: Sequence[Part], roots: Sequence[Part]) -> tuple[Part | None, str]:
    """The root that the boot environment names, and words on it."""
    for part in parts:
        for path in _ENVIRONMENTS if part.tree is not None else ():
            assert part.tree is not None
            values = dict(_SETTING.findall(text_of(part.tree, path) or ""))
            wanted = values.get("resin_root_part")
            if wanted is None:
                continue
            said = f"resin_root_part={wanted} in {path} on {part.name}"
            if values.get("upgrade_available", "0") != "0":
                said += f"; an update is on trial (bootcount={values.get('bootcount', '?')}), the loader may go back"
            found = next((one for one in roots if _is_meant(one, wanted, parts)), None)
            return found, said if found is not None else f"{said}, which is no root that is here"
    return None, "no boot environment says which root boots"


def _is_meant(root: Part, wanted: str, parts: Sequence[Part]) -> bool:
    """By letter, or by the hexadecimal number of the partition."""
    if wanted in ("A", "B"):
        return (root.label or "").endswith(f"root{wanted}")
    for table in parts:
        if table.kind in ("gpt", "mbr"):
            for partition in table.children:
                if any(one is root for one in partition.walk()):
                    number = partition.name.removeprefix(table.name)
                    return number.isdigit() and f"{int(number):x}" == wanted.lower()
    return False


# ---- the container -------------------------------------------------------------------------------------------------


def _system(part: Part) -> tuple[FileTree | None, str]:
    """The tree that runs when this root boots, and words on how it is made; None when it holds no system."""
    tree = part.tree
    if tree is None:
        return (UnknownTree(f"{part.name} is {part.state} ({part.kind})"), "") if part.state != "empty" else (None, "")
    try:
        current = tree.readlink(tree.resolve("/current", follow=False))
    except TargetError:
        return (tree, "") if is_root(tree) else (None, "")
    name = current.rstrip("/").rpartition("/")[2]
    try:
        return _container(tree, name), f"; its root is the hostapp {name[:12]}"
    except TargetError as error:
        return UnknownTree(f"the hostapp {name[:64]} cannot be read: {error}"), f"; its hostapp cannot be read: {error}"


def _container(tree: FileTree, name: str) -> FileTree:
    driver = (text_of(tree, "/current/boot/storage-driver") or "overlay2").strip()
    if driver != "overlay2":
        raise NotCollectedError(f"unsupported: storage driver {driver[:40]!r}")
    storage = next((one for one in _STORAGE if exists(tree, f"{one}/image/overlay2")), None)
    if storage is None or not _HEX.fullmatch(name):
        raise MissingError("there is no storage of an engine")
    mount = _word(tree, f"{storage}/image/overlay2/layerdb/mounts/{name}/mount-id")
    if not _HEX.fullmatch(mount):
        raise DamagedError(f"mount-id {mount[:80]!r}")
    folder = f"{storage}/overlay2/{mount}"
    below = [one for one in _word(tree, f"{folder}/lower").split(":") if one]
    if len(below) > _MAX_LAYERS:
        raise DamagedError(f"{len(below)} layers")
    layers = [SubTree(tree, f"{folder}/diff")]
    for one in below:
        # `l/NAME`, a link to the folder of a layer; it may not lead out of the storage.
        place = tree.resolve(f"{storage}/overlay2/{one}")
        if not place.startswith(f"{tree.resolve(storage)}/overlay2/"):
            raise DamagedError(f"layer {one[:80]!r} is not in the storage")
        layers.append(SubTree(tree, place))
    return OverlayTree(layers)


def _word(tree: FileTree, path: str) -> str:
    text = text_of(tree, path)
    if text is None:
        raise MissingError(f"{path} cannot be read")
    return text.strip()


# ---- what lies over it ---------------------------------------------------------------------------------------------


def _over(tree: FileTree, part: Part, others: Sequence[Part], parts: Sequence[Part]) -> dict[str, FileTree]:
    mounts: dict[str, FileTree] = {}
    for name in ("boot", "state", "data"):
        mounts[f"/mnt/{name}"] = _beside(parts, name)
    if part.tree is not None and part.tree is not tree:
        mounts["/mnt/sysroot/active"] = part.tree
    if others and others[0].tree is not None:
        mounts["/mnt/sysroot/inactive"] = others[0].tree
    for target, source in _binds(tree):
        store = next((one for one in ("/mnt/state", "/mnt/data") if source.startswith(f"{one}/")), None)
        if store is None:
            continue
        try:
            mounts[target] = SubTree(mounts[store], source.removeprefix(store), file=True)
        except MissingError:
            continue  # made at the first boot, with what the root holds
        except TargetError as error:
            mounts[target] = UnknownTree(f"it is bound from {source}: {error}")
    return mounts


def _beside(parts: Sequence[Part], name: str) -> FileTree:
    found = _labelled(parts, name)
    if found is None:
        return UnknownTree(f"resin-{name} is not in this image")
    return found.tree if found.tree is not None else UnknownTree(f"{found.name} is {found.state} ({found.kind})")


def _binds(tree: FileTree) -> list[tuple[str, str]]:
    """Place and source of every bind service that is started at boot; the place is part of the source's path."""
    found: dict[str, str] = {}
    for folder in _UNITS:
        try:
            names = [one for one in tree.listdir(folder) if one.startswith("bind-") and one.endswith(".service")]
        except TargetError:
            continue
        for name in names[:_MAX_BINDS]:
            try:
                unit = Unit.of([parse(text_of(tree, f"{folder}/{name}") or "")])
            except ParseError:
                continue
            command = unit.last("Service", "ExecStart") or ""
            target, source = _TARGET.search(command), _SOURCE.search(command)
            if target is not None and source is not None and unit.names("Install", "WantedBy"):
                found.setdefault(target[1], f"{source[1]}{target[1]}")
    return sorted(found.items(), key=lambda one: one[0].count("/"))


# ---- flasher -------------------------------------------------------------------------------------------------------


def _flasher(part: Part) -> list[Slot]:
    """The system that installs, and those of the images that it carries."""
    assert part.tree is not None
    tree, said = _system(part)
    slots = []
    if tree is not None:
        why = f"the medium boots it, and it installs the image that it holds{said}"
        slots.append(Slot(part.label or part.name, "installer", why, part, tree))
    holder = tree if tree is not None else part.tree
    try:
        names = [one for one in holder.listdir("/opt") if one.endswith(_IMAGE)]
    except TargetError:
        names = []
    for name in names[:_MAX_IMAGES]:
        where = f"{part.name}/opt/{name}"
        try:
            inner = explore(EntryDevice(holder, f"/opt/{name}", where), where)
        except TargetError as error:
            part.notes.append(f"{where}: {error}")
            continue
        part.children.append(inner)
        inside = list(inner.walk())
        roots = [found for one in _ROOTS if (found := _labelled(inside, one)) is not None]
        slots += _installed(inside, roots)
    return slots


LAYOUT = Layout("balena", 20, _find)
