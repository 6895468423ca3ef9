"""Mounts: those of the running system, and those that /etc/fstab and systemd's .mount units ask for.

Order of rank, as systemd has it: units below /etc, then /etc/fstab, then units below /usr. A masked unit hides the
fstab entry of its mount point. Drop-ins apply to both. Not seen: mounts that generators make of partition types
(systemd-gpt-auto-generator) or of the kernel command line.

Sources: fstab(5), systemd.mount(5), systemd-fstab-generator(8), systemd.unit(5); systemd, src/shared/mount-setup.c for
what the manager mounts by itself; proc_pid_mountinfo(5).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from scanner.collectors import unit_files
from scanner.collectors.base import Collector, Look
from scanner.collectors.block_stack import mount_table
from scanner.collectors.unit_files import UnitFile, UnitFiles
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import fstab, mountinfo
from scanner.parsers.mount_options import effective, split
from scanner.parsers.systemd_unit import Setting, Unit

__all__ = ["COLLECTOR", "mount_unit_name"]

_MANAGERS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
_BUILT_IN = {
    "/dev/shm": ("nosuid", "nodev", "strictatime", "mode=01777"),  # noqa: S108 - a path of the target
    "/run": ("nosuid", "nodev", "strictatime", "mode=0755"),
}
"""What systemd mounts before any unit, as tmpfs; fstab changes the options."""
_BOOT_TARGETS = frozenset(
    f"{name}.target"
    for name in ("local-fs", "remote-fs", "sysinit", "basic", "multi-user", "graphical", "default", "getty", "sockets")
)
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.")


@dataclass(frozen=True, slots=True)
class _Configured:
    target: str
    device: str
    type: str
    options: tuple[str, ...]
    enabled: bool
    masked: bool
    origin: str
    source: str
    line: int | None


def mount_unit_name(path: str) -> str:
    """The unit name of a mount point, as `systemd-escape --path --suffix=mount` makes it."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return "-.mount"
    text = "/".join(parts)
    out = []
    for position, char in enumerate(text):
        if char == "/":
            out.append("-")
        elif char in _PLAIN and not (position == 0 and char == "."):
            out.append(char)
        else:
            out.extend(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
    return "".join(out) + ".mount"


def _configured(look: Look) -> Json:
    files = unit_files.find(look)
    text = look.text("/etc/fstab")
    found: list[_Configured] = []
    lines = [] if text is None else fstab.parse(text)
    named: set[str] = set()
    for line in lines:
        if line.target.startswith("/") and line.type != "swap":
            name = mount_unit_name(posixpath.normpath(line.target))
            named.add(name)
            found.append(_of_fstab(look, files, line, name))
    for name, entry in sorted(files.files.items()):
        if name.endswith(".mount") and (name not in named or entry.path.startswith("/etc/")):
            item = _of_unit(look, files, name, entry)
            if item is not None:
                found.append(item)
    if any(look.entry(path) is not None for path in _MANAGERS):
        found.extend(_built_in(found))
    elif text is None and not files.files:
        look.because("there is neither /etc/fstab nor systemd")
        return None
    root = {item.device for item in found if item.target == "/"}
    return [_record(item, root) for item in sorted(found, key=lambda item: (item.target, item.source, item.line or 0))]


def _of_fstab(look: Look, files: UnitFiles, line: fstab.Line, name: str) -> _Configured:
    entry = files.files.get(name)
    outranked = entry is not None and entry.path.startswith("/etc/") and entry.how != "dangling"
    masked = outranked and entry is not None and entry.how == "mask"
    options = _overridden(look, files, name, line.options)
    later = "x-systemd.automount" in options
    enabled = not outranked and (later or "noauto" not in effective(list(options)))
    target = posixpath.normpath(line.target)
    return _Configured(target, line.source, line.type, options, enabled, masked, "fstab", "/etc/fstab", line.line)


def _overridden(look: Look, files: UnitFiles, name: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """Options of an fstab entry after the drop-ins of its unit: a later `Options=` replaces them all."""
    settings: list[Setting] = []
    for path in files.drop_ins(look, name):
        settings.extend(files.settings(look, path) or ())
    changed = [item for item in settings if (item.section, item.key) == ("Mount", "Options")]
    return tuple(split(changed[-1].value.replace("%%", "%"))) if changed else options


def _of_unit(look: Look, files: UnitFiles, name: str, entry: UnitFile) -> _Configured | None:
    """A .mount unit; None for what is no unit of its own (alias, template, file that cannot be read: a gap)."""
    target = _path_of(name)
    if entry.how == "mask":
        return _Configured(target, "", "", (), False, True, "unit", entry.path, None)
    read = files.unit(look, name)
    if read is None or entry.how == "alias" or "@" in name:
        return None
    unit: Unit = read[0]
    where = posixpath.normpath(unit.last("Mount", "Where") or target)
    options = (unit.last("Mount", "Options") or "").replace("%%", "%")
    # systemd refuses a unit whose name is not that of its mount point.
    usable = mount_unit_name(where) == name and unit.last("Mount", "What") is not None
    asked_for = {name, f"{name.removesuffix('.mount')}.automount"}
    return _Configured(
        where,
        unit.last("Mount", "What") or "",
        unit.last("Mount", "Type") or "auto",
        tuple(split(options)),
        usable and any(_asks(files, owner, wanted, asked_for) for owner, wanted in _links(files)),
        False,
        "unit",
        entry.path,
        None,
    )


def _links(files: UnitFiles) -> list[tuple[str, str]]:
    return [(asked.owner, asked.name) for asked in files.asked]


def _asks(files: UnitFiles, owner: str, wanted: str, names: set[str]) -> bool:
    """Whether `owner` asks for one of `names`, and is a part of the boot itself as far as links say so."""
    return wanted in names and _boots(files, owner, set())


def _boots(files: UnitFiles, name: str, seen: set[str]) -> bool:
    entry = files.named(name)
    if (entry is not None and entry.how == "mask") or name in seen:
        return False
    if name in _BOOT_TARGETS or files.true_name("default.target") == name:
        return True
    seen.add(name)
    return any(asked.name == name and _boots(files, asked.owner, seen) for asked in files.asked)


def _path_of(name: str) -> str:
    """The mount point that a unit name stands for (`\\x2d` and its like undone)."""
    stem = name.removesuffix(".mount")
    if stem == "-":
        return "/"
    parts = stem.split("\\x")
    out = bytearray(parts[0].replace("-", "/").encode("utf-8", "surrogateescape"))
    for part in parts[1:]:
        try:
            out.append(int(part[:2], 16))
        except ValueError:
            out += b"\\x" + part[:2].encode("utf-8", "surrogateescape")
        out += part[2:].replace("-", "/").encode("utf-8", "surrogateescape")
    return "/" + out.decode("utf-8", "surrogateescape")


def _built_in(found: list[_Configured]) -> Iterator[_Configured]:
    taken = {item.target for item in found}
    for target, options in _BUILT_IN.items():
        if target not in taken:
            yield _Configured(target, "tmpfs", "tmpfs", options, True, False, "built in", _MANAGERS[0], None)


def _record(item: _Configured, root: set[str]) -> dict[str, Json]:
    options = effective(list(item.options))
    shared = {"bind", "rbind"} & set(options) or (item.target != "/" and item.device in root)
    return {
        "mount_point": item.target,
        "device": item.device,
        "type": item.type,
        "options": options,
        "enabled": item.enabled,
        "masked": item.masked,
        "separate": not shared,
        "origin": item.origin,
        "source": item.source,
        "line": item.line,
    }


def _running(look: Look) -> Json:
    mounts, source = mount_table(look)
    hidden = mountinfo.hidden(mounts)
    roots = {mount.device for mount in mounts if mount.target in ("/", "/sysroot")}
    return [
        {
            "mount_point": mount.target,
            "device": mount.source,
            "number": mount.device,
            "root": mount.root,
            "type": mount.type,
            "options": list(mount.options),
            "super_options": list(mount.super_options),
            "visible": mount.id not in hidden,
            "separate": mount.target == "/" or mount.device not in roots,
            "line": mount.line,
            "source": source,
        }
        for mount in sorted(mounts, key=lambda mount: (mount.target, mount.line))
    ]


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts({"mounts.running": _running, "mounts.configured": _configured})


COLLECTOR = Collector(
    id="mounts",
    facts=(
        FactSpec(
            "mounts.running",
            "table",
            "Mounts of the running system, by mount point, lower ones of a pile first.",
            facet="runtime",
            fields={
                "mount_point": "text: path",
                "device": "text: what is mounted, as the kernel names it",
                "number": "text: major:minor of the file system",
                "root": "text: part of the file system that is shown; / for all of it",
                "type": "text: file system type",
                "options": "list: options of this mount (nodev, nosuid, noexec, ro, relatime …)",
                "super_options": "list: options of the file system",
                "visible": "flag: paths lead to it; false when another mount lies over it",
                "separate": "flag: a file system of its own, not a part of the one that holds /",
                "line": "number: line",
                "source": "text: file",
            },
            sensitive={"device[type=nfs,nfs4,cifs,smb3,sshfs,fuse.sshfs,ceph,glusterfs]": "host"},
        ),
        FactSpec(
            "mounts.configured",
            "table",
            "Mounts that fstab, .mount units and systemd itself ask for, by mount point.",
            fields={
                "mount_point": "text: path, normalised",
                "device": "text: what is mounted, as written",
                "type": "text: file system type; auto when a unit does not say",
                "options": "list: options in force: of contradictions the later, what `user` implies added",
                "enabled": "flag: mounted at boot (or on first use), not noauto, masked or outranked",
                "masked": "flag: its unit is masked",
                "separate": "flag: no bind mount and not the device of /",
                "origin": "text: fstab, unit or built in (systemd's own)",
                "source": "text: file",
                "line": "number: line of fstab; null for units",
            },
            sensitive={"device[type=nfs,nfs4,cifs,smb3,sshfs,fuse.sshfs,ceph,glusterfs]": "host"},
        ),
    ),
    collect=collect,
)
