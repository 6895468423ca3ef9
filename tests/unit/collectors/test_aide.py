"""AIDE: the parser of its configuration, and facts from trees."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.aide_conf import Config, parse
from tests.support import build, fact_of, facts_of

CONF = """# c
@@define DBDIR /var/lib/aide
@@define MORE sha512+n
database_in=file:@@{DBDIR}/aide.db.gz
report_url=stdout
PERMS = p+u+g+acl+selinux+xattrs
NORMAL = PERMS+sha512+n
LESS = NORMAL-sha512
/etc/passwd NORMAL
=/var/log$ LESS
!/etc/mtab
/usr/sbin/auditctl p+i+n+u+g+s+b+acl+xattrs+sha512
"""


def parsed(text: str) -> Config:
    config = Config()
    parse(config, text, "aide.conf")
    return config


def test_groups_macros_and_selections() -> None:
    config = parsed(CONF)
    assert config.options["database_in"] == ("file:/var/lib/aide/aide.db.gz", "aide.conf", 4)
    normal = frozenset(("p", "u", "g", "acl", "selinux", "xattrs", "sha512", "n"))
    assert [(one.how, one.pattern, one.attributes) for one in config.selections[:3]] == [
        ("select", "/etc/passwd", normal),
        ("equals", "/var/log$", normal - {"sha512"}),
        ("leave out", "/etc/mtab", frozenset()),
    ]
    assert config.selections[3].line == 12


@pytest.mark.parametrize(
    "text", ["/etc/passwd", "nonsense", "@@ifdef X", "@@{A}/x p", "@@define A @@{A}@@{A}\n/x @@{A}", "a\0b", "NAME = +"]
)
def test_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parsed(text)


def test_the_real_aide_takes_the_same_file(tmp_path: Path) -> None:
    if shutil.which("aide") is None:
        pytest.skip("aide is not installed: make test installs it")
    path = tmp_path / "aide.conf"
    for text, good in ((CONF, True), ("/etc/passwd\n", False), ("nonsense\n", False)):
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(["aide", "--config-check", "-c", str(path)], capture_output=True)
        assert (done.returncode == 0) is good, done.stderr
        if good:
            assert parsed(text).selections
        else:
            with pytest.raises(ParseError):
                parsed(text)


def test_database_and_rules(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/aide.conf": CONF, "/var/lib/aide/aide.db.gz": "x"})
    facts = facts_of(tmp_path, ["aide.settings", "aide.rules"])
    assert facts["aide.settings"].value["database_path"] == "/var/lib/aide/aide.db.gz"
    assert facts["aide.settings"].value["database_exists"] is True
    assert facts["aide.rules"].value[-1]["path"] == "/usr/sbin/auditctl"
    (tmp_path / "var/lib/aide/aide.db.gz").write_text("", encoding="utf-8")
    assert fact_of(tmp_path, "aide.settings").value["database_exists"] is False


def test_absent_malformed_and_included(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "aide.rules").state == "absent"
    assert fact_of(build(tmp_path / "b", {"/etc/aide.conf": "@@if X\n"}), "aide.rules").state == "error"
    build(
        tmp_path / "c",
        {
            "/etc/aide/aide.conf": "G = p+sha512\n@@include /etc/aide/aide.conf.d ^[a-z]+$\n",
            "/etc/aide/aide.conf.d/one": "/bin G\n",
        },
    )
    value = fact_of(tmp_path / "c", "aide.rules").value
    assert [(one["path"], one["attributes"]) for one in value] == [("/bin", ["p", "sha512"])]


def test_when_it_runs(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/crontab": "# 0 5 * * * root /usr/sbin/aide --check\n05 4 * * * root /usr/sbin/aide --check\n",
            "/etc/cron.d/aide": "0 5 1 * * root /usr/sbin/aide --check | /bin/mail -s aide admin@example.org\n",
            "/etc/cron.daily/aide": "#!/bin/sh\n/usr/bin/aide.wrapper --config /x --check\n",
            "/etc/cron.weekly/off": "/usr/sbin/aide --check\n",
            "/etc/cron.d/init": "0 5 * * * root /usr/sbin/aide --init\n",
        },
    )
    os.chmod(tmp_path / "etc/cron.daily/aide", 0o755)
    value = fact_of(tmp_path, "aide.schedule").value
    assert [(one["source"], one["line"], one["at_least_weekly"], one["mails_to"]) for one in value] == [
        ("/etc/crontab", 2, True, None),
        ("/etc/cron.d/aide", 1, False, "admin@example.org"),
        ("/etc/cron.daily/aide", 2, True, None),
    ]


@pytest.mark.parametrize(
    ("line", "weekly"),
    [
        ("@daily root /usr/sbin/aide --check", True),
        ("@monthly root /usr/sbin/aide --check", False),
        ("0 5 * * 0 root /usr/sbin/aide --check", True),
        ("0 5 */2 * * root /usr/sbin/aide --check", True),
        ("0 5 */9 * * root /usr/sbin/aide --check", False),
        ("0 5 * 1 * root /usr/sbin/aide --check", False),
        ("/usr/sbin/aide --check", False),
    ],
)
def test_how_often(tmp_path: Path, line: str, weekly: bool) -> None:
    (record,) = fact_of(build(tmp_path, {"/etc/crontab": line + "\n"}), "aide.schedule").value
    assert record["at_least_weekly"] is weekly


def test_a_refused_configuration_says_why(tmp_path: Path) -> None:
    """The rules of such a file are an error; that AIDE refuses it is known."""
    root = build(tmp_path / "a", {"/etc/aide.conf": "All = p\n/bin All # a remark\n"})
    facts = facts_of(root, ["aide.rules", "aide.refused"])
    assert (facts["aide.rules"].state, facts["aide.refused"].state) == ("error", "present")
    assert "line 2" in facts["aide.refused"].value[0]["reason"]
    assert fact_of(build(tmp_path / "b", {"/etc/aide.conf": CONF}), "aide.refused").value == []
    assert fact_of(build(tmp_path / "c", {"/etc": None}), "aide.refused").state == "absent"
