"""auditd facts from trees."""

from __future__ import annotations

from pathlib import Path

from tests.support import build, fact_of, facts_of

CONF = "/etc/audit/auditd.conf"


def test_settings(tmp_path: Path) -> None:
    value = fact_of(build(tmp_path, {CONF: "write_logs = yes\nspace_left = 75\n"}), "audit.auditd").value
    assert (value["write_logs"], value["space_left"], value["flush"]) == ("yes", 75, "none")
    assert value["lines"] == {"space_left": 2, "write_logs": 1}
    assert value["written"] == ["space_left", "write_logs"]


def test_absent_and_malformed(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, {"/etc": None}), ["audit.auditd", "audit.plugins"])
    assert {fact.state for fact in facts.values()} == {"absent"}
    bad = fact_of(build(tmp_path / "bad", {CONF: "freq = 3\nspace_left_action=email\n"}), "audit.auditd").value
    assert (bad["starts"], bad["freq"], bad["refused"][0][:6]) == (False, 3, "line 2")
    # Which folder holds the plugins may be what the refused line was about.
    assert fact_of(tmp_path / "bad", "audit.plugins").state == "error"
    assert fact_of(build(tmp_path / "good", {CONF: "freq = 3\n"}), "audit.auditd").value["starts"] is True
    binary = build(tmp_path / "binary", {CONF: "freq = 3\0\n"})
    assert fact_of(binary, "audit.auditd").state == "error"


def test_a_link_is_not_followed_by_auditd(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/real.conf": "freq = 1\n", CONF: ("link", "real.conf")})
    assert fact_of(tmp_path, "audit.auditd").state == "error"


def test_plugins(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            CONF: "plugin_dir = /etc/audit/other\n",
            "/etc/audit/other/syslog.conf": "Active = YES\npath = /sbin/audisp-syslog\n",
            "/etc/audit/other/off.conf": "path = /sbin/x\n",
            "/etc/audit/other/broken.conf": "active=yes\n",
            "/etc/audit/other/readme": "active = yes\n",
        },
    )
    fact = fact_of(tmp_path, "audit.plugins")
    assert [(one["name"], one["active"], one["line"]) for one in fact.value] == [
        ("off", False, None),
        ("syslog", True, 1),
    ]
    assert not fact.complete
