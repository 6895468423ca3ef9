"""journald settings: drop-ins, defaults, odd values."""

from __future__ import annotations

from pathlib import Path

from tests.support import build, fact_of


def test_defaults_of_an_empty_file(tmp_path: Path) -> None:
    value = fact_of(
        build(tmp_path, {"/etc/systemd/journald.conf": "[Journal]\n#Storage=persistent\n"}), "journald.settings"
    ).value
    assert value == {
        "storage": "auto",
        "compress": True,
        "forward_to_syslog": False,
        "written": [],
        "places": {},
        "contradictions": {"storage": 0, "compress": 0, "forward_to_syslog": 0},
    }


def test_drop_ins_override_by_name(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/systemd/journald.conf": "[Journal]\nStorage=volatile\nCompress=no\n",
            "/usr/lib/systemd/journald.conf.d/50-a.conf": "[Journal]\nStorage=none\nForwardToSyslog=yes\n",
            "/etc/systemd/journald.conf.d/50-a.conf": "[Journal]\nStorage=persistent\n",
            "/etc/systemd/journald.conf.d/60-b.conf": ("link", "/dev/null"),
            "/usr/lib/systemd/journald.conf.d/60-b.conf": "[Journal]\nStorage=none\n",
        },
    )
    value = fact_of(tmp_path, "journald.settings").value
    assert (value["storage"], value["compress"], value["forward_to_syslog"]) == ("persistent", False, False)
    assert value["places"]["storage"] == "/etc/systemd/journald.conf.d/50-a.conf:2"
    assert "storage" in value["written"]
    assert value["contradictions"] == {"storage": 1, "compress": 0, "forward_to_syslog": 0}


def test_odd_values(tmp_path: Path) -> None:
    text = "[Other]\nStorage=none\n[Journal]\nStorage=Persistent\nCompress=1M\nForwardToSyslog=maybe\nStorage=persistent\nStorage=\n"
    value = fact_of(build(tmp_path, {"/etc/systemd/journald.conf": text}), "journald.settings").value
    assert (value["storage"], value["compress"], value["forward_to_syslog"]) == ("auto", True, False)
    assert value["contradictions"] == {"storage": 2, "compress": 0, "forward_to_syslog": 1}


def test_absent_and_unreadable(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "journald.settings").state == "absent"
    build(tmp_path / "b", {"/etc/systemd/journald.conf": None})
    assert fact_of(tmp_path / "b", "journald.settings").state == "error"
