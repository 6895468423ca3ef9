"""Which rule of fapolicyd decides when somebody executes an untrusted program, asked without running anything.

The subject is a trusted shell of a given user (who may choose another trusted program instead), the object an ELF file
that is in no trust database, somewhere below a directory. Each rule matches always, never, or for some choice of the
attacker; an `allow` that he can choose to match is a hole in front of a later `deny`. No match allows.
Sources: fapolicyd.rules(5); fapolicyd src/library/rules.c (check_subject, check_object, rule_evaluate).
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.model.records import dataclass
from scanner.parsers.fapolicyd_rules import Condition, Rule

__all__ = ["Attempt", "Verdict", "decide"]

_NO, _SOME, _ALWAYS = 0, 1, 2
_EXECUTABLE = "application/x-executable"
_EXEC_DIRS = ("/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/")


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody with `uid` does `perm` to an untrusted file of type `ftype` below `folder` (ends in a slash)."""

    uid: int
    folder: str
    perm: str = "execute"
    ftype: str = _EXECUTABLE


@dataclass(frozen=True, slots=True)
class Verdict:
    """`allowed`: whether the decisive rule lets it happen; `rule`: that rule, None when none matches (then allowed);
    `holes`: earlier rules that allow it for some choice of program or file name."""

    allowed: bool
    rule: Rule | None
    holes: tuple[Rule, ...]


def decide(rules: Sequence[Rule], attempt: Attempt) -> Verdict:
    """First match wins."""
    holes: list[Rule] = []
    for rule in rules:
        if rule.perm not in ("any", attempt.perm):
            continue
        match = min(
            min(_subject(one, attempt) for one in rule.subject),
            min(_object(one, attempt) for one in rule.object),
        )
        if not rule.allows and any(one.name == "ftype" and "any" not in one.values for one in rule.object):
            match = min(match, _SOME)  # the attacker has other file types to choose from
        if match == _ALWAYS:
            return Verdict(rule.allows, rule, tuple(holes))
        if match == _SOME and rule.allows:
            holes.append(rule)
    return Verdict(True, None, tuple(holes))


def _subject(one: Condition, attempt: Attempt) -> int:
    if one.name == "all":
        return _ALWAYS
    if one.name == "uid":
        return _uid(one.values, attempt.uid)
    if one.name == "gid" and attempt.uid == 0:
        return _ALWAYS if {"0", "root"} & set(one.values) else _SOME
    if one.name == "trust":
        return _ALWAYS if one.values == ("1",) else _NO
    if one.name == "dir":
        return max(_trusted_place(value) for value in one.values)
    if one.name == "pattern":
        return _SOME if set(one.values) & {"normal", "static"} else _NO
    if one.name == "exe" and one.values == ("untrusted",):
        return _NO
    return _SOME  # which program, group, session: the attacker's choice


def _uid(values: tuple[str, ...], uid: int) -> int:
    if str(uid) in values or (uid == 0 and "root" in values):
        return _ALWAYS
    named = any(not value.isdigit() for value in values)
    return _SOME if named and uid != 0 else _NO


def _trusted_place(value: str) -> int:
    """Whether the program that acts lies there: all we know is that it is trusted, so under the system's folders."""
    if value in ("execdirs", "systemdirs", "/"):
        return _ALWAYS
    return _NO if value == "untrusted" else _SOME


def _object(one: Condition, attempt: Attempt) -> int:
    if one.name == "all":
        return _ALWAYS
    if one.name == "trust":
        return _ALWAYS if one.values == ("0",) else _NO
    if one.name == "dir":
        return max(_place(value, attempt.folder) for value in one.values)
    if one.name == "path":
        return max(_path(value, attempt.folder) for value in one.values)
    if one.name == "ftype":
        return _ALWAYS if {attempt.ftype, "any"} & set(one.values) else _NO
    if one.name in ("filehash", "sha256hash"):
        return _NO  # a file of known content is no unknown program
    return _SOME


def _place(value: str, folder: str) -> int:
    """`dir=` compares text from the left; a value without a trailing slash also fits names that only begin so."""
    if value in ("execdirs", "systemdirs"):
        places = _EXEC_DIRS if value == "execdirs" else (*_EXEC_DIRS, "/etc/")
        return _ALWAYS if folder.startswith(places) else _NO
    if value == "untrusted" or folder.startswith(value):
        return _ALWAYS
    return _SOME if value.startswith(folder) else _NO


def _path(value: str, folder: str) -> int:
    if value == "untrusted":
        return _ALWAYS
    plain = value.removeprefix("glob:")
    fixed = plain if plain == value else plain.split("*")[0].split("?")[0].split("[")[0]
    return _SOME if plain.startswith(folder) or (plain != value and folder.startswith(fixed)) else _NO
