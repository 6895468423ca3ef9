"""chrony: directives in the order of the daemon, folders of sources, the user it runs as."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Content, build, fact_of

CONF = "pool 2.pool.ntp.org iburst\nsourcedir /run/chrony-dhcp\nconfdir /etc/chrony.d\ncmdport 323\n"


def test_settings_and_sources(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/chrony.conf": CONF + "CMDPORT 0\nsourcedir /etc/s1 /etc/s2\ninclude /etc/more/*.conf\n",
            "/etc/chrony.d/b.conf": "server a maxpoll 16 nts\n",
            "/etc/chrony.d/ignored": "server no\n",
            "/etc/s1/x.sources": "peer p\nport 1\n",
            "/etc/s2/x.sources": "server hidden\n",
            "/etc/more/m.conf": "server m\n",
        },
    )
    settings = fact_of(tmp_path, "chrony.settings").value
    assert [(row["value"], row["last"], row["line"]) for row in settings if row["directive"] == "cmdport"] == [
        ("323", False, 4),
        ("0", True, 5),
    ]
    assert "port" not in {row["directive"] for row in settings}
    sources = fact_of(tmp_path, "chrony.sources").value
    assert [(row["kind"], row["address"], row["maxpoll"], row["maxpoll_set"], row["nts"]) for row in sources] == [
        ("pool", "2.pool.ntp.org", 10, False, False),
        ("server", "a", 16, True, True),
        ("peer", "p", 10, False, False),
        ("server", "m", 10, False, False),
    ]


UNIT = "[Service]\nEnvironmentFile=-/etc/sysconfig/chronyd\nExecStart=/usr/sbin/chronyd $OPTIONS\n"


@pytest.mark.parametrize(
    ("files", "user"),
    [
        ({}, None),
        ({"/etc/sysconfig/chronyd": 'OPTIONS="-F 2"\n'}, None),
        ({"/etc/sysconfig/chronyd": 'OPTIONS="-F 2 -u root"\n'}, "root"),
        ({"/etc/sysconfig/chronyd": "#OPTIONS=-uroot\nOPTIONS='-uroot -4'\n"}, "root"),
        ({"/etc/sysconfig/chronyd": 'OPTIONS="-u root"\nOPTIONS=""\n'}, None),
        ({"/usr/lib/systemd/system/chronyd.service": UNIT.replace("$OPTIONS", "-u root")}, "root"),
        (
            {
                "/usr/lib/systemd/system/chronyd.service": UNIT,
                "/etc/systemd/system/chronyd.service.d/x.conf": "[Service]\nExecStart=\nExecStart=/x -u bob\n",
            },
            "bob",
        ),
        ({"/etc/chrony.conf": "user chrony\nuser root\n"}, "root"),
        ({"/etc/chrony.conf": "user root\n", "/etc/sysconfig/chronyd": "OPTIONS=-uchrony\n"}, "chrony"),
    ],
)
def test_user(tmp_path: Path, files: dict[str, Content], user: str | None) -> None:
    fact = fact_of(build(tmp_path, {"/etc/chrony.conf": CONF, **files}), "chrony.daemon")
    assert fact.value == {"user": user, "source": "/etc/chrony.conf"}


def test_another_configuration_is_a_gap(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/chrony.conf": CONF, "/etc/sysconfig/chronyd": 'OPTIONS="-f /etc/x.conf"\n'})
    assert fact_of(tmp_path, "chrony.settings").gaps


def test_absent_and_broken(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "chrony.sources").state == "absent"
    assert (
        fact_of(build(tmp_path / "b", {"/etc/chrony.conf": "server x maxpoll many\n"}), "chrony.sources").state
        == "error"
    )
    assert (
        fact_of(build(tmp_path / "c", {"/etc/chrony.conf": "include /etc/chrony.conf\n"}), "chrony.settings").state
        == "error"
    )
    build(tmp_path / "d", {"/etc/chrony.conf": "include /etc/x.conf\n", "/etc/x.conf": b"a\0"})
    assert fact_of(tmp_path / "d", "chrony.settings").gaps
    build(tmp_path / "e", {"/etc/chrony.conf": "port 0\n", "/etc/sysconfig/chronyd": "OPTIONS='open\n"})
    assert fact_of(tmp_path / "e", "chrony.daemon").state == "error"
