"""Kairos: images of the system as files in the partition COS_STATE, or unified kernel images that hold all of it.

`/cOS/active.img` boots, `/cOS/passive.img` when that fails, recovery has a partition of its own. Over the image lie
COS_OEM at /oem, COS_PERSISTENT at /usr/local, and folders of the latter (`.state/<path>.bind`) at the paths that
cloud-config names. A trusted-boot install has one `.efi` for each role in /EFI/kairos, its root inside.

Sources: kairos-io/packages grub-config (entries and environment), kairos-io/immucore pkg/op/fs.go and
pkg/state/steps_shared.go (what is mounted), kairos-io/kairos-init pkg/bundled/cloudconfigs (layout),
kairos-io/kairos-agent pkg/constants (names).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from scanner.model.errors import MissingError, TargetError
from scanner.target.base import FileTree
from scanner.target.composite import ComposedTree, SubTree
from scanner.target.contents import Part, explore
from scanner.target.devices import EntryDevice
from scanner.target.layouts.base import Layout, Slot, exists, is_root
from scanner.target.layouts.ranked import readable
from scanner.target.loader import Choice, choices, read_env, text_of
from scanner.target.unknown import UnknownTree

__all__ = ["LAYOUT"]

_IMAGES = (
    ("active", "COS_STATE", ("/cOS/active.img",), ("cos", "active", "0")),
    ("passive", "COS_STATE", ("/cOS/passive.img",), ("fallback", "passive", "1")),
    ("recovery", "COS_RECOVERY", ("/cOS/recovery.squashfs", "/cOS/recovery.img"), ("recovery", "statereset", "2")),
)
"""Name, label of the partition, files (the first that is there counts), ids of the boot entry."""

_ROLES = {"active": "active", "passive": "rollback", "recovery": "recovery"}
_ENVIRONMENTS = ("/grub_oem_env", "/grubenv")
_CLOUD_CONFIG = ("/system/oem", "/oem", "/usr/local/cloud-config")
_STATE = "/.state"
_BIND = ".bind"
_KEY = re.compile(r"^(?P<indent>\s*)(?:PERSISTENT_STATE_PATHS|CUSTOM_BIND_MOUNTS|bind_mounts)\s*:(?P<rest>.*)$")
_PATH = re.compile(r"/[A-Za-z0-9][A-Za-z0-9._/-]{0,250}")
_MAX_BINDS = 512
_MAX_CONFIGS = 200
_MAX_UKIS = 16


def _find(parts: Sequence[Part]) -> list[Slot]:
    return _image_slots(parts) or _sealed_slots(parts)


# ---- images in a partition -----------------------------------------------------------------------------------------


def _image_slots(parts: Sequence[Part]) -> list[Slot]:
    entry, where = _chosen_entry(parts)
    slots = []
    for name, label, files, ids in _IMAGES:
        part = _labelled(parts, label)
        tree = part.tree if part is not None else None
        path = next((one for one in files if tree is not None and exists(tree, one)), None)
        if part is None or tree is None or path is None:
            continue
        inner = _opened(part, tree, path)
        root: FileTree = inner.tree if inner.tree is not None else UnknownTree(f"{inner.name} is {inner.state}")
        role, why = _ROLES[name], f"{path} on {part.name} ({label})"
        if entry in ids:
            role, why = "active", f"{where} names its boot entry; {why}"
        elif name == "active":
            role = "active" if entry is None else "rollback"
            why = f"{where}: the first entry of the menu; {why}" if entry is None else why
        slots.append(Slot(name, role, why, inner, root, _over(root, parts, persistent=name != "recovery")))
    return sorted(slots, key=lambda slot: slot.role != "active")


def _labelled(parts: Sequence[Part], label: str) -> Part | None:
    """The part with that label, or what was opened of it."""
    found = next((part for part in parts if part.label == label), None)
    return readable(found) if found is not None else None


def _chosen_entry(parts: Sequence[Part]) -> tuple[str | None, str]:
    """The id that the GRUB environment chooses, and words on it; None: the menu's first."""
    values: dict[str, str] = {}
    where = "no GRUB environment chooses an entry"
    for name in _ENVIRONMENTS:
        for part in parts:
            found = read_env(part.tree, name) if part.tree is not None else {}
            if found:
                values |= found
                wanted = found.get("next_entry") or found.get("saved_entry")
                where = f"{name} on {part.name}" if wanted else where
                break
    wanted = values.get("next_entry") or values.get("saved_entry") or None
    known = [one for _, _, _, ids in _IMAGES for one in ids]
    if wanted is not None and wanted not in known:
        return None, f"the GRUB environment names {wanted[:60]!r}, which is none of the images"
    return wanted, where


def _opened(part: Part, tree: FileTree, path: str) -> Part:
    """The file system in the file, as a part of its own."""
    name = f"{part.name}{path}"
    known = next((one for one in part.children if one.name == name), None)
    if known is not None:
        return readable(known)
    try:
        found = explore(EntryDevice(tree, path, name), name)
    except TargetError as error:
        found = Part(name, "unknown", part.device, state="damaged", notes=[str(error)])
    part.children.append(found)
    return readable(found)


# ---- unified kernel images -----------------------------------------------------------------------------------------


def _sealed_slots(parts: Sequence[Part]) -> list[Slot]:
    slots: list[Slot] = []
    for part in parts:
        if part.tree is None:
            continue
        folder = next((one for one in ("/EFI/kairos", "/EFI/Kairos") if exists(part.tree, one)), None)
        if folder is None:
            continue
        names = [one for one in part.tree.listdir(folder) if one.lower().endswith(".efi")]
        order = [one for one in choices(parts) if one.part is part and one.image is not None]
        for name in names[:_MAX_UKIS]:
            slots.append(_sealed_slot(part, part.tree, f"{folder}/{name}", order, parts))
    return sorted(slots, key=lambda slot: (slot.role != "active", slot.role == "other"))


def _sealed_slot(esp: Part, tree: FileTree, path: str, order: Sequence[Choice], parts: Sequence[Part]) -> Slot:
    name = path.rpartition("/")[2][: -len(".efi")]
    place = next((at for at, one in enumerate(order) if (one.image or "").lower() == path.lower()), None)
    if place == 0:
        role, why = "active", f"the first boot entry names it ({order[0].where})"
    elif place is None:
        role, why = ("recovery" if "recovery" in name else "other"), "no boot entry names it"
        if not order and name == "active":
            role, why = "active", "no boot entry was found; the image called active"
    else:
        role = "recovery" if "recovery" in name else "rollback"
        why = f"a later boot entry names it ({order[place].where})"
    recovery = any(word in name for word in ("recovery", "statereset", "norole"))

    def finish() -> tuple[Part, FileTree, dict[str, FileTree]]:
        inner = _opened(esp, tree, path)
        root: FileTree = inner.tree if inner.tree is not None and is_root(inner.tree) else _no_root(inner)
        return inner, root, {**_over(root, parts, persistent=not recovery), "/efi": tree}

    unopened = UnknownTree(f"{path} is opened when its slot is chosen")
    return Slot(name, role, f"{why}; the root is inside {path}", esp, unopened, finish=finish)


def _no_root(inner: Part) -> UnknownTree:
    said = "; ".join(inner.notes) or inner.state
    return UnknownTree(f"no root of a system could be read in {inner.name}: {said}")


# ---- what lies over an image ---------------------------------------------------------------------------------------


def _over(root: FileTree, parts: Sequence[Part], *, persistent: bool) -> dict[str, FileTree]:
    mounts: dict[str, FileTree] = {}
    oem = _mounted(parts, "COS_OEM")
    if oem is not None:
        mounts["/oem"] = oem
    store = _mounted(parts, "COS_PERSISTENT") if persistent else None
    if store is None:
        return mounts
    mounts["/usr/local"] = store
    for path in _bound_paths(root, mounts):
        folder = f"{_STATE}/{path.strip('/').replace('/', '-')}{_BIND}"
        try:
            mounts[path] = SubTree(store, folder)
        except MissingError:
            continue  # made at the first boot, with what the image holds
        except TargetError as error:
            mounts[path] = UnknownTree(f"it lies in {folder} of COS_PERSISTENT: {error}")
    for name in _left_over(store, mounts):
        place = _place_of(root, name)
        if place is not None:
            mounts.setdefault(place, SubTree(store, f"{_STATE}/{name}"))
    return mounts


def _mounted(parts: Sequence[Part], label: str) -> FileTree | None:
    """The tree of the partition, unknown when it cannot be read; None when there is no such partition."""
    part = _labelled(parts, label)
    if part is None or part.state == "empty":
        return None
    return part.tree if part.tree is not None else UnknownTree(f"{part.name} ({label}) is {part.state} ({part.kind})")


def _bound_paths(root: FileTree, mounts: dict[str, FileTree]) -> list[str]:
    """Absolute paths that cloud-config makes persistent, outer ones first. The files are read as lines, conditions are
    not weighed: a path that is bound only sometimes is one whose state folder tells."""
    composed = ComposedTree(root, mounts)
    found: dict[str, None] = {}
    for folder in _CLOUD_CONFIG:
        try:
            names = [one for one in composed.listdir(folder) if one.endswith((".yaml", ".yml"))]
        except TargetError:
            continue
        for name in names[:_MAX_CONFIGS]:
            found.update(dict.fromkeys(_paths_in(text_of(composed, f"{folder}/{name}") or "")))
    return sorted(found, key=lambda path: (path.count("/"), path))[:_MAX_BINDS]


def _paths_in(text: str) -> Iterator[str]:
    """Paths of the keys that name persistent folders: on the line, and on the deeper lines below it."""
    deeper: int | None = None
    for line in text.splitlines():
        key = _KEY.match(line)
        if key is not None:
            deeper = len(key["indent"])
            yield from _clean(key["rest"])
        elif deeper is not None and line.strip():
            indent = len(line) - len(line.lstrip())
            if indent > deeper or (indent == deeper and line.lstrip().startswith("- ")):
                yield from _clean(line)
            else:
                deeper = None


def _clean(text: str) -> Iterator[str]:
    for path in _PATH.findall(text):
        if ".." not in path.split("/"):
            yield "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _left_over(store: FileTree, mounts: dict[str, FileTree]) -> list[str]:
    """State folders that no configuration that was read names."""
    try:
        names = store.listdir(_STATE)[:_MAX_BINDS]
    except TargetError:
        return []
    known = {f"{path.strip('/').replace('/', '-')}{_BIND}" for path in mounts}
    return [name for name in names if name.endswith(_BIND) and name not in known]


def _place_of(root: FileTree, name: str) -> str | None:
    """The folder of the image that a state folder belongs to: its slashes are dashes, which names may hold as well."""
    words = name.removesuffix(_BIND).split("-")
    places = [""]
    for count, word in enumerate(words):
        last = count == len(words) - 1
        longer = [f"{place}/{word}" for place in places] + [f"{place}-{word}" for place in places if place]
        places = [place for place in longer if not last or _is_folder(root, place)][:64]
    return places[0] if len(places) == 1 else None


def _is_folder(root: FileTree, path: str) -> bool:
    try:
        return root.stat(path).type == "directory"
    except TargetError:
        return False


LAYOUT = Layout("kairos", 20, _find)
