"""sudo: includes in order, the last global Defaults, aliases replaced."""

from __future__ import annotations

from pathlib import Path

from tests.support import build, fact_of

MAIN = """Defaults use_pty
Defaults timestamp_timeout = 5.5
#includedir /etc/sudoers.d
Defaults !use_pty
User_Alias EVERYONE = ALL
EVERYONE ALL = NOPASSWD: SHELLS
Cmnd_Alias SHELLS = /bin/sh, !/bin/bash
"""


def test_defaults_in_the_order_sudo_reads_them(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/sudoers": MAIN,
            "/etc/sudoers.d/10": "Defaults:alice timestamp_timeout=-1\nDefaults:bob timestamp_timeout=+2.5\n",
            "/etc/sudoers.d/20": "Defaults logfile=/var/log/sudo.log\n",
            "/etc/sudoers.d/x.bak": "Defaults !authenticate\n",
            "/etc/sudoers.d/y~": "Defaults !authenticate\n",
        },
    )
    fact = fact_of(root, "sudo.defaults")
    assert [
        (one["name"], one["enabled"], one["number"], one["scope"], one["last"], one["source"]) for one in fact.value
    ] == [
        ("use_pty", True, None, "global", False, "/etc/sudoers"),
        ("timestamp_timeout", True, 6, "global", True, "/etc/sudoers"),
        ("timestamp_timeout", True, -1, "user", False, "/etc/sudoers.d/10"),
        ("timestamp_timeout", True, 3, "user", False, "/etc/sudoers.d/10"),
        ("logfile", True, None, "global", True, "/etc/sudoers.d/20"),
        ("use_pty", False, None, "global", True, "/etc/sudoers"),
    ]
    skipped = fact_of(root, "sudo.skipped_defaults")
    assert [(one["name"], one["source"]) for one in skipped.value] == [
        ("authenticate", "/etc/sudoers.d/x.bak"),
        ("authenticate", "/etc/sudoers.d/y~"),
    ]


def test_skipped_files_leave_no_gap(tmp_path: Path) -> None:
    """sudo does not read them, so that nothing in them can make a verdict unsure."""
    root = build(tmp_path, {"/etc/sudoers": MAIN, "/etc/sudoers.d/a.b": "Defaults \0", "/etc/sudoers.d/c.d": "\0"})
    assert fact_of(root, "sudo.skipped_defaults").complete
    assert fact_of(build(tmp_path / "none", {"/etc": None}), "sudo.skipped_defaults").state == "absent"


def test_rules_with_aliases(tmp_path: Path) -> None:
    rule = fact_of(build(tmp_path, {"/etc/sudoers": MAIN}), "sudo.rules").value[0]
    assert (rule["users"], rule["all_users"], rule["nopasswd"]) == (["EVERYONE"], ["ALL"], True)
    assert rule["commands"] == ["/bin/sh", "!/bin/bash"]
    assert rule["runas_users"] is None


def test_a_loop_of_aliases_ends(tmp_path: Path) -> None:
    text = "User_Alias A = B, x\nUser_Alias B = !A, y\nA ALL = ALL\n"
    rule = fact_of(build(tmp_path, {"/etc/sudoers": text}), "sudo.rules").value[0]
    # Each alias is opened once as it is and once negated.
    assert rule["all_users"] == ["!y", "!x", "y", "x"]


def test_relative_includes_keep_their_place(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {"/etc/sudoers": "a ALL=ALL\n@include more\nc ALL=ALL\n", "/etc/more": "b ALL=ALL\n"},
    )
    assert [one["users"] for one in fact_of(root, "sudo.rules").value] == [["a"], ["b"], ["c"]]


def test_what_cannot_be_read_leaves_a_gap(tmp_path: Path) -> None:
    for name, text in (
        ("missing", "@include /etc/gone\n"),
        ("host", "@include /etc/sudoers.%h\n"),
        ("loop", "@include /etc/sudoers\n"),
        ("broken", "root ALL\n"),
        ("folder", "@include /etc\n"),
    ):
        fact = fact_of(build(tmp_path / name, {"/etc/sudoers": f"{text}root ALL=(ALL) ALL\n"}), "sudo.rules")
        assert fact.state == "present" and not fact.complete, name


def test_absent_and_malformed(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/etc/hostname": "x"}), "sudo.rules").state == "absent"
    assert fact_of(build(tmp_path / "a", {"/etc/sudoers": None}), "sudo.defaults").state == "error"
    assert not fact_of(build(tmp_path / "b", {"/etc/sudoers": b"\0"}), "sudo.defaults").complete
    assert fact_of(build(tmp_path / "c", {"/etc/sudoers": "@includedir /etc/none\n"}), "sudo.rules").value == []
