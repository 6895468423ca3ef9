"""Where the files of each systemd unit lie, which unit a name means, and what links ask for it.

Not a collector itself: `systemd_units` builds its facts on it. Sources: systemd.unit(5) ("Unit File Load Path",
aliases, drop-ins, `.wants/` folders) and systemctl(1), is-enabled.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import field

from scanner.collectors.base import Look, reason_of
from scanner.model.errors import DamagedError, MissingError, ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers.systemd_unit import (
    Setting,
    Unit,
    instance_of,
    is_template,
    may_be_alias,
    parse,
    unit_type,
    with_instance,
)

__all__ = ["FOLDERS", "Asked", "UnitFile", "UnitFiles", "find"]

FOLDERS = (
    "/etc/systemd/system.control",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""The persistent part of the load path, first wins. /run and the generators' folders exist only on a running system."""

_ADMIN = frozenset(FOLDERS[:3])
_LINKS = (".wants", ".requires", ".upholds")
_MAX_HOPS = 40


@dataclass(frozen=True, slots=True)
class UnitFile:
    """The entry that the load path has for a name. `how`: file, link (of the same name or from outside), alias, mask,
    dangling. `path` is the entry, `real` the file with the text; `masked_by` is link or empty; `alias` a unit name."""

    name: str
    path: str
    how: str
    real: str | None = None
    masked_by: str | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One link in a `.wants`, `.requires` or `.upholds` folder: `owner` asks for `name`."""

    owner: str
    name: str
    path: str
    admin: bool
    points_to: str


@dataclass(slots=True)
class UnitFiles:
    """Everything found in the load path, by unit name. `unread`: drop-ins and their folders that could not be read."""

    files: dict[str, UnitFile] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    drop_in_folders: dict[str, list[str]] = field(default_factory=dict)
    real_folders: set[str] = field(default_factory=set)
    admin_links: list[tuple[str, str]] = field(default_factory=list)
    _known: set[tuple[str, str, str]] = field(default_factory=set)
    _aliases: dict[str, list[str]] = field(default_factory=dict)
    _parsed: dict[str, tuple[Setting, ...] | None] = field(default_factory=dict)
    unread: dict[str, set[str]] = field(default_factory=dict)

    def named(self, name: str) -> UnitFile | None:
        """The entry for `name`: its own, or for an instance the one of its template."""
        found = self.files.get(name)
        if found is None and (template := instance_of(name)) is not None:
            found = self.files.get(template)
        return found

    def true_name(self, name: str) -> str:
        """The one name that `name` is an alias of; itself when it is none."""
        for _ in range(_MAX_HOPS):
            entry = self.named(name)
            if entry is None or entry.alias is None:
                return name
            template = instance_of(name)
            if template is not None and is_template(entry.alias):
                name = with_instance(entry.alias, name.rpartition(".")[0].partition("@")[2])
            else:
                name = entry.alias
        return name

    def aliases(self, name: str) -> list[str]:
        """Other names of the unit whose one true name is `name`, sorted."""
        if not self._aliases:
            for alias, entry in sorted(self.files.items()):
                if entry.how == "alias":
                    self._aliases.setdefault(self.true_name(alias), []).append(alias)
            self._aliases.setdefault("", [])
        return self._aliases.get(name, [])

    def settings(self, look: Look, path: str) -> tuple[Setting, ...] | None:
        """The assignments of the file at `path`; None (and a gap) when it cannot be read or systemd would refuse it."""
        if path not in self._parsed:
            try:
                text = look.text(path)
                self._parsed[path] = parse(text) if text is not None else None
            except (ParseError, TargetError) as error:
                look.gap(path, reason_of(error))
                self._parsed[path] = None
        return self._parsed[path]

    def drop_ins(self, look: Look, name: str) -> list[str]:
        """Paths of the drop-ins of the unit, in the order they are read.

        By file name; for the same name an earlier folder of the load path wins, then the more specific unit name, and
        folders for a whole type (`service.d`) come last. A link to /dev/null or an empty file masks the name.
        """
        owners = [name, *self.aliases(name)]
        chosen: dict[str, str] = {}
        for paths in (self._folders_for(owners), self.drop_in_folders.get(f"{name.rpartition('.')[2]}.d", [])):
            for folder in paths:
                for entry in self._names_in(look, folder, name):
                    if entry.endswith(".conf") and entry not in chosen:
                        chosen[entry] = f"{folder}/{entry}"
        return [chosen[entry] for entry in sorted(chosen) if not _is_mask(look, chosen[entry])]

    def _names_in(self, look: Look, folder: str, name: str) -> list[str]:
        try:
            return look.names(folder)
        except TargetError as error:
            look.gap(folder, reason_of(error))
            self.unread.setdefault(name, set()).add(folder)
            return []

    def _folders_for(self, owners: list[str]) -> Iterator[str]:
        wanted = [f"{part}.d" for owner in owners for part in _more_general(owner)]
        for folder in self.folders:
            for name in wanted:
                path = f"{folder}/{name}"
                if path in self.drop_in_folders.get(name, ()):
                    yield path

    def unit(self, look: Look, name: str) -> tuple[Unit, list[str]] | None:
        """What all files of the unit say together, and its drop-ins; None when its main file cannot be used."""
        entry = self.named(name)
        if entry is None or entry.real is None:
            return None
        main = self.settings(look, entry.real)
        if main is None:
            return None
        paths = self.drop_ins(look, name)
        parts = [self.settings(look, path) for path in paths]
        lost = {path for path, part in zip(paths, parts, strict=True) if part is None}
        if lost:
            self.unread.setdefault(name, set()).update(lost)
        return Unit.of([main, *(part for part in parts if part is not None)]), paths


def find(look: Look) -> UnitFiles:
    """Read the load path. A folder inside it that cannot be read is a gap of the fact under construction.

    Raises TargetError for one of the folders themselves: what is masked or replaced there nobody can say.
    """
    found = UnitFiles()
    for folder in FOLDERS:
        real = look.real(folder)
        if real is not None and real not in found.real_folders:
            found.real_folders.add(real)
            found.folders.append(folder)
    for folder in found.folders:
        _read_folder(look, folder, found)
    return found


def _read_folder(look: Look, folder: str, found: UnitFiles) -> None:
    for name in look.names(folder):
        path = f"{folder}/{name}"
        suffix = posixpath.splitext(name)[1]
        if suffix == ".d":
            found.drop_in_folders.setdefault(name, []).append(path)
        elif suffix in _LINKS:
            _read_links(look, folder, name, found)
        elif unit_type(name) is not None:
            entry = _entry(look, path, name, found.real_folders)
            # What is neither file nor valid link does not hide the name in folders of lower rank.
            if entry is None:
                continue
            found.files.setdefault(name, entry)
            link = look.link(path)
            if link is not None and folder in _ADMIN:
                found.admin_links.append((name, posixpath.basename(link)))


def _read_links(look: Look, folder: str, name: str, found: UnitFiles) -> None:
    owner, kind = posixpath.splitext(name)
    for wanted in look.try_names(f"{folder}/{name}"):
        if unit_type(wanted) is None or (owner, wanted, kind) in found._known:
            continue
        found._known.add((owner, wanted, kind))
        path = f"{folder}/{name}/{wanted}"
        link = look.link(path)
        # A link to /dev/null takes back what a folder of lower rank asks for.
        if _is_mask(look, path):
            continue
        found.asked.append(Asked(owner, wanted, path, folder in _ADMIN, posixpath.basename(link or "")))


def _entry(look: Look, path: str, name: str, folders: set[str]) -> UnitFile | None:
    """What the entry at `path` is to systemd, or None when it is neither a file nor a link."""
    try:
        end = _end_of_links(look, path)
        entry = look.entry(end, follow=False) if end != "/dev/null" else None
    except (MissingError, DamagedError):
        return UnitFile(name, path, "dangling")
    except TargetError as error:
        look.gap(path, reason_of(error))
        return UnitFile(name, path, "dangling")
    if end == "/dev/null":
        return UnitFile(name, path, "mask", masked_by="link")
    folder, _, target = end.rpartition("/")
    inside = folder in folders
    aliased = target if inside and target != name else None
    if aliased is not None and not may_be_alias(name, aliased):
        return None
    if entry is None:
        return UnitFile(name, path, "alias" if aliased else "dangling", alias=aliased)
    if entry.type not in ("file", "char", "block"):
        return None
    if entry.size == 0:
        return UnitFile(name, path, "mask", masked_by="empty")
    # An instance that is a link to its own template is that instance, not another name of the template.
    if aliased is not None and aliased != instance_of(name):
        return UnitFile(name, path, "alias", real=end, alias=aliased)
    return UnitFile(name, path, "file" if end == path or inside else "link", real=end)


def _end_of_links(look: Look, path: str) -> str:
    """The canonical path that a chain of links ends at, even when nothing lies there (an image has no /dev/null)."""
    tree = look.target.tree
    for _ in range(_MAX_HOPS):
        path = "/" + "/".join(part for part in path.split("/") if part not in ("", "."))
        folder, _, base = path.rpartition("/")
        if base == "null" and folder.endswith("/dev") and tree.resolve(folder.removesuffix("/dev") or "/") == "/":
            return "/dev/null"
        folder = tree.resolve(folder or "/")
        path = f"{folder.rstrip('/')}/{base}"
        text = look.link(path)
        if text is None:
            return path
        path = posixpath.join(folder, text)
    raise DamagedError(f"{path}: more than {_MAX_HOPS} links")


def _is_mask(look: Look, path: str) -> bool:
    try:
        end = _end_of_links(look, path)
        entry = look.entry(end, follow=False) if end != "/dev/null" else None
    except TargetError:
        return False
    return end == "/dev/null" or (entry is not None and entry.type == "file" and entry.size == 0)


def _more_general(name: str) -> Iterator[str]:
    """The names whose `.d` folders apply: the unit, its template, and `foo-.service` for `foo-bar.service`."""
    stem, _, suffix = name.rpartition(".")
    bases = [stem]
    if (template := instance_of(name)) is not None:
        bases.append(template.rpartition(".")[0])
    for base in bases:
        yield f"{base}.{suffix}"
        parts = base.split("-")
        for count in range(len(parts) - 1, 0, -1):
            yield f"{'-'.join(parts[:count])}-.{suffix}"
