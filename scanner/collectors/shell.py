"""What start-up files of shells set: the umask and the time after which an idle shell ends (TMOUT).

Sources: bash(1) INVOCATION and "Bash Variables"; the order of files as RHEL's and Debian's /etc/profile source them.
csh's files are read for `umask` with the same simple reader.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors import userdb
from scanner.collectors.accounts import is_interactive
from scanner.collectors.base import Collector, Look
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import key_value, shell_profile
from scanner.target import limits

_PROFILE_FOLDER = "/etc/profile.d"
_SYSTEM = ("/etc/bashrc", "/etc/bash.bashrc", "/etc/csh.cshrc", "/etc/csh.login", "/etc/zshrc", "/etc/zprofile")
_OWN = (
    ".bash_login",
    ".bash_profile",
    ".bashrc",
    ".cshrc",
    ".kshrc",
    ".login",
    ".profile",
    ".tcshrc",
    ".zprofile",
    ".zshrc",
)


_MAX_SCRIPT = 256 * 1024
"""Bytes of one start-up file; each is read word by word."""


def _paths(look: Look) -> list[tuple[str, str, str | None]]:
    """(path, scope, user) of every start-up file, in the order in which a login shell comes by."""
    found: list[tuple[str, str, str | None]] = [("/etc/profile", "system", None)]
    names = look.try_names(_PROFILE_FOLDER)
    found += [(f"{_PROFILE_FOLDER}/{name}", "system", None) for name in names if name.endswith((".sh", "sh.local"))]
    found += [(path, "system", None) for path in _SYSTEM]
    first = look.shared(userdb.uid_min)
    for _, user in look.shared(userdb.users) or ():
        if user.home.startswith("/") and is_interactive(user, first):
            scope = "root" if user.uid == 0 else "user"
            found += [(f"{user.home.rstrip('/')}/{name}", scope, user.name) for name in _OWN]
    return found


def _settings(look: Look) -> Json:
    table: list[Json] = []
    seen: set[tuple[str, str | None]] = set()
    parsed: dict[str, list[shell_profile.Setting]] = {}
    for path, scope, user in look.shared(_paths):
        if (path, user) in seen:
            continue
        seen.add((path, user))
        # Many users may share one home: each file is parsed once.
        if path not in parsed:
            parsed[path] = _parsed(look, path)
        table += [_record(item, path, scope, user) for item in parsed[path]]
        if len(table) > limits.MAX_RECORDS:
            break  # and the table says so itself
    return table


def _parsed(look: Look, path: str) -> list[shell_profile.Setting]:
    text = look.try_text(path, _MAX_SCRIPT)
    if text is None:
        return []
    try:
        return shell_profile.parse(text, ("TMOUT",))
    except ParseError as error:
        look.gap(path, f"malformed: {path}: {error}")
        return []


def _record(item: shell_profile.Setting, path: str, scope: str, user: str | None) -> Json:
    record: dict[str, Json] = {
        "name": item.name.lower(),
        "value": item.value,
        "permits": None,
        "number": None,
        "decided": item.decided,
        "unset": item.unset,
        "exported": item.exported,
        "readonly": item.readonly,
        "when": item.when,
        "scope": scope,
        "user": user,
        "source": path,
        "line": item.line,
    }
    mask = shell_profile.umask_bits(item.value) if item.name == "umask" and item.value is not None else None
    if item.name == "umask":
        record["permits"] = shell_profile.permits(mask)
    elif item.value is not None:
        record["number"] = key_value.whole_number(item.value)
    if not item.decided or (item.name == "umask" and mask is None):
        # Not looked at rather than not set: nobody can say what the statement does.
        for name in ("value", "permits", "number"):
            del record[name]
    return record


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts({"shell.settings": _settings})


COLLECTOR = Collector(
    id="shell",
    texts=limits.MAX_SCRIPTS,
    facts=(
        FactSpec(
            "shell.settings",
            "table",
            "Statements about the umask and TMOUT in start-up files of the system and of interactive users. One whose "
            "outcome cannot be decided (an expansion, a relative umask) lacks value, permits and number.",
            sensitive={"user": "user"},
            fields={
                "name": "text: umask or tmout",
                "value": "text: value as written (null: a statement without one, such as export TMOUT)",
                "permits": "text: what the umask leaves to a new directory: 027 leaves 0750 (null for tmout)",
                "number": "number: seconds of TMOUT (null for umask, or no number)",
                "decided": "flag: the statement has a literal value or none",
                "unset": "flag: the variable is removed",
                "exported": "flag: this statement exports it",
                "readonly": "flag: this statement makes it read-only",
                "when": "text: always, sometimes, function (when called) or elsewhere (in a subshell: no effect)",
                "scope": "text: system, root or user",
                "user": "text: login name (null: system)",
                "source": "text: file",
                "line": "number: line",
            },
        ),
    ),
    collect=collect,
)
