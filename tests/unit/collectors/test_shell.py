"""Start-up files of shells: which ones are read, for whom, and what stays undecided."""

from __future__ import annotations

from pathlib import Path

from tests.support import build, fact_of

PASSWD = "root:x:0:0::/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\nbin:x:1:1::/bin:/sbin/nologin\n"


def test_settings_by_file_and_scope(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/passwd": PASSWD,
            "/etc/profile": "umask 027\n",
            "/etc/profile.d/tmout.sh": "readonly TMOUT=900; export TMOUT\n",
            "/etc/profile.d/old.csh": "umask 000\n",
            "/etc/bashrc": "[ `umask` -eq 0 ] && umask 022\n",
            "/root/.bashrc": "umask u=rwx,g=rx,o=\n",
            "/home/alice/.profile": "umask 002\nTMOUT=0\n",
            "/bin/.bashrc": "umask 000\n",
        },
    )
    value = fact_of(root, "shell.settings").value
    assert [(one["name"], one["permits"], one["number"], one["scope"], one["user"], one["when"]) for one in value] == [
        ("umask", "0750", None, "system", None, "always"),
        ("tmout", None, 900, "system", None, "always"),
        ("tmout", None, None, "system", None, "always"),
        ("umask", "0755", None, "system", None, "sometimes"),
        ("umask", "0750", None, "root", "root", "always"),
        ("umask", "0775", None, "user", "alice", "always"),
        ("tmout", None, 0, "user", "alice", "always"),
    ]
    assert [(one["readonly"], one["exported"]) for one in value[1:3]] == [(True, False), (False, True)]


def test_what_is_not_decided_lacks_its_value(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/passwd": PASSWD, "/etc/profile": "umask $m\numask g-w\nTMOUT=$x\n"})
    value = fact_of(root, "shell.settings").value
    assert all("permits" not in one and "number" not in one for one in value)
    assert len(value) == 3


def test_nothing_there_is_an_empty_table(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc/hostname": "x"}), "shell.settings")
    assert (fact.state, fact.value) == ("present", [])


def test_malformed_and_unreadable_files_leave_gaps(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/profile": b"umask\0", "/etc/bashrc": None})
    fact = fact_of(root, "shell.settings")
    assert fact.state == "present" and len(fact.gaps) == 2
