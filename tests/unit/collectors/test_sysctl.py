"""Kernel settings: merged like systemd-sysctl, told apart from what nothing reads, and from what holds now."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import Content, build, fact_of

SYSTEMD: dict[str, Content] = {"/usr/lib/systemd/systemd-sysctl": b""}
KEY = "sysctl.value:kernel.dmesg_restrict"


def value(root: Path, files: dict[str, Content], name: str = KEY) -> Any:
    fact = fact_of(build(root, {**SYSTEMD, **files}), name)
    assert fact.state == "present", fact.reason
    assert isinstance(fact.value, dict)
    return fact.value


def test_the_last_file_by_name_wins(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/sysctl.d/10-good.conf": "kernel.dmesg_restrict = 1\n",
        "/usr/lib/sysctl.d/50-default.conf": "# x\nkernel/dmesg_restrict = 0\n",
    }
    found = value(tmp_path, files)
    assert (found["value"], found["source"], found["line"]) == ("0", "/usr/lib/sysctl.d/50-default.conf", 2)
    assert found["overrides"] == [{"value": "1", "source": "/etc/sysctl.d/10-good.conf", "line": 1}]


def test_the_same_name_in_etc_hides_the_vendor_s_file(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/sysctl.d/50-a.conf": "kernel.dmesg_restrict = 0\n",
        "/usr/lib/sysctl.d/50-a.conf": "kernel.dmesg_restrict = 1\nkernel.kptr_restrict = 1\n",
    }
    assert value(tmp_path, files)["value"] == "0"
    assert fact_of(tmp_path, "sysctl.value:kernel.kptr_restrict").state == "absent"


@pytest.mark.parametrize("mask", [("link", "/dev/null"), ""])
def test_a_masked_file_sets_nothing(tmp_path: Path, mask: Content) -> None:
    files: dict[str, Content] = {
        "/etc/sysctl.d/50-a.conf": mask,
        "/usr/lib/sysctl.d/50-a.conf": "kernel.dmesg_restrict = 1\n",
    }
    assert fact_of(build(tmp_path, {**SYSTEMD, **files}), KEY).state == "absent"


def test_a_value_only_in_sysctl_conf_is_not_read_by_systemd(tmp_path: Path) -> None:
    build(tmp_path, {**SYSTEMD, "/etc/sysctl.conf": "kernel.dmesg_restrict = 1\n"})
    fact = fact_of(tmp_path, KEY)
    assert fact.state == "absent"
    assert "/etc/sysctl.conf:1" in (fact.reason or "")
    assert fact_of(tmp_path, "sysctl.unread").value == [
        {"key": "kernel.dmesg_restrict", "value": "1", "source": "/etc/sysctl.conf", "line": 1}
    ]
    assert fact_of(tmp_path, "sysctl.configured").value == []


def test_a_link_makes_systemd_read_sysctl_conf(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/sysctl.conf": "kernel.dmesg_restrict = 1\n",
        "/etc/sysctl.d/99-sysctl.conf": ("link", "../sysctl.conf"),
    }
    assert value(tmp_path, files)["source"] == "/etc/sysctl.d/99-sysctl.conf"
    assert fact_of(tmp_path, "sysctl.unread").value == []


def test_without_systemd_sysctl_conf_comes_last(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/sysctl.conf": "kernel.dmesg_restrict = 0\n",
        "/etc/sysctl.d/99.conf": "kernel.dmesg_restrict = 1\n",
    }
    found = fact_of(build(tmp_path, files), KEY).value
    assert isinstance(found, dict)
    assert (found["value"], found["source"]) == ("0", "/etc/sysctl.conf")


@pytest.mark.parametrize("mask", [("link", "/dev/null"), ""])
def test_a_masked_service_applies_nothing(tmp_path: Path, mask: Content) -> None:
    files: dict[str, Content] = {
        "/etc/sysctl.d/a.conf": "kernel.dmesg_restrict = 1\n",
        "/etc/systemd/system/systemd-sysctl.service": mask,
    }
    build(tmp_path, {**SYSTEMD, **files})
    for name in (KEY, "sysctl.configured"):
        fact = fact_of(tmp_path, name)
        assert fact.state == "absent"
        assert "is masked" in (fact.reason or "")


def test_an_explicit_key_beats_a_later_glob(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/sysctl.d/10.conf": "net.ipv4.conf.all.rp_filter = 1\n-net.ipv4.conf.hub.rp_filter\n",
        "/etc/sysctl.d/20.conf": "net.ipv4.conf.*.rp_filter = 0\n",
        "/etc/sysctl.d/30.conf": "net.ipv4.conf.d*.rp_filter = 2\n",
    }
    assert value(tmp_path, files, "sysctl.value:net.ipv4.conf.all.rp_filter")["value"] == "1"
    found = value(tmp_path, files={}, name="sysctl.value:net.ipv4.conf.default.rp_filter")
    assert (found["value"], found["glob"], found["source"]) == ("2", True, "/etc/sysctl.d/30.conf")
    assert value(tmp_path, {}, "sysctl.value:net.ipv4.conf.lo.rp_filter")["value"] == "0"
    assert fact_of(tmp_path, "sysctl.value:net.ipv4.conf.hub.rp_filter").state == "absent"


def test_a_comment_behind_a_value_belongs_to_it(tmp_path: Path) -> None:
    assert value(tmp_path, {"/etc/sysctl.d/a.conf": "kernel.dmesg_restrict = 1 # yes\n"})["value"] == "1 # yes"


def test_files_that_do_not_count(tmp_path: Path) -> None:
    names = ("a.conf.bak", "README", ".hidden.conf")
    files: dict[str, Content] = {f"/etc/sysctl.d/{name}": "kernel.dmesg_restrict = 1\n" for name in names}
    files["/etc/sysctl.d/folder.conf/x.conf"] = "kernel.dmesg_restrict = 1\n"
    fact = fact_of(build(tmp_path, {**SYSTEMD, **files}), KEY)
    assert (fact.state, fact.gaps) == ("absent", ())


def test_a_broken_file_is_a_gap_and_never_an_absence(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/etc/sysctl.d/a.conf": b"kernel.dmesg_restrict = 1\0"}
    assert fact_of(build(tmp_path, {**SYSTEMD, **files}), KEY).state == "error"
    build(tmp_path, {"/etc/sysctl.d/b.conf": "kernel.dmesg_restrict = 1\n"})
    fact = fact_of(tmp_path, KEY)
    assert fact.state == "present" and fact.gaps


def test_the_table(tmp_path: Path) -> None:
    build(tmp_path, {**SYSTEMD, "/etc/sysctl.d/a.conf": "-kernel.b=2\nkernel.a=1\nkernel.b=2\n"})
    table = fact_of(tmp_path, "sysctl.configured").value
    assert isinstance(table, list)
    assert [(row["key"], row["value"], row["optional"], row["line"]) for row in table] == [
        ("kernel.a", "1", False, 2),
        ("kernel.b", "2", True, 1),
    ]


def test_running(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t6291456\n", "/sys/x": ""}
    build(tmp_path, files)
    name = "sysctl.running:net.ipv4.tcp_rmem"
    assert fact_of(tmp_path, name, runtime=True).value == "4096 131072 6291456"
    assert fact_of(tmp_path, name).state == "not_collected"
    absent = fact_of(tmp_path, "sysctl.running:net.ipv6.conf.all.accept_ra", runtime=True)
    assert (absent.state, "/proc/sys/net/ipv6" in (absent.reason or "")) == ("absent", True)
    assert fact_of(tmp_path, "sysctl.running:/../../etc/passwd", runtime=True).state == "error"
    assert fact_of(tmp_path, "sysctl.running:net", runtime=True).state == "error"


def test_the_order_is_the_one_of_systemd(tmp_path: Path) -> None:
    """`systemd-analyze cat-config` merges the same folders with the code that systemd-sysctl uses."""
    files: dict[str, Content] = {
        "/etc/sysctl.d/50-b.conf": "kernel.b = etc\n",
        "/usr/local/lib/sysctl.d/50-b.conf": "kernel.b = local\n",
        "/usr/lib/sysctl.d/90-z.conf": "kernel.b = vendor\n",
        "/usr/local/lib/sysctl.d/10-a.conf": "kernel.a = local\n",
        "/usr/lib/sysctl.d/10-a.conf": "kernel.a = vendor\n",
        "/etc/sysctl.d/60-m.conf": ("link", "/dev/null"),
        "/usr/lib/sysctl.d/60-m.conf": "kernel.m = 1\n",
    }
    build(tmp_path, {**SYSTEMD, **files})
    try:
        arguments = ["systemd-analyze", f"--root={tmp_path}", "cat-config", "sysctl.d"]
        shown = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("systemd-analyze is not installed: make test installs it")
    merged: dict[str, str] = {}
    for line in shown.splitlines():
        key, equals, text = line.partition(" = ")
        if equals and not line.startswith("#"):
            merged[key] = text
    table = fact_of(tmp_path, "sysctl.configured").value
    assert isinstance(table, list)
    assert {row["key"]: row["value"] for row in table} == merged == {"kernel.a": "local", "kernel.b": "vendor"}
