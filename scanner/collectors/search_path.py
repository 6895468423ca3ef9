"""Where programs are searched for: the elements that start-up files put into PATH, and the files those scripts name.

What a session's PATH really is exists only in that session; here stands what every login of root and of people gets
from files: login.defs (ENV_SUPATH, ENV_PATH), /etc/environment, the shells' start-up files.
Sources: login.defs(5), pam_env(8), bash(1) INVOCATION.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors import userdb
from scanner.collectors.accounts import is_interactive
from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import search_path
from scanner.parsers.search_path import Element, Mention
from scanner.target import limits

_SYSTEM = (
    "/etc/profile",
    "/etc/bashrc",
    "/etc/bash.bashrc",
    "/etc/zshrc",
    "/etc/zprofile",
    "/etc/zshenv",
    "/etc/csh.login",
)
_FOLDER = "/etc/profile.d"
_OWN = (
    *(".bash_login", ".bash_logout", ".bash_profile", ".bashrc", ".cshrc", ".kshrc", ".login", ".logout", ".profile"),
    *(".tcshrc", ".xinitrc", ".xprofile", ".xsession", ".zlogin", ".zprofile", ".zshenv", ".zshrc"),
)

_GIVEN = {
    "/etc/login.defs": re.compile(r"\s*(ENV_SUPATH|ENV_PATH)[\s=]+(?:PATH=)?([^\s#]*)"),
    "/etc/environment": re.compile(r"\s*(?:export\s+)?(PATH)\s*=([^#]*)"),
}
_SCOPES = {"ENV_SUPATH": "root", "ENV_PATH": "user", "PATH": "system"}

_MAX_SCRIPT = 256 * 1024
"""Bytes of one start-up file; each is read word by word."""

_File = tuple[str, str, str | None, str | None]


def _files(look: Look) -> list[_File]:
    """(path, scope, user, home) of every start-up file that is there."""
    names = look.try_names(_FOLDER)
    found: list[_File] = [(path, "system", None, None) for path in _SYSTEM]
    found += [
        (f"{_FOLDER}/{name}", "system", None, None) for name in names if name.endswith((".sh", ".csh", "sh.local"))
    ]
    first = look.shared(userdb.uid_min)
    for _, user in look.shared(userdb.users) or ():
        if user.home.startswith("/") and is_interactive(user, first):
            scope = "root" if user.uid == 0 else "user"
            home = user.home.rstrip("/")
            found += [(f"{home}/{name}", scope, user.name, home) for name in _OWN]
    return list(dict.fromkeys(found))


def _elements(look: Look) -> Json:
    records = list(_given(look))
    parsed: dict[str, list[Element]] = {}
    for path, scope, user, home in look.shared(_files):
        # Many users may share one home: each file is parsed once.
        if path not in parsed:
            parsed[path] = _parsed(look, path)
        records += [_element(look, element, path, scope, user, home) for element in parsed[path]]
        if len(records) > limits.MAX_RECORDS:
            break  # and the table says so itself
    return records


def _parsed(look: Look, path: str) -> list[Element]:
    text = look.try_text(path, _MAX_SCRIPT)
    if text is None:
        return []
    try:
        return search_path.elements(text)
    except ParseError as error:
        look.gap(path, reason_of(error))
        return []


def _given(look: Look) -> Iterator[Json]:
    """PATH as login.defs and /etc/environment give it, without a shell."""
    for path, pattern in _GIVEN.items():
        for number, line in enumerate((look.try_text(path) or "").split("\n"), 1):
            match = pattern.match(line)
            if match is not None:
                scope = _SCOPES[match[1]]
                for element in search_path.split_list(match[2].strip().strip("\"'"), number):
                    yield _element(look, element, path, scope, None, None)


def _element(look: Look, element: Element, source: str, scope: str, user: str | None, home: str | None) -> Json:
    record: dict[str, Json] = {
        "text": element.text,
        "scope": scope,
        "user": user,
        "source": source,
        "line": element.line,
    }
    if element.kind == "undecided":
        # Not looked at rather than harmless: nobody can say what it becomes.
        return record
    path = element.text if element.kind == "absolute" else None
    if element.kind == "home" and home is not None:
        path = home + element.text.removeprefix("~").removeprefix("$HOME")
    try:
        entry = look.entry(path) if path is not None else None
    except TargetError as error:
        look.gap(path or element.text, reason_of(error))
        return record
    own = home is not None and path is not None and f"{path}/".startswith(f"{home}/")
    return {
        **record,
        "kind": "home" if own else element.kind,
        "path": path,
        "exists": entry is not None,
        "type": entry.type if entry is not None else None,
        "owner": str(entry.uid) if entry is not None else None,
        "mode": entry.permissions if entry is not None else None,
    }


def _mentions(look: Look) -> Json:
    records: list[Json] = []
    named_by: dict[str, list[Mention]] = {}
    looked = 0
    for path, _, user, home in look.shared(_files):
        if user is None or home is None:
            continue
        if path not in named_by:
            named_by[path] = search_path.mentions(look.try_text(path, _MAX_SCRIPT) or "")
        looked += len(named_by[path])
        if looked > limits.MAX_RECORDS:
            look.gap(path, f"limit: more than {limits.MAX_RECORDS} files are named in start-up files")
            break
        for mention in named_by[path]:
            named = home + mention.path[1:] if mention.path.startswith("~") else mention.path
            if named.startswith(("/proc/", "/sys/", "/dev/", "/run/")):
                continue
            try:
                entry = look.entry(named)
            except TargetError as error:
                look.gap(named, reason_of(error))
                continue
            if entry is not None and entry.type == "file":
                records.append(
                    {
                        "path": named,
                        "user": user,
                        "world_writable": bool(entry.mode & 0o002),
                        "mode": entry.permissions,
                        "source": path,
                        "line": mention.line,
                    }
                )
    return records


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts({"search_path.elements": _elements, "search_path.mentions": _mentions})


COLLECTOR = Collector(
    id="search_path",
    texts=limits.MAX_SCRIPTS,
    facts=(
        FactSpec(
            "search_path.elements",
            "table",
            "Elements that files put into PATH, in the order of a login; what was there before is left out. One that "
            "is made by an expansion lacks kind and all that follows from it.",
            sensitive={"user": "user"},
            fields={
                "text": "text: element as written",
                "kind": "text: absolute, home (below the home directory) or relative (an empty one too)",
                "path": "text: the directory it means; null when that differs from user to user, or relative",
                "exists": "flag: it is there",
                "type": "text: directory …; null when it is not there",
                "owner": "text: uid; null likewise",
                "mode": "text: permission bits; null likewise",
                "scope": "text: system (everybody), root or user",
                "user": "text: login name; null: not one person's file",
                "source": "text: file",
                "line": "number: line",
            },
        ),
        FactSpec(
            "search_path.mentions",
            "table",
            "Existing files that start-up files of people and root name, by user and place.",
            sensitive={"user": "user"},
            fields={
                "path": "text: path",
                "user": "text: whose start-up file it is",
                "world_writable": "flag: everybody may change it",
                "mode": "text: permission bits",
                "source": "text: start-up file",
                "line": "number: line",
            },
        ),
    ),
    collect=collect,
)
