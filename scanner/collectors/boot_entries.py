"""Boot entries of a tree: every command line that its boot loader can start a kernel with.

Looked at are Boot Loader Specification entries (files, and unified kernel images), `linux` commands of GRUB
configurations, and, when a tree has none of them, the kernel arguments that a bootc image gives to every machine it is
installed on. Where a command line cannot be known (another loader, a bootconfig, an image that is not there), the table
has a gap, so that nobody takes it for all there is.

Sources: uapi-group/specifications, specs/boot_loader_specification.md; rhboot/grub2, grub-core/commands/blscfg.c;
bootc-dev/bootc, docs/src/building/kernel-arguments.md; Linux arch/*/include/uapi/asm/setup.h (COMMAND_LINE_SIZE),
Documentation/admin-guide/bootconfig.rst.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace

from scanner.boot import uki
from scanner.collectors.base import Look, reason_of
from scanner.collectors.efi_files import EfiFile, Partition, efi_file, efi_files, name_without_counter, within
from scanner.collectors.grub_variables import Grub, read_grub
from scanner.collectors.uki_lines import UkiLine, uki_lines
from scanner.model.errors import NotCollectedError, ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import bls, bootc_kargs, elf, grub_cfg, kernel_cmdline

__all__ = ["BootEntry", "boot_entries", "bootc_kernel_arguments"]

_BLS = ("/boot/loader/entries", "/boot/efi/loader/entries", "/efi/loader/entries")
_LOADER_CONF = ("/efi/loader/loader.conf", "/boot/efi/loader/loader.conf", "/boot/loader/loader.conf")
_FOREIGN = (
    "/boot/extlinux/extlinux.conf",
    "/boot/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/boot/cmdline.txt",
    "/boot/firmware/cmdline.txt",
    "/boot/refind_linux.conf",
)
_KARGS = "/usr/lib/bootc/kargs.d"
_INSTALL = ("/usr/lib/bootc/install", "/etc/bootc/install")
_PROGRAMS = ("/usr/bin/bash", "/usr/lib/systemd/systemd", "/bin/busybox", "/bin/sh")

_ENTRIES = "/loader/entries/"
_SELECTOR = re.compile(r"@(\d{1,9})(?: |$)")
_KERNEL_MAGICS = ((0x202, b"HdrS"), (0x38, b"ARM\x64"), (0x38, b"RSC\x05"), (4, b"zimg"))
"""Where kernels with an EFI stub say what they are (x86, arm64, RISC-V, compressed)."""

_KEPT = 2047
"""Characters of a command line that x86 and arm64 kernels keep."""


@dataclass(frozen=True, slots=True)
class BootEntry:
    """One command line and where it stands. `default` is None when nobody can say which entry is booted first."""

    id: str
    kind: str
    title: str | None
    version: str | None
    kernel: str | None
    options: str
    source: str
    line: int | None
    sort_key: str = ""
    tries_left: int | None = None
    default: bool | None = None
    unresolved: bool = False
    """The boot loader's choice names something that was not found here: it may be this entry."""

    uki: str | None = None
    """Path in the tree of the unified kernel image that is started; `profile`, `embedded` and `add_ons` go with it."""

    profile: int | None = None
    embedded: bool | None = None
    add_ons: tuple[str, ...] = ()

    @property
    def rescue(self) -> bool:
        """Whether this is the entry for repairs (`…-0-rescue`, "recovery mode") and not what may boot by itself."""
        if self.unresolved:
            return False
        words = f"{self.id} {self.title or ''}".lower()
        return "rescue" in words or "recovery mode" in words


def boot_entries(look: Look) -> list[BootEntry]:
    """All entries, in the order of a boot menu. Empty when the tree has none.

    Raises NotCollectedError when all there is to boot lies in files that are not read here.
    """
    grub = look.shared(read_grub)
    found = [entry for folder in _folders(look, _BLS) for entry in _bls(look, folder, grub)]
    listed, unlisted, sealed = _images(look, {entry.uki for entry in found})
    ordered = _menu_order([*found, *listed], by_name=grub.there)
    own = [_static(boot, source, index, grub) for source, boots in grub.boots for index, boot in enumerate(boots)]
    entries = _with_default(look, ordered, [variant for group in own for variant in group], grub)
    if unlisted or (listed and grub.there):
        # The firmware may start these past any menu: nobody can say what boots by itself.
        entries = [replace(entry, default=None, unresolved=True) for entry in [*entries, *unlisted]]
    sealed += _foreign(look)
    if not entries and sealed:
        raise NotCollectedError(f"the command line is inside {sealed[0]}, which cannot be read")
    if not entries:
        entries = bootc_kernel_arguments(look)
    for entry in entries:
        _check(look, entry)
    return entries


def _folders(look: Look, paths: tuple[str, ...]) -> list[str]:
    """Those of `paths` that exist, the same folder under two names once."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            real = look.real(path)
        except TargetError as error:
            look.gap(path, reason_of(error))
            continue
        if real is not None:
            found.setdefault(real, path)
    return list(found.values())


def _bls(look: Look, folder: str, grub: Grub) -> list[BootEntry]:
    found = []
    for name in look.try_names(folder):
        if not name.endswith(".conf") or name.startswith("."):
            continue
        path = f"{folder}/{name}"
        text = look.try_text(path)
        if text is None:
            continue
        try:
            found.extend(_entry(look, path, name, bls.parse(text), grub))
        except ParseError as error:
            look.gap(path, reason_of(error))
    return found


def _entry(look: Look, path: str, name: str, entry: bls.Entry, grub: Grub) -> list[BootEntry]:
    image = entry.first("uki") or entry.first("efi")
    kernel = entry.first("linux") or image
    if kernel is None:
        return []
    options = entry.joined("options")
    id_, left, _ = bls.file_identity(name)
    line = next((item.line for item in entry.items if item.key == "options"), None)
    plain = BootEntry(
        id_,
        "bls",
        entry.first("title"),
        entry.first("version"),
        kernel,
        options or "",
        path,
        line,
        entry.first("sort-key") or "",
        left,
    )
    started = _started(look, path, kernel)
    if started is not None and started.image is not None and uki.is_uki(started.image):
        return _through_stub(look, plain, started, entry.first("profile"))
    if image is not None and (started is None or not _is_kernel(started)):
        look.gap(path, f"unsupported: {image} is not in this tree, or no kernel")
        return []
    if not grub.there:
        return [plain]
    # The specification adds `options` lines up; the `blscfg` of Fedora and RHEL takes the first one alone. Both count.
    readings = dict.fromkeys((options, entry.first("options")) if options is not None else ("$default_kernelopts",))
    texts = dict.fromkeys(text for reading in readings for text in grub.loader_entry(reading or ""))
    return [replace(plain, options=text) for text in texts]


def _started(look: Look, path: str, kernel: str) -> EfiFile | None:
    """The EFI program that an entry file names, on the partition of that file; None when it is not there."""
    top = path.partition(_ENTRIES)[0]
    place = within(look, top, kernel)
    return efi_file(look, Partition(top, None), place, "") if place is not None else None


def _is_kernel(file: EfiFile) -> bool:
    if file.image is None:
        return False
    return any(file.read(offset, len(magic)) == magic for offset, magic in _KERNEL_MAGICS)


def _through_stub(look: Look, plain: BootEntry, file: EfiFile, chosen: str | None) -> list[BootEntry]:
    """The lines of an entry file that starts a unified kernel image. `chosen`: the profile it names."""
    given = plain.options
    selector = _SELECTOR.match(given)
    if selector is not None:
        given, chosen = given[selector.end() :], selector[1]
    number = int(chosen) if chosen is not None and re.fullmatch(r"\d{1,9}", chosen) else 0
    lines = uki_lines(look, file, given=given, profile=number)
    return [_of_line(replace(plain, options=line.text), file, line) for line in lines]


def _of_line(entry: BootEntry, file: EfiFile, line: UkiLine) -> BootEntry:
    return replace(entry, uki=file.path, profile=line.profile, embedded=line.embedded, add_ons=line.add_ons)


def _images(look: Look, named: set[str | None]) -> tuple[list[BootEntry], list[BootEntry], list[str]]:
    """Unified kernel images of the EFI partition: those that a menu lists by itself, others that no entry names, and
    paths of kernels whose command line cannot be known."""
    listed: list[BootEntry] = []
    unlisted: list[BootEntry] = []
    sealed: list[str] = []
    for file in look.shared(efi_files):
        menu = file.folder == "linux"
        if not file.partition.installed or (file.path in named and not menu):
            continue
        if file.image is None:
            # The firmware starts nothing that is no program; in the folder of kernels it stands for one all the same.
            if file.error is not None and (menu or isinstance(file.error, TargetError)):
                look.gap(file.path, reason_of(file.error))
                sealed.append(file.path)
        elif uki.is_uki(file.image):
            entries = [_image_entry(file, line) for line in uki_lines(look, file)]
            (listed if menu else unlisted).extend(entries)
        elif file.path not in named and (menu or _is_kernel(file)):
            look.gap(file.path, "unsupported: the firmware gives this kernel its command line")
            sealed.append(file.path)
    return listed, unlisted, sealed


def _image_entry(file: EfiFile, line: UkiLine) -> BootEntry:
    name = name_without_counter(file.name).lower()
    _, left, _ = bls.file_identity(file.name.rpartition(".")[0])
    id_ = f"{name}@{line.id or line.profile}" if line.profile else name
    entry = BootEntry(
        id_, "uki", line.title, line.version, file.loader_path, line.text, file.path, None, line.sort_key, left
    )  # fmt: skip
    return _of_line(entry, file, line)


def _static(boot: grub_cfg.Boot, source: str, index: int, grub: Grub) -> list[BootEntry]:
    id_ = boot.title or f"command {index + 1}"
    return [
        BootEntry(id_, "grub.cfg", boot.title or None, None, boot.kernel, text, source, boot.line)
        for text in grub.variants(boot.words)
    ]


def _version_key(text: str) -> list[tuple[int, int, str]]:
    """For sorting versions: runs of digits by number, above runs of letters."""
    return [
        (1, int(part[:18]), "") if part.isdigit() else (0, 0, part)
        for part in re.findall(r"[0-9]+|[A-Za-z]+|~", text[:256])
    ]


def _menu_order(entries: list[BootEntry], *, by_name: bool) -> list[BootEntry]:
    """GRUB sorts by file name, newest first; without it the order of the specification holds."""
    if by_name:
        return sorted(entries, key=lambda entry: _version_key(_name(entry)), reverse=True)
    return sorted(
        entries, key=lambda entry: bls.menu_key(_name(entry), entry.sort_key, entry.version or "", entry.tries_left)
    )


def _name(entry: BootEntry) -> str:
    """What an entry is sorted by: the profiles of one image keep their order."""
    return entry.id.partition("@")[0] if entry.uki else entry.id


def _with_default(look: Look, loader: list[BootEntry], static: list[BootEntry], grub: Grub) -> list[BootEntry]:
    """Both kinds of entries, each marked: whether it is what boots when nobody chooses."""
    entries = [*loader, *static]
    if not entries or grub.one_shot:
        return entries
    wanted = grub.choices if grub.there else [_loader_default(look) or ""]
    chosen: set[tuple[str, str, int | None]] = set()
    for one in wanted:
        found = _chosen(one, loader, entries)
        if found is None:
            # Nobody can say which: the entries for repairs are no exception then.
            return [replace(entry, unresolved=True) for entry in entries]
        chosen.add((found.id, found.source, found.line))
    return [replace(entry, default=(entry.id, entry.source, entry.line) in chosen) for entry in entries]


def _chosen(wanted: str, loader: list[BootEntry], entries: list[BootEntry]) -> BootEntry | None:
    """The entry that the boot loader takes for `wanted`: an id, a title or a place in the menu; None = not known."""
    if wanted in ("", "0"):
        return entries[0]
    if wanted.isdigit():
        # Places in a menu of both kinds, or one with submenus, cannot be counted here.
        place = int(wanted) if len(wanted) < 6 else len(loader)
        return loader[place] if place < len(loader) and len(loader) == len(entries) else None
    pattern = wanted.removesuffix(".conf")[:256]
    return next(
        (entry for entry in entries if wanted in (entry.title, entry.id) or fnmatch.fnmatchcase(entry.id, pattern)),
        None,
    )


def _loader_default(look: Look) -> str | None:
    for path in _LOADER_CONF:
        text = look.try_text(path)
        if text is not None:
            return bls.parse(text).first("default")
    return None


def _foreign(look: Look) -> list[str]:
    """Files of other boot loaders; each becomes a gap."""
    found = []
    for path in _FOREIGN:
        try:
            there = look.entry(path) is not None
        except TargetError as error:
            look.gap(path, reason_of(error))
            continue
        if there:
            look.gap(path, "unsupported: this boot loader's configuration is not read")
            found.append(path)
    return found


def _check(look: Look, entry: BootEntry) -> None:
    # GRUB puts `BOOT_IMAGE=<kernel> ` in front, which takes its share of what the kernel keeps.
    length = len(entry.options.encode("utf-8", "surrogateescape")) + len(entry.kernel or "") + len("BOOT_IMAGE= ")
    if length > _KEPT:
        look.gap(entry.source, f"limit: the kernel cuts a command line after {_KEPT} characters")
    if len(entry.options) <= kernel_cmdline.MAX_LENGTH and any(
        parameter.name == "bootconfig" for parameter in kernel_cmdline.parse(entry.options).parameters
    ):
        look.gap(entry.source, "unsupported: the initrd's bootconfig adds parameters")


def bootc_kernel_arguments(look: Look) -> list[BootEntry]:
    """The arguments of a bootc image as one entry: those of its install configuration, then kargs.d; [] without any."""
    found: list[str] = []
    source = ""
    for folder in (*_INSTALL, _KARGS):
        for name in look.try_names(folder):
            if not name.endswith(".toml"):
                continue
            path = f"{folder}/{name}"
            text = look.try_text(path)
            if text is None:
                continue
            try:
                kargs = bootc_kargs.parse(text) if folder == _KARGS else bootc_kargs.parse_install(text)
            except ParseError as error:
                look.gap(path, reason_of(error))
                continue
            if kargs.arguments and _meant(look, kargs.architectures, path):
                found.extend(kargs.arguments)
                source = source or path
    if not found and look.entry(_KARGS) is None:
        return []
    return [BootEntry("bootc image", "kargs.d", None, None, None, " ".join(found), source or _KARGS, None)]


def _meant(look: Look, architectures: tuple[str, ...] | None, path: str) -> bool:
    """Whether the drop-in is for this image's processor; a gap when that cannot be told."""
    if architectures is None:
        return True
    for program in _PROGRAMS:
        try:
            if look.entry(program) is not None:
                return elf.parse(look.peek(program, 0, elf.HEADER_BYTES)).machine in architectures
        except (TargetError, ParseError):
            continue
    look.gap(path, "unsupported: limited to processors, and the image's is not known")
    return False
