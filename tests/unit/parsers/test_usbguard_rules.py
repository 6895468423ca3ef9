"""USBGuard's rule language, beside the real parser, and what rules do with kinds of devices."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import usbguard_policy
from scanner.parsers.usbguard_rules import Interface, Rule, parse, parse_line

GOOD = [
    "allow",
    "allow with-interface one-of { 03:*:* 08:06:50 }",
    'allow 1d6b:0002 name "x y" with-interface 09:00:00',
    "reject with-interface all-of {08:*:*}",
    "allow with-interface { 03:00:01 03:01:01 }",
    "allow if one-of { !rule-applied random }",
    "allow if true",
    'allow id 1234:* name one-of { "a" "b\\"c" }',
    'allow id *:* hash "abc="',
    "allow id one-of {1d6b:*}",
    'block via-port "1-2"',
    'reject label "why"',
    "allow\tid *:*",
    'allow with-connect-type "hotplug"',
]
BAD = [
    "permit",
    "allow foo",
    "allow id",
    "allow 12:34",
    "Allow",
    "allow with-interface equals{ 03:00:01 }",
    "allow with-interface one-of { 03:00:01, 03:01:01 }",
    "allow with-interface one-of { }",
    "allow with-interface 3:0:1",
    "allow with-interface 03:*:01",
    "allow id *:0002",
    "allow if one-of",
    'allow name "a" name "b"',
    'allow name "open',
    "block with-interface ff:ff:ff\r",
]


@pytest.mark.parametrize("text", GOOD)
def test_good_rules(text: str) -> None:
    assert parse_line(text, 1) is not None


@pytest.mark.parametrize("text", BAD)
def test_bad_rules(text: str) -> None:
    with pytest.raises(ParseError):
        parse_line(text, 1)


@pytest.mark.parametrize("text", GOOD + BAD)
def test_the_real_parser_agrees(text: str) -> None:
    if shutil.which("usbguard-rule-parser") is None:
        pytest.skip("usbguard-rule-parser is not installed: make test installs it (package usbguard)")
    done = subprocess.run(["usbguard-rule-parser", text], capture_output=True)
    assert (done.returncode == 0) == (text in GOOD), done.stdout + done.stderr


def test_attributes_and_comments() -> None:
    rules = parse("# first\n\nallow id 1d6b:0002 with-interface one-of { 03:01:02 0b:*:* } # why\nreject\n")
    assert [(rule.target, rule.line) for rule in rules] == [("allow", 3), ("reject", 4)]
    asked = rules[0].attribute("with-interface")
    assert asked is not None
    assert (asked.operator, asked.interfaces()) == ("one-of", (Interface(3, 1, 2), Interface(11, None, None)))
    assert rules[0].attribute("hash") is None


STORAGE_REJECT = "reject with-interface one-of { 08:*:* }"


def rules(*lines: str) -> list[Rule]:
    return parse("\n".join(lines))


@pytest.mark.parametrize(
    ("line", "admits"),
    [
        ("allow", True),
        ("allow with-interface one-of { 03:*:* }", True),
        ("allow with-interface all-of { 03:*:* }", True),
        ("allow with-interface equals { 03:*:* }", False),
        ("allow with-interface 03:*:*", False),
        ("allow with-interface match-all { 03:*:* 01:*:* }", False),
        ("allow with-interface match-all { 03:*:* 08:06:50 }", True),
        ("allow with-interface none-of { 08:*:* }", False),
        ("allow with-interface none-of { 08:06:50 }", True),
        ("allow id 046d:*", True),
        ('allow serial "1"', True),
        ('allow hash "abc"', False),
        ("allow if random", True),
        ("block", False),
    ],
)
def test_rules_that_admit_storage(line: str, admits: bool) -> None:
    assert usbguard_policy.admits_storage(rules(line), 0) is admits


@pytest.mark.parametrize(
    ("first", "shielded"),
    [
        (STORAGE_REJECT, True),
        ("block with-interface all-of { 08:*:* }", True),
        ("reject with-interface one-of { 08:06:50 }", False),
        ("reject with-interface equals { 08:*:* }", False),
        ("reject id 1234:* with-interface one-of { 08:*:* }", False),
        ("reject with-interface one-of { 08:*:* } if random", False),
        ("block", True),
    ],
)
def test_what_stops_storage_before_an_allow(first: str, shielded: bool) -> None:
    listed = rules(first, "allow with-interface one-of { 03:*:* }")
    assert usbguard_policy.admits_storage(listed, 1) is not shielded


def test_an_allow_before_the_reject_lets_it_in() -> None:
    listed = rules("allow with-interface one-of { 03:*:* 08:06:50 }", STORAGE_REJECT)
    assert usbguard_policy.admits_storage(listed, 0)
    assert usbguard_policy.decide(listed, usbguard_policy.STORAGE, "block").target == "some"


@pytest.mark.parametrize(
    ("lines", "cls", "target", "index"),
    [
        (["allow with-interface one-of { 03:*:* }"], 3, "allow", 0),
        (["allow with-interface 03:01:01"], 3, "some", 0),
        (["allow with-interface one-of { 01:*:* }"], 3, "block", None),
        (["reject", "allow with-interface 03:*:*"], 3, "reject", 0),
        (["reject with-interface 03:00:00", "allow with-interface 03:*:*"], 3, "some", 0),
        (['block id 1234:5678 name "x"', "allow with-interface 03:*:*"], 3, "some", 0),
        (["allow with-interface { 03:*:* 03:*:* }"], 3, "some", 0),
        (["allow with-interface all-of { 03:*:* 01:*:* }"], 3, "block", None),
        (["allow with-interface none-of { 08:*:* }"], 3, "allow", 0),
        (["allow with-interface none-of { 08:*:* }"], 8, "block", None),
        (["allow if true"], 8, "allow", 0),
        ([STORAGE_REJECT], 8, "reject", 0),
    ],
)
def test_the_fate_of_a_class(lines: list[str], cls: int, target: str, index: int | None) -> None:
    decision = usbguard_policy.decide(rules(*lines), cls, "block")
    assert (decision.target, decision.rule) == (target, index)


def test_only_a_rule_without_conditions_admits_everything() -> None:
    listed = rules("allow", 'allow label "x"', "allow id *:*", "allow id 0001:0002", "block")
    assert [usbguard_policy.admits_everything(rule) for rule in listed] == [True, True, True, False, False]
