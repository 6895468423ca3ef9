"""Settings files of the PAM modules pam_pwquality, pam_faillock and pam_pwhistory, and their built-in defaults.

Sources: libpwquality src/settings.c; Linux-PAM modules/pam_faillock/faillock_config.c and
modules/pam_pwhistory/pwhistory_config.c with libpam/pam_modutil_searchkey.c.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scanner.collectors.base import Look
from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import key_value

__all__ = ["FAILLOCK", "MODULES", "PWHISTORY", "PWQUALITY", "Effective", "ModuleFiles", "effective", "settings_of"]


@dataclass(frozen=True, slots=True)
class ModuleFiles:
    """A module: its name, its file, how the file is read, and what holds without it.

    `defaults` maps every known name to its default number or text, or None when it has none; `flags` are set by their
    name alone. `strict`: the first line with an unknown name or a bad number ends the reading. `first_wins`: the first
    line of a name counts, not the last.
    """

    module: str
    path: str
    defaults: Mapping[str, int | str | None]
    flags: frozenset[str]
    drop_ins: bool = False
    strict: bool = False
    first_wins: bool = False


PWQUALITY = ModuleFiles(
    "pam_pwquality",
    "/etc/security/pwquality.conf",
    {
        "badwords": "",
        "dcredit": 0,
        "dictcheck": 1,
        "dictpath": "",
        "difok": 1,
        "enforcing": 1,
        "gecoscheck": 0,
        "lcredit": 0,
        "maxclassrepeat": 0,
        "maxrepeat": 0,
        "maxsequence": 0,
        "minclass": 0,
        "minlen": 8,
        "ocredit": 0,
        "retry": 1,
        "ucredit": 0,
        "usercheck": 1,
        "usersubstr": 0,
    },
    frozenset({"enforce_for_root", "local_users_only"}),
    drop_ins=True,
    strict=True,
)
FAILLOCK = ModuleFiles(
    "pam_faillock",
    "/etc/security/faillock.conf",
    {
        "admin_group": "",
        "deny": 3,
        "dir": "/var/run/faillock",
        "fail_interval": 900,
        "root_unlock_time": None,
        "unlock_time": 600,
    },
    frozenset({"audit", "even_deny_root", "local_users_only", "no_log_info", "nodelay", "silent", "uid_based_files"}),
)
PWHISTORY = ModuleFiles(
    "pam_pwhistory",
    "/etc/security/pwhistory.conf",
    {"file": "/etc/security/opasswd", "remember": 10, "retry": 1},
    frozenset({"debug", "enforce_for_root"}),
    first_wins=True,
)
MOST = 100
"""Places and contradictions are counted no further: rules whose limit is this ask for nothing."""

MODULES = {module.module: module for module in (PWQUALITY, FAILLOCK, PWHISTORY)}


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting: where it comes from is file, argument or default. `number` is None for text and bad numbers.

    `places`: how many files (the PAM line's among them) set it. `contradictions`: how many of the lines that set it
    say another value than the one that holds; each is counted up to MOST.
    """

    key: str
    value: str | None
    number: int | None
    is_set: bool
    origin: str
    source: str | None
    line: int | None
    places: int = 0
    contradictions: int = 0


def _made(module: ModuleFiles, key: str, value: str, origin: str, source: str, line: int) -> Effective:
    if key in module.flags:
        return Effective(key, value, None, True, origin, source, line)
    number = key_value.whole_number(value)
    if value == "never" and key in ("unlock_time", "root_unlock_time"):
        number = 0
    return Effective(key, value, number, True, origin, source, line)


def settings_of(look: Look, module: ModuleFiles, path: str | None = None) -> list[Effective] | None:
    """Settings of the module's files in the order in which a later one wins; None when no file is there.

    `path` is another file that a `conf=` argument names. A line at which a strict module stops reading leaves a gap.
    """
    main = path or module.path
    folder = f"{main}.d"
    paths = [f"{folder}/{name}" for name in look.try_names(folder) if name.endswith(".conf")] if module.drop_ins else []
    found: list[Effective] = []
    there = False
    for one in (*paths, main):
        text = look.text(one) if one == main else look.try_text(one)
        if text is None:
            continue
        there = True
        try:
            items = key_value.parse(text)
        except ParseError as error:
            look.gap(one, f"malformed: {one}: {error}")
            continue
        if module.first_wins:
            items.reverse()
        for item in items:
            key = item.key if module is FAILLOCK else item.key.lower()
            made = _made(module, key, item.value, "file", one, item.line)
            if module.strict and not _accepted(module, made):
                look.gap(one, f"malformed: {one} line {item.line}: {key} stops the reading of all settings after it")
                return found
            found.append(made)
    return found if there else None


def _accepted(module: ModuleFiles, item: Effective) -> bool:
    if item.key in module.flags:
        return True
    return item.key in module.defaults and (isinstance(module.defaults[item.key], str) or item.number is not None)


def effective(
    module: ModuleFiles, files: Sequence[Effective], arguments: Sequence[str], source: str, line: int
) -> list[Effective]:
    """Every known setting of one use of the module: its arguments over its files over its defaults, by name."""
    chosen: dict[str, Effective] = {}
    for key, default in module.defaults.items():
        number = default if isinstance(default, int) else None
        chosen[key] = Effective(key, None if default is None else str(default), number, False, "default", None, None)
    for key in module.flags:
        chosen[key] = Effective(key, None, None, False, "default", None, None)
    written: dict[str, list[Effective]] = {}
    for item in files:
        written.setdefault(item.key, []).append(item)
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key in chosen:
            written.setdefault(key, []).append(_made(module, key, value, "argument", source, line))
    for key, items in written.items():
        chosen[key] = _last(module, items)
    root = chosen.get("root_unlock_time")
    if root is not None and not root.is_set:
        # pam_faillock(8): without it, the time of everyone holds for root too.
        other = chosen["unlock_time"]
        chosen["root_unlock_time"] = Effective(
            "root_unlock_time", other.value, other.number, False, other.origin, other.source, other.line
        )
    return [item for _, item in sorted(chosen.items())]


def _last(module: ModuleFiles, items: Sequence[Effective]) -> Effective:
    """The setting that holds of several, with what the others say; a flag cannot be contradicted."""
    last = items[-1]
    others = [item for item in items if _meant(item) != _meant(last)] if last.key not in module.flags else []
    places = len({item.source for item in items})
    return replace(last, places=min(places, MOST), contradictions=min(len(others), MOST))


def _meant(item: Effective) -> int | str | None:
    return item.value if item.number is None else item.number
