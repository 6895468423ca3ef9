"""What lies in homes and start-up files: search paths, named files, private keys; the audit log's files; GRUB's users."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import Content, build, fact_of

PASSWD = (
    "root:x:0:0:r:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\nsvc:x:999:999::/var/svc:/sbin/nologin\n"
)
PASSWDS: dict[str, Content] = {"/etc/passwd": PASSWD, "/etc/group": "root:x:0:\nauditors:x:50:\n"}
HASH = "grub.pbkdf2.sha512.10000." + "AB" * 32 + "." + "CD" * 32


# ---- search path


def test_elements(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            **PASSWDS,
            "/etc/login.defs": "ENV_SUPATH PATH=/sbin:/bin\n#ENV_PATH PATH=/x\nENV_PATH\tPATH=/bin:\n",
            "/etc/environment": 'PATH="/opt/bin"\n',
            "/etc/profile": "PATH=$PATH:/usr/x\n",
            "/etc/profile.d/a.sh": "pathmunge rel\n",
            "/etc/profile.d/a.txt": "PATH=/no\n",
            "/root/.bashrc": "PATH=$PATH:$HOME/bin\n",
            "/home/alice/.bash_profile": "PATH=/home/alice/b:/home/bob/b:$X\n",
            "/home/alice/notes": "PATH=/no\n",
            "/opt/bin": None,
        },
    )
    (tmp_path / "opt/bin").chmod(0o777)
    rows = fact_of(tmp_path, "search_path.elements").value
    seen = [(row["text"], row["scope"], row["user"], row.get("kind"), row.get("path")) for row in rows]
    assert seen == [
        ("/sbin", "root", None, "absolute", "/sbin"),
        ("/bin", "root", None, "absolute", "/bin"),
        ("/bin", "user", None, "absolute", "/bin"),
        ("", "user", None, "relative", None),
        ("/opt/bin", "system", None, "absolute", "/opt/bin"),
        ("/usr/x", "system", None, "absolute", "/usr/x"),
        ("rel", "system", None, "relative", None),
        ("$HOME/bin", "root", "root", "home", "/root/bin"),
        ("/home/alice/b", "user", "alice", "home", "/home/alice/b"),
        ("/home/bob/b", "user", "alice", "absolute", "/home/bob/b"),
        ("$X", "user", "alice", None, None),
    ]
    assert (rows[4]["exists"], rows[4]["type"], rows[4]["mode"]) == (True, "directory", "0777")
    assert rows[0]["exists"] is False and "exists" not in rows[-1]


def test_mentions(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            **PASSWDS,
            "/home/alice/.bashrc": "# /srv/open\n. ~/tool\n/srv/open --x\n/srv/none\n/srv\n",
            "/home/alice/.bash_history": "/srv/secret\n",
            "/home/alice/tool": "x",
            "/srv/open": "x",
            "/srv/secret": "x",
        },
    )
    (tmp_path / "srv/open").chmod(0o666)
    rows = fact_of(tmp_path, "search_path.mentions").value
    assert [(row["path"], row["world_writable"], row["line"]) for row in rows] == [
        ("/home/alice/tool", False, 2),
        ("/srv/open", True, 3),
    ]


def test_start_up_files_that_cannot_be_read(tmp_path: Path) -> None:
    build(tmp_path, {**PASSWDS, "/home/alice/.bashrc": b"a\0b", "/home/alice/.profile": None})
    fact = fact_of(tmp_path, "search_path.elements")
    assert fact.value == [] and len(fact.gaps) == 2


# ---- private keys


def test_private_keys(tmp_path: Path) -> None:
    open_key = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"
    build(
        tmp_path,
        {
            **PASSWDS,
            "/home/alice/.ssh/id_a": open_key,
            "/home/alice/.ssh/id_a.pub": "ssh-ed25519 AAAA\n",
            "/home/alice/.ssh/sub": None,
            "/root/.ssh/key": open_key.replace("PRIVATE", "ENCRYPTED PRIVATE"),
            "/var/svc/.ssh/key": open_key,
        },
    )
    fact = fact_of(tmp_path, "ssh.private_keys")
    assert [(row["path"], row["user"], row["encrypted"]) for row in fact.value] == [
        ("/root/.ssh/key", "root", True),
        ("/home/alice/.ssh/id_a", "alice", False),
    ]
    assert "MC4C" not in str(fact) and all(one.sha256 is None for one in fact.evidence if ".ssh" in one.source)


def test_keys_that_cannot_be_read(tmp_path: Path) -> None:
    build(tmp_path / "a", {**PASSWDS, "/home/alice/.ssh/k": "-----BEGIN OPENSSH PRIVATE KEY-----\n???\n"})
    assert fact_of(tmp_path / "a", "ssh.private_keys").gaps
    assert fact_of(build(tmp_path / "b", {"/etc": None}), "ssh.private_keys").state == "absent"


# ---- audit log


def test_audit_log_files(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            **PASSWDS,
            "/etc/audit/auditd.conf": "log_file = /srv/log/a.log\nlog_group = auditors\n",
            "/srv/log/a.log": "x",
            "/srv/log/old": None,
        },
    )
    (tmp_path / "srv/log/a.log").chmod(0o640)
    if os.geteuid() == 0:
        os.chown(tmp_path / "srv/log/a.log", 0, 50)
    rows = fact_of(tmp_path, "audit.log_files").value
    assert [(row["path"], row["folder"], row["type"], row["log_group"]) for row in rows] == [
        ("/srv/log", True, "directory", "auditors"),
        ("/srv/log/a.log", False, "file", "auditors"),
        ("/srv/log/old", False, "directory", "auditors"),
    ]
    assert rows[1]["mode"] == "0640"
    if os.geteuid() == 0:
        assert (rows[1]["group_expected"], rows[1]["group_configured"]) == (True, True)
        os.chown(tmp_path / "srv/log/a.log", 0, 0)
        row = fact_of(tmp_path, "audit.log_files").value[1]
        assert (row["group_expected"], row["group_configured"]) == (True, False)


def test_audit_log_absent_missing_and_broken(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "audit.log_files").state == "absent"
    build(tmp_path / "b", {"/etc/audit/auditd.conf": "log_format = ENRICHED\n"})
    assert fact_of(tmp_path / "b", "audit.log_files").state == "not_collected"
    build(tmp_path / "c", {"/etc/audit/auditd.conf": "log_file=/x\n"})
    assert fact_of(tmp_path / "c", "audit.log_files").state == "error"


# ---- GRUB

USERS = 'if [ -f ${prefix}/user.cfg ]; then\n  source ${prefix}/user.cfg\n  if [ -n "${GRUB2_PASSWORD}" ]; then\n'
USERS += (
    '    set superusers="root"\n    export superusers\n    password_pbkdf2 root ${GRUB2_PASSWORD}\n  fi\nfi\nblscfg\n'
)
STUB = "search --fs-uuid x\nset prefix=($dev)/grub2\nconfigfile $prefix/grub.cfg\n"


@pytest.mark.parametrize(
    ("files", "protected"),
    [
        ({"/boot/grub2/grub.cfg": USERS, "/boot/grub2/user.cfg": f"GRUB2_PASSWORD={HASH}\n"}, True),
        ({"/boot/grub2/grub.cfg": USERS}, False),
        ({"/boot/grub2/grub.cfg": USERS, "/boot/grub2/user.cfg": "GRUB2_PASSWORD=plain\n"}, False),
        ({"/boot/grub2/grub.cfg": USERS, "/boot/efi/EFI/almalinux/user.cfg": f"GRUB2_PASSWORD={HASH}\n"}, False),
        ({"/boot/grub2/grub.cfg": f"password_pbkdf2 root {HASH}\nblscfg\n"}, False),
        ({"/boot/grub2/grub.cfg": f'set superusers="a b"\npassword_pbkdf2 a {HASH}\nblscfg\n'}, False),
        ({"/boot/grub2/grub.cfg": f'set superusers="a"\npassword a text\n#password_pbkdf2 a {HASH}\nblscfg\n'}, False),
        (
            {
                "/boot/grub2/grub.cfg": f'set superusers="a"\npassword_pbkdf2 a {HASH}\nblscfg\n',
                "/boot/efi/EFI/almalinux/grub.cfg": STUB,
            },
            True,
        ),
        (
            {
                "/boot/grub2/grub.cfg": f'set superusers="a"\npassword_pbkdf2 a {HASH}\nblscfg\n',
                "/boot/efi/EFI/almalinux/grub.cfg": "menuentry 'x' {\n linux /k\n}\n",
            },
            False,
        ),
        (
            {
                "/boot/grub/grub.cfg": "menuentry 'x' {\n}\n",
                "/boot/grub/custom.cfg": f"superusers=a\npassword_pbkdf2 a {HASH}\n",
            },
            True,
        ),
    ],
)
def test_grub_protection(tmp_path: Path, files: dict[str, Content], protected: bool) -> None:
    fact = fact_of(build(tmp_path, {**PASSWDS, **files}), "grub.protection")
    assert fact.value["protected"] is protected
    assert "ABAB" not in str(fact.value) and all(one.sha256 is None for one in fact.evidence if "/boot" in one.source)


def test_grub_names(tmp_path: Path) -> None:
    build(tmp_path, {**PASSWDS, "/boot/grub2/grub.cfg": USERS, "/boot/grub2/user.cfg": f"GRUB2_PASSWORD={HASH}\n"})
    value = fact_of(tmp_path, "grub.protection").value
    assert (value["superusers"], value["accounts"], value["exported"], value["line"]) == (["root"], ["root"], True, 4)


def test_grub_absent_unseen_and_broken(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "grub.protection").state == "absent"
    assert fact_of(build(tmp_path / "b", {"/usr/sbin/grub2-install": "x"}), "grub.protection").state == "not_collected"
    assert fact_of(build(tmp_path / "c", {"/boot/grub2/grub.cfg": b"a\0b"}), "grub.protection").state == "error"
