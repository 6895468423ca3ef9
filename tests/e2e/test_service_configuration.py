"""One tree with every service configured as the frameworks want it: all rules of this subject pass on it, and each single
change below makes its rule fail. Nothing is made up between files and verdicts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.collectors.registry import collect
from scanner.engine import content
from scanner.engine.cases import CASE_DAY, runtime_fact_names
from scanner.engine.judge import Instance, judge, needed_facts
from scanner.engine.params import resolve
from scanner.target.tree import TreeTarget
from tests.service_tree import DISTRO, LOCAL, LOCKS, MODES, TREE
from tests.support import build

RULES = content.load().rules
NAMES = runtime_fact_names()
FILES_OF_ROOT = ("rsyslog-log-files-", "audit-log-", "root-path-folders-")

PASSING = (
    "rsyslog-cron-logged",
    "rsyslog-files-created-private",
    "rsyslog-log-files-owner-root",
    "rsyslog-log-files-group-root",
    "rsyslog-log-files-mode-strict",
    "rsyslog-no-network-input",
    "rsyslog-sends-to-log-host",
    "rsyslog-forwarding-encrypted",
    "rsyslog-forwarding-tls-driver",
    "rsyslog-log-host-authenticated",
    "rsyslog-access-logged",
    "rsyslog-in-use-installed",
    "rsyslog-in-use-started",
    "rsyslog-in-use-fed-by-journal",
    "logrotate-daily",
    "audit-log-folder-owner-root",
    "audit-log-folder-mode-strict",
    "audit-log-files-owner-root",
    "audit-log-files-group-expected",
    "audit-log-files-mode-strict",
    "audit-log-all-root",
    "time-synchronised",
    "chrony-has-time-source",
    "chrony-servers-not-pools",
    "chrony-poll-interval-limited",
    "chrony-no-time-server",
    "chrony-no-command-port",
    "chrony-own-user",
    "gnome-login-banner-shown",
    "gnome-login-banner-text",
    "gnome-user-list-hidden",
    "gnome-login-no-restart",
    "gnome-smart-card-removal-locks",
    "gnome-automount-off",
    "gnome-automount-open-off",
    "gnome-autorun-never",
    "gnome-ctrl-alt-del-off",
    "gnome-screen-saver-activates",
    "gnome-idle-delay-limited",
    "gnome-lock-delay-limited",
    "gnome-lock-enabled",
    "gnome-lock-screen-blank",
    "gnome-lock-enabled-locked",
    "gnome-lock-delay-locked",
    "gnome-idle-delay-locked",
    "dconf-databases-compiled",
    "gdm-no-automatic-login",
    "gdm-no-timed-login",
    "gdm-wayland-off",
    "grub-password-required",
    "grub-superuser-unusual",
    "sssd-certificates-checked",
    "sssd-certificates-mapped",
    "sssd-smart-cards-enabled",
    "sssd-cached-logins-expire",
    "opensc-card-driver-chosen",
    "libuser-password-hash-strong",
    "ssh-private-keys-encrypted",
    "user-files-name-no-open-programs",
    "user-path-own-or-system",
    "root-path-folders-safe",
    "root-path-no-relative-folder",
    "mail-root-reaches-person",
    "mail-postmaster-reaches-root",
    "postfix-listens-locally",
    "postfix-relays-own-networks-only",
    "nfs-exports-kerberos-only",
    "name-servers-redundant",
    "network-changes-need-administrator",
    "root-start-up-files-restored",
    "dnf-weak-dependencies-off",
    "packages-contents-intact",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, its dconf databases compiled."""
    if shutil.which("dconf") is None:
        pytest.skip("dconf is not installed: make test installs it (Debian package dconf-cli)")
    tree = build(tmp_path_factory.mktemp("services"), TREE)
    for path, mode in MODES.items():
        (tree / path).chmod(mode)
    compiled(tree)
    return tree


def compiled(tree: Path) -> None:
    """What `dconf update` does."""
    for name in ("local", "distro"):
        path = tree / "etc/dconf/db" / name
        subprocess.run(["dconf", "compile", str(path), f"{path}.d"], check=True)


def verdict(tree: Path, rule: str) -> str:
    """The status of one rule, for which the persistent half is enough."""
    instance = Instance(RULES[rule], *resolve(RULES[rule], []))
    target = TreeTarget(tree)
    try:
        facts, _ = collect(target, needed_facts(instance, NAMES))
    finally:
        target.close()
    about = {"kind": "tree", "identity": {"platform": "linux"}}
    return judge(instance, facts, about, require="persistent", today=CASE_DAY, runtime_facts=NAMES).status


@pytest.mark.parametrize("rule", PASSING)
def test_the_tree_passes(root: Path, rule: str) -> None:
    if os.geteuid() != 0 and rule.startswith(FILES_OF_ROOT):
        pytest.skip("only root makes files that belong to root")
    assert verdict(root, rule) == "pass"


# (rule, file, what is replaced, by what): "" is replaced at the end of the file.
CHANGES = [
    ("rsyslog-cron-logged", "/etc/rsyslog.conf", "cron.*   action", "cron.err   action"),
    ("rsyslog-cron-logged", "/etc/rsyslog.conf", "*.info;mail", "cron.* stop\n*.info;mail"),
    ("rsyslog-files-created-private", "/etc/rsyslog.conf", 'FileCreateMode="0640"', 'FileCreateMode="0644"'),
    ("rsyslog-no-network-input", "/etc/rsyslog.conf", "", 'module(load="imtcp")\ninput(type="imtcp" port="514")\n'),
    ("rsyslog-no-network-input", "/etc/rsyslog.conf", "", "$UDPServerRun 514\n"),
    ("rsyslog-sends-to-log-host", "/etc/rsyslog.conf", 'target="log.example.com"', 'target="127.0.0.1"'),
    ("rsyslog-sends-to-log-host", "/etc/rsyslog.conf", "*.* action", "*.info action"),
    (
        "rsyslog-sends-to-log-host",
        "/etc/rsyslog.conf",
        "$FileCreateMode",
        'if $programname == "x" then stop\n$FileCreateMode',
    ),
    ("rsyslog-forwarding-encrypted", "/etc/rsyslog.conf", ' protocol="tcp"', ""),
    ("rsyslog-forwarding-encrypted", "/etc/rsyslog.conf", 'StreamDriverMode="1"', 'StreamDriverMode="0"'),
    ("rsyslog-forwarding-encrypted", "/etc/rsyslog.conf", "", "*.* @@other\n"),
    ("rsyslog-forwarding-tls-driver", "/etc/rsyslog.conf", 'StreamDriver="ossl"', 'StreamDriver="ptcp"'),
    ("rsyslog-log-host-authenticated", "/etc/rsyslog.conf", "x509/name", "anon"),
    ("rsyslog-access-logged", "/etc/rsyslog.conf", "$FileCreateMode", "daemon.debug stop\n$FileCreateMode"),
    ("rsyslog-in-use-fed-by-journal", "/etc/systemd/journald.conf", "Syslog=yes", "Syslog=no"),
    ("logrotate-daily", "/etc/logrotate.conf", "rotate 1", "monthly"),
    ("logrotate-daily", "/etc/logrotate.conf", "daily", "#daily"),
    ("chrony-has-time-source", "/etc/chrony.conf", "server", "#server"),
    ("chrony-servers-not-pools", "/etc/chrony.conf", "", "pool p\n"),
    ("chrony-poll-interval-limited", "/etc/chrony.conf", "maxpoll 10", "maxpoll 17"),
    ("chrony-no-time-server", "/etc/chrony.conf", "", "port 123\n"),
    ("chrony-no-command-port", "/etc/chrony.conf", "", "CmdPort 323\n"),
    ("chrony-own-user", "/etc/sysconfig/chronyd", "-F 2", "-F 2 -u root"),
    ("gnome-login-banner-shown", DISTRO, "banner-message-enable=true", "banner-message-enable=false"),
    ("gnome-login-banner-text", DISTRO, "Authorized", "Not authorized"),
    ("gnome-user-list-hidden", DISTRO, "disable-user-list=true", ""),
    ("gnome-login-no-restart", DISTRO, "disable-restart-buttons=true", "disable-restart-buttons='true'"),
    (
        "gnome-automount-off",
        LOCKS,
        "/org/gnome/desktop/media-handling/automount\n",
        " /org/gnome/desktop/media-handling/automount\n",
    ),
    ("gnome-automount-open-off", LOCAL, "automount-open=false", "automount-open=true"),
    ("gnome-autorun-never", LOCAL, "autorun-never=true", "#autorun-never=true"),
    ("gnome-ctrl-alt-del-off", LOCAL, "@as []", "['<Control><Alt>Delete']"),
    ("gnome-smart-card-removal-locks", LOCAL, "lock-screen", "none"),
    ("gnome-screen-saver-activates", LOCAL, "idle-activation-enabled=true", "idle-activation-enabled=false"),
    ("gnome-idle-delay-limited", LOCAL, "uint32 600", "600"),
    ("gnome-idle-delay-limited", LOCAL, "uint32 600", "uint32 0"),
    ("gnome-lock-delay-limited", LOCAL, "uint32 5", "uint32 60"),
    ("gnome-lock-enabled", LOCAL, "lock-enabled=true", "lock-enabled=false"),
    ("gnome-lock-screen-blank", LOCAL, "picture-uri=''", "picture-uri='file:///x'"),
    ("gnome-lock-enabled-locked", LOCKS, "/org/gnome/desktop/screensaver/lock-enabled\n", ""),
    (
        "gnome-lock-delay-locked",
        LOCKS,
        "/org/gnome/desktop/screensaver/lock-delay\n",
        "# /org/gnome/desktop/screensaver/lock-delay\n",
    ),
    ("gnome-idle-delay-locked", LOCKS, "/org/gnome/desktop/session/idle-delay\n", "/org/gnome/desktop/session/\n"),
    ("gdm-no-automatic-login", "/etc/gdm/custom.conf", "", "AutomaticLoginEnable=true\n"),
    ("gdm-no-timed-login", "/etc/gdm/custom.conf", "TimedLoginEnable", "#TimedLoginEnable"),
    ("gdm-wayland-off", "/etc/gdm/custom.conf", "WaylandEnable=false", "WaylandEnable=true"),
    ("grub-password-required", "/boot/grub2/user.cfg", "GRUB2_PASSWORD", "#GRUB2_PASSWORD"),
    ("grub-password-required", "/boot/grub2/grub.cfg", "set superusers", "#set superusers"),
    ("grub-superuser-unusual", "/boot/grub2/grub.cfg", "bootkeeper", "alice"),
    ("grub-superuser-unusual", "/boot/grub2/grub.cfg", "export superusers", ""),
    ("sssd-certificates-checked", "/etc/sssd/sssd.conf", "ocsp_dgst=sha512", "ocsp_dgst=sha512, no_verification"),
    ("sssd-certificates-mapped", "/etc/sssd/sssd.conf", "[certmap/a/r]", "# [certmap/a/r]\n[other]"),
    ("sssd-smart-cards-enabled", "/etc/sssd/sssd.conf", "pam_cert_auth = True", "pam_cert_auth = False"),
    ("sssd-smart-cards-enabled", "/etc/pam.d/smartcard-auth", "allow_missing_name ", ""),
    (
        "sssd-cached-logins-expire",
        "/etc/sssd/sssd.conf",
        "expiration = 1\n[domain/a]",
        "expiration = 9\n[domain/a]\ncache_credentials = true",
    ),
    ("opensc-card-driver-chosen", "/etc/opensc.conf", "default;", "default, piv;"),
    ("libuser-password-hash-strong", "/etc/libuser.conf", "sha512", "md5"),
    ("ssh-private-keys-encrypted", "/home/alice/.ssh/id", "ENCRYPTED PRIVATE", "PRIVATE"),
    ("user-path-own-or-system", "/home/alice/.bashrc", "", "PATH=$PATH:/srv/tools\n"),
    ("root-path-no-relative-folder", "/etc/profile", "", "PATH=$PATH:\n"),
    ("root-path-folders-safe", "/etc/profile", "", "pathmunge /etc/profile\n"),
    ("mail-root-reaches-person", "/etc/aliases", "root: change_me@localhost", "root: bob"),
    ("mail-postmaster-reaches-root", "/etc/aliases", "postmaster: root", "#postmaster: root"),
    ("postfix-listens-locally", "/etc/postfix/main.cf", "", "inet_interfaces = all\n"),
    ("postfix-listens-locally", "/etc/postfix/master.cf", "", "192.0.2.1:25 inet n - n - - smtpd\n"),
    ("postfix-relays-own-networks-only", "/etc/postfix/main.cf", ", reject", ""),
    (
        "postfix-relays-own-networks-only",
        "/etc/postfix/master.cf",
        "smtpd\n",
        "smtpd\n  -o smtpd_client_restrictions=permit\n",
    ),
    ("nfs-exports-kerberos-only", "/etc/exports", "", "/b *(rw)\n"),
    ("nfs-exports-kerberos-only", "/etc/exports", "*(rw", "* (rw"),
    ("name-servers-redundant", "/etc/resolv.conf", "nameserver 192.0.2.2", "#nameserver 192.0.2.2"),
    (
        "network-changes-need-administrator",
        "/etc/polkit-1/localauthority/20-org.d/10-nm.pkla",
        "ResultActive=auth_admin",
        "ResultActive=yes",
    ),
    ("root-start-up-files-restored", "/etc/tmpfiles.d/rootfiles.conf", ".bashrc 600", ".bashrc 644"),
    ("dnf-weak-dependencies-off", "/etc/dnf/dnf.conf", "", "install_weak_deps=1\n"),
]


@pytest.fixture
def changed(root: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, str]]:
    """The tree with one change, taken back afterwards; and the rule that must see it."""
    rule, name, old, new = request.param
    path = root / name.lstrip("/")
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new) if old else before + new)
    if "dconf" in name:
        compiled(root)
    yield root, rule
    path.write_text(before)
    if "dconf" in name:
        compiled(root)


@pytest.mark.parametrize(
    "changed", CHANGES, indirect=True, ids=[f"{one[0]}-{number}" for number, one in enumerate(CHANGES)]
)
def test_each_change_fails(changed: tuple[Path, str]) -> None:
    tree, rule = changed
    assert verdict(tree, rule) == "fail"


def test_a_keyfile_that_was_not_compiled(root: Path) -> None:
    path = root / LOCAL.lstrip("/")
    before = path.read_text()
    path.write_text(before.replace("uint32 600", "uint32 300"))
    assert verdict(root, "dconf-databases-compiled") == "fail"
    path.write_text(before)


@pytest.mark.parametrize(
    ("rule", "path", "mode"),
    [
        ("rsyslog-log-files-mode-strict", "var/log/messages", 0o644),
        ("audit-log-folder-mode-strict", "var/log/audit", 0o750),
        ("audit-log-files-mode-strict", "var/log/audit/audit.log", 0o640),
        ("root-path-folders-safe", "usr/local/sbin", 0o777),
        ("user-files-name-no-open-programs", "etc/bashrc", 0o666),
    ],
)
def test_each_mode_fails(root: Path, rule: str, path: str, mode: int) -> None:
    before = (root / path).stat().st_mode & 0o7777
    (root / path).chmod(mode)
    assert verdict(root, rule) == "fail"
    (root / path).chmod(before)
