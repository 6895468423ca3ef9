"""Parsers of access control, audit and device control: whatever comes in, only ParseError comes out."""

from __future__ import annotations

import struct
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers import (
    aide_conf,
    audit_merge,
    auditd_conf,
    cil,
    fapolicyd_rules,
    file_contexts,
    selinux_config,
    selinux_policy,
    usbguard_policy,
    usbguard_rules,
)
from scanner.parsers.audit_coverage import recording_call, recording_path
from scanner.parsers.audit_rules import load, numbered
from scanner.parsers.fapolicyd_policy import Attempt, decide
from scanner.parsers.natural_order import natural_sorted
from scanner.parsers.path_regex import Pattern, literal_start

many = settings(max_examples=200, deadline=None)


def mutated(*valid: str) -> st.SearchStrategy[str]:
    """Arbitrary text, and lines made of the words of valid input with noise between them."""
    words = sorted({word for text in valid for word in text.split()})
    noise = st.text(alphabet='= ,"{}()[]:/!%#@&<>-+*\\\t\r\n\0a0', max_size=3)
    piece = st.one_of(st.sampled_from(words), noise)
    line = st.lists(piece, max_size=8).map(" ".join)
    return st.one_of(st.text(max_size=200), st.lists(line, max_size=8).map("\n".join))


AUDIT = (
    "-a always,exit never,task -F arch=b64 -S chmod,all -F auid>=1000 auid!=unset -k key -w /etc/passwd -p wa -D -e 2 -b 8 "
    "exit=-EACCES a2&0100 -C uid!=euid dir=/etc path=/x perm=x msgtype=SYSCALL exclude,always -i -W -d -A --signal"
)


@many
@given(mutated(AUDIT))
def test_audit_rules(text: str) -> None:
    rules = load(numbered(text, "r"))
    assert all(rule.line >= 1 for rule in rules.rules)
    for sight in recording_call(rules, "chmod"):
        assert sight.arch in ("b32", "b64")
    for sight in recording_path(rules, "/etc/passwd", wants_dir=False, is_dir=lambda _: True):
        assert sight.arch in ("b32", "b64")


@many
@given(st.lists(mutated(AUDIT), max_size=4))
def test_audit_merge(texts: list[str]) -> None:
    merged = audit_merge.merge((str(number), text) for number, text in enumerate(texts))
    assert all(line.text and line.number >= 1 for line in merged)


@many
@given(st.lists(st.text(alphabet="a1.~-_Z0", min_size=1, max_size=8)))
def test_natural_order_keeps_all_names(names: list[str]) -> None:
    assert sorted(natural_sorted(names)) == sorted(names)


@many
@given(mutated("freq = 5 space_left = 25% log_format = enriched write_logs = yes max_log_file_action = rotate"))
def test_auditd_conf(text: str) -> None:
    with suppress(ParseError):
        assert set(auditd_conf.parse(text).lines.values()) <= set(range(1, text.count("\n") + 2))


@many
@given(mutated("SELINUX=enforcing SELINUXTYPE=targeted SELINUX=permissive selinuxtype=mls"))
def test_selinux_config(text: str) -> None:
    with suppress(ParseError):
        assert selinux_config.parse(text).mode in (None, "enforcing", "permissive", "disabled")


HEAD = struct.pack("<II8sIIII", 0xF97CFF8C, 8, b"SE Linux", 33, 1, 8, 7) + struct.pack("<III", 64, 0, 0) * 2


@many
@given(st.binary(max_size=300), st.booleans())
def test_selinux_policy(data: bytes, headed: bool) -> None:
    with suppress(ParseError):
        assert selinux_policy.parse(HEAD + data if headed else data).version == 33


@many
@given(mutated("(typepermissive x_t) (block b (type y_t)) ; c"))
def test_cil(text: str) -> None:
    with suppress(ParseError):
        assert all(one.line >= 1 for one in cil.permissive_types(text))


@many
@given(st.binary(max_size=200), st.booleans())
def test_packed_modules(data: bytes, headed: bool) -> None:
    with suppress(ParseError):
        assert len(cil.unpacked(b"BZh9" + data if headed else data, 1000)) <= 1000


@many
@given(st.text(alphabet="/ab.*+?()[]{}|\\-^$:0,2", max_size=20), st.text(alphabet="/ab-.", max_size=12))
def test_path_expressions(pattern: str, subject: str) -> None:
    with suppress(ParseError):
        if Pattern(pattern).matches(subject):
            assert subject.startswith(literal_start(pattern))


@many
@given(mutated("/etc/.* -- u:object_r:etc_t:s0 /x <<none>> -d"))
def test_file_contexts(text: str) -> None:
    with suppress(ParseError):
        specs = file_contexts.parse(text, "f")
        found = file_contexts.expected(specs, "/etc/passwd", "file")
        assert found is None or found in specs


@many
@given(mutated('allow reject id 1d6b:0002 with-interface one-of { 03:*:* 08:06:50 } name "x" if !random label "y"'))
def test_usbguard_rules(text: str) -> None:
    with suppress(ParseError):
        rules = usbguard_rules.parse(text)
        for index in range(len(rules)):
            usbguard_policy.admits_storage(rules, index)
        assert usbguard_policy.decide(rules, 8, "block").target in ("allow", "block", "reject", "some")


@many
@given(mutated("allow deny_audit perm=execute all : trust=1 dir=/tmp/ uid=0 exe=/bin/sh %set=a,b path=%set ftype=any"))
def test_fapolicyd_rules(text: str) -> None:
    with suppress(ParseError):
        rules = fapolicyd_rules.parse(fapolicyd_rules.lines_of(text, "f"))
        verdict = decide(rules, Attempt(0, "/tmp/"))
        assert verdict.rule is None or verdict.allowed is verdict.rule.allows


@many
@given(mutated("@@define X /var @@include /etc/x /etc/passwd G = p+sha512 !/a =/b G database_in=file:@@{X}/db"))
def test_aide_conf(text: str) -> None:
    config = aide_conf.Config()
    with suppress(ParseError):
        aide_conf.parse(config, text, "f")
    assert all(one.how in ("select", "equals", "leave out") for one in config.selections)
