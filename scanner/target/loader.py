"""What the boot loader of an image can start, in its own order, as far as files say so: the first is the default.

Entry files of every boot partition count, and unified kernel images; where there are none, configurations of other
loaders. Sources: UAPI Boot Loader Specification
("Sorting", type #1 and #2), loader.conf(5), GNU GRUB manual ("The GRUB environment block").
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from scanner.boot import pe, uki
from scanner.model.errors import ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import bls, grubenv, kernel_cmdline, os_release
from scanner.target import loader_scripts as scripts
from scanner.target.base import FileTree
from scanner.target.contents import Part
from scanner.target.devices import EntryDevice

__all__ = ["Choice", "argument", "choices", "read_env", "text_of"]

_ENTRIES = ("/loader/entries", "/boot/loader/entries")
_IMAGES = "/EFI/Linux"
_CONFIGURATIONS = ("/loader/loader.conf", "/boot/loader/loader.conf")
_ENVIRONMENTS = ("/grub2/grubenv", "/grub/grubenv", "/boot/grub2/grubenv", "/boot/grub/grubenv")
_MAX_TEXT = 1 << 20
_MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be started. `options` is None where the command line lies inside an image and is not read.

    `image`: path of the unified kernel image on the same part; `folder`: where the entry file stands.
    """

    id: str
    options: str | None
    part: Part
    path: str
    folder: str
    image: str | None = None
    sort_key: str = ""
    version: str = ""
    tries_left: int | None = None

    @property
    def where(self) -> str:
        """Part and path, for a sentence."""
        return f"{self.path} on {self.part.name}"


def choices(parts: Sequence[Part]) -> list[Choice]:
    """Every entry, in menu order; one that loader.conf or the GRUB environment names as default comes first."""
    found: list[Choice] = []
    for part in parts:
        if part.tree is None:
            continue
        for folder in _ENTRIES:
            found += _files(part, part.tree, folder)
        for name in _names(part.tree, _IMAGES):
            if name.lower().endswith(".efi"):
                found.append(_image(part, part.tree, f"{_IMAGES}/{name}"))
    found.sort(key=lambda one: bls.menu_key(one.id, one.sort_key, one.version, one.tries_left))
    for part in parts if not found else ():
        if part.tree is not None:
            found += _scripted(part, part.tree)
    wanted = [pattern for part in parts if part.tree is not None for pattern in _defaults(part.tree)]
    return sorted(found, key=lambda one: not any(_is_meant(one, pattern) for pattern in wanted))


def _scripted(part: Part, tree: FileTree) -> Iterator[Choice]:
    """What loaders without entry files start; asked for where there are none."""
    for paths, read in ((scripts.GRUB, scripts.grub), (scripts.EXTLINUX, scripts.extlinux)):
        for path in paths:
            for title, options in read(text_of(tree, path) or ""):
                yield Choice(title, options, part, path, "")
    for path in scripts.RASPBERRY:
        text = text_of(tree, path)
        if text is not None:
            yield Choice("cmdline.txt", text.partition("\n")[0].strip(), part, path, "")


def _files(part: Part, tree: FileTree, folder: str) -> list[Choice]:
    found = []
    for name in _names(tree, folder):
        text = text_of(tree, f"{folder}/{name}") if name.endswith(".conf") else None
        if text is None:
            continue
        try:
            entry = bls.parse(text)
        except ParseError:
            continue
        id_, left, _ = bls.file_identity(name)
        image = entry.first("uki") or entry.first("efi")
        options = entry.joined("options")
        if options is None:
            options = _sealed(tree, image)[0] if image is not None else ""
        sort_key, version = entry.first("sort-key") or "", entry.first("version") or ""
        found.append(Choice(id_, options, part, f"{folder}/{name}", folder, image, sort_key, version, left))
    return found


def _image(part: Part, tree: FileTree, path: str) -> Choice:
    """A unified kernel image as an entry of its own; its os-release says under what key and version it is sorted."""
    id_, left, _ = bls.file_identity(path.rpartition("/")[2][: -len(".efi")])
    options, release = _sealed(tree, path)
    sort_key = release.get("IMAGE_ID") or release.get("ID") or ""
    version = release.get("IMAGE_VERSION") or release.get("VERSION_ID") or release.get("BUILD_ID") or ""
    return Choice(id_, options, part, path, _IMAGES, path, sort_key, version, left)


def _sealed(tree: FileTree, path: str) -> tuple[str | None, dict[str, str]]:
    """Command line and os-release inside a unified kernel image; (None, {}) when it cannot be read."""
    try:
        device = EntryDevice(tree, path, path)
        image = pe.parse(device.pread, device.size)
        if not uki.is_uki(image):
            return None, {}
        sections = uki.profiles(image)[0].sections
        options = uki.section_text(device.pread, sections[".cmdline"]) if ".cmdline" in sections else ""
        release = uki.section_text(device.pread, sections[".osrel"]) if ".osrel" in sections else ""
        return uki.command_line(options), {key: item.value for key, item in os_release.parse(release).items()}
    except (TargetError, ParseError):
        return None, {}


def _defaults(tree: FileTree) -> list[str]:
    """What the configuration names as default: ids, or patterns of them."""
    found = []
    for path in _CONFIGURATIONS:
        text = text_of(tree, path)
        try:
            wanted = bls.parse(text).first("default") if text is not None else None
        except ParseError:
            continue
        if wanted is not None and not wanted.startswith("@"):
            found.append(wanted)
    for path in _ENVIRONMENTS:
        values = read_env(tree, path)
        wanted = values.get("next_entry") or values.get("saved_entry")
        if wanted:
            found.append(wanted)
    return found


def _is_meant(choice: Choice, pattern: str) -> bool:
    name = choice.path.rpartition("/")[2]
    pattern = pattern[:256]
    return any(fnmatch.fnmatchcase(one.lower(), pattern.lower()) for one in (name, choice.id, f"{choice.id}.conf"))


def argument(options: str, name: str) -> str | None:
    """The last value of a kernel argument, None when it is not there or has none."""
    try:
        parameters = kernel_cmdline.parse(options).parameters
    except ParseError:
        return None
    wanted = name.replace("-", "_")
    return next((one.value for one in reversed(parameters) if one.name == wanted), None)


def read_env(tree: FileTree, path: str) -> dict[str, str]:
    """Variables of a GRUB environment block; empty when it is not there or cannot be understood."""
    text = text_of(tree, path)
    try:
        return grubenv.parse(text) if text is not None else {}
    except ParseError:
        return {}


def text_of(tree: FileTree, path: str) -> str | None:
    """The text of a small file, None when it cannot be read."""
    try:
        return tree.read(path, _MAX_TEXT).decode("utf-8", "replace")
    except TargetError:
        return None


def _names(tree: FileTree, folder: str) -> list[str]:
    try:
        return tree.listdir(folder)[:_MAX_ENTRIES]
    except TargetError:
        return []
