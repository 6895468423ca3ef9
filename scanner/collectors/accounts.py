"""Local users, groups, their passwords' states and their home directories.

Sources: passwd(5), group(5), shadow(5), gshadow(5), shells(5), nsswitch.conf(5); UID_MIN: login.defs(5).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from scanner.collectors import userdb
from scanner.collectors.base import Collector, Look
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import passwd
from scanner.target.base import Entry

_NO_LOGIN = frozenset({"nologin", "false"})
_NOBODY = frozenset({65534, 4294967294})
_MAX_DOT_FILES = 2000
_SHARED = frozenset({"", "tmp", "var/tmp", "dev/shm"})
"""Folders that are nobody's own home: the root and those that everybody writes to."""

_SHADOW_FIELDS = {
    "password": "text: state: empty, locked, no_login, set, or missing (the shadow file has no entry)",
    "hash_method": "text: yescrypt, sha512, … of the hash, also of a locked one; unknown for a new prefix",
    "last_change": "number: day of the last change since 1970-01-01; 0 = must be changed now",
    "min_days": "number: days before the password may be changed",
    "max_days": "number: days after which it must be changed",
    "warn_days": "number: days of warning before that",
    "inactive_days": "number: days after which an expired password can no longer be changed",
    "expires": "number: day since 1970-01-01 on which the account ends",
}


def _shadow(look: Look) -> passwd.Parsed[passwd.Shadow] | None:
    text = look.text("/etc/shadow")
    return None if text is None else passwd.parse_shadow(text)


def _shadow_values(entry: passwd.Shadow) -> dict[str, Json]:
    return {
        "password": entry.password,
        "hash_method": entry.hash_method,
        "last_change": entry.last_change,
        "min_days": entry.min_days,
        "max_days": entry.max_days,
        "warn_days": entry.warn_days,
        "inactive_days": entry.inactive_days,
        "expires": entry.expires,
    }


def _passwords(look: Look) -> tuple[dict[str, dict[str, Json]], dict[str, Json]]:
    """Shadow values by user name (the first line of a name counts), and what stands for a user without any."""
    nothing: dict[str, Json] = dict.fromkeys(_SHADOW_FIELDS)
    try:
        parsed = look.shared(_shadow)
    except (TargetError, ParseError) as error:
        return {}, dict.fromkeys(_SHADOW_FIELDS, userdb.unreadable(error))
    found: dict[str, dict[str, Json]] = {}
    for entry in parsed.entries if parsed is not None else ():
        found.setdefault(entry.name, _shadow_values(entry))
    if parsed is not None and parsed.problems:
        broken = ParseError(parsed.problems[0].message, line=parsed.problems[0].line, where="/etc/shadow")
        return found, dict.fromkeys(_SHADOW_FIELDS, userdb.unreadable(broken))
    return found, {**nothing, "password": "missing"}


def _shells(look: Look) -> set[str] | None:
    text = look.try_text("/etc/shells")
    if text is None:
        return None
    return {line.strip() for line in text.split("\n") if line.startswith("/")}


def is_interactive(user: passwd.User, first: int) -> bool:
    """Whether a person can get a shell: root or a uid of people, and a shell that is not nologin or false."""
    shell = user.shell.rpartition("/")[2]
    return (user.uid == 0 or user.uid >= first) and user.uid not in _NOBODY and shell not in _NO_LOGIN


def _users(look: Look) -> Json:
    entries = look.shared(userdb.users)
    if entries is None:
        look.because("/etc/passwd does not exist")
        return None
    first = look.shared(userdb.uid_min)
    shells = look.shared(_shells)
    known = look.shared(userdb.names).groups
    by_name, otherwise = look.shared(_passwords)
    table: list[Json] = []
    for source, user in entries:
        if user.password is None:
            password = by_name.get(user.name, otherwise)
        else:
            password = {**dict.fromkeys(_SHADOW_FIELDS), "password": user.password, "hash_method": user.hash_method}
        table.append(
            {
                "name": user.name,
                "uid": user.uid,
                "gid": user.gid,
                "home": user.home,
                "shell": user.shell,
                "shadowed": user.password is None,
                **password,
                "system": user.uid < first or user.uid in _NOBODY,
                "interactive": is_interactive(user, first),
                "shell_listed": None if shells is None else user.shell in shells,
                "group_exists": None if known is None else user.gid in known,
                "source": source,
                "line": user.line,
            }
        )
    return table


def _shadow_table(look: Look) -> Json:
    parsed = look.shared(_shadow)
    if parsed is None:
        look.because("/etc/shadow does not exist")
        return None
    userdb.report(look, "/etc/shadow", parsed)
    uids: dict[str, int] = {}
    for _, user in look.shared(userdb.users) or ():
        uids.setdefault(user.name, user.uid)
    first = look.shared(userdb.uid_min)
    table: list[Json] = []
    for entry in parsed.entries:
        uid = uids.get(entry.name)
        table.append(
            {
                "name": entry.name,
                "uid": uid,
                "system": None if uid is None else uid < first or uid in _NOBODY,
                **_shadow_values(entry),
                "source": "/etc/shadow",
                "line": entry.line,
            }
        )
    return table


def _group_passwords(look: Look) -> tuple[dict[str, str], Json]:
    try:
        text = look.text("/etc/gshadow")
        parsed = passwd.parse_gshadow(text) if text is not None else None
    except (TargetError, ParseError) as error:
        return {}, userdb.unreadable(error)
    found: dict[str, str] = {}
    for entry in parsed.entries if parsed is not None else ():
        found.setdefault(entry.name, entry.password)
    return found, "missing"


def _groups(look: Look) -> Json:
    entries = look.shared(userdb.groups)
    if entries is None:
        look.because("/etc/group does not exist")
        return None
    passwords, otherwise = look.shared(_group_passwords)
    return [
        {
            "name": group.name,
            "gid": group.gid,
            "members": list(group.members),
            "password": group.password or passwords.get(group.name, otherwise),
            "source": source,
            "line": group.line,
        }
        for source, group in entries
    ]


def _duplicates(look: Look) -> Json:
    users = look.shared(userdb.users)
    groups = look.shared(userdb.groups)
    if users is None or groups is None:
        look.because("/etc/passwd or /etc/group does not exist")
        return None
    seen: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    for source, user in users:
        seen.setdefault(("user", user.name), []).append((user.name, source, user.line))
        seen.setdefault(("uid", str(user.uid)), []).append((user.name, source, user.line))
    for source, group in groups:
        seen.setdefault(("group", group.name), []).append((group.name, source, group.line))
        seen.setdefault(("gid", str(group.gid)), []).append((group.name, source, group.line))
    return [
        {
            "kind": kind,
            "value": value,
            "names": [name for name, _, _ in places],
            "source": places[1][1],
            "line": places[1][2],
        }
        for (kind, value), places in sorted(seen.items())
        if len(places) > 1
    ]


def _homes(look: Look) -> Json:
    entries = look.shared(userdb.users)
    if entries is None:
        look.because("/etc/passwd does not exist")
        return None
    first = look.shared(userdb.uid_min)
    return [_home(look, source, user) for source, user in entries if is_interactive(user, first)]


def _home(look: Look, source: str, user: passwd.User) -> Json:
    record: dict[str, Json] = {
        "user": user.name,
        "uid": user.uid,
        "gid": user.gid,
        "home": user.home,
        "defined": user.home.startswith("/") and posixpath.normpath(user.home).lstrip("/") not in _SHARED,
        "source": source,
        "line": user.line,
    }
    values: dict[str, Json] = dict.fromkeys(("type", "owner", "group", "mode", "owner_matches", "group_matches"))
    try:
        entry = look.entry(user.home) if user.home.startswith("/") else None
    except TargetError as error:
        broken = userdb.unreadable(error)
        return {**record, **dict.fromkeys(values, broken), "exists": broken, "dot_files": broken}
    if entry is None:
        return {**record, **values, "exists": False, "dot_files": []}
    values = {"type": entry.type, **_ownership(entry, user)}
    try:
        dot_files: Json = _dot_files(look, user) if entry.type == "directory" else []
    except TargetError as error:
        dot_files = userdb.unreadable(error)
    return {**record, **values, "exists": entry.type == "directory", "dot_files": dot_files}


def _ownership(entry: Entry, user: passwd.User) -> dict[str, Json]:
    return {
        "owner": str(entry.uid),
        "group": str(entry.gid),
        "mode": entry.permissions,
        "owner_matches": entry.uid == user.uid,
        "group_matches": entry.gid == user.gid,
    }


def _dot_files(look: Look, user: passwd.User) -> Json:
    """Entries whose names start with a dot. A link is described by what it leads to, if that is there."""
    home = user.home.rstrip("/")
    found: list[Json] = []
    hidden = [name for name in look.names(user.home) if name.startswith(".")]
    if len(hidden) > _MAX_DOT_FILES:
        look.gap(user.home, f"limit: more than {_MAX_DOT_FILES} dot files")
    for name in hidden[:_MAX_DOT_FILES]:
        entry = look.entry(f"{home}/{name}") or look.entry(f"{home}/{name}", follow=False)
        if entry is not None:
            found.append({"name": name, "type": entry.type, **_ownership(entry, user)})
    return found


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    makers = {
        "accounts.users": _users,
        "accounts.shadow": _shadow_table,
        "accounts.groups": _groups,
        "accounts.duplicates": _duplicates,
        "accounts.nis_entries": userdb.compat_lines,
        "accounts.homes": _homes,
    }
    yield from look.facts(makers)


_PLACE = {"source": "text: file", "line": "number: line"}

COLLECTOR = Collector(
    id="accounts",
    facts=(
        FactSpec(
            "accounts.users",
            "table",
            "Local users in the order of /etc/passwd (then /usr/lib/passwd with nss-altfiles), with password states.",
            sensitive={"name": "user", "home": "user"},
            fields={
                "name": "text: login name",
                "uid": "number: user id",
                "gid": "number: primary group id",
                "home": "text: home directory as written",
                "shell": "text: login shell as written; empty means /bin/sh",
                "shadowed": "flag: the password field is x, so the shadow file holds the password",
                **_SHADOW_FIELDS,
                "system": "flag: uid below UID_MIN (root too), or nobody",
                "interactive": "flag: root or a uid of people, with a shell that is not nologin or false",
                "shell_listed": "flag: the shell stands in /etc/shells (null: there is no such file)",
                "group_exists": "flag: the primary group is in the group file",
                **_PLACE,
            },
        ),
        FactSpec(
            "accounts.shadow",
            "table",
            "Every entry of /etc/shadow; a password field shows its state only.",
            fields={
                "name": "text: login name",
                "uid": "number: uid of the user of that name (null: no such user)",
                "system": "flag: that uid is below UID_MIN, or nobody",
                **_SHADOW_FIELDS,
                **_PLACE,
            },
            sensitive={"name": "user"},
        ),
        FactSpec(
            "accounts.groups",
            "table",
            "Local groups in the order of /etc/group (then /usr/lib/group with nss-altfiles).",
            fields={
                "name": "text: group name",
                "gid": "number: group id",
                "members": "list: members named in the group file (not users with it as primary group)",
                "password": "text: state of the group password: empty, locked, no_login, set or missing",
                **_PLACE,
            },
            sensitive={"name": "user", "members": "user"},
        ),
        FactSpec(
            "accounts.duplicates",
            "table",
            "Names and ids that stand more than once, by kind and value.",
            fields={
                "kind": "text: uid, gid, user or group",
                "value": "text: the name or id that is used twice",
                "names": "list: names of all entries that share it",
                "source": "text: file of the second entry",
                "line": "number: line of the second entry",
            },
        ),
        FactSpec(
            "accounts.nis_entries",
            "table",
            "Lines with + or - in the account files, which add or hide users of NIS.",
            fields={"name": "text: first field of the line", **_PLACE},
        ),
        FactSpec(
            "accounts.homes",
            "table",
            "Home directories of interactive users, with the dot files in them (links followed).",
            sensitive={"user": "user", "home": "user"},
            fields={
                "user": "text: login name",
                "uid": "number: user id",
                "gid": "number: primary group id",
                "home": "text: home directory as written",
                "defined": "flag: an absolute path; neither / nor open to everybody (/tmp, /var/tmp, /dev/shm)",
                "exists": "flag: it is a directory of the tree",
                "type": "text: type of the entry",
                "owner": "text: uid of the owner",
                "group": "text: gid of the group",
                "mode": "text: permission bits, 0750",
                "owner_matches": "flag: owned by the user",
                "group_matches": "flag: its group is the user's primary group",
                "dot_files": "list: records of name, type, owner, group, mode, owner_matches, group_matches",
                **_PLACE,
            },
        ),
    ),
    collect=collect,
)
