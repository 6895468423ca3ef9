"""sudo's policy: Defaults and rules of /etc/sudoers with all includes in order.

Source: sudoers(5). `@includedir` reads the files of a folder in byte order, without names that hold a dot or end
in `~`; a folder that is not there is passed over, a file that is not there is an error of sudo (here: a gap). Later
entries win. Policies of LDAP and SSSD (nsswitch.conf, sudoers) are not in files and not seen here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import sudoers

_MAIN = "/etc/sudoers"
_FOLDER = "/etc/sudoers.d"
_MAX_DEPTH = 128
_MAX_FILES = 1000
_MAX_EXPANDED = 5000


@dataclass(frozen=True, slots=True)
class _Policy:
    """All statements in order, each with the file it stands in."""

    statements: list[tuple[str, sudoers.Statement]]
    aliases: dict[tuple[str, str], tuple[str, ...]]


def _policy(look: Look) -> _Policy | None:
    text = look.text(_MAIN)
    if text is None:
        return None
    statements: list[tuple[str, sudoers.Statement]] = []
    # Each frame is the rest of one file; a stack instead of recursion, so that depth is data.
    stack: list[tuple[str, Iterator[sudoers.Statement]]] = [(_MAIN, _parsed(look, _MAIN, text))]
    files = 1
    while stack:
        path, rest = stack[-1]
        item = next(rest, None)
        if item is None:
            stack.pop()
        elif isinstance(item, sudoers.Include):
            for included in reversed(_included(look, path, item)):
                files += 1
                if len(stack) >= _MAX_DEPTH or files > _MAX_FILES:
                    look.gap(included, f"limit: includes deeper than {_MAX_DEPTH} or more than {_MAX_FILES} files")
                    break
                content = look.try_text(included)
                if content is not None:
                    stack.append((included, _parsed(look, included, content)))
                elif not item.folder and look.entry(included) is None:
                    look.gap(included, f"missing: {included}, included in {path} line {item.line}")
        else:
            statements.append((path, item))
    aliases = {(item.kind, item.name): item.members for _, item in statements if isinstance(item, sudoers.Alias)}
    return _Policy(statements, aliases)


def _parsed(look: Look, path: str, text: str) -> Iterator[sudoers.Statement]:
    try:
        statements, problems = sudoers.parse(text)
    except ParseError as error:
        look.gap(path, f"malformed: {path}: {error}")
        return iter(())
    for problem in problems[:20]:
        look.gap(path, f"malformed: {path} line {problem.line}: {problem.message}")
    return iter(statements)


def _included(look: Look, path: str, item: sudoers.Include) -> list[str]:
    """The files an include names. `%h` stands for the host's name, which a tree does not tell for certain."""
    target = item.path if item.path.startswith("/") else f"{path.rpartition('/')[0]}/{item.path}"
    if "%h" in target:
        look.gap(target, f"unsupported: an include by host name in {path} line {item.line}")
        return []
    if not item.folder:
        return [target]
    return _files(look, target, skipped=False)


def _files(look: Look, folder: str, *, skipped: bool) -> list[str]:
    """The files of an included folder that sudo reads, or those whose names make it skip them."""
    names = [name for name in look.try_names(folder) if ("." in name or name.endswith("~")) == skipped]
    found = [f"{folder.rstrip('/')}/{name}" for name in names]
    return [one for one in found if (entry := look.entry(one)) is not None and entry.type == "file"]


def _number(value: str | None) -> int | None:
    """A decimal number, fractions rounded up, or None. sudo takes a plus sign (lib/util/strtonum.c; defaults.c)."""
    if value is None or not re.fullmatch(r"[-+]?\d{1,12}(\.\d{1,12})?", value, re.ASCII):
        return None
    return math.ceil(float(value))


def _defaults(look: Look) -> Json:
    policy = look.shared(_policy)
    if policy is None:
        look.because(f"{_MAIN} does not exist")
        return None
    settings = [(path, item) for path, item in policy.statements if isinstance(item, sudoers.Default)]
    # The place of the last global statement of each name: it is the one that counts for everyone.
    last = {item.name: place for place, (_, item) in enumerate(settings) if item.scope == "global"}
    return [
        {
            "name": item.name,
            "enabled": item.enabled,
            "value": item.value,
            "number": _number(item.value),
            "operator": item.operator,
            "scope": item.scope,
            "members": list(item.members),
            "last": item.scope == "global" and last[item.name] == place,
            "source": path,
            "line": item.line,
        }
        for place, (path, item) in enumerate(settings)
    ]


def _skipped_defaults(look: Look) -> Json:
    """No gaps: what cannot be read in a file that sudo does not read changes nothing."""
    if look.shared(_policy) is None:
        look.because(f"{_MAIN} does not exist")
        return None
    records: list[Json] = []
    for path in _files(look, _FOLDER, skipped=True)[:_MAX_FILES]:
        try:
            statements, _ = sudoers.parse(look.text(path) or "")
        except (ParseError, TargetError):
            continue
        records += [
            {"name": item.name, "value": item.value, "source": path, "line": item.line}
            for item in statements
            if isinstance(item, sudoers.Default)
        ]
    return records


def _rules(look: Look) -> Json:
    policy = look.shared(_policy)
    if policy is None:
        look.because(f"{_MAIN} does not exist")
        return None
    return [_rule(look, policy, path, item) for path, item in policy.statements if isinstance(item, sudoers.Rule)]


def _rule(look: Look, policy: _Policy, path: str, item: sudoers.Rule) -> Json:
    options = dict(item.options)
    runas = item.runas_users
    return {
        "users": list(item.users),
        "all_users": _expanded(look, policy, "user", item.users),
        "hosts": _expanded(look, policy, "host", item.hosts),
        "runas_users": None if runas is None else _expanded(look, policy, "runas", runas),
        "runas_groups": _expanded(look, policy, "runas", item.runas_groups),
        "commands": _expanded(look, policy, "command", (item.command,)),
        "tags": list(item.tags),
        "nopasswd": "NOPASSWD" in item.tags,
        "role": options.get("ROLE"),
        "type": options.get("TYPE"),
        "source": path,
        "line": item.line,
    }


def _expanded(look: Look, policy: _Policy, kind: str, names: tuple[str, ...]) -> list[str]:
    """`names` with the aliases among them replaced by their members; a negated alias negates each."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    todo = list(reversed(names))
    while todo:
        name = todo.pop()
        bare = name.removeprefix("!")
        inner = policy.aliases.get((kind, bare))
        if inner is None:
            found[name] = None
        elif name not in seen:
            seen.add(name)
            prefix = "!" if name.startswith("!") else ""
            todo.extend(_twice_is_nothing(f"{prefix}{one}") for one in reversed(inner))
        if len(found) > _MAX_EXPANDED:
            look.gap(_MAIN, f"limit: an alias with more than {_MAX_EXPANDED} members")
            break
    return list(found)


def _twice_is_nothing(name: str) -> str:
    return name.removeprefix("!!")


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts(
        {
            "sudo.defaults": _defaults,
            "sudo.skipped_defaults": _skipped_defaults,
            "sudo.rules": _rules,
        }
    )


_PLACE = {"source": "text: file", "line": "number: line"}

COLLECTOR = Collector(
    id="sudo",
    facts=(
        FactSpec(
            "sudo.defaults",
            "table",
            "Every parameter of every Defaults line, in the order sudo reads them.",
            fields={
                "name": "text: parameter",
                "enabled": "flag: false for a negated one (!name)",
                "value": "text: its value without quotes (null: a flag)",
                "number": "number: the value, fractions rounded up (null: no number)",
                "operator": "text: empty, =, += or -=",
                "scope": "text: global, host, user, command or runas",
                "members": "list: hosts, users, … of the scope",
                "last": "flag: the last global statement of this name, the one that counts",
                **_PLACE,
            },
            sensitive={
                "members[scope=user,runas]": "user",
                "members[scope=host]": "host",
                "value[name=mailto,mailfrom]": "user",
            },
        ),
        FactSpec(
            "sudo.skipped_defaults",
            "table",
            "Parameters of Defaults lines in files of /etc/sudoers.d that sudo skips because of their names.",
            fields={"name": "text: parameter", "value": "text: its value without quotes (null: a flag)", **_PLACE},
        ),
        FactSpec(
            "sudo.rules",
            "table",
            "Every command of every user specification, in the order sudo reads them (the last match wins).",
            fields={
                "users": "list: users as written",
                "all_users": "list: users with aliases replaced by their members",
                "hosts": "list: hosts, aliases replaced",
                "runas_users": "list: users to run as, aliases replaced (null: not said, which means root)",
                "runas_groups": "list: groups to run as, aliases replaced",
                "commands": "list: the command with its arguments, aliases replaced",
                "tags": "list: tags that hold for it, handed on from the commands before it",
                "nopasswd": "flag: no password is asked",
                "role": "text: SELinux role (null: none)",
                "type": "text: SELinux type (null: none)",
                **_PLACE,
            },
            sensitive={"users": "user", "all_users": "user", "runas_users": "user", "hosts": "host"},
        ),
    ),
    collect=collect,
)
