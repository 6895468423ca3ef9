"""Files of packages that are not as their package brought them: contents, modes, owners.

rpm keeps all of it in its database; dpkg keeps digests only. Configuration files are meant to be changed, so their
contents do not count. As `rpm --verify` does it, only what the package wants compared is compared, links have no mode,
and files that were left out at installation are not missed.
The fact takes an argument because contents mean reading every file: it is made only for a rule that asks for it.
Source: rpm, lib/verify.cc; dpkg(1), --verify; deb-md5sums(5); dpkg-divert(1).
"""

from __future__ import annotations

import hashlib
import posixpath
import stat
from collections.abc import Iterator

from scanner.collectors import userdb
from scanner.collectors.base import Collector, Look, each_argument, reason_of
from scanner.model.canonical import printable
from scanner.model.errors import LimitError, MissingError, NotCollectedError, ParseError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import dpkg, rpm_files
from scanner.parsers.rpm_files import RpmFile
from scanner.parsers.rpm_header import Tag
from scanner.target.base import Entry

_ASPECTS = ("contents", "mode", "owner")
_RPM_FOLDERS = ("/usr/lib/sysimage/rpm", "/usr/share/rpm", "/var/lib/rpm")
_RPM_FILES = ("rpmdb.sqlite", "Packages.db", "Packages")
_MOST_RPM = 256 * 1024 * 1024
_MOST_LOG = 64 * 1024 * 1024
_DPKG = "/var/lib/dpkg"
_CHUNK = 8 * 1024 * 1024
_MOST_GAPS = 100


@dataclass(frozen=True, slots=True)
class _Place:
    """A file of the tree: its canonical path and entry."""

    path: str
    entry: Entry


class _Tree:
    """Files by the paths that packages name. Folders are looked up once; what cannot be read is a gap."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._folders: dict[str, str | None] = {}
        self._gaps = 0

    def find(self, path: str) -> _Place | None:
        """The entry itself (a link is not followed); None when it is not there or cannot be looked at."""
        folder, name = posixpath.split(path)
        try:
            if folder not in self._folders:
                self._folders[folder] = self._resolved(folder)
            parent = self._folders[folder]
            if parent is None:
                return None
            canonical = parent.rstrip("/") + "/" + name if name else parent
            return _Place(canonical, self._look.target.tree.lstat(canonical))
        except MissingError:
            return None
        except TargetError as error:
            self._gap(path, error)
            return None

    def _resolved(self, folder: str) -> str | None:
        try:
            return self._look.target.tree.resolve(folder)
        except MissingError:
            return None

    def digest(self, place: _Place, algorithm: str) -> str | None:
        """The hexadecimal digest of a file, None when it cannot be read. Raises LimitError when nothing more can be."""
        tree = self._look.target.tree
        found = hashlib.new(algorithm, usedforsecurity=False)
        try:
            if place.entry.size <= _CHUNK:
                found.update(tree.read(place.path, _CHUNK))
                return found.hexdigest()
            for offset in range(0, place.entry.size, _CHUNK):
                found.update(tree.pread(place.path, offset, _CHUNK))
        except LimitError:
            raise
        except TargetError as error:
            self._gap(place.path, error)
            return None
        return found.hexdigest()

    def _gap(self, path: str, error: Exception) -> None:
        self._gaps += 1
        if self._gaps <= _MOST_GAPS:
            self._look.gap(path, reason_of(error))


def _modified(look: Look, aspect: str) -> Json:
    if aspect not in _ASPECTS:
        raise ParseError(f"{aspect!r} is none of {', '.join(_ASPECTS)}")
    database = _rpm_database(look)
    tree = _Tree(look)
    records: list[dict[str, Json]] = []
    try:
        if database is not None:
            records += _rpm(look, tree, database, aspect)
        elif look.entry(f"{_DPKG}/status") is not None or look.entry(f"{_DPKG}/status.d") is not None:
            if aspect != "contents":
                raise NotCollectedError(f"dpkg does not record the {aspect} of files")
            records += _dpkg(look, tree)
        else:
            raise NotCollectedError("no package database that records its files (rpm, dpkg)")
    except LimitError as error:
        look.gap(aspect, reason_of(error))
    for record in records[:_MOST_GAPS]:
        look.saw(Evidence(printable(str(record["path"]))))
    return sorted(records, key=lambda record: (str(record["path"]), str(record["package"])))


def _record(path: str, package: str, source: str, *, expected: Json = None, found: Json = None) -> dict[str, Json]:
    return {"path": path, "package": package, "expected": expected, "found": found, "source": source}


# ---- rpm -----------------------------------------------------------------------------------------------------------


def _rpm_database(look: Look) -> str | None:
    for folder in _RPM_FOLDERS:
        for name in _RPM_FILES:
            real = look.real(f"{folder}/{name}")
            if real is not None:
                return real
    return None


def _rpm(look: Look, tree: _Tree, database: str, aspect: str) -> Iterator[dict[str, Json]]:
    data = look.data(database, _MOST_RPM) or b""
    log = look.data(f"{database}-wal", _MOST_LOG) or b"" if database.endswith(".sqlite") else b""
    names = look.shared(userdb.names)
    for header in rpm_files.headers(data, log):
        package = header.text(Tag.NAME) or ""
        for file in rpm_files.files(header):
            place = tree.find(file.path) if _is_asked(file, aspect) else None
            if place is None:
                continue
            if aspect == "contents":
                if stat.S_ISREG(place.entry.mode) and stat.S_ISREG(file.mode) and _differs(tree, place, file):
                    yield _record(file.path, package, database)
            elif aspect == "mode":
                yield from _mode(file, place, package, database)
            else:
                yield from _owner(file, place, names, package, database)


def _is_asked(file: RpmFile, aspect: str) -> bool:
    if aspect == "contents":
        return bool(file.digest) and not file.config and not file.ghost and "digest" in file.verified
    return "mode" in file.verified if aspect == "mode" else bool({"user", "group"} & file.verified)


def _differs(tree: _Tree, place: _Place, file: RpmFile) -> bool:
    digest = tree.digest(place, file.algorithm)
    return digest is not None and digest != file.digest


def _mode(file: RpmFile, place: _Place, package: str, database: str) -> Iterator[dict[str, Json]]:
    if place.entry.type == "link":
        return
    # What kind of file a %ghost is does not matter, only its permissions.
    same_kind = file.ghost or stat.S_IFMT(file.mode) == stat.S_IFMT(place.entry.mode)
    if not same_kind or stat.S_IMODE(file.mode) != stat.S_IMODE(place.entry.mode):
        expected = f"{stat.S_IMODE(file.mode):04o}"
        yield _record(file.path, package, database, expected=expected, found=place.entry.permissions)


def _owner(file: RpmFile, place: _Place, names: userdb.Names, package: str, database: str) -> Iterator[dict[str, Json]]:
    if names.users is None or names.groups is None:
        raise MissingError("the account files cannot be read: owners have no names")
    user = "root" if place.entry.uid == 0 else names.users.get(place.entry.uid, str(place.entry.uid))
    group = "root" if place.entry.gid == 0 else names.groups.get(place.entry.gid, str(place.entry.gid))
    wrong_user = "user" in file.verified and user != file.user
    wrong_group = "group" in file.verified and group != file.group
    if wrong_user or wrong_group:
        yield _record(file.path, package, database, expected=f"{file.user}:{file.group}", found=f"{user}:{group}")


# ---- dpkg ----------------------------------------------------------------------------------------------------------


def _dpkg(look: Look, tree: _Tree) -> Iterator[dict[str, Json]]:
    diverted = _diversions(look)
    for folder in (f"{_DPKG}/info", f"{_DPKG}/status.d"):
        for name in look.names(folder):
            if not name.endswith(".md5sums"):
                continue
            source = f"{folder}/{name}"
            package = name.removesuffix(".md5sums").partition(":")[0]
            text = look.try_text(source)
            try:
                listed = dpkg.md5sums(text or "")
            except ParseError as error:
                look.gap(source, reason_of(error))
                continue
            for digest, path in listed:
                owner, elsewhere = diverted.get(path, (package, path))
                place = tree.find(path if owner == package else elsewhere)
                if place is None or place.entry.type != "file" or path.startswith("/etc/"):
                    continue
                found = tree.digest(place, "md5")
                if found is not None and found != digest:
                    yield _record(path, package, source)


def _diversions(look: Look) -> dict[str, tuple[str, str]]:
    """Path to (the package that put its own file there, where everybody else's file went)."""
    lines = (look.text(f"{_DPKG}/diversions") or "").split("\n")
    return {lines[at]: (lines[at + 2], lines[at + 1]) for at in range(0, len(lines) - 2, 3)}


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from each_argument(look, "packages.modified", _modified)


COLLECTOR = Collector(
    id="verified_packages",
    facts=(
        FactSpec(
            "packages.modified",
            "table",
            "Files that differ from what their package installed, by path; not collected where no database tells.",
            on_demand=True,
            fields={
                "path": "text: path as the package names it",
                "package": "text: package",
                "expected": "text: mode, or user:group, of the package; null for contents",
                "found": "text: what the file has; null for contents",
                "source": "text: database, or list of digests",
            },
            argument="contents (of files that are no configuration), mode or owner",
        ),
    ),
    collect=collect,
)
