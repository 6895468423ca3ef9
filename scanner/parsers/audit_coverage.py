"""What a list of audit rules records in the end: which rule sees a path or a system call, and what silences it.

The kernel takes the first rule of a list that matches, so an earlier `never` that is as broad hides an `always`; a rule
on the task list switches recording off for whole processes; the exclude list throws records away.
Sources: auditctl(8), audit.rules(7), kernel auditsc.c and auditfilter.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.audit_rules import ALL_CALLS, Rule, RuleSet

__all__ = ["Sight", "preceded_by", "recording_call", "recording_path", "silenced_by"]

FIRST_USER = 1000
"""Login uids from here on belong to people; a `never` for all of them hides what an audit is for."""

MAX_SIGHTS = 64
"""Rules that may see one subject. Real sets have a handful; each is compared with all the others."""

_COARSE = frozenset({"uid=0", "euid=0", "suid=0", "fsuid=0", "gid=0", "egid=0", "success=1", "success=0"})
"""Conditions that leave out all of root's work, or all successes or failures: no small exception either."""

_WHOLE_USER = re.compile(r"(?:uid|gid|auid)[=!<>]")
_MSGTYPE = re.compile(r"msgtype(!=|>=|<=|=|>|<)(\w+)\Z")
_RECORDS = {"SYSCALL": 1300, "PATH": 1302}


@dataclass(frozen=True, slots=True)
class Sight:
    """A rule that sees what was asked about in one ABI (b32 or b64), the rule that silences it and the rule that
    comes first, if there are such."""

    rule: Rule
    arch: str
    silenced_by: Rule | None
    preceded_by: Rule | None


def recording_call(rules: RuleSet, name: str) -> list[Sight]:
    """Rules that record the system call `name` on whatever object, per ABI. Raises ParseError past MAX_SIGHTS."""
    found: list[Sight] = []
    for rule in rules.rules:
        if rule.list != "exit" or rule.action != "always" or rule.path is not None or rule.perms is not None:
            continue
        if name in rule.syscalls or rule.syscalls == ALL_CALLS:
            _look(found, rules, rule, replace(rule, syscalls=(name,)))
    return found


def recording_path(rules: RuleSet, path: str, *, wants_dir: bool, is_dir: Callable[[str], bool]) -> list[Sight]:
    """Rules that record access to `path` by any system call, per ABI.

    `wants_dir`: everything below `path` must be seen. `is_dir` says what lies at the path of a `-w` rule, which the
    kernel takes as a whole tree only where a directory is. Raises ParseError past MAX_SIGHTS.
    """
    found: list[Sight] = []
    for rule in rules.rules:
        if rule.list != "exit" or rule.action != "always" or rule.path is None or rule.syscalls != ALL_CALLS:
            continue
        if _sees(rule, path, wants_dir=wants_dir, is_dir=is_dir):
            _look(found, rules, rule, replace(rule, path=path))
    return found


def _look(found: list[Sight], rules: RuleSet, rule: Rule, subject: Rule) -> None:
    if len(found) >= MAX_SIGHTS:
        raise ParseError(f"more than {MAX_SIGHTS} rules about one subject")
    for arch in rule.arch:
        silencer, first = silenced_by(rules, rule, subject, arch), preceded_by(rules, rule, subject, arch)
        found.append(Sight(rule, arch, silencer, first))


def _sees(rule: Rule, path: str, *, wants_dir: bool, is_dir: Callable[[str], bool]) -> bool:
    place = rule.path or ""
    if place == path:
        return rule.kind != "path" or not wants_dir
    below = path.startswith("/" if place == "/" else place + "/")
    return below and (rule.kind == "dir" or (rule.kind == "watch" and is_dir(place)))


def silenced_by(rules: RuleSet, rule: Rule, subject: Rule, arch: str) -> Rule | None:
    """The rule because of which `rule` records nothing of `subject` (`rule`, narrowed to what is asked) in `arch`."""
    earlier = True
    for other in rules.rules:
        if other is rule:
            earlier = False
        elif (
            (other.list == "task" and other.action == "never" and _covers(other, subject, arch))
            or (other.list == "exclude" and _drops(other, subject))
            or (earlier and other.list == "exit" and other.action == "never" and _covers(other, subject, arch))
        ):
            return other
    return None


def preceded_by(rules: RuleSet, rule: Rule, subject: Rule, arch: str) -> Rule | None:
    """The earlier `always` rule that takes everything of `subject` first, so that `rule` and its key never show."""
    for other in rules.rules:
        if other is rule:
            return None
        if (
            (other.list, other.action) == ("exit", "always")
            and _takes(other, subject, arch)
            and other.auid_from <= subject.auid_from
            and (other.auid_unset or not subject.auid_unset)
            and set(other.filters) <= set(subject.filters)
        ):
            return other
    return None


def _covers(never: Rule, subject: Rule, arch: str) -> bool:
    """Whether `never` matches everything that `subject` matches and people do."""
    return (
        _takes(never, subject, arch)
        and never.auid_from <= max(subject.auid_from, FIRST_USER)
        and set(never.filters) <= set(subject.filters) | _COARSE
    )


def _takes(other: Rule, subject: Rule, arch: str) -> bool:
    """Whether the calls, the place and the permissions of `other` include those of `subject`."""
    if arch not in other.arch:
        return False
    if other.syscalls != ALL_CALLS and (
        subject.syscalls == ALL_CALLS or not set(subject.syscalls) <= set(other.syscalls)
    ):
        return False
    if other.path is not None and not _same_place(other, subject):
        return False
    return other.perms is None or (subject.perms is not None and set(subject.perms) <= set(other.perms))


def _same_place(other: Rule, subject: Rule) -> bool:
    if subject.path is None or other.path is None:
        return False
    return subject.path == other.path or (
        other.kind != "path" and subject.path.startswith(other.path.rstrip("/") + "/")
    )


def _drops(exclude: Rule, subject: Rule) -> bool:
    """Whether the exclude list throws away the record that says what was done (and to which path)."""
    kinds = [_RECORDS["SYSCALL"]] + ([_RECORDS["PATH"]] if subject.path is not None else [])
    if exclude.auid_from > FIRST_USER:
        return False
    # The action of this list does not count: the kernel drops what any of its rules matches. What a whole user or
    # group does (root above all) is no exception that a rule could afford; one program or process is.
    tests = [_MSGTYPE.match(text) for text in exclude.filters if not _WHOLE_USER.match(text)]
    return any(all(found is not None and _matches(found, kind) for found in tests) for kind in kinds)


def _matches(found: re.Match[str], kind: int) -> bool:
    operator, word = found.groups()
    number = _RECORDS.get(word.upper()) or (int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None)
    if number is None:
        return operator == "!="
    return {
        "=": kind == number,
        "!=": kind != number,
        ">=": kind >= number,
        "<=": kind <= number,
        ">": kind > number,
        "<": kind < number,
    }[operator]
