"""What a list of audit rules records in the end: which rule sees a path or a system call, and what silences it.

The kernel takes the first rule of a list that matches, so an earlier `never` that is as broad hides an `always`; a rule
on the task list switches recording off for whole processes; the exclude list throws records away.
Sources: auditctl(8), audit.rules(7), kernel auditsc.c and auditfilter.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from scanner.parsers.audit_rules import ALL_CALLS, Rule, RuleSet

__all__ = ["recording_call", "recording_path", "silenced_by"]

FIRST_USER = 1000
"""Login uids from here on belong to people; a `never` for all of them hides what an audit is for."""

_COARSE = frozenset({"uid=0", "euid=0", "suid=0", "fsuid=0", "gid=0", "egid=0", "success=1", "success=0"})
"""Conditions that leave out all of root's work, or all successes or failures: no small exception either."""

_MSGTYPE = re.compile(r"msgtype(!=|>=|<=|=|>|<)(\w+)\Z")
_RECORDS = {"SYSCALL": 1300, "PATH": 1302}


def recording_call(rules: RuleSet, name: str) -> list[tuple[Rule, str, Rule | None]]:
    """Rules that record the system call `name` on whatever object, per ABI, with the rule that silences each."""
    found: list[tuple[Rule, str, Rule | None]] = []
    for rule in rules.rules:
        if rule.list != "exit" or rule.action != "always" or rule.path is not None or rule.perms is not None:
            continue
        if name in rule.syscalls or rule.syscalls == ALL_CALLS:
            narrowed = replace(rule, syscalls=(name,))
            found.extend((rule, arch, silenced_by(rules, rule, narrowed, arch)) for arch in rule.arch)
    return found


def recording_path(
    rules: RuleSet, path: str, *, wants_dir: bool, is_dir: Callable[[str], bool]
) -> list[tuple[Rule, str, Rule | None]]:
    """Rules that record access to `path` by any system call, per ABI, with the rule that silences each.

    `wants_dir`: everything below `path` must be seen. `is_dir` says what lies at the path of a `-w` rule, which the
    kernel takes as a whole tree only where a directory is.
    """
    found: list[tuple[Rule, str, Rule | None]] = []
    for rule in rules.rules:
        if rule.list != "exit" or rule.action != "always" or rule.path is None or rule.syscalls != ALL_CALLS:
            continue
        if _sees(rule, path, wants_dir=wants_dir, is_dir=is_dir):
            narrowed = replace(rule, path=path)
            found.extend((rule, arch, silenced_by(rules, rule, narrowed, arch)) for arch in rule.arch)
    return found


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


def _covers(never: Rule, subject: Rule, arch: str) -> bool:
    """Whether `never` matches everything that `subject` matches and people do."""
    if arch not in never.arch:
        return False
    if never.syscalls != ALL_CALLS and not (
        subject.syscalls != ALL_CALLS and set(subject.syscalls) <= set(never.syscalls)
    ):
        return False
    if never.path is not None and not _same_place(never, subject):
        return False
    if never.perms is not None and not (subject.perms is not None and set(subject.perms) <= set(never.perms)):
        return False
    if never.auid_from > max(subject.auid_from, FIRST_USER):
        return False
    return set(never.filters) <= set(subject.filters) | _COARSE


def _same_place(never: Rule, subject: Rule) -> bool:
    if subject.path is None or never.path is None:
        return False
    return subject.path == never.path or (
        never.kind != "path" and subject.path.startswith(never.path.rstrip("/") + "/")
    )


def _drops(exclude: Rule, subject: Rule) -> bool:
    """Whether the exclude list throws away the record that says what was done (and to which path)."""
    kinds = [_RECORDS["SYSCALL"]] + ([_RECORDS["PATH"]] if subject.path is not None else [])
    tests = [_MSGTYPE.match(text) for text in exclude.filters]
    if not tests or exclude.auid_from > FIRST_USER:
        return False
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
