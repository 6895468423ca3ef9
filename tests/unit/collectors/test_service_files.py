"""Smaller collectors of service files: exports, name resolution, polkit, logrotate, tmpfiles.d, dnf's weak dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Content, build, fact_of

# ---- exports


def test_exports(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/exports": "/a *(sec=krb5p:krb5i)\n/b *(rw)\n",
            "/etc/exports.d/x.exports": "/c h(sec=krb5:sys)\n",
            "/etc/exports.d/x.conf": "/d *(rw)\n",
        },
    )
    rows = fact_of(tmp_path, "nfs.exports").value
    assert [(row["path"], row["kerberos_only"], row["can_encrypt"], row["source"]) for row in rows] == [
        ("/a", True, True, "/etc/exports"),
        ("/b", False, False, "/etc/exports"),
        ("/c", False, False, "/etc/exports.d/x.exports"),
    ]


def test_no_exports(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "nfs.exports").state == "absent"
    assert fact_of(build(tmp_path / "b", {"/etc/exports": "# none\n"}), "nfs.exports").value == []
    assert fact_of(build(tmp_path / "c", {"/etc/exports": '/a "open\n'}), "nfs.exports").gaps


# ---- names of hosts


def test_hosts_line(tmp_path: Path) -> None:
    build(
        tmp_path / "a", {"/etc/nsswitch.conf": "hosts: files\n#hosts: dns\nhosts:\tfiles dns [!UNAVAIL=return] # c\n"}
    )
    fact = fact_of(tmp_path / "a", "name_resolution.hosts")
    assert (fact.value["dns"], fact.value["line"]) == (True, 3)
    build(tmp_path / "b", {"/etc/nsswitch.conf": "passwd: files\n"})
    assert fact_of(tmp_path / "b", "name_resolution.hosts").state == "absent"
    build(tmp_path / "c", {"/etc/nsswitch.conf": "hosts: files mydns\n"})
    assert fact_of(tmp_path / "c", "name_resolution.hosts").value["dns"] is False


def test_name_servers(tmp_path: Path) -> None:
    build(
        tmp_path, {"/etc/resolv.conf": "#nameserver 1\nnameserver 192.0.2.1\n nameserver 2001:db8::1 x\nnameserver\n"}
    )
    assert [row["address"] for row in fact_of(tmp_path, "name_resolution.servers").value] == [
        "192.0.2.1",
        "2001:db8::1",
    ]


@pytest.mark.parametrize(
    "target", ["/run/systemd/resolve/stub-resolv.conf", "../run/NetworkManager/resolv.conf", "hop"]
)
def test_a_file_of_the_running_system(tmp_path: Path, target: str) -> None:
    files: dict[str, Content] = {
        "/etc/resolv.conf": ("link", target),
        "/etc/hop": ("link", "/run/x"),
        "/run/x": "nameserver 192.0.2.1\n",
        "/run/systemd/resolve/stub-resolv.conf": "nameserver 192.0.2.1\n",
        "/run/NetworkManager/resolv.conf": "nameserver 192.0.2.1\n",
    }
    assert fact_of(build(tmp_path, files), "name_resolution.servers").state == "not_collected"


def test_no_resolv_conf(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "name_resolution.servers").state == "not_collected"
    assert fact_of(build(tmp_path / "b", {"/etc/resolv.conf": None}), "name_resolution.servers").state == "error"


# ---- polkit

ENTRY = "[Net]\nIdentity=unix-user:*;unix-group:x\nAction=org.freedesktop.NetworkManager.*\nResultAny=no\nResultActive=auth_admin\n"


def test_authorities(tmp_path: Path) -> None:
    top = "/etc/polkit-1/localauthority"
    build(
        tmp_path,
        {
            f"{top}/50-local.d/a.pkla": ENTRY.replace("auth_admin", "yes"),
            f"{top}/20-org.d/b.pkla": ENTRY,
            f"{top}/20-org.d/c.conf": ENTRY,
            "/var/lib/polkit-1/localauthority/50-local.d/z.pkla": ENTRY,
            "/usr/bin/pkla-check-authorization": "x",
        },
    )
    rows = fact_of(tmp_path, "polkit.authorities").value
    assert [(row["source"].split("/")[-1], row["result_active"], row["counts"]) for row in rows] == [
        ("b.pkla", "auth_admin", True),
        ("z.pkla", "auth_admin", True),
        ("a.pkla", "yes", True),
    ]
    assert rows[0]["identities"] == ["unix-user:*", "unix-group:x"] and rows[0]["result_inactive"] is None


def test_authorities_that_nothing_reads(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/polkit-1/localauthority/20-org.d/b.pkla": ENTRY, "/etc/polkit-1/rules.d/a.rules": "x"})
    assert [row["counts"] for row in fact_of(tmp_path, "polkit.authorities").value] == [False]
    assert fact_of(tmp_path, "polkit.rules").value == [
        {"source": "/etc/polkit-1/rules.d/a.rules", "networkmanager": False}
    ]


def test_no_polkit(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "polkit.authorities").state == "absent"
    assert fact_of(build(tmp_path / "a", {}), "polkit.rules").state == "absent"
    build(tmp_path / "b", {"/etc/polkit-1/localauthority/20-org.d/b.pkla": "nothing\n"})
    assert fact_of(tmp_path / "b", "polkit.authorities").gaps


# ---- logrotate


def test_frequencies(tmp_path: Path) -> None:
    main = (
        "# daily\nweekly\ncreate\ninclude /etc/logrotate.d\n/var/log/wtmp {\n    monthly\n    postrotate\n        daily\n"
        "    endscript\n}\n/a { yearly }\n"
    )
    build(tmp_path, {"/etc/logrotate.conf": main, "/etc/logrotate.d/x": "/b {\n  daily\n}\n"})
    rows = fact_of(tmp_path, "logrotate.frequencies").value
    assert [(row["scope"], row["frequency"], row["line"]) for row in rows] == [
        ("default", "weekly", 2),
        ("log", "monthly", 6),
        ("log", "yearly", 11),
        ("log", "daily", 2),
    ]


def test_logrotate_absent_broken_and_started(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "logrotate.frequencies").state == "absent"
    for number, text in enumerate(("/a {\n", "}\n", "/a {\n{\n}\n}\n")):
        root = build(tmp_path / f"b{number}", {"/etc/logrotate.conf": text})
        assert fact_of(root, "logrotate.frequencies").state == "error"
    root = build(tmp_path / "c", {"/etc/cron.daily/logrotate": "#!/bin/sh\n"})
    assert fact_of(root, "logrotate.cron").value is False
    (root / "etc/cron.daily/logrotate").chmod(0o755)
    assert fact_of(root, "logrotate.cron").value is True


# ---- tmpfiles.d


def test_the_first_line_of_a_path_counts(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/usr/lib/tmpfiles.d/rootfiles.conf": "C /root/.bashrc 644 root root - /usr/share/rootfiles/.bashrc\n",
            "/etc/tmpfiles.d/rootfiles.conf": "C /root/.bashrc 600 root root - /usr/share/rootfiles/.bashrc\n",
            "/etc/tmpfiles.d/z.conf": "C /root/.bashrc 0666 - - - /x\nd /y ~2755\nf /z 99x\n",
        },
    )
    rows = {row["path"]: row for row in fact_of(tmp_path, "tmpfiles.lines").value}
    assert (rows["/root/.bashrc"]["mode"], rows["/root/.bashrc"]["argument"]) == (
        "0600",
        "/usr/share/rootfiles/.bashrc",
    )
    assert (rows["/y"]["mode"], rows["/z"]["mode"], rows["/y"]["user"]) == ("2755", None, None)
    assert (rows["/root/.bashrc"]["contradictions"], rows["/y"]["contradictions"]) == (1, 0)


def test_tmpfiles_absent_and_broken(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "tmpfiles.lines").state == "absent"
    build(tmp_path / "b", {"/etc/tmpfiles.d/a.conf": "C\n", "/etc/tmpfiles.d/b.conf": "d /y\n"})
    fact = fact_of(tmp_path / "b", "tmpfiles.lines")
    assert [row["path"] for row in fact.value] == ["/y"] and fact.gaps


# ---- dnf


@pytest.mark.parametrize(
    ("files", "installed", "is_set"),
    [
        ({"/etc/dnf/dnf.conf": "[main]\n"}, True, False),
        ({"/etc/dnf/dnf.conf": "[main]\ninstall_weak_deps=False\n"}, False, True),
        ({"/etc/dnf/dnf.conf": "[main]\ninstall_weak_deps=0\ninstall_weak_deps=1\n"}, True, True),
        ({"/etc/dnf/dnf.conf": "[main]\n#install_weak_deps=0\n[x]\ninstall_weak_deps=0\n"}, True, False),
        ({"/etc/dnf/dnf.conf": "[main]\ninstall_weak_deps=never\n"}, True, False),
        ({"/etc/dnf/libdnf5.conf.d/a.conf": "[main]\ninstall_weak_deps=no\n", "/usr/bin/dnf5": "x"}, False, True),
        (
            {
                "/etc/dnf/libdnf5.conf.d/a.conf": "[main]\ninstall_weak_deps=no\n",
                "/etc/dnf/dnf.conf": "[main]\ninstall_weak_deps=yes\n",
            },
            True,
            True,
        ),
    ],
)
def test_weak_dependencies(tmp_path: Path, files: dict[str, Content], installed: bool, is_set: bool) -> None:
    value = fact_of(build(tmp_path, files), "dnf.weak_dependencies").value
    assert (value["installed"], value["set"]) == (installed, is_set)


def test_no_dnf(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "dnf.weak_dependencies").state == "absent"
    assert fact_of(build(tmp_path / "b", {"/etc/dnf/dnf.conf": "x=1\n"}), "dnf.weak_dependencies").state == "error"


# ---- secrets

CANARY = "hunter2canary"


def test_no_value_of_a_secret_is_shown(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/rsyslog.conf": f'$ActionLibdbiPassword {CANARY}\nmodule(load="x" db.Password="{CANARY}")\n',
            "/etc/sssd/sssd.conf": f"[domain/a]\nldap_default_authtok = {CANARY}\n",
            "/etc/libuser.conf": f"[userdefaults]\nLU_USERPASSWORD = {CANARY}\n[ldap]\npassword = {CANARY}\n",
            "/etc/postfix/main.cf": f"smtp_sasl_password_maps = static:me:{CANARY}\nx_maps = static:{CANARY}\n",
            "/etc/postfix/master.cf": "",
            "/etc/tmpfiles.d/a.conf": f"f /etc/x - - - - {CANARY}\n",
        },
    )
    names = (
        "rsyslog.settings",
        "rsyslog.actions",
        "sssd.settings",
        "libuser.settings",
        "postfix.settings",
        "tmpfiles.lines",
    )
    for name in names:
        fact = fact_of(tmp_path, name)
        assert fact.state == "present" and CANARY not in str(fact), name
