"""Installed packages and the databases they stand in: rpm (sqlite, ndb, Berkeley DB), dpkg, distroless, apk.

Where the databases lie: rpm, macros (`_dbpath`: /usr/lib/sysimage/rpm, /var/lib/rpm) and /usr/share/rpm of rpm-ostree,
mostly links to one another; dpkg(1), FILES; apk(8), FILES. A database that cannot be read makes the facts an error
and never shortens the list; a system without any database that is known here is not collected, because nobody can say
from its absence that a program is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import MissingError, NotCollectedError, ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import apk_db, dpkg, rpmdb
from scanner.parsers.rpmdb import RpmPackage

_RPM_FOLDERS = ("/usr/lib/sysimage/rpm", "/usr/share/rpm", "/var/lib/rpm")
# File name to form, in the order in which rpm 4.16 and later would take them.
_RPM_FILES = {"rpmdb.sqlite": "sqlite", "Packages.db": "ndb", "Packages": "bdb"}
_MOST_RPM = 256 * 1024 * 1024  # a workstation of 3000 packages has about 150 MB
_MOST_LOG = 64 * 1024 * 1024  # rpm folds its log back at 10,000 pages of 4 KiB
_MOST_TEXT = 64 * 1024 * 1024  # status and installed hold every description or file name
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_DPKG = "/var/lib/dpkg"
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_GONE = frozenset({"not-installed", "config-files"})
_WORKING = frozenset({"installed", "triggers-awaited", "triggers-pending"})


@dataclass(frozen=True, slots=True)
class _Database:
    """One database: records of packages, and for rpm the trusted keys that stand among them."""

    manager: str
    path: str
    format: str
    packages: list[dict[str, Json]]
    keys: list[dict[str, Json]]


def _databases(look: Look) -> list[_Database]:
    found = [*_rpm(look), *_dpkg_databases(look), *_apk(look)]
    return sorted(found, key=lambda database: (database.manager, database.path))


# ---- rpm -----------------------------------------------------------------------------------------------------------


def _rpm(look: Look) -> Iterator[_Database]:
    done: set[str] = set()
    for folder in _RPM_FOLDERS:
        real = look.real(folder)
        if real is None or real in done:
            continue
        done.add(real)
        files = [name for name in _RPM_FILES if look.entry(f"{real}/{name}") is not None]
        if files:
            yield _rpm_database(look, f"{real}/{files[0]}", _RPM_FILES[files[0]])
        for other in files[1:]:
            look.gap(f"{real}/{other}", f"unsupported: a second rpm database beside {files[0]}")
        if look.names(f"{real}/pubkeys"):
            look.gap(f"{real}/pubkeys", "unsupported: trusted keys kept as files")


def _rpm_database(look: Look, path: str, form: str) -> _Database:
    data = look.data(path, _MOST_RPM)
    if data is None:
        raise MissingError(f"{path} does not exist")
    log = b""
    if form == "sqlite":
        log = look.data(f"{path}-wal", _MOST_LOG) or b""
        if look.entry(f"{path}-journal") is not None and look.peek(f"{path}-journal", 0, 8) == _JOURNAL_MAGIC:
            look.gap(f"{path}-journal", "unsupported: an unfinished transaction would have to be rolled back")
    packages: list[dict[str, Json]] = []
    keys: list[dict[str, Json]] = []
    try:
        for package in rpmdb.packages(data, log):
            if package.name == rpmdb.PUBLIC_KEY:
                keys.append(_rpm_key(package, path))
            else:
                packages.append(_rpm_record(package, path))
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error
    return _Database("rpm", path, form, packages, keys)


def _rpm_record(package: RpmPackage, path: str) -> dict[str, Json]:
    label = f"{package.version}-{package.release}"
    return {
        "name": package.name,
        "epoch": package.epoch,
        "version": package.version,
        "release": package.release,
        "evr": label if package.epoch is None else f"{package.epoch}:{label}",
        "arch": package.arch,
        "manager": "rpm",
        "vendor": package.vendor,
        "origin": _source_name(package.source_rpm),
        "signed_by": package.signed_by,
        "state": "installed",
        "source": path,
        "line": None,
    }


def _source_name(source_rpm: str | None) -> str | None:
    """`bash` of `bash-5.2.26-6.el10.src.rpm`: neither version nor release holds a dash."""
    parts = (source_rpm or "").rsplit("-", 2)
    return parts[0] if len(parts) == 3 else None


def _rpm_key(package: RpmPackage, path: str) -> dict[str, Json]:
    key = package.key
    return {
        "key_id": package.version,
        "created": package.release,
        "owner": key.owner if key else None,
        "fingerprint": key.fingerprint if key else None,
        "source": path,
    }


# ---- dpkg ----------------------------------------------------------------------------------------------------------


def _dpkg_databases(look: Look) -> Iterator[_Database]:
    status = f"{_DPKG}/status"
    text = look.text(status, _MOST_TEXT)
    if text is not None:
        records = {_dpkg_key(record): record for record in _dpkg_records(text, status)}
        for path in _dpkg_updates(look):
            # The journal of a dpkg that was interrupted: each file replaces the stanzas it holds.
            update = look.text(path) or ""
            records.update((_dpkg_key(record), record) for record in _dpkg_records(update, path))
        yield _Database("dpkg", status, "status", _present(records.values()), [])
    folder = f"{_DPKG}/status.d"
    names = [name for name in look.names(folder) if not name.endswith(".md5sums")]
    if names:
        listed: list[dict[str, Json]] = []
        for name in names:
            path = f"{folder}/{name}"
            listed.extend(_dpkg_records(look.text(path) or "", path, listed_means_installed=True))
        yield _Database("dpkg", folder, "status.d", _present(listed), [])


def _dpkg_updates(look: Look) -> list[str]:
    return [f"{_DPKG}/updates/{name}" for name in look.names(f"{_DPKG}/updates") if name.isdigit()]


def _dpkg_records(text: str, path: str, *, listed_means_installed: bool = False) -> list[dict[str, Json]]:
    try:
        found = dpkg.packages(text, listed_means_installed=listed_means_installed)
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error
    return [_dpkg_record(package, path) for package in found]


def _dpkg_record(package: dpkg.DpkgPackage, path: str) -> dict[str, Json]:
    evr = package.version or ""
    head, colon, rest = evr.partition(":")
    epoch = int(head) if colon and head.isascii() and head.isdigit() and len(head) < 10 else None
    upstream, dash, revision = (rest if epoch is not None else evr).rpartition("-")
    return {
        "name": package.name,
        "epoch": epoch,
        "version": upstream if dash else revision,
        "release": revision if dash else None,
        "evr": evr,
        "arch": package.arch,
        "manager": "dpkg",
        "vendor": package.maintainer,
        "origin": package.source or package.name,
        "signed_by": None,
        "state": package.state,
        "source": path,
        "line": package.line,
    }


def _dpkg_key(record: dict[str, Json]) -> tuple[Json, Json]:
    return record["name"], record["arch"]


def _present(records: Iterable[dict[str, Json]]) -> list[dict[str, Json]]:
    """The packages whose files may be on the disk, with one word for how they fare."""
    found: list[dict[str, Json]] = []
    for record in records:
        if record["state"] not in _GONE:
            record["state"] = "installed" if record["state"] in _WORKING else "broken"
            found.append(record)
    return found


# ---- apk -----------------------------------------------------------------------------------------------------------


def _apk(look: Look) -> Iterator[_Database]:
    done: set[str] = set()
    for path in _APK:
        real = look.real(path)
        text = look.text(path, _MOST_TEXT) if real is not None and real not in done else None
        if real is None or text is None:
            continue
        done.add(real)
        try:
            found = apk_db.packages(text)
        except ParseError as error:
            raise ParseError(f"{real}: {error}") from error
        yield _Database("apk", real, "installed", [_apk_record(package, real) for package in found], [])


def _apk_record(package: apk_db.ApkPackage, path: str) -> dict[str, Json]:
    version, dash, release = package.version.rpartition("-r")
    return {
        "name": package.name,
        "epoch": None,
        "version": version if dash else package.version,
        "release": f"r{release}" if dash else None,
        "evr": package.version,
        "arch": package.arch,
        "manager": "apk",
        "vendor": package.maintainer,
        "origin": package.origin,
        "signed_by": None,
        "state": "broken" if package.broken else "installed",
        "source": path,
        "line": package.line,
    }


# ---- facts ---------------------------------------------------------------------------------------------------------


def _installed(look: Look) -> Json:
    databases = look.shared(_databases)
    if not databases:
        raise NotCollectedError("no package database that is known here (rpm, dpkg, apk)")
    records = [record for database in databases for record in database.packages]
    if not records:
        # Whatever runs here was installed by something; an emptied database says nothing about what is on the disk.
        raise NotCollectedError("no package database holds a single package")
    return sorted(
        records, key=lambda record: tuple(str(record[key]) for key in ("name", "manager", "arch", "evr", "source"))
    )


def _keys(look: Look) -> Json:
    databases = [database for database in look.shared(_databases) if database.manager == "rpm"]
    if not databases:
        look.because("no rpm database exists")
        return None
    records = [record for database in databases for record in database.keys]
    return sorted(records, key=lambda record: (record["key_id"], record["created"], record["source"]))


def _known(look: Look) -> Json:
    databases = look.shared(_databases)
    if not databases:
        look.because("no database of rpm, dpkg or apk exists")
        return None
    return [
        {
            "manager": database.manager,
            "path": database.path,
            "source": database.path,
            "format": database.format,
            "count": len(database.packages),
        }
        for database in databases
    ]


_COMPUTE: dict[str, Callable[[Look], Json]] = {
    "packages.installed": _installed,
    "packages.databases": _known,
    "packages.rpm_keys": _keys,
}


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts(_COMPUTE)


COLLECTOR = Collector(
    id="packages",
    facts=(
        FactSpec(
            "packages.installed",
            "table",
            "Every package whose files are on the disk, by name; not collected on a system without a package database.",
            fields={
                "name": "text: name of the package",
                "epoch": "number: epoch, or null when none is set",
                "version": "text: version without epoch and release",
                "release": "text: release or revision, or null",
                "evr": "text: epoch, version and release as the manager writes them",
                "arch": "text: architecture, or null",
                "manager": "text: rpm, dpkg or apk",
                "vendor": "text: vendor (rpm) or maintainer, or null",
                "origin": "text: name of the source package, or null",
                "signed_by": "text: key id or fingerprint that rpm's header signature names (not verified), or null",
                "state": "text: installed, or broken when its installation did not end well",
                "source": "text: database",
                "line": "number: line in a text database, or null",
            },
        ),
        FactSpec(
            "packages.databases",
            "table",
            "The package databases of the system.",
            fields={
                "manager": "text: rpm, dpkg or apk",
                "path": "text: canonical path",
                "source": "text: the same path",
                "format": "text: sqlite, ndb, bdb, status, status.d or installed",
                "count": "number: packages in it",
            },
        ),
        FactSpec(
            "packages.rpm_keys",
            "table",
            "Keys that rpm trusts (gpg-pubkey entries of its database).",
            fields={
                "key_id": "text: version of the entry: end of the key id, or the fingerprint",
                "created": "text: release of the entry: creation time in hexadecimal",
                "owner": "text: user id as rpm noted it, or null",
                "fingerprint": "text: lower-case hex, computed from the key, or null when it cannot be",
                "source": "text: database",
            },
        ),
    ),
    collect=collect,
)
