"""rsyslog's facts: what reaches which action, defaults old and new, includes, files."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model.fact import Fact, Json
from tests.support import build, fact_of

RHEL = """
global(workDirectory="/var/lib/rsyslog")
module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat")
module(load="imuxsock" SysSock.Use="off")
module(load="imjournal" StateFile="imjournal.state")
include(file="/etc/rsyslog.d/*.conf" mode="optional")
*.info;mail.none;authpriv.none;cron.none   action(type="omfile" file="/var/log/messages")
authpriv.*   action(type="omfile" file="/var/log/secure")
mail.*   -/var/log/maillog
cron.*   action(type="omfile" file="/var/log/cron")
*.emerg   action(type="omusrmsg" users="*")
"""


def rows(root: Path, config: str, name: str = "rsyslog.actions", **more: str) -> list[Json]:
    fact = fact_of(build(root, {"/etc/rsyslog.conf": config, **more}), name)
    assert fact.state == "present", fact.reason
    value: list[Json] = fact.value
    return value


def test_the_vendor_file(tmp_path: Path) -> None:
    unit = "[Service]\nExecStart=/usr/sbin/rsyslogd -n\nUMask=0066\n"
    found = rows(tmp_path, RHEL, **{"/usr/lib/systemd/system/rsyslog.service": unit})
    assert [(row["type"], row["file"], row["mode_set"], row["mode_made"]) for row in found] == [
        ("omfile", "/var/log/messages", "0644", "0600"),
        ("omfile", "/var/log/secure", "0644", "0600"),
        ("omfile", "/var/log/maillog", "0644", "0600"),
        ("omfile", "/var/log/cron", "0644", "0600"),
        ("omusrmsg", None, None, None),
    ]
    assert found[0]["full"] == []
    assert [row["full"] for row in found[1:4]] == [["authpriv"], ["mail"], ["cron"]]


def test_the_directive_does_not_reach_objects(tmp_path: Path) -> None:
    config = '$FileCreateMode 0600\n*.* /a\n*.* action(type="omfile" file="/b")\n$ResetConfigVariables\n*.* /c\n'
    assert [row["mode_set"] for row in rows(tmp_path, config)] == ["0600", "0644", "0644"]


def test_the_module_parameter_does(tmp_path: Path) -> None:
    config = 'module(load="builtin:omfile" FileCreateMode="0640")\n*.* /a\n*.* action(type="omfile" file="/b")\n'
    assert [row["mode_set"] for row in rows(tmp_path, config)] == ["0644", "0640"]


def test_a_umask_of_its_own(tmp_path: Path) -> None:
    config = '$Umask 0000\n*.* action(type="omfile" file="/b" FileCreateMode="0666")\n'
    assert [row["mode_made"] for row in rows(tmp_path, config)] == ["0666"]


@pytest.mark.parametrize(
    ("before", "full"),
    [
        ("", ["cron"]),
        ("*.* ~\n", []),
        ("cron.* stop\n", []),
        ("mail.* stop\n", ["cron"]),
        (':msg, contains, "x" ~\n', []),
        ("nosuch.* stop\n", []),
        ('if $msg contains "x" then stop\n', []),
        ('if $msg contains "x" then {\n', None),
    ],
)
def test_what_is_dropped_before(tmp_path: Path, before: str, full: list[str] | None) -> None:
    after = "\n}" if full is None else ""
    found = rows(tmp_path, f"{before}cron.* /var/log/cron{after}\n")
    assert found[-1]["full"] == (full or [])
    assert found[-1]["guarded"] is (full is None)


def test_everything(tmp_path: Path) -> None:
    found = rows(tmp_path, '*.* @@h\n*.*;mail.none @@h\naction(type="omfwd" target="h")\n')
    assert [row["everything"] for row in found] == [True, False, True]


def test_a_fallback_is_not_sure(tmp_path: Path) -> None:
    config = (
        '*.* action(type="omfwd" target="h" action.execOnlyWhenPreviousIsSuspended="on")\n'
        "$ActionExecOnlyWhenPreviousIsSuspended on\n*.* @@h\n"
    )
    assert [row["everything"] for row in rows(tmp_path, config)] == [False, False]


def test_rulesets(tmp_path: Path) -> None:
    config = (
        'ruleset(name="called") {\ncron.* /called\n}\nruleset(name="idle") {\ncron.* /idle\n}\n'
        "cron.* call called\n*.* call called\n"
    )
    assert [(row["ruleset"], row["full"]) for row in rows(tmp_path, config)] == [("called", ["cron"]), ("idle", [])]


def test_forwarding_and_its_encryption(tmp_path: Path) -> None:
    tls = 'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="a, b"'
    config = (
        f'action(type="omfwd" target="h" port="6514" protocol="tcp" {tls})\n'
        f'action(type="omfwd" target="h" {tls})\n'
        'action(type="omfwd" target="h" protocol="tcp" StreamDriver="gtls" tls="off")\n'
        'action(type="omrelp" target="h" tls="on")\n'
        "$DefaultNetstreamDriver ossl\n$ActionSendStreamDriverMode 1\n$ActionSendStreamDriverPermittedPeer c\n"
        "*.* @@[2001:db8::1]:514\n*.* @h2:514;Format\n*.* @@(o)h3\n*.* :omrelp:h4:2514\n"
    )
    found = rows(tmp_path, config)
    assert [(row["target"], row["port"], row["protocol"], row["tls"]) for row in found] == [
        ("h", "6514", "tcp", True),
        ("h", None, "udp", False),
        ("h", None, "tcp", False),
        ("h", None, "relp", True),
        ("2001:db8::1", "514", "tcp", True),
        ("h2", "514", "udp", False),
        ("h3", None, "tcp", True),
        ("h4", "2514", "relp", False),
    ]
    assert [row["tls_said"] for row in found[:4]] == [None, None, "off", None]
    assert found[0]["peers"] == ["a", "b"] and found[4]["peers"] == ["c"] and found[6]["peers"] == []


def test_other_actions(tmp_path: Path) -> None:
    config = (
        "$outchannel big,/var/log/big,100,/x\n*.* :omfile:$big\n*.* ?Dyn\n*.* |/pipe\n*.* *\n*.* root,bob\n*.* ^prog\n"
        '*.* action(type="omfile" dynaFile="Dyn")\n'
    )
    assert [(row["type"], row["file"], row["dynamic"]) for row in rows(tmp_path, config)] == [
        ("omfile", "/var/log/big", False),
        ("omfile", None, True),
        ("ompipe", None, False),
        ("omusrmsg", None, False),
        ("omusrmsg", None, False),
        ("omprog", None, False),
        ("omfile", None, True),
    ]


def test_what_is_switched_off_is_left_out(tmp_path: Path) -> None:
    config = 'action(type="omfwd" target="h" config.enabled="off")\nmodule(load="imtcp" config.enabled="no")\n'
    assert rows(tmp_path, config) == []
    assert fact_of(tmp_path, "rsyslog.inputs").value == []


def test_includes_keep_their_place_and_conditions(tmp_path: Path) -> None:
    config = (
        "$IncludeConfig /etc/rsyslog.d/*.conf\ncron.* /last\nif $msg contains 'x' then include(file=\"/etc/g.conf\")\n"
    )
    found = rows(
        tmp_path,
        config,
        **{
            "/etc/rsyslog.d/b.conf": "cron.* /b\n",
            "/etc/rsyslog.d/a.conf": "cron.* /a\ncron.* stop\n",
            "/etc/rsyslog.d/.hidden.conf": "cron.* /hidden\n",
            "/etc/rsyslog.d/c.txt": "cron.* /c\n",
            "/etc/g.conf": "mail.* /g\n",
        },
    )
    assert [(row["file"], row["full"], row["guarded"]) for row in found] == [
        ("/a", ["cron"], False),
        ("/b", [], False),
        ("/last", [], False),
        ("/g", [], True),
    ]


def test_a_bad_included_file_is_a_gap(tmp_path: Path) -> None:
    tree = {"/etc/rsyslog.conf": "$IncludeConfig /etc/rsyslog.d/*.conf\n*.* /a\n", "/etc/rsyslog.d/x.conf": "{ /b\n"}
    fact = fact_of(build(tmp_path, tree), "rsyslog.actions")
    assert [row["file"] for row in fact.value] == ["/a"]
    assert fact.gaps and fact.gaps[0].startswith("malformed")


@pytest.mark.parametrize(
    ("config", "state"),
    [
        ("action(", "error"),
        ('*.* action(type="omfile" file="/a" FileCreateMode="rw")', "error"),
        ("$IncludeConfig /etc/rsyslog.conf\n", "error"),
    ],
)
def test_a_broken_main_file(tmp_path: Path, config: str, state: str) -> None:
    fact = fact_of(build(tmp_path, {"/etc/rsyslog.conf": config}), "rsyslog.actions")
    assert fact.state == state


def test_another_configuration_file_is_a_gap(tmp_path: Path) -> None:
    tree = {"/etc/rsyslog.conf": "", "/etc/sysconfig/rsyslog": 'SYSLOGD_OPTIONS="-f /etc/other.conf"\n'}
    assert fact_of(build(tmp_path, tree), "rsyslog.inputs").gaps


def test_absent(tmp_path: Path) -> None:
    build(tmp_path, {"/etc": None})
    for name in ("rsyslog.settings", "rsyslog.actions", "rsyslog.inputs", "rsyslog.log_files"):
        assert fact_of(tmp_path, name).state == "absent"


def test_inputs(tmp_path: Path) -> None:
    config = (
        '$ModLoad imudp.so\n$UDPServerRun 514\nmodule(load="imtcp")\ninput(type="imtcp" port="601")\n'
        '#input(type="imrelp" port="1")\nmodule(load="imuxsock")\n$ModLoad ommysql\n'
    )
    found = rows(tmp_path, config, "rsyslog.inputs")
    assert [(row["type"], row["role"], row["network"], row["port"], row["line"]) for row in found] == [
        ("imudp", "module", True, None, 1),
        ("imudp", "listener", True, "514", 2),
        ("imtcp", "module", True, None, 3),
        ("imtcp", "listener", True, "601", 4),
        ("imuxsock", "module", False, None, 6),
    ]


def test_settings(tmp_path: Path) -> None:
    config = '$FileCreateMode 0640 # why\nglobal(net.acl="a" workDirectory="/w")\nmodule(load="imudp" x="1")\n'
    found = rows(tmp_path, config, "rsyslog.settings")
    assert [(row["kind"], row["module"], row["name"], row["value"], row["line"]) for row in found] == [
        ("directive", None, "filecreatemode", "0640", 1),
        ("global", None, "net.acl", "a", 2),
        ("global", None, "workdirectory", "/w", 2),
        ("module", "imudp", "load", "imudp", 3),
        ("module", "imudp", "x", "1", 3),
    ]


def log_files(tmp_path: Path, config: str) -> Fact:
    build(tmp_path, {"/etc/rsyslog.conf": config, "/var/log/a": "x"})
    (tmp_path / "var/log/a").chmod(0o640)
    return fact_of(tmp_path, "rsyslog.log_files")


def test_log_files(tmp_path: Path) -> None:
    fact = log_files(tmp_path, "*.* -/var/log/a;Format\nmail.* /var/log/a\n*.* /var/log/none\n*.* /dev/console\n")
    assert [(row["path"], row["exists"], row["mode"], row["line"]) for row in fact.value] == [
        ("/var/log/a", True, "0640", 1),
        ("/var/log/none", False, None, 3),
    ]
    assert fact.complete


def test_a_file_whose_name_is_made_is_a_gap(tmp_path: Path) -> None:
    assert log_files(tmp_path, "*.* ?Dyn\n").gaps


def test_a_ruleset_for_local_messages_is_a_gap(tmp_path: Path) -> None:
    tree = {"/etc/rsyslog.conf": 'module(load="imjournal" ruleset="x")\n*.* @@h\n'}
    assert fact_of(build(tmp_path, tree), "rsyslog.actions").gaps
