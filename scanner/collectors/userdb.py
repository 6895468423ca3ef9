"""Users and groups as the name service sees them in files: shared by the collectors that need names for numbers.

Sources: passwd(5), group(5), nsswitch.conf(5); `altfiles` (nss-altfiles) adds /usr/lib/passwd and /usr/lib/group, as
ostree systems do. An entry of /etc hides one of the same name in /usr/lib. Directory services are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from scanner.collectors.base import Look, reason_of
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Json
from scanner.model.records import dataclass
from scanner.parsers import login_defs, passwd

__all__ = ["Names", "compat_lines", "groups", "names", "report", "uid_min", "unreadable", "users"]

_RECORDS = ("/etc/userdb", "/usr/local/lib/userdb", "/usr/lib/userdb")

T = TypeVar("T", passwd.User, passwd.Group)
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Names:
    """Names for numbers; None when the file could not be read."""

    users: dict[int, str] | None
    groups: dict[int, str] | None


def users(look: Look) -> list[tuple[str, passwd.User]] | None:
    """Every user with the file it stands in, in order; None when there is no /etc/passwd."""
    return _entries(look, "passwd", passwd.parse_passwd)


def groups(look: Look) -> list[tuple[str, passwd.Group]] | None:
    """Every group with the file it stands in, in order; None when there is no /etc/group."""
    return _entries(look, "group", passwd.parse_group)


def _entries(look: Look, database: str, parse: Callable[[str], passwd.Parsed[T]]) -> list[tuple[str, T]] | None:
    path = f"/etc/{database}"
    text = look.text(path)
    if text is None:
        return None
    services = look.shared(_services).get(database, ("files",))
    parsed = parse(text)
    report(look, path, parsed)
    if parsed.compat and "compat" in services:
        look.gap(path, "unsupported: users of NIS are added here (compat)")
    found = [(path, entry) for entry in parsed.entries]
    _other_records(look, database, services)
    extra = f"/usr/lib/{database}"
    more = look.try_text(extra) if "altfiles" in services else None
    if more is not None:
        known = {entry.name for entry in parsed.entries}
        parsed = parse(more)
        report(look, extra, parsed)
        found += [(extra, entry) for entry in parsed.entries if entry.name not in known]
    return found


def _other_records(look: Look, database: str, services: tuple[str, ...]) -> None:
    """A gap for each place with users or groups in another form that the name service asks and we do not read."""
    suffix = ".user" if database == "passwd" else ".group"
    if "systemd" in services:
        for folder, ending in (*((folder, suffix) for folder in _RECORDS), ("/var/lib/systemd/home", ".identity")):
            if any(name.endswith(ending) for name in look.try_names(folder)):
                look.gap(folder, "unsupported: records of systemd-userdb")
    path = f"/var/lib/extrausers/{database}"
    if "extrausers" in services and (look.try_text(path) or "").strip():
        look.gap(path, "unsupported: entries of nss-extrausers")


def report(look: Look, path: str, parsed: passwd.Parsed[U]) -> None:
    """Each line that is no entry becomes a gap of the fact under construction."""
    for problem in parsed.problems[:20]:
        look.gap(path, f"malformed: {path} line {problem.line}: {problem.message}")


def compat_lines(look: Look) -> list[Json]:
    """The `+` and `-` lines of NIS in the four account files."""
    found: list[Json] = []
    parsers: dict[str, Callable[[str], passwd.Parsed[Json]]] = {
        "/etc/passwd": passwd.parse_passwd,
        "/etc/group": passwd.parse_group,
        "/etc/shadow": passwd.parse_shadow,
        "/etc/gshadow": passwd.parse_gshadow,
    }
    for path, parse in parsers.items():
        text = look.try_text(path)
        if text is not None:
            found += [{"name": name, "source": path, "line": line} for line, name in parse(text).compat]
    return found


def _services(look: Look) -> dict[str, tuple[str, ...]]:
    """Database to its services in /etc/nsswitch.conf; the last line of a database wins."""
    text = look.try_text("/etc/nsswitch.conf") or ""
    chosen: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        database, colon, services = line.partition("#")[0].partition(":")
        if colon:
            chosen[database.strip()] = tuple(services.split())
    return chosen


def uid_min(look: Look) -> int:
    """The first uid of people, UID_MIN of /etc/login.defs (1000 when it is not set or no number)."""
    text = look.try_text("/etc/login.defs") or ""
    for item in reversed(login_defs.parse_login_defs(text)):
        if item.key == "UID_MIN":
            number = login_defs.number(item.value)
            return number if number is not None and number >= 0 else 1000
    return 1000


def names(look: Look) -> Names:
    """Names for uids and gids; never raises, and leaves no gap: a missing name is no missing owner."""
    return Names(_quietly(look, "passwd", passwd.parse_passwd), _quietly(look, "group", passwd.parse_group))


def _quietly(look: Look, database: str, parse: Callable[[str], passwd.Parsed[T]]) -> dict[int, str] | None:
    try:
        services = look.shared(_services).get(database, ("files",))
        text = look.text(f"/etc/{database}")
        entries = list(parse(text).entries) if text is not None else []
        more = look.text(f"/usr/lib/{database}") if "altfiles" in services else None
        entries += list(parse(more).entries) if more is not None else []
    except (TargetError, ParseError):
        return None
    found: dict[int, str] = {}
    for entry in entries:
        found.setdefault(entry.uid if isinstance(entry, passwd.User) else entry.gid, entry.name)
    return found


def unreadable(error: Exception) -> Json:
    """What stands in a field whose own source could not be read."""
    return {"state": "error", "reason": reason_of(error)}
