"""What an initramfs brings along: archives that are unpacked before the root of the system is mounted.

Looked at are files that boot entries name, those beside kernels, and `.initrd` of unified kernel images. Of each is
said how it is packed and what in it decides over the start of the system: modules, keys, remote shells, command lines.
Sources: kernel Documentation/driver-api/early-userspace/buffer-format.rst; dracut.cmdline(7) (/etc/cmdline.d);
initramfs-tools(7); crypttab(5).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from scanner.boot import pe, uki
from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.cmdline_secrets import public_text
from scanner.collectors.efi_files import efi_files, partitions, within
from scanner.collectors.record_fields import told
from scanner.model.errors import DamagedError, MissingError, NotCollectedError, ParseError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import bls, crypttab, passwd
from scanner.parsers.modprobe_conf import module_name
from scanner.target.base import BlockDevice, FileTree
from scanner.target.devices import EntryDevice, SliceDevice
from scanner.target.filesystems.cpio import InitramfsTree

_FOLDERS = ("/boot",)
_MODULES = ("/usr/lib/modules", "/lib/modules")
_NAME = re.compile(r"(?:initrd|initramfs)(?:[-.].*)?\Z")
_MODULE = re.compile(r"(?P<name>[^/]+)\.ko(?:\.(?:gz|xz|zst))?\Z")
_SSH = tuple(
    f"{folder}/{name}"
    for folder in ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib/openssh")
    for name in ("dropbear", "sshd", "tinysshd")
)
_MARKS = (
    ("/usr/lib/dracut", "dracut"),
    ("/lib/dracut", "dracut"),
    ("/conf/initramfs.conf", "initramfs-tools"),
    ("/conf/arch.conf", "initramfs-tools"),
    ("/newroot", "mkinitfs"),
    ("/etc/initrd-release", "other"),
)
_MAX_TEXT = 1 << 16
_MOST = 16
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Source:
    """One initramfs: its file, and the section when it lies inside a unified kernel image."""

    path: str
    section: str | None
    device: BlockDevice


def _sources(look: Look) -> Iterator[_Source]:
    """Each initramfs once, files by path first. What cannot be opened is a gap."""
    named = {**_named_by_entries(look), **_beside_kernels(look)}
    for path in sorted(named):
        try:
            yield _Source(path, None, EntryDevice(look.target.tree, path, path))
        except TargetError as error:
            look.gap(path, reason_of(error))
    for file in look.shared(efi_files):
        if file.image is None:
            if file.error is not None and file.folder == "linux":
                look.gap(file.path, reason_of(file.error))
            continue
        if uki.is_uki(file.image):
            yield from _sections(look, file.path, file.image)


def _sections(look: Look, path: str, image: pe.Image) -> Iterator[_Source]:
    seen = set()
    for profile in uki.profiles(image):
        section = profile.sections.get(".initrd")
        if section is None or section.offset in seen:
            continue
        seen.add(section.offset)
        name = f".initrd@{profile.number}" if ".initrd" in profile.own and profile.number else ".initrd"
        if not section.inside:
            look.gap(path, f"malformed: {name} reaches beyond the end of the file")
            continue
        whole = EntryDevice(look.target.tree, path, path)
        yield _Source(path, name, SliceDevice(whole, section.offset, section.size, f"{path}{name}"))


def _named_by_entries(look: Look) -> dict[str, None]:
    found: dict[str, None] = {}
    for partition in look.shared(partitions):
        folder = f"{partition.top}/loader/entries"
        for name in look.try_names(folder):
            text = look.try_text(f"{folder}/{name}") if name.endswith(".conf") else None
            try:
                entry = bls.parse(text or "")
            except ParseError as error:
                look.gap(f"{folder}/{name}", reason_of(error))
                continue
            for wanted in (one for item in entry.items if item.key == "initrd" for one in item.value.split()):
                if wanted.startswith("$"):
                    continue  # a variable of GRUB: its `tuned_initrd` is mostly empty
                path = within(look, partition.top, wanted)
                if path is None:
                    look.gap(f"{folder}/{name}", f"missing: the initrd {wanted}")
                else:
                    found[path] = None
    return found


def _beside_kernels(look: Look) -> dict[str, None]:
    found: dict[str, None] = {}
    for folder in _FOLDERS:
        found.update((f"{folder}/{name}", None) for name in look.try_names(folder) if _NAME.match(name))
    for parent in _MODULES[:1]:
        for release in look.try_names(parent):
            path = f"{parent}/{release}/initramfs.img"
            if look.entry(path) is not None:
                found[path] = None
    return {path: None for path in found if _is_file(look, path)}


def _is_file(look: Look, path: str) -> bool:
    try:
        entry = look.entry(path, follow=False)
    except TargetError as error:
        look.gap(path, reason_of(error))
        return False
    return entry is not None and entry.type == "file"


def _initramfs(look: Look) -> Json:
    records = []
    for number, source in enumerate(_sources(look)):
        if number == _MOST:
            look.gap(source.path, f"limit: more than {_MOST} initramfs")
            break
        look.saw(Evidence(source.path))
        try:
            records.append(_record(source))
        except TargetError as error:
            look.gap(source.path, reason_of(error))
            continue
        if records[-1]["damage"] is not None:
            look.gap(source.path, f"not read to its end: {records[-1]['damage']}")
    if not records and not look.names("/boot"):
        raise NotCollectedError("no initramfs, and /boot is empty or not part of this target")
    return records


def _record(source: _Source) -> dict[str, Json]:
    tree = InitramfsTree(source.device)
    return {
        "path": source.path,
        "section": source.section,
        "size": source.device.size,
        "sha256": told(lambda: _digest(source.device)),
        "segments": [
            {
                "compression": one.compression,
                "offset": one.offset,
                "packed": one.packed,
                "unpacked": one.size,
                "entries": one.entries,
            }
            for one in tree.segments
        ],
        "damage": tree.damage,
        "generator": told(lambda: next((word for path, word in _MARKS if _there(tree, path)), None)),
        "modules": told(lambda: _modules(tree)),
        "ssh_servers": told(lambda: [path for path in _SSH if _there(tree, path)]),
        "crypttab": told(lambda: _there(tree, "/etc/crypttab")),
        "key_files": told(lambda: _key_files(tree)),
        "root_password": told(lambda: _root_password(tree)),
        "cmdline": told(lambda: _own_lines(tree)),
    }


def _digest(device: BlockDevice) -> str:
    digest = hashlib.sha256()
    for piece in pe.content(device.pread, 0, device.size):
        digest.update(piece)
    return digest.hexdigest()


def _there(tree: FileTree, path: str) -> bool:
    try:
        tree.stat(path)
    except MissingError:
        return False
    return True


def _text(tree: FileTree, path: str) -> str | None:
    try:
        return tree.read(path, _MAX_TEXT).decode("utf-8", "surrogateescape")
    except MissingError:
        return None


def _modules(tree: FileTree) -> list[str]:
    found: set[str] = set()
    for top in _MODULES:
        if not _there(tree, top):
            continue
        for entry in tree.walk(tree.resolve(top)):
            match = _MODULE.match(entry.path.rpartition("/")[2])
            if match is not None and entry.type == "file":
                found.add(module_name(match["name"]))
        if tree.unreadable:
            raise DamagedError(f"{tree.unreadable[0][0]}: {tree.unreadable[0][1]}")
    return sorted(found)


def _key_files(tree: FileTree) -> list[str]:
    """Keys that crypttab names and that lie in the archive itself."""
    lines = crypttab.parse(_text(tree, "/etc/crypttab") or "")
    wanted = {line.key_file.partition(":")[0] for line in lines if line.key_file and line.key_file.startswith("/")}
    return sorted(path for path in wanted if not path.startswith("/dev/") and _there(tree, path))


def _root_password(tree: FileTree) -> str | None:
    """The state of root's password in the archive's own shadow file, null when nothing there says it."""
    text = _text(tree, "/etc/shadow")
    if text is None:
        return None
    return next((one.password for one in passwd.parse_shadow(text).entries if one.name == "root"), None)


def _own_lines(tree: FileTree) -> list[dict[str, Json]]:
    paths = ["/etc/cmdline"] if _there(tree, "/etc/cmdline") else []
    if _there(tree, "/etc/cmdline.d"):
        paths += [f"/etc/cmdline.d/{name}" for name in tree.listdir("/etc/cmdline.d") if name.endswith(".conf")]
    return [{"source": path, "text": public_text((_text(tree, path) or "").strip())} for path in paths]


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts({"boot.initramfs": _initramfs})


COLLECTOR = Collector(
    id="boot_initramfs",
    facts=(
        FactSpec(
            "boot.initramfs",
            "table",
            "Initramfs archives that boot entries, kernels and unified kernel images bring, files by path first.",
            fields={
                "path": "text: the file",
                "section": "text: section of a unified kernel image (.initrd, .initrd@1), null for a file",
                "size": "number: bytes, packed",
                "sha256": "text: digest of it, packed",
                "segments": "list: {compression, offset, packed, unpacked, entries} of each part, in order",
                "damage": "text: what ended the reading before the end, null: nothing",
                "generator": "text: dracut, initramfs-tools, mkinitfs or other, null when nothing shows it",
                "modules": "list: kernel modules, `_` for `-`, sorted",
                "ssh_servers": "list: paths of SSH servers",
                "crypttab": "flag: has /etc/crypttab",
                "key_files": "list: keys of crypttab that lie in the archive, readable for who reads the archive",
                "root_password": "text: state of root's password in the archive, null without an entry",
                "cmdline": "list: {source, text} of command lines that dracut adds to the kernel's",
            },
            on_demand=True,
        ),
    ),
    collect=collect,
)
