"""rsyslog's three syntaxes in one file, and what selectors choose."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import rsyslog_selector
from scanner.parsers.rsyslog_conf import Statement, parse

MIXED = r"""
# comment
global(workDirectory="/tmp")   # behind a statement
module(load="builtin:omfile" FileCreateMode="0640")
template(name="x" type="list") { property(name="msg") constant(value="a}b { c") }
$FileCreateMode 0640
*.info;mail.none;authpriv.none   action(type="omfile"
    file="/var/log/messages")
authpriv.* { action(type="omfile" file="/var/log/secure") stop }
:msg, contains, "x,y" ~
& @@h:1
if $syslogfacility-text == 'cron' and ($msg contains "then {") then {
  /var/log/foo
  set $.x = "a;b";
} else if 1 then stop
ruleset(name="remote") { action(type="omfwd" target="h" StreamDriverPermittedPeers="a,b") }
call remote
*.* \
   @@z:99;RSYSLOG_TraditionalFileFormat
/* mail.* /var/log/no */
"""


def test_every_syntax() -> None:
    found = parse(MIXED)
    seen = [(one.kind, one.line, one.selectors, one.guarded, one.ruleset) for one in found]
    assert seen == [
        ("object", 3, (), False, None),
        ("object", 4, (), False, None),
        ("object", 5, (), False, None),
        ("directive", 6, (), False, None),
        ("action", 7, ("*.info;mail.none;authpriv.none",), False, None),
        ("action", 9, ("authpriv.*",), False, None),
        ("discard", 9, ("authpriv.*",), False, None),
        ("discard", 10, (), True, None),
        ("legacy", 11, (), True, None),
        ("legacy", 13, (), True, None),
        ("discard", 15, (), True, None),
        ("object", 16, (), False, None),
        ("action", 16, (), False, "remote"),
        ("call", 17, (), False, None),
        ("legacy", 19, ("*.*",), False, None),
    ]
    assert found[-1].text == "@@z:99;RSYSLOG_TraditionalFileFormat"
    assert found[4].parameter("file") == "/var/log/messages"


def one(text: str) -> Statement:
    (found,) = parse(text)
    return found


def test_carriage_returns_and_case() -> None:
    assert one("$filecreatemode 0600\r\n").name == "filecreatemode"
    assert one('ACTION(Type="omfile" FILE="/x")').parameter("file") == "/x"


def test_arrays() -> None:
    assert one('input(type="imfile" tag=["a", "b"])').parameters["tag"] == ("a", "b")


def test_blocks_of_bsd_guard_what_is_in_them() -> None:
    found = parse("!prog\n*.* -/a\n!*\n*.* /b\n+host\n*.* /c\n+*\n")
    assert [(item.text, item.guarded) for item in found] == [("-/a", True), ("/b", False), ("/c", True)]


def test_quotes_inside_strings() -> None:
    assert one(r'action(type="omfile" file="/a\"b" template="c)d")').parameter("file") == '/a"b'


def test_a_commented_action_is_none() -> None:
    assert parse('#action(type="omfwd" target="h")\n/* *.* @@h */\n') == []


def test_a_ruleset_directive_switches() -> None:
    found = parse("$RuleSet remote\n*.* /a\n$RuleSet RSYSLOG_DefaultRuleset\n*.* /b\n")
    assert [(item.text, item.ruleset) for item in found if item.kind == "legacy"] == [("/a", "remote"), ("/b", None)]


@pytest.mark.parametrize(
    "text",
    [
        'action(type="omfile"',
        "{ /x",
        "}",
        'if $msg contains "x',
        "/* no end",
        "set $.x = 1",
        "call",
        "a\0b",
        'action(x "y")',
    ],
)
def test_what_rsyslogd_refuses(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ParseError, match="deeper"):
        parse("{" * 500)


def test_rsyslogd_itself_accepts_the_mixed_file(tmp_path: Path) -> None:
    program = shutil.which("rsyslogd") or shutil.which("/usr/sbin/rsyslogd")
    if program is None:
        pytest.skip("rsyslogd is not installed: make test installs it (Debian package rsyslog)")
    path = tmp_path / "r.conf"
    path.write_text(MIXED)
    done = subprocess.run([program, "-N1", "-f", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_selectors() -> None:
    whole = rsyslog_selector.whole
    decode = rsyslog_selector.decode
    assert len(whole(decode("*.*"))) == len(rsyslog_selector.FACILITIES)
    assert whole(decode("cron.*;local0,local1.debug")) == ["cron", "local0", "local1"]
    assert "authpriv" not in whole(decode("*.*;authpriv.none"))
    assert whole(decode("cron.info")) == [] and whole(decode("cron.=debug")) == []
    assert whole(decode("cron.*;cron.!=debug")) == []
    assert whole(decode("cron.info;cron.=debug")) == ["cron"]
    assert whole(decode("auth.*")) == whole(decode("security.*")) == whole(decode("4.*")) == ["auth"]


@pytest.mark.parametrize("text", ["nosuch.*", "cron.nosuch", "99.info", "cron."])
def test_names_that_no_selector_has(text: str) -> None:
    with pytest.raises(ParseError):
        rsyslog_selector.decode(text)
