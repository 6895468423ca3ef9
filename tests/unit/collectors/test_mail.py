"""Postfix and aliases: defaults, references, listeners, first alias wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Content, build, fact_of

MASTER = "smtp inet n - n - - smtpd\n127.0.0.1:10025 inet n - n - - smtpd\n[::1]:26 inet n - n - - smtpd\n"


def test_defaults_and_references(tmp_path: Path) -> None:
    main = "mine = localhost\ninet_interfaces = $mine,\n # c\n  127.0.0.1\nodd = ${x?y}\n"
    rows = {
        row["key"]: row for row in fact_of(build(tmp_path, {"/etc/postfix/main.cf": main}), "postfix.settings").value
    }
    assert rows["inet_interfaces"]["items"] == ["localhost", "127.0.0.1"]
    assert (rows["inet_interfaces"]["set"], rows["inet_interfaces"]["line"]) == (True, 2)
    assert (rows["smtpd_client_restrictions"]["items"], rows["smtpd_client_restrictions"]["set"]) == ([], False)
    # What cannot be followed is not looked at, and not empty.
    assert "value" not in rows["odd"] and "value" not in rows["mydestination"]


@pytest.mark.parametrize(
    ("interfaces", "first"),
    [
        ("loopback-only", True),
        ("localhost, ::1", True),
        ("all", False),
        ("127.0.0.1, 192.0.2.1", False),
        ("$x", None),
        ("", False),
    ],
)
def test_listeners(tmp_path: Path, interfaces: str, first: bool | None) -> None:
    tree: dict[str, Content] = {
        "/etc/postfix/main.cf": f"inet_interfaces = {interfaces}\n",
        "/etc/postfix/master.cf": MASTER
        + "192.0.2.1:25 inet n - n - - smtpd -o smtpd_client_restrictions=\nq unix n - n - - qmgr\n",
    }
    rows = fact_of(build(tmp_path, tree), "postfix.listeners").value
    assert [row.get("loopback") for row in rows] == [first, True, True, False]
    assert rows[3]["overrides"] == ["smtpd_client_restrictions"]


def test_master_is_needed(tmp_path: Path) -> None:
    build(tmp_path / "a", {"/etc/postfix/main.cf": ""})
    assert fact_of(tmp_path / "a", "postfix.listeners").gaps
    build(tmp_path / "b", {"/etc/postfix/main.cf": "", "/etc/postfix/master.cf": "smtp inet\n"})
    assert fact_of(tmp_path / "b", "postfix.listeners").gaps


def test_aliases(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/aliases": "# c\nroot:\tadmin@example.com\nRoot: other\npostmaster: root\n"})
    assert [(row["name"], row["targets"], row["line"]) for row in fact_of(tmp_path, "mail.aliases").value] == [
        ("postmaster", ["root"], 4),
        ("root", ["admin@example.com"], 2),
    ]


def test_absent_and_broken(tmp_path: Path) -> None:
    build(tmp_path / "a", {"/etc": None})
    for name in ("postfix.settings", "postfix.listeners", "mail.aliases"):
        assert fact_of(tmp_path / "a", name).state == "absent"
    build(tmp_path / "b", {"/etc/postfix/main.cf": "word\n", "/etc/aliases": "word\n"})
    for name in ("postfix.settings", "postfix.listeners", "mail.aliases"):
        assert fact_of(tmp_path / "b", name).state == "error"
