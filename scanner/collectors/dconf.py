"""dconf: what the system's databases set for each profile, and whether they hold what the keyfiles beside them say.

Programs read compiled databases only, so those decide what is set; keyfiles that were never compiled have no effect.
Whether a database is up to date is told by comparing its contents with the keyfiles, not by times. The databases of
single users are not looked at: a locked value cannot be changed there.
Source: dconf(7); dconf, engine/dconf-engine.c (dconf_engine_read: which source and which lock count).
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.secret_names import names_secret
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import dconf_files, gvariant, gvdb
from scanner.parsers.dconf_files import Setting, Source

_DATABASES = "/etc/dconf/db"
_PROFILES = ("/etc/dconf/profile", "/usr/local/share/dconf/profile", "/usr/share/dconf/profile")
_PROGRAMS = ("/usr/bin/dconf", "/usr/libexec/dconf-service")
_MOST_SHOWN = 20
_MOST_FILE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Folder:
    """The keyfiles of a database together: of a path that is set twice the last file counts."""

    settings: dict[str, tuple[str, Setting]]
    locks: dict[str, tuple[str, int]]
    files: int
    broken: bool


def _is_here(look: Look) -> bool:
    if any(look.entry(path) is not None for path in ("/etc/dconf", *_PROFILES, *_PROGRAMS)):
        return True
    look.because("dconf is not installed")
    return False


def _profiles(look: Look) -> dict[str, list[Source]]:
    """Profiles by name. A file of an earlier folder hides one of the same name in a later one."""
    found: dict[str, list[Source]] = {}
    for folder in _PROFILES:
        for name in look.try_names(folder):
            path = f"{folder}/{name}"
            text = look.try_text(path) if name not in found else None
            if text is None:
                continue
            try:
                found[name] = dconf_files.profile(text)
            except ParseError as error:
                look.gap(path, reason_of(error))
    return found


def _path_of(source: Source) -> str | None:
    """The compiled file of a source; None for the database of a user."""
    if source.kind == "system":
        return f"{_DATABASES}/{source.name}"
    return source.name if source.kind == "file" else None


def _compiled(look: Look, path: str) -> gvdb.Database | None:
    """The compiled database at `path`, or None when it is not there. Raises ParseError, TargetError."""
    entry = look.entry(path)
    if entry is None or entry.type == "directory":
        return None
    data = look.data(path, _MOST_FILE)
    return None if data is None else gvdb.parse(data)


def _folder(look: Look, folder: str) -> _Folder:
    """The keyfiles and locks of one database. A file that dconf would refuse is a gap."""
    settings: dict[str, tuple[str, Setting]] = {}
    locks: dict[str, tuple[str, int]] = {}
    files, broken = 0, False
    for path in _files(look, folder):
        text = look.try_text(path)
        try:
            for setting in dconf_files.keyfile(text or ""):
                settings[setting.path] = (path, setting)
        except ParseError as error:
            look.gap(path, reason_of(error))
            broken = True
        broken = broken or text is None
        files += 1
    for path in _files(look, f"{folder}/locks"):
        text = look.try_text(path)
        broken = broken or text is None
        for lock, line in dconf_files.locks(text or ""):
            locks.setdefault(lock, (path, line))
    return _Folder(settings, locks, files, broken)


def _files(look: Look, folder: str) -> list[str]:
    """Files that `dconf update` reads: no hidden ones, no folders, in byte order."""
    paths = [f"{folder}/{name}" for name in look.try_names(folder) if not name.startswith(".")]
    entries = [(path, look.entry(path)) for path in paths]
    return [path for path, entry in entries if entry is not None and entry.type != "directory"]


# ---- databases -----------------------------------------------------------------------------------------------------


def _databases(look: Look) -> Json:
    if not _is_here(look):
        return None
    profiles = look.shared(_profiles)
    users: dict[str, list[str]] = {}
    for profile, sources in profiles.items():
        for source in sources:
            if source.kind == "system":
                users.setdefault(source.name, []).append(profile)
    names = look.try_names(_DATABASES)
    known = {name.removesuffix(".d") for name in names if not name.startswith(".")} | set(users)
    return [_database(look, name, sorted(users.get(name, []))) for name in sorted(known)]


def _database(look: Look, name: str, profiles: list[str]) -> Json:
    path = f"{_DATABASES}/{name}"
    folder = _folder(look, f"{path}.d")
    record: dict[str, Json] = {
        "name": name,
        "path": path,
        "exists": look.entry(path) is not None,
        "key_files": folder.files,
        "profiles": profiles,
        "source": path,
    }
    try:
        compiled = _compiled(look, path)
    except (TargetError, ParseError) as error:
        look.gap(path, reason_of(error))
        return record
    if folder.broken:
        return record
    different = _differences(folder, compiled or gvdb.Database({}, frozenset()))
    return {**record, "up_to_date": not different, "differs": different[:_MOST_SHOWN]}


def _differences(folder: _Folder, compiled: gvdb.Database) -> list[str]:
    """Paths whose value or lock differs between keyfiles and the compiled database."""
    paths = {
        path
        for path in folder.settings.keys() | compiled.values.keys()
        if not _agrees(folder.settings.get(path), compiled.values.get(path))
    }
    return sorted(paths | (folder.locks.keys() ^ compiled.locks))


def _agrees(written: tuple[str, Setting] | None, compiled: tuple[str, gvariant.Value] | None) -> bool:
    if written is None or compiled is None:
        return False
    setting = written[1]
    same_type = setting.type is None or setting.type == compiled[0]
    return same_type and gvariant.to_text(setting.value) == gvariant.to_text(compiled[1])


# ---- what holds ----------------------------------------------------------------------------------------------------


def _settings(look: Look) -> Json:
    if not _is_here(look):
        return None
    return [
        record
        for profile, sources in sorted(look.shared(_profiles).items())
        for record in _profile_settings(look, profile, sources)
    ]


def _profile_settings(look: Look, profile: str, sources: list[Source]) -> Iterator[Json]:
    """What the sources of a profile set together, by path.

    The first source that has a value counts. But a lock hides all sources before the (last) one that has it.
    """
    found: list[tuple[int, str, gvdb.Database]] = []
    for number, source in enumerate(sources):
        path = _path_of(source)
        if path is None:
            continue
        try:
            database = _compiled(look, path)
        except (TargetError, ParseError) as error:
            look.gap(path, reason_of(error))
            continue
        if database is not None:
            found.append((number, path, database))
    # Without a database of the user's own, nothing can be written at all.
    closed = not any(source.kind == "user" for source in sources)
    folders = {path: _folder(look, f"{path}.d") for _, path, _ in found if path.startswith(f"{_DATABASES}/")}
    for path in sorted({path for _, _, database in found for path in {*database.values, *database.locks}}):
        locked = [number for number, _, database in found if path in database.locks]
        first = max(locked, default=0)
        for number, source_path, database in found:
            if number >= first and path in database.values:
                written = folders.get(source_path)
                setting = written.settings.get(path) if written is not None else None
                yield _setting(profile, path, source_path, database.values[path], setting, closed or bool(locked))
                break
        else:
            database_path = next(place for _, place, database in found if path in database.locks)
            yield _lock_alone(profile, path, database_path)


def _setting(
    profile: str,
    path: str,
    database: str,
    value: tuple[str, gvariant.Value],
    written: tuple[str, Setting] | None,
    locked: bool,
) -> Json:
    kind, content = value
    shown = None if names_secret(path) else gvariant.to_text(content)
    source, line = database, None
    if written is not None and _agrees(written, value):
        source, line = written[0], written[1].line
    return {
        "profile": profile,
        "path": path,
        "type": kind,
        "value": shown,
        "number": content if isinstance(content, int) and not isinstance(content, bool) else None,
        "locked": locked,
        "database": database,
        "source": source,
        "line": line,
    }


def _lock_alone(profile: str, path: str, database: str) -> Json:
    """A path that is locked while no source has a value: the program's own default holds."""
    unset: dict[str, Json] = dict.fromkeys(("type", "value", "number", "line"))
    return {"profile": profile, "path": path, **unset, "locked": True, "database": database, "source": database}


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts({"dconf.databases": _databases, "dconf.settings": _settings})


COLLECTOR = Collector(
    id="dconf",
    facts=(
        FactSpec(
            "dconf.databases",
            "table",
            "System databases, by name; absent where dconf is not installed.",
            fields={
                "name": "text: name",
                "path": "text: the compiled database",
                "exists": "flag: it is there",
                "key_files": "number: keyfiles in the folder beside it",
                "up_to_date": "flag: it holds what the keyfiles say, and nothing else; missing: cannot be decided",
                "differs": "list: some paths whose value or lock differs; missing likewise",
                "profiles": "list: profiles that read it",
                "source": "text: the compiled database",
            },
        ),
        FactSpec(
            "dconf.settings",
            "table",
            "What compiled databases set for each profile, by profile and path; absent where dconf is not installed.",
            fields={
                "profile": "text: profile, user for sessions, gdm for the login screen",
                "path": "text: path of the key, /org/gnome/login-screen/banner-message-enable",
                "type": "text: GVariant type, b, s, u, as …; null: locked without a value",
                "value": "text: value, true, false, a number, or the string itself; null likewise, or a secret",
                "number": "number: the same; null for what is no whole number",
                "locked": "flag: users cannot change it",
                "database": "text: the compiled database it comes from",
                "source": "text: the keyfile that sets it, or the database where no keyfile agrees",
                "line": "number: line in the keyfile; null likewise",
            },
        ),
    ),
    collect=collect,
)
