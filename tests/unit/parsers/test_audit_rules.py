"""Audit rules: one meaning for every spelling, and what auditctl refuses."""

from __future__ import annotations

import dataclasses

import pytest

from scanner.parsers.audit_rules import ALL_CALLS, Rule, RuleSet, load, numbered


def loaded(*lines: str) -> RuleSet:
    return load(numbered("\n".join(lines), "r"))


def only(*lines: str) -> Rule:
    result = loaded(*lines)
    assert result.problems == []
    assert len(result.rules) == 1
    return result.rules[0]


def meaning(*lines: str) -> Rule:
    return dataclasses.replace(only(*lines), line=0)


def test_a_watch_covers_every_call_in_both_abis() -> None:
    rule = only("-w /etc/passwd -p wa -k identity")
    assert (rule.list, rule.action, rule.arch, rule.syscalls) == ("exit", "always", ("b32", "b64"), ALL_CALLS)
    assert (rule.kind, rule.path, rule.perms, rule.keys) == ("watch", "/etc/passwd", "wa", ("identity",))
    assert (rule.auid_from, rule.auid_unset, rule.filters) == (0, True, ())


def test_a_watch_without_permissions_sees_all_four() -> None:
    assert only("-w /etc/passwd").perms == "rwxa"


@pytest.mark.parametrize(
    "spelling",
    [
        "-a exit,always -F arch=b64 -S chmod -S fchmod -F auid>=1000 -F auid!=unset -F key=perm",
        "-a always,exit -F arch=b64 -S fchmod,chmod -F auid!=4294967295 -F auid>999 -k perm",
        "-a always,exit -F arch=x86_64 -F auid!=-1 -F auid>=1000 -S chmod,fchmod -k perm",
        "  -a always,exit  -Farch=b64 -Schmod,fchmod -F loginuid>=1000 -F auid!=unset -kperm  ",
    ],
)
def test_spellings_of_one_rule_are_equal(spelling: str) -> None:
    wanted = "-a always,exit -F arch=b64 -S chmod,fchmod -F auid>=1000 -F auid!=unset -k perm"
    assert meaning(spelling) == meaning(wanted)


@pytest.mark.parametrize(
    ("condition", "normal"),
    [
        ("-F exit=-13", "exit=-EACCES"),
        ("-F exit=-EPERM", "exit=-EPERM"),
        ("-F exit=EPERM", "exit=EPERM"),
        ("-F a2&0100", "a2&0x40"),
        ("-F a2&=0x40", "a2&=0x40"),
        ("-F euid=root", "euid=0"),
        ("-F uid=chrony", "uid=chrony"),
        ("-F success=0", "success=0"),
        ("-F auid=unset", "auid=unset"),
        ("-C uid!=euid", "euid!=uid"),
        ("-C euid!=uid", "euid!=uid"),
    ],
)
def test_conditions_have_one_spelling(condition: str, normal: str) -> None:
    assert only(f"-a always,exit -F arch=b64 -S open {condition}").filters == (normal,)


def test_a_call_without_arch_is_seen_in_the_native_abi_only() -> None:
    assert only("-a always,exit -S chmod -k x").arch == ("b64",)
    assert only("-a always,exit -F path=/etc/passwd -F perm=wa").arch == ("b32", "b64")
    assert only("-a always,exit -F arch!=b64 -S chmod").arch == ("b32",)


def test_paths_are_told_apart_and_cleaned() -> None:
    assert only("-a always,exit -F dir=/etc/selinux/ -F perm=wa").path == "/etc/selinux"
    assert only("-w /etc//sudoers.d// -p aw").path == "/etc/sudoers.d"
    assert only("-a always,exit -F path=/etc/passwd -F perm=aw").kind == "path"


@pytest.mark.parametrize(
    "line",
    [
        "-w etc/passwd -p wa",
        "-w /etc/passwd -p wz",
        "-w /etc/passwd -p wa -k x # why",
        "-w\t/etc/passwd -p wa",
        "-p wa -w /etc/passwd",
        "-a always,entry -S open",
        "-a always -S open",
        "-a always,exit -S open -F arch=b64",
        "-a always,exit -F key=x -S open",
        "-a always,exit -F auid>=1000 -k x",
        "-a always,exit -F arch=b65 -S open",
        "-a always,exit -F arch=b64 -S open -F success=no",
        "-a always,exit -F nonsense=1",
        "-a always,exit -F exit=-ENOTHING -S open",
        "-a always,exit -C uid!=gid -S execve",
        "-a always,task -S open",
        "-a always,exit -F path=relative",
        "-Z",
        "- s",
        "--nonsense",
    ],
)
def test_a_refused_line_ends_the_load(line: str) -> None:
    result = loaded("-w /etc/group -p wa", line, "-w /etc/shadow -p wa")
    assert [rule.path for rule in result.rules] == ["/etc/group"]
    assert [(problem.line, problem.fatal) for problem in result.problems] == [(2, True)]


@pytest.mark.parametrize("option", ["-i", "-c"])
def test_errors_can_be_ignored(option: str) -> None:
    result = loaded(option, "-Z", "-w /etc/shadow -p wa")
    assert [rule.path for rule in result.rules] == ["/etc/shadow"]
    assert [problem.fatal for problem in result.problems] == [False]


def test_delete_all_throws_away_what_came_before() -> None:
    assert [rule.path for rule in loaded("-w /a -p r", "-D", "-w /b -p r").rules] == ["/b"]


def test_delete_by_key_and_by_rule() -> None:
    assert loaded("-w /a -p wa -k one", "-w /b -p wa -k two", "-D -k one").rules[0].path == "/b"
    assert loaded("-w /a -p wa -k one", "-W /a -p wa -k one").rules == []
    assert loaded("-a always,exit -F arch=b64 -S open", "-d exit,always -F arch=b64 -S open").rules == []


def test_prepended_rules_come_first() -> None:
    result = loaded("-w /a -p r", "-A never,exit -F path=/a")
    assert [rule.action for rule in result.rules] == ["never", "always"]


def test_nothing_is_taken_after_the_lock() -> None:
    result = loaded("-e 2", "-w /a -p r")
    assert result.settings.enabled == 2
    assert result.rules == []
    assert "locks" in result.problems[0].reason


def test_control_lines() -> None:
    result = loaded("-b 8192", "-f 2", "--backlog_wait_time 60000", "--loginuid-immutable", "-r 100", "-e 1")
    settings = result.settings
    assert (settings.backlog, settings.failure, settings.backlog_wait, settings.rate) == (8192, 2, 60000, 100)
    assert settings.loginuid_immutable
    assert settings.place("enabled") == ("r", 6)
    assert settings.place("nothing") == (None, None)


def test_comments_and_escaped_spaces() -> None:
    rule = only("# -w /etc/shadow", "   # indented", "", r"-w /srv/two\ words -p wa")
    assert rule.path == "/srv/two words"


def test_several_keys_are_kept() -> None:
    assert only("-a always,exit -F arch=b64 -S open -k one -F key=two").keys == ("one", "two")


def test_a_rule_that_exists_ends_the_load() -> None:
    """The kernel refuses it ("Rule exists"): what stands behind it is not loaded, unless -i or -c came before."""
    first = "-a always,exit -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=unset -k p"
    second = first.replace("unset", "4294967295")
    result = loaded(first, second, "-e 2")
    assert (len(result.rules), result.settings.enabled) == (1, None)
    assert [(one.line, one.fatal, one.doubtful) for one in result.problems] == [(2, True, False)]
    assert "exists already" in result.problems[0].reason
    going_on = loaded("-c", first, second, "-e 2")
    assert (len(going_on.rules), going_on.settings.enabled, going_on.problems[0].fatal) == (1, 2, False)
    assert loaded("-w /a -p wa -k x", "-w /a -p aw -k x").problems
    assert not load(numbered(f"{first}\n{first}", "l"), listing=True).problems


@pytest.mark.parametrize(
    "other",
    [
        "-a always,exit -F arch=b64 -S chmod -F auid>=1000 -F auid!=unset -k q",
        "-a always,exit -F arch=b64 -S chmod -F auid!=unset -F auid>=1000 -k p",
        "-a always,exit -F arch=b64 -S chmod -F auid>999 -F auid!=unset -k p",
        "-A always,exit -F arch=b64 -S chmod -F auid>=1000 -F auid!=unset -k p",
        "-a always,exit -F arch=b32 -S chmod -F auid>=1000 -F auid!=unset -k p",
    ],
)
def test_rules_that_the_kernel_tells_apart(other: str) -> None:
    """By key, by the order of the fields, by the operator; and what is put in front is not compared."""
    first = "-a always,exit -F arch=b64 -S chmod -F auid>=1000 -F auid!=unset -k p"
    assert loaded(first, other).problems == []
