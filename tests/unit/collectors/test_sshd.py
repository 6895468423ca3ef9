"""sshd.options, sshd.host_keys and sshd.effective over small trees."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from scanner.model.fact import Fact
from tests.support import Content, build, fact_of

MAIN = "/etc/ssh/sshd_config"
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"


def options(root: Path, files: dict[str, Content]) -> Fact:
    return fact_of(build(root, files), "sshd.options")


def held(fact: Fact, keyword: str) -> list[tuple[str, str | None, str]]:
    """(value, match, origin) of each record of a keyword."""
    assert fact.state == "present", fact.reason
    return [(row["value"], row["match"], row["origin"]) for row in fact.value if row["keyword"] == keyword]


def test_absent_without_program_and_configuration(tmp_path: Path) -> None:
    for name in ("sshd.options", "sshd.host_keys"):
        fact = fact_of(build(tmp_path, {"/etc": None}), name)
        assert fact.state == "absent"
        assert fact.reason


def test_a_program_without_its_configuration_is_an_error(tmp_path: Path) -> None:
    fact = options(tmp_path, {"/usr/sbin/sshd": "x"})
    assert fact.state == "error"
    assert str(fact.reason).startswith("missing:")


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    fact = options(tmp_path, {MAIN: ""})
    assert held(fact, "permitrootlogin") == [("prohibit-password", None, "default")]
    assert held(fact, "maxstartups.full") == [("100", None, "default")]
    assert all(row["source"] is None and row["line"] is None for row in fact.value)
    assert not fact.gaps


def test_where_a_setting_stands(tmp_path: Path) -> None:
    fact = options(tmp_path, {MAIN: "\n# x\nPermitRootLogin no\n"})
    row: dict[str, Any] = next(row for row in fact.value if row["keyword"] == "permitrootlogin")
    assert row == {
        "keyword": "permitrootlogin",
        "value": "no",
        "values": ["no"],
        "match": None,
        "origin": "config",
        "contradictions": 0,
        "repeated": 0,
        "source": MAIN,
        "line": 3,
    }


def test_lines_that_do_not_count_are_counted(tmp_path: Path) -> None:
    """The first value wins; the same again is no contradiction, and keywords that add up have none."""
    text = "MaxSessions 4\nMaxSessions 4\nMaxSessions 9\nMatch User bob\n  MaxSessions 2\n  MaxSessions 3\n"
    fact = options(tmp_path, {MAIN: f"AllowUsers a\nAllowUsers b\n{text}"})
    found = {(row["keyword"], row["match"]): row["contradictions"] for row in fact.value}
    assert (found["maxsessions", None], found["maxsessions", "User bob"]) == (1, 1)
    assert (found["allowusers", None], found["loglevel", None]) == (0, 0)
    files = {MAIN: f"{INCLUDE}MaxSessions 9\n", "/etc/ssh/sshd_config.d/a.conf": "MaxSessions 4\nMaxSessions 5\n"}
    row = next(row for row in options(tmp_path / "b", files).value if row["keyword"] == "maxsessions")
    assert (row["contradictions"], row["repeated"]) == (2, 1)


def test_a_refused_configuration_says_why(tmp_path: Path) -> None:
    refused = fact_of(build(tmp_path / "a", {MAIN: "AllowUsers\n"}), "sshd.refused").value
    assert "line 1" in refused[0]["reason"]
    assert fact_of(build(tmp_path / "b", {MAIN: "AllowUsers bob\n"}), "sshd.refused").value == []
    assert fact_of(build(tmp_path / "c", {"/etc": None}), "sshd.refused").state == "absent"


def test_an_included_file_before_wins_and_after_loses(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MAIN: INCLUDE + "PermitRootLogin no\nMaxAuthTries 3\nInclude late.conf\n",
        "/etc/ssh/sshd_config.d/10-a.conf": "PermitRootLogin yes\n",
        "/etc/ssh/sshd_config.d/20-b.conf": "PermitRootLogin prohibit-password\n",
        "/etc/ssh/sshd_config.d/.hidden.conf": "MaxAuthTries 99\n",
        "/etc/ssh/sshd_config.d/30-c.conf.bak": "MaxAuthTries 98\n",
        "/etc/ssh/late.conf": "MaxAuthTries 9\nMaxSessions 2\n",
    }
    fact = options(tmp_path, files)
    assert held(fact, "permitrootlogin") == [("yes", None, "config")]
    assert held(fact, "maxauthtries") == [("3", None, "config")]
    assert held(fact, "maxsessions") == [("2", None, "config")]


def test_a_match_in_an_included_file_ends_with_it(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MAIN: INCLUDE + "UsePAM yes\nPermitRootLogin no\n",
        "/etc/ssh/sshd_config.d/10-a.conf": "Match User x\nX11Forwarding yes\n",
    }
    fact = options(tmp_path, files)
    assert held(fact, "permitrootlogin") == [("no", None, "config")]
    assert held(fact, "usepam") == [("yes", None, "config")]
    assert held(fact, "x11forwarding") == [("no", None, "default"), ("yes", "User x", "config")]


def test_an_include_inside_a_match_holds_for_both_criteria(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MAIN: "Match User x\nInclude more\nMaxSessions 1\n",
        "/etc/ssh/more": "PermitRootLogin yes\nMatch Address ::1\nPermitTTY no\n",
    }
    fact = options(tmp_path, files)
    assert ("yes", "User x", "config") in held(fact, "permitrootlogin")
    assert held(fact, "permittty") == [("no", "User x && Address ::1", "config")]
    assert ("1", "User x", "config") in held(fact, "maxsessions")


def test_the_crypto_policy_of_fedora(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MAIN: INCLUDE,
        "/etc/ssh/sshd_config.d/50-redhat.conf": "Include /etc/crypto-policies/back-ends/opensshserver.config\n",
        "/etc/crypto-policies/back-ends/opensshserver.config": (
            "link",
            "/usr/share/crypto-policies/DEFAULT/opensshserver.txt",
        ),
        "/usr/share/crypto-policies/DEFAULT/opensshserver.txt": "Ciphers aes256-gcm@openssh.com,aes256-ctr\n",
    }
    fact = options(tmp_path, files)
    assert held(fact, "ciphers") == [("aes256-gcm@openssh.com,aes256-ctr", None, "crypto-policy")]
    assert held(fact, "macs")[0][2] == "default"


@pytest.mark.parametrize(
    "files",
    [
        {"/etc/sysconfig/sshd": "# OPTIONS=\nOPTIONS='-oPermitRootLogin=yes -p 2222'\n"},
        {"/etc/default/ssh": 'SSHD_OPTS="-o PermitRootLogin=yes -p2222"\n'},
        {
            "/usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D $OPTIONS\n",
            "/etc/systemd/system/sshd.service.d/x.conf": "[Service]\nExecStart=\n"
            "ExecStart=/usr/sbin/sshd -D -o PermitRootLogin=yes -p 2222\n",
        },
        {
            "/usr/lib/systemd/system/sshd.service": "[Service]\nEnvironment=OPTIONS=-p2222\n"
            "EnvironmentFile=-/etc/extra\nExecStart=/usr/sbin/sshd -D \\\n  $OPTIONS ${MORE}\n",
            "/etc/extra": "MORE='-oPermitRootLogin=yes'\n",
        },
        {
            "/lib/systemd/system/ssh.service": "[Service]\n"
            "ExecStart=-/usr/sbin/sshd -D \"-oPermitRootLogin=yes\" '-p' 2222\n",
        },
    ],
)
def test_the_command_line_wins_over_every_file(tmp_path: Path, files: dict[str, Content]) -> None:
    fact = options(tmp_path, {MAIN: "PermitRootLogin no\n", **files})
    assert held(fact, "permitrootlogin") == [("yes", None, "command-line")]
    assert held(fact, "port") == [("2222", None, "command-line")]


def test_options_that_the_unit_does_not_use_do_not_count(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MAIN: "PermitRootLogin no\n",
        "/usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D\n",
        "/etc/sysconfig/sshd": "OPTIONS=-oPermitRootLogin=yes\n",
    }
    assert held(options(tmp_path, files), "permitrootlogin") == [("no", None, "config")]


def test_another_configuration_file_on_the_command_line(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MAIN: "PermitRootLogin no\n",
        "/etc/other": "PermitRootLogin yes\n",
        "/etc/default/ssh": "SSHD_OPTS=-f/etc/other\n",
    }
    assert held(options(tmp_path, files), "permitrootlogin") == [("yes", None, "config")]


def test_the_default_of_suse_is_its_own(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/usr/etc/ssh/sshd_config": "", "/etc/os-release": 'ID="sles"\n'}
    assert held(options(tmp_path, files), "permitrootlogin") == [("yes", None, "default")]


def test_an_include_that_matches_nothing_is_fine(tmp_path: Path) -> None:
    fact = options(tmp_path, {MAIN: "Include /nowhere/*.conf none\nPermitRootLogin no\n"})
    assert held(fact, "permitrootlogin") == [("no", None, "config")]


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({MAIN: 'PermitRootLogin "no\n'}, "malformed"),
        ({MAIN: "Match User a\nUsePAM yes\n"}, "malformed"),
        ({MAIN: INCLUDE, "/etc/ssh/sshd_config.d/a.conf": ("link", "/nowhere")}, "missing"),
        ({MAIN: "Include sshd_config\n"}, "malformed"),
        ({MAIN: "Include /run/x.conf\n"}, "only on a running system"),
        ({MAIN: b"\x00\x01\x02\xff" * 100}, "malformed"),
        ({MAIN: "", "/etc/default/ssh": 'SSHD_OPTS="-o\n'}, "malformed"),
    ],
)
def test_what_sshd_would_not_start_with_is_no_table(tmp_path: Path, files: dict[str, Content], word: str) -> None:
    fact = options(tmp_path, files)
    assert fact.state in ("error", "not_collected")
    assert word in str(fact.reason)


def test_host_keys_without_their_contents(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MAIN: "HostKey /etc/ssh/mine\n",
        "/etc/ssh/mine": "PRIVATE",
        "/etc/ssh/mine.pub": "ssh-ed25519 AAAA comment\n",
        "/etc/ssh/ssh_host_rsa_key": "PRIVATE",
    }
    root = build(tmp_path, files)
    os.chmod(root / "etc/ssh/mine", 0o600)
    os.chmod(root / "etc/ssh/ssh_host_rsa_key", 0o644)
    fact = fact_of(root, "sshd.host_keys")
    assert [(row["path"], row["used"], row["type"], row["mode"]) for row in fact.value] == [
        ("/etc/ssh/mine", True, "ssh-ed25519", "0600"),
        ("/etc/ssh/ssh_host_rsa_key", False, None, "0644"),
    ]
    assert "PRIVATE" not in str(fact)


def test_sshd_is_asked_only_on_a_running_system(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {MAIN: ""}), "sshd.effective").state == "not_collected"
