"""Runlevels of OpenRC, stacked ones included."""

import os
from pathlib import Path

from tests.support import build, fact_of


def test_runlevels(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/init.d/sshd": "#!/sbin/openrc-run\n",
            "/etc/init.d/iptables": "#!/sbin/openrc-run\n",
            "/etc/runlevels/default/sshd": ("link", "/etc/init.d/sshd"),
            "/etc/runlevels/default/gone": ("link", "/etc/init.d/gone"),
            "/etc/runlevels/boot/iptables": ("link", "/etc/init.d/iptables"),
            "/etc/runlevels/default/boot": ("link", "/etc/runlevels/boot"),
            "/etc/runlevels/empty": None,
        },
    )
    fact = fact_of(root, "openrc.runlevels")
    assert [(r["runlevel"], r["service"], r["stacked_from"], r["found"]) for r in fact.value] == [
        ("boot", "iptables", None, True),
        ("default", "gone", None, False),
        ("default", "iptables", "boot", True),
        ("default", "sshd", None, True),
    ]


def test_runlevels_stacked_in_a_circle(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/runlevels/a/b": ("link", "../b"),
            "/etc/runlevels/b/a": ("link", "../a"),
            "/etc/runlevels/b/x": ("link", "/etc/init.d/x"),
        },
    )
    assert [r["runlevel"] for r in fact_of(root, "openrc.runlevels").value] == ["a", "b"]


def test_a_link_in_a_loop_is_a_gap(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/runlevels/default": None})
    os.symlink("loop", root / "etc/runlevels/default/loop")
    fact = fact_of(root, "openrc.runlevels")
    assert fact.value == []
    assert fact.gaps


def test_absent(tmp_path: Path) -> None:
    root = build(tmp_path, {"/proc/x": ""})
    assert fact_of(root, "openrc.runlevels").state == "absent"
    assert fact_of(root, "openrc.running", runtime=True).state == "absent"
    assert fact_of(root, "openrc.running").state == "not_collected"


def test_running(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/proc/x": "",
            "/run/openrc/started/sshd": ("link", "/etc/init.d/sshd"),
            "/run/openrc/failed/ntpd": ("link", "/etc/init.d/ntpd"),
        },
    )
    assert fact_of(root, "openrc.running", runtime=True).value == [
        {"service": "ntpd", "state": "failed"},
        {"service": "sshd", "state": "started"},
    ]
