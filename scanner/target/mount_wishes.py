"""What a root tree asks to be mounted at boot: lines of /etc/fstab and enabled .mount units.

Order of rank, as systemd has it: units below /etc, then fstab, then units below /usr; a mask hides both.
Sources: fstab(5), systemd.mount(5), systemd-fstab-generator(8), systemd.unit(5).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from scanner.model.errors import MissingError, NotCollectedError, ParseError, PartialError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import fstab
from scanner.parsers.mount_options import effective, split
from scanner.parsers.systemd_unit import Unit, parse
from scanner.target.base import FileTree
from scanner.target.root import exists
from scanner.target.scratch import TYPES

__all__ = ["Wish", "wishes"]

_ADMIN = "/etc/systemd/system"
_FOLDERS = (_ADMIN, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_BOOT = frozenset(
    f"{name}.target" for name in ("local-fs", "sysinit", "basic", "multi-user", "graphical", "default", "remote-fs")
)
_MANAGERS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
_CONDITION = re.compile(r"(?:Condition|Assert)[A-Z]")
_MAX_TEXT = 1 << 20
_MAX_UNITS = 2000


@dataclass(frozen=True, slots=True)
class Wish:
    """One mount. `target` is normalised and below `/`; `origin`: the file that asks for it.

    `condition`: the setting that decides at boot whether it is mounted at all, None when nothing does.
    """

    source: str
    target: str
    type: str
    options: tuple[str, ...]
    origin: str
    condition: str | None = None

    @property
    def is_bind(self) -> bool:
        """Whether a folder of the tree itself is mounted."""
        return self.type == "bind" or bool({"bind", "rbind"} & set(self.options))

    def option(self, name: str) -> str | None:
        """The last value of `name=value` among the options."""
        lead = f"{name}="
        return next((one[len(lead) :] for one in reversed(self.options) if one.startswith(lead)), None)


def wishes(tree: FileTree, trouble: list[str], extra: Sequence[Wish] = (), *, fstab_counts: bool = True) -> list[Wish]:
    """Everything that is mounted without being asked for by hand, outer mount points first.

    `extra`: what the command line asks for; fstab goes before it. What could not be read, and so may ask for mounts
    that nobody knows, is added to `trouble`.
    """
    eyes = _Eyes(tree, trouble)
    units = _Units(tree, eyes)
    found = {wish.target: wish for wish in units.found(admin=False)}
    found |= {wish.target: wish for wish in extra}
    lines = list(_fstab(eyes)) if fstab_counts else []
    # systemd keeps the first line of a mount point and refuses the others; mount -a puts the last one on top.
    found |= {wish.target: wish for wish in (reversed(lines) if units.managed else lines)}
    found |= {wish.target: wish for wish in units.found(admin=True)}
    kept = [wish for target, wish in found.items() if target not in units.masked]
    return sorted(kept, key=lambda wish: wish.target.count("/"))


class _Eyes:
    """Reads what may be missing, and notes what is there and cannot be read."""

    def __init__(self, tree: FileTree, trouble: list[str]) -> None:
        self._tree = tree
        self._trouble = trouble

    def names(self, folder: str) -> list[str]:
        """Names in a folder; none when it is missing."""
        try:
            return self._tree.listdir(folder)
        except (MissingError, NotCollectedError):
            return []
        except TargetError as error:
            self._trouble.append(f"{folder} cannot be read: {error}")
            return sorted(error.names) if isinstance(error, PartialError) else []

    def text(self, path: str) -> str | None:
        """A text file, or None."""
        try:
            return self._tree.read(path, _MAX_TEXT).decode("utf-8", "surrogateescape")
        except (MissingError, NotCollectedError):
            return None
        except TargetError as error:
            self._trouble.append(f"{path} cannot be read: {error}")
            return None


def _fstab(eyes: _Eyes) -> Iterator[Wish]:
    """Lines in order; one that cannot be understood is left out, as the generator does it."""
    for raw in (eyes.text("/etc/fstab") or "").split("\n")[: fstab.MAX_LINES]:
        try:
            lines = fstab.parse(raw)
        except ParseError:
            continue
        for line in lines:
            target = posixpath.normpath(line.target)
            automatic = "noauto" not in effective(list(line.options)) or "x-systemd.automount" in line.options
            if target.startswith("/") and target.strip("/") and line.type != "swap" and automatic:
                yield Wish(line.source, f"/{target.lstrip('/')}", line.type, line.options, "/etc/fstab")


class _Units:
    """The .mount units of a tree. `masked`: mount points that a mask keeps free; `managed`: systemd is there."""

    def __init__(self, tree: FileTree, eyes: _Eyes) -> None:
        self._tree = tree
        self._eyes = eyes
        self.managed = any(exists(tree, path) for path in _MANAGERS)
        self.masked: set[str] = set()
        self._files: dict[str, str] = {}
        self._asked: set[str] = set()
        for folder in _FOLDERS:
            for name in eyes.names(folder)[:_MAX_UNITS]:
                if name.endswith(".mount"):
                    self._files.setdefault(name, f"{folder}/{name}")
                elif name.endswith((".wants", ".requires")) and name.rpartition(".")[0] in _BOOT:
                    self._asked.update(eyes.names(f"{folder}/{name}"))
        for name, path in list(self._files.items()):
            if self._is_mask(path):
                del self._files[name]
                self.masked.add(_path_of(name))

    def _is_mask(self, path: str) -> bool:
        try:
            entry = self._tree.stat(path, follow=False)
            if entry.type == "link":
                return self._tree.readlink(self._tree.resolve(path, follow=False)).endswith("/dev/null")
            return entry.type == "file" and not entry.size
        except TargetError:
            return False

    def found(self, *, admin: bool) -> Iterator[Wish]:
        """The units below /etc, or the others, that the boot asks for and systemd would accept."""
        for name, path in sorted(self._files.items()):
            if path.startswith(f"{_ADMIN}/") is not admin:
                continue
            asked = bool({name, f"{name.removesuffix('.mount')}.automount"} & self._asked)
            unit = self._unit(name, path)
            source, target = unit.last("Mount", "What"), unit.last("Mount", "Where")
            if source is None or target is None or not target.startswith("/"):
                continue
            target = posixpath.normpath(f"/{target.lstrip('/')}")
            # systemd refuses a unit whose name is not that of its mount point.
            if target == "/" or _path_of(name) != target:
                continue
            type_ = unit.last("Mount", "Type") or "auto"
            condition = _condition(unit, type_)
            if not asked:
                # Mounts of memory and of the kernel's own file systems lie ready in every system.
                if type_ in TYPES or not (source.startswith("/dev/") or "=" in source):
                    continue
                other = self._puller(name, target)
                if other is None:
                    continue
                condition = f"when {other} is started"
            yield Wish(source, target, type_, self._options(unit), path, condition)

    def _puller(self, name: str, target: str) -> str | None:
        """A unit beside the targets of the boot that asks for a mount; whether it is started itself is not followed."""
        for folder in _FOLDERS:
            for one in self._eyes.names(folder)[:_MAX_UNITS]:
                if one.endswith((".wants", ".requires")) and name in self._eyes.names(f"{folder}/{one}"):
                    return one.rpartition(".")[0]
                if not one.endswith((".service", ".target", ".socket", ".path", ".timer", ".mount")) or one == name:
                    continue
                if _asks(self._eyes.text(f"{folder}/{one}") or "", name, target):
                    return one
        return None

    def _options(self, unit: Unit) -> tuple[str, ...]:
        try:
            return tuple(split(unit.last("Mount", "Options") or ""))
        except ParseError:
            return ()

    def _unit(self, name: str, path: str) -> Unit:
        drop_ins: dict[str, str] = {}
        for folder in _FOLDERS:
            for one in self._eyes.names(f"{folder}/{name}.d"):
                if one.endswith(".conf"):
                    drop_ins.setdefault(one, f"{folder}/{name}.d/{one}")
        files = []
        for one in (path, *(drop_ins[key] for key in sorted(drop_ins))):
            try:
                files.append(parse(self._eyes.text(one) or ""))
            except ParseError:
                continue
        return Unit.of(files)


def _condition(unit: Unit, type_: str) -> str | None:
    """The first condition of a unit. Those of what lies in memory only say that the kernel can do it."""
    if type_ in TYPES:
        return None
    keys = (f"{one.key}={one.value}" for one in unit.settings if one.section == "Unit" and _CONDITION.match(one.key))
    return next((one[:200] for one in keys), None)


def _asks(text: str, name: str, target: str) -> bool:
    """Whether a unit file names the mount unit, or a path at or below its mount point."""
    if name not in text and target not in text:
        return False
    try:
        unit = Unit.of([parse(text)])
    except ParseError:
        return True
    if any(name in unit.names("Unit", key) for key in ("Requires", "Wants", "BindsTo", "Upholds", "Requisite")):
        return True
    places = [*unit.names("Unit", "RequiresMountsFor"), *unit.names("Unit", "WantsMountsFor")]
    return any(place == target or place.startswith(f"{target}/") for place in places)


def _path_of(name: str) -> str:
    """The mount point that a unit name stands for: `-` is a slash, `\\xNN` a byte."""
    out = bytearray()
    rest = name.removesuffix(".mount").encode("utf-8", "surrogateescape")
    while rest:
        if rest.startswith(b"\\x") and len(rest) >= 4:
            try:
                out.append(int(rest[2:4], 16))
                rest = rest[4:]
                continue
            except ValueError:
                pass
        out += b"/" if rest[:1] == b"-" else rest[:1]
        rest = rest[1:]
    return "/" + out.decode("utf-8", "surrogateescape").strip("/")
