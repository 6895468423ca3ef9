"""Which rule sees a path or a call, and what hides it."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.audit_coverage import recording_call, recording_path
from scanner.parsers.audit_rules import RuleSet, load, numbered

FOLDERS = {"/etc", "/etc/sudoers.d", "/var"}
WATCH = "-w /etc/passwd -p wa -k id"
CHMOD = "-a always,exit -F arch=b64 -S chmod -F auid>=1000 -F auid!=unset -k perm"


def rules(*lines: str) -> RuleSet:
    result = load(numbered("\n".join(lines), "r"))
    assert result.problems == []
    return result


def seen(path: str, *lines: str, wants_dir: bool = False) -> list[tuple[str, bool]]:
    found = recording_path(rules(*lines), path, wants_dir=wants_dir, is_dir=lambda place: place in FOLDERS)
    return [(sight.arch, sight.silenced_by is None) for sight in found]


def called(name: str, *lines: str) -> list[tuple[str, bool]]:
    return [(sight.arch, sight.silenced_by is None) for sight in recording_call(rules(*lines), name)]


@pytest.mark.parametrize(
    "line",
    [WATCH, "-a always,exit -F path=/etc/passwd -F perm=wa", "-a exit,always -F dir=/etc/ -F perm=wa", "-w /etc -p wa"],
)
def test_forms_that_see_a_file(line: str) -> None:
    assert seen("/etc/passwd", line) == [("b32", True), ("b64", True)]


@pytest.mark.parametrize(
    "line",
    [
        "-w /etc/passwd- -p wa",
        "-w /etc/pass -p wa",
        "-a always,exit -F path=/etc -F perm=wa",
        "-a never,exit -F path=/etc/passwd",
        "-a always,exit -F arch=b64 -S openat -F path=/etc/passwd",
        "-w /opt -p wa",
    ],
)
def test_forms_that_do_not(line: str) -> None:
    assert seen("/etc/passwd", line) == []


def test_one_arch_is_one_half() -> None:
    assert seen("/etc/passwd", "-a always,exit -F arch=b64 -F path=/etc/passwd -F perm=wa") == [("b64", True)]


def test_the_inode_of_a_folder_is_not_what_lies_below() -> None:
    assert seen("/etc/sudoers.d", "-a always,exit -F path=/etc/sudoers.d -F perm=wa", wants_dir=True) == []
    assert len(seen("/etc/sudoers.d", "-w /etc/sudoers.d -p wa", wants_dir=True)) == 2


@pytest.mark.parametrize(
    "never",
    [
        "-a never,task",
        "-a exit,never",
        "-a never,exit -F arch=b64",
        "-a never,exit -F arch=b64 -S chmod,chown",
        "-a never,exit -F arch=b64 -F auid>=1000",
        "-a never,exit -F arch=b64 -F uid=0",
        "-a always,exclude -F msgtype=SYSCALL",
        "-a never,exclude -F msgtype>=1300 -F msgtype<=1399",
        "-a always,exclude -F msgtype!=USER_LOGIN",
    ],
)
def test_what_hides_a_call(never: str) -> None:
    assert called("chmod", never, CHMOD) == [("b64", False)]


@pytest.mark.parametrize(
    "never",
    [
        "-a never,exit -F arch=b32",
        "-a never,exit -F arch=b64 -S chown",
        "-a never,exit -F arch=b64 -F auid=unset -F uid=chrony",
        "-a never,exit -F arch=b64 -F exe=/usr/bin/true",
        "-a never,exit -F path=/etc/passwd",
        "-a always,exclude -F msgtype=CWD",
        "-a never,user",
    ],
)
def test_what_does_not(never: str) -> None:
    assert called("chmod", never, CHMOD) == [("b64", True)]


def test_a_later_never_hides_nothing_but_one_on_the_task_list_does() -> None:
    assert called("chmod", CHMOD, "-a never,exit") == [("b64", True)]
    assert called("chmod", CHMOD, "-a task,never") == [("b64", False)]


def test_a_watch_hidden_for_people_counts_as_hidden() -> None:
    assert seen("/etc/passwd", "-a never,exit -F auid>=1000", WATCH) == [("b32", False), ("b64", False)]
    assert seen("/etc/passwd", "-a never,exit -F dir=/etc", WATCH) == [("b32", False), ("b64", False)]
    assert seen("/etc/passwd", "-a never,exit -F dir=/etc/ssh", WATCH) == [("b32", True), ("b64", True)]


def test_rules_about_files_do_not_record_calls() -> None:
    assert called("chmod", "-a always,exit -F arch=b64 -S chmod -F path=/x") == []
    assert called("chmod", "-a always,exit -F arch=b64 -S all -F auid>=1000") == [("b64", True)]


def test_a_broader_rule_before_a_specific_one_takes_its_events() -> None:
    broad = "-a always,exit -F arch=b64 -S openat -F exit=-EPERM -F auid>=1000 -F auid!=unset -k access"
    special = "-a always,exit -F arch=b64 -S openat -F a2&0100 -F exit=-EPERM -F auid>=1000 -F auid!=unset -k create"

    def taken(*lines: str) -> list[bool]:
        return [sight.preceded_by is not None for sight in recording_call(rules(*lines), "openat")]

    assert taken(broad, special) == [False, True]
    assert taken(special, broad) == [False, False]
    assert taken(broad.replace("-EPERM", "-EACCES"), special) == [False, False]
    assert taken(broad.replace("1000", "2000"), special) == [False, False]


def test_hundreds_of_rules_about_one_call_are_refused() -> None:
    with pytest.raises(ParseError):
        called("chmod", *[f"{CHMOD}{number}" for number in range(70)])
