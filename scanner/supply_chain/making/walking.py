"""One walk over the tree for everybody: where packages of languages lie, modules, firmware, and all that runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from scanner.parsers import java_archive
from scanner.supply_chain.making.site import Site
from scanner.target.base import Entry

__all__ = ["SKIPPED", "VOLATILE", "Walked", "kind_of", "walk"]

SKIPPED = (
    *("/proc", "/sys", "/dev", "/run"),
    *("/ostree", "/sysroot", "/var/lib/containers/storage", "/usr/lib/containers/storage", "/var/lib/docker"),
    *("/usr/share/containers/storage", "/var/lib/flatpak", "/var/lib/snapd", "/var/lib/machines"),
)
"""Folders that are not entered: what the kernel makes up, and stores whose content is other systems' or linked from
elsewhere in the tree."""

VOLATILE = ("/tmp", "/var/tmp")  # noqa: S108 - nothing is written there
"""Folders whose content belongs to a running system only; in an image they are looked at."""

_PATH = re.compile(r"/(?:(?:usr/(?:local/)?)?s?bin|usr/(?:local/)?(?:games|libexec(?:/.*)?)|opt/(?:[^/]+/){0,3}s?bin)")
_SCRIPTS = re.compile(r"/etc/(?:init\.d|cron\.[a-z]+|NetworkManager/dispatcher\.d)")
_LIBRARY = re.compile(r"[^/]+\.so(?:\.\d+)*")
_MODULE = re.compile(r"/(?:usr/)?lib/modules/([^/]+)/(?:.*/)?[^/]+\.ko(?:\.(?:gz|xz|zst))?")
_UNIT = re.compile(
    r"/(?:etc|usr/lib|usr/local/lib|lib)/systemd/(?:system|user)/[^/]+"
    r"\.(?:service|socket|timer|path|mount|automount|target|swap|slice|device|scope)"
)
_FIRMWARE = ("/usr/lib/firmware/", "/lib/firmware/")
_EXECUTE = 0o111
_MOST = 500_000


@dataclass(slots=True)
class Walked:
    """What the walk found. `files`: regular files that run or are loaded, with `kinds` by path (`kind_of`); `twins`:
    device and inode to paths of regular files with several names. `python`, `npm`, `gems`, `composer`: metadata files.
    `java`: archives. `modules`: kernel release to module files. `firmware`: its regular files."""

    files: dict[str, Entry] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    twins: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    python: list[str] = field(default_factory=list)
    npm: list[str] = field(default_factory=list)
    gems: list[str] = field(default_factory=list)
    composer: list[str] = field(default_factory=list)
    java: dict[str, Entry] = field(default_factory=dict)
    modules: dict[str, list[str]] = field(default_factory=dict)
    firmware: dict[str, Entry] = field(default_factory=dict)


def walk(site: Site, also_skipped: tuple[str, ...] = ()) -> Walked:
    """Go through the tree once."""
    found = Walked()
    for entry in site.walk((*SKIPPED, *also_skipped)):
        if entry.type != "file":
            continue
        path = entry.path
        _metadata(found, path)
        if java_archive.is_archive(path):
            found.java[path] = entry
        if path.startswith(_FIRMWARE):
            found.firmware[path] = entry
        if entry.nlink > 1 and entry.inode:
            found.twins.setdefault((entry.device, entry.inode), []).append(path)
        kind = kind_of(path, entry.mode)
        if kind == "kernel module":
            match = _MODULE.fullmatch(path)
            if match is not None:
                found.modules.setdefault(match[1], []).append(path)
        if kind:
            if len(found.files) == _MOST:
                site.gap("files", f"limit: more than {_MOST} files that may run", path)
            elif len(found.files) < _MOST:
                found.files[path] = entry
                found.kinds[path] = kind
    return found


def _metadata(found: Walked, path: str) -> None:
    folder, _, name = path.rpartition("/")
    described = name in ("METADATA", "PKG-INFO") and folder.endswith((".dist-info", ".egg-info", "/EGG-INFO"))
    if described or name.endswith(".egg-info"):
        found.python.append(path)
    elif name == "package.json" and "/node_modules/" in path:
        rest = path.rpartition("/node_modules/")[2].split("/")
        if len(rest) == (3 if rest[0].startswith("@") else 2):
            found.npm.append(path)
    elif name.endswith(".gemspec") and folder.endswith(("/specifications", "/specifications/default")):
        found.gems.append(path)
    elif name == "installed.json" and folder.endswith("/composer"):
        found.composer.append(path)


def kind_of(path: str, mode: int) -> str:
    """kernel module, unit, library, script (a program by its place; its content decides), program (anything else that
    may be executed; only if it is machine code), or nothing for a file that neither runs nor is loaded."""
    folder, _, name = path.rpartition("/")
    if _MODULE.fullmatch(path):
        return "kernel module"
    if _UNIT.fullmatch(path):
        return "unit"
    if _LIBRARY.fullmatch(name):
        return "library"
    if mode & _EXECUTE:
        return "script" if _PATH.fullmatch(folder) or _SCRIPTS.fullmatch(folder) else "program"
    return ""
