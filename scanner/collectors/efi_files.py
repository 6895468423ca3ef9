"""EFI programs of a tree: what lies on the EFI system partition, taken apart as PE files.

FAT knows no case, so names are compared without it, as the firmware does.
Sources: UEFI 2.10, 3.5.1.1 (removable media), UAPI Boot Loader Specification (`$BOOT`), systemd-stub(7) (add-ons).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from scanner.boot import pe, uki
from scanner.collectors.base import Look, reason_of
from scanner.model.errors import LimitError, ParseError, TargetError
from scanner.model.records import dataclass

__all__ = [
    "EfiFile",
    "Partition",
    "add_ons",
    "child",
    "efi_file",
    "efi_files",
    "name_without_counter",
    "partitions",
    "within",
]

_TOPS = ("/efi", "/boot/efi", "/boot", "/boot/firmware")
_UPDATES = "/usr/lib/bootupd/updates"
_MAX_FILES = 256


@dataclass(frozen=True, slots=True)
class Partition:
    """A place where an EFI system partition (or extended boot partition) is or would be mounted.

    `top`: the place; `efi`: its EFI folder, None when it has none. `installed`: False for the files that bootupd
    copies to the partition later.
    """

    top: str
    efi: str | None
    installed: bool = True


@dataclass(frozen=True, slots=True)
class EfiFile:
    """One EFI program. `folder`: lower-case name of its folder below EFI. `image` is None when `error` says why."""

    path: str
    partition: Partition
    folder: str
    size: int
    image: pe.Image | None
    error: TargetError | ParseError | None
    read: pe.Reader

    @property
    def loader_path(self) -> str:
        """The path as a boot loader knows it."""
        return self.path.removeprefix(self.partition.top)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


def partitions(look: Look) -> list[Partition]:
    """Every such place that is there, the same folder under two names once."""
    found: dict[str, Partition] = {}
    for top in (*_TOPS, _UPDATES):
        try:
            real = look.real(top)
        except TargetError as error:
            look.gap(top, reason_of(error))
            continue
        if real is not None and real not in found:
            found[real] = Partition(top, _efi_folder(look, top), top != _UPDATES)
    return list(found.values())


def _efi_folder(look: Look, top: str) -> str | None:
    name = child(look, top, "EFI")
    # /boot/efi is where the partition itself is mounted, not its EFI folder.
    if name is None or (top == "/boot" and name == "efi"):
        return None
    return f"{top}/{name}"


def child(look: Look, folder: str, name: str) -> str | None:
    """How `folder` spells the entry `name`, None when it has none; what cannot be read is a gap."""
    return next((one for one in look.try_names(folder) if one.lower() == name.lower()), None)


def within(look: Look, top: str, path: str) -> str | None:
    """The path in the tree of what a loader calls `path` (either slash) on the partition at `top`."""
    place = top
    for part in path.replace("\\", "/").split("/"):
        if part in ("", ".", ".."):
            continue
        name = child(look, place, part)
        if name is None:
            return None
        place = f"{place}/{name}"
    return place


def efi_files(look: Look) -> list[EfiFile]:
    """The programs in EFI and its folders, by path; what cannot be listed is a gap."""
    found: list[EfiFile] = []
    for partition in look.shared(partitions):
        for folder, path in _programs(look, partition):
            if len(found) == _MAX_FILES:
                look.gap(path, f"limit: more than {_MAX_FILES} EFI programs")
                return found
            found.append(efi_file(look, partition, path, folder))
    return found


def _programs(look: Look, partition: Partition) -> Iterator[tuple[str, str]]:
    if partition.efi is None:
        return
    for name in look.try_names(partition.efi):
        path = f"{partition.efi}/{name}"
        if name.lower().endswith(".efi") and _is_file(look, path):
            yield "", path
            continue
        for inner in look.try_names(path):
            if inner.lower().endswith(".efi") and _is_file(look, f"{path}/{inner}"):
                yield name.lower(), f"{path}/{inner}"


def _is_file(look: Look, path: str) -> bool:
    try:
        entry = look.entry(path)
    except TargetError as error:
        look.gap(path, reason_of(error))
        return False
    return entry is not None and entry.type == "file"


def efi_file(look: Look, partition: Partition, path: str, folder: str) -> EfiFile:
    """The file at `path`, taken apart; what is wrong with it stands in `error`."""
    read = partial(look.peek, path)
    try:
        entry = look.entry(path)
        size = entry.size if entry is not None else 0
        return EfiFile(path, partition, folder, size, pe.parse(read, size), None, read)
    except (TargetError, ParseError) as error:
        return EfiFile(path, partition, folder, 0, None, error, read)


def add_ons(look: Look, file: EfiFile) -> list[EfiFile]:
    """The add-ons that the stub of this UKI looks at, in its order: those for all, then those beside the file.

    Whether the firmware accepts their signatures is not judged here.
    """
    top = file.partition.top
    everyone = within(look, top, "/loader/addons")
    parent, _, name = file.path.rpartition("/")
    # Older stubs look for the folder by the whole name, newer ones without the counter of boot attempts.
    wanted = dict.fromkeys((f"{name_without_counter(name)}.extra.d", f"{name}.extra.d"))
    beside = [f"{parent}/{one}" for one in (child(look, parent, one) for one in wanted) if one is not None]
    folders = [*([everyone] if everyone is not None else []), *beside]
    found = []
    for folder in folders:
        for inner in look.try_names(folder):
            if inner.lower().endswith(".addon.efi") and not inner.startswith("."):
                found.append(efi_file(look, file.partition, f"{folder}/{inner}", "addon"))
    if len(found) > _MAX_FILES:
        raise LimitError(f"{parent}: more than {_MAX_FILES} add-ons")
    return [one for one in found if one.image is None or uki.is_addon(one.image)]


def name_without_counter(name: str) -> str:
    """`a+3-1.efi` is `a.efi`: boot counting (Automatic Boot Assessment) is no part of a name."""
    stem, dot, end = name.rpartition(".")
    base, plus, count = stem.rpartition("+")
    return f"{base}{dot}{end}" if plus and base and count.replace("-", "", 1).isdigit() else name
