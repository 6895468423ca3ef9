"""Trees that look hardened and are not: none of them passes. One line for each way that was once overlooked."""

from pathlib import Path

import pytest

from scanner.engine.cases import CASE_DAY, runtime_fact_names
from scanner.engine.content import load
from scanner.engine.judge import Instance, judge, needed_facts
from tests.support import Content, build, facts_of

Tree = dict[str, Content]

UNITS = "/usr/lib/systemd/system"
WANTS = "/etc/systemd/system/multi-user.target.wants"
SSHD = "/etc/ssh/sshd_config"
GRUB = "/boot/grub2/grub.cfg"


def started(name: str, text: str) -> Tree:
    """A unit that the default target pulls in."""
    return {
        "/usr/lib/systemd/systemd": "x",
        f"{UNITS}/multi-user.target": "[Unit]\n",
        f"{UNITS}/default.target": ("link", "multi-user.target"),
        f"{UNITS}/{name}": text,
        f"{WANTS}/{name}": ("link", f"{UNITS}/{name}"),
    }


def ssh_server(command: str, more: str = "") -> Tree:
    return {
        SSHD: "PermitRootLogin no\nLoginGraceTime 30\nLogLevel VERBOSE\n",
        f"{UNITS}/sshd.service": f"[Service]\n{more}ExecStart={command}\n",
        "/etc/evil": "PermitRootLogin yes\n",
        "/etc/sysconfig/sshd": "OPTIONS = -oPermitRootLogin=yes\n",
    }


AUDITD: Tree = {**started("auditd.service", "[Service]\nExecStart=/sbin/auditd\n"), "/sbin/auditd": "x"}
DROP_IN = "/etc/systemd/system/auditd.service.d/x.conf"
SYSCTL: Tree = {
    "/usr/lib/systemd/systemd-sysctl": "x",
    f"{UNITS}/systemd-sysctl.service": "[Service]\nExecStart=/usr/lib/systemd/systemd-sysctl\n",
    f"{UNITS}/sysinit.target.wants/systemd-sysctl.service": ("link", "../systemd-sysctl.service"),
    "/etc/sysctl.d/a.conf": "kernel.kptr_restrict = 1\n",
}
SYSCTL_ETC = "/etc/systemd/system/systemd-sysctl.service"
MODULES: Tree = {"/usr/lib/modules/6.1/fs/x.ko": "x", "/usr/lib/modules/6.1/modules.builtin": "kernel/a/b.ko\n"}
AUDIT: Tree = {
    "/usr/sbin/augenrules": "x",
    "/etc/audit/audit.rules": "",
    "/etc/audit/rules.d/a.rules": "-w /etc/passwd -p wa -k id\n",
}
SUDO: Tree = {"/usr/bin/sudo": "x"}
SU = "auth required pam_wheel.so use_uid\nauth required pam_unix.so\n"
ZONE = '<zone target="DROP"><service name="ssh"/></zone>'
FIREWALL: Tree = {
    "/usr/sbin/firewalld": "x",
    "/etc/firewalld/firewalld.conf": "DefaultZone=drop\n",
    "/etc/firewalld/zones/drop.xml": ZONE,
    "/usr/lib/firewalld/services/ssh.xml": '<service><port port="22" protocol="tcp"/></service>',
    "/etc/firewalld/services/ssh.xml": '<service><port port="1-65535" protocol="tcp"/></service>',
}
BOOT: Tree = {"/boot/loader/entries/a.conf": "title A\nlinux /v\noptions audit=1\n"}
USBGUARD: Tree = {"/etc/usbguard/usbguard-daemon.conf": "RuleFile=/etc/usbguard/rules.conf\n"}
PASSWD: Tree = {
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    "/etc/group": "root:x:0:\n",
    "/etc/shadow": "root:!:::::::\n",
}


def sshd_unit(command: str, more: str = "") -> tuple[str, Tree]:
    return "sshd-root-login-disabled", ssh_server(command, more)


def listening(place: str, name: str = "x") -> tuple[str, Tree]:
    template = name.partition("@")[0] + ("@" if "@" in name else "")
    files = started(f"{template}.socket", f"[Socket]\nAccept=yes\nListenStream={place}\n")
    wanted: Tree = {
        f"{WANTS}/{name}.socket": ("link", f"{UNITS}/{template}.socket"),
        f"{UNITS}/x@.service": "[Service]\n",
    }
    return "velaos-no-tcp-listener", {**files, **wanted}


EVASIONS: dict[str, tuple[str, Tree]] = {
    # options of sshd's command line
    "letters in one word": sshd_unit("/usr/sbin/sshd -DoPermitRootLogin=yes"),
    "another file in one word": sshd_unit("/usr/sbin/sshd -Df /etc/evil"),
    "a quoted program": sshd_unit('"/usr/sbin/sshd" -D -oPermitRootLogin=yes'),
    "a shell starts sshd": sshd_unit('/bin/sh -c "exec /usr/sbin/sshd -oPermitRootLogin=yes"'),
    "blanks around the equals sign": sshd_unit("/usr/sbin/sshd $OPTIONS", "EnvironmentFile=/etc/sysconfig/sshd\n"),
    "environment files by pattern": sshd_unit("/usr/sbin/sshd $OPTIONS", "EnvironmentFile=-/etc/sysconfig/ssh*\n"),
    "an argument that looks like an option": (
        "sshd-root-login-disabled",
        {**ssh_server("/usr/sbin/sshd -D -E -oPermitRootLogin=no"), SSHD: "PermitRootLogin yes\n"},
    ),
    "words behind --": (
        "sshd-root-login-disabled",
        {**ssh_server("/usr/sbin/sshd -D -- -oPermitRootLogin=no"), SSHD: "PermitRootLogin yes\n"},
    ),
    "grace time by -g": ("sshd-login-grace-time-limited", ssh_server("/usr/sbin/sshd -D -g 0")),
    "a quiet sshd": ("sshd-log-level-verbose", ssh_server("/usr/sbin/sshd -Dq")),
    "a server in a place of its own": (
        "sshd-root-login-disabled",
        {"/opt/sbin/sshd": "x", f"{UNITS}/sshd.service": "[Service]\nExecStart=/opt/sbin/sshd -D\n"},
    ),
    "an empty list of ciphers": ("sshd-ciphers-strong", {SSHD: 'Ciphers ""\n'}),
    # units that start and do nothing, or that no file in the load path makes
    "another program": ("service-auditd-on", {**AUDITD, DROP_IN: "[Service]\nExecStart=\nExecStart=/bin/true\n"}),
    "a condition": ("service-auditd-on", {**AUDITD, DROP_IN: "[Unit]\nConditionPathExists=/nowhere\n"}),
    "no program": ("service-auditd-on", started("auditd.service", "[Service]\nExecStart=/sbin/auditd\n")),
    "a replaced unit": (
        "service-auditd-on",
        {**AUDITD, "/bin/x": "x", "/etc/systemd/system/auditd.service": "[Service]\nExecStart=/bin/x\n"},
    ),
    "a conflict": (
        "service-auditd-on",
        {**AUDITD, **started("evil.service", "[Unit]\nConflicts=auditd.service\n[Service]\nExecStart=/bin/x\n")},
    ),
    "an instance": (
        "service-ftp-off",
        started("vsftpd@.service", "[Service]\nExecStart=/usr/sbin/vsftpd\n")
        | {f"{WANTS}/vsftpd@a.service": ("link", "x")},
    ),
    "started after another": (
        "service-ftp-off",
        {
            **started("a.service", "[Unit]\nOnSuccess=vsftpd.service\n[Service]\nExecStart=/bin/true\n"),
            f"{UNITS}/vsftpd.service": "[Service]\nExecStart=/usr/sbin/vsftpd\n",
        },
    ),
    # sockets
    "an address that begins like loopback": listening("[::1234]:80"),
    "a name that begins like localhost": listening("localhost.example:80"),
    "a port in the instance": listening("%i", "x@8080"),
    # sysctl
    "masked by a relative link": (
        "sysctl-kernel-kptr-restrict",
        {**SYSCTL, SYSCTL_ETC: ("link", "../../../dev/null")},
    ),
    "masked where systemctl set-property writes": (
        "sysctl-kernel-kptr-restrict",
        {**SYSCTL, "/etc/systemd/system.control/systemd-sysctl.service": ("link", "/dev/null")},
    ),
    "sysctl replaced": ("sysctl-kernel-kptr-restrict", {**SYSCTL, SYSCTL_ETC: "[Service]\nExecStart=/bin/true\n"}),
    "sysctl held back": (
        "sysctl-kernel-kptr-restrict",
        {**SYSCTL, f"{SYSCTL_ETC}.d/x.conf": "[Unit]\nConditionPathExists=/nowhere\n"},
    ),
    "nothing asks for sysctl": (
        "sysctl-kernel-kptr-restrict",
        {**SYSCTL, "/etc/systemd/system/sysinit.target.wants/systemd-sysctl.service": ("link", "/dev/null")},
    ),
    "a detour": (
        "sysctl-kernel-kptr-restrict",
        {**SYSCTL, "/etc/sysctl.d/b.conf": "kernel/yama/../kptr_restrict = 0\n"},
    ),
    "hidden by a link to nowhere": (
        "sysctl-kernel-kptr-restrict",
        {
            **SYSCTL,
            "/etc/sysctl.d/z.conf": ("link", "/nowhere"),
            "/usr/lib/sysctl.d/z.conf": "kernel.kptr_restrict = 0\n",
        },
    ),
    "forwarding by its other name": (
        "sysctl-net-ipv4-conf-default-forwarding",
        {**SYSCTL, "/etc/sysctl.d/b.conf": "net.ipv4.conf.default.forwarding = 0\nnet.ipv4.ip_forward = 1\n"},
    ),
    "a value that the kernel refuses": (
        "sysctl-kernel-yama-ptrace-scope",
        {**SYSCTL, "/etc/sysctl.d/b.conf": "kernel.yama.ptrace_scope = 99\n"},
    ),
    # kernel modules
    "a kernel without a folder": ("kernel-module-cramfs-disabled", {**MODULES, "/boot/vmlinuz-6.2": "x"}),
    "a linked folder": (
        "kernel-module-cramfs-disabled",
        {**MODULES, "/usr/lib/modules/6.1/extra": ("link", "/opt/extra"), "/opt/extra/cramfs.ko": "x"},
    ),
    "two folders of one release": (
        "kernel-module-cramfs-disabled",
        {**MODULES, "/lib/modules/6.1/cramfs.ko": "x", "/lib/modules/6.1/modules.builtin": ""},
    ),
    # boot entries
    "a default that is called rescue": (
        "kernel-audit-at-boot",
        {GRUB: 'set default="1"\nmenuentry "A" {\n linux /v audit=1\n}\nmenuentry "rescue" {\n linux /v audit=0\n}\n'},
    ),
    "a saved entry of another file": (
        "kernel-audit-at-boot",
        {
            **BOOT,
            GRUB: 'set default="${saved_entry}"\nblscfg\n',
            "/boot/grub2/custom.cfg": 'menuentry "my rescue" {\n linux /v audit=0\n}\n',
            "/boot/grub2/grubenv": "# GRUB Environment Block\nsaved_entry=my rescue\n",
        },
    ),
    "a default that cannot be known": (
        "kernel-audit-at-boot",
        {
            **BOOT,
            "/boot/loader/loader.conf": "default @saved\n",
            "/boot/loader/entries/b-rescue.conf": "title B\nlinux /v\noptions audit=0\n",
        },
    ),
    "another init": (
        "boot-opens-no-shell",
        {"/boot/loader/entries/a.conf": "title A\nlinux /v\noptions init=/tmp/init\n"},
    ),
    "a command of systemd": (
        "boot-opens-no-shell",
        {"/boot/loader/entries/a.conf": "title A\nlinux /v\noptions systemd.run=/bin/sh\n"},
    ),
    # mounts
    "a mount that no boot asks for": (
        "mount-tmp-separate",
        {
            "/usr/lib/systemd/systemd": "x",
            f"{UNITS}/tmp.mount": "[Mount]\nWhat=tmpfs\nWhere=/tmp\nType=tmpfs\nOptions=noexec\n",
            f"{UNITS}/foo.target.wants/tmp.mount": ("link", "../tmp.mount"),
        },
    ),
    "a type that is found out": ("mount-remote-nodev", {"/etc/fstab": "nas:/x /m auto rw 0 0\n"}),
    "the later way to authenticate": (
        "mount-remote-kerberos",
        {"/etc/fstab": "nas:/x /m nfs4 sec=krb5p,sec=sys 0 0\n"},
    ),
    # accounts and logins
    "users in JSON": (
        "accounts-only-root-uid-zero",
        {**PASSWD, "/etc/nsswitch.conf": "passwd: files systemd\n", "/etc/userdb/toor.user": "{}"},
    ),
    "users of nss-extrausers": (
        "accounts-only-root-uid-zero",
        {
            **PASSWD,
            "/etc/nsswitch.conf": "passwd: files extrausers\n",
            "/var/lib/extrausers/passwd": "toor:x:0:0::/:/bin/sh\n",
        },
    ),
    "a prefix of Python": ("login-umask-strict", {"/etc/login.defs": "UMASK 0o27\n"}),
    "a limit for one user": (
        "core-dumps-limited",
        {"/etc/security/limits.conf": "* hard core 0\nbob - core unlimited\n"},
    ),
    "an umask in a script that runs later": (
        "shell-umask-profile",
        {"/etc/profile": "umask 027\ntrap 'umask 0' DEBUG\n"},
    ),
    # PAM and sudo
    "the members may not": ("su-limited-to-wheel", {"/etc/pam.d/su": SU.replace("use_uid", "use_uid deny")}),
    "another group": ("su-limited-to-wheel", {"/etc/pam.d/su": SU.replace("use_uid", "use_uid group=users")}),
    "a login shell": (
        "su-limited-to-wheel",
        {"/etc/pam.d/su": SU, "/etc/pam.d/su-l": "auth required pam_unix.so\n"},
    ),
    "pam_permit": (
        "pam-sudo-not-bypassed",
        {"/etc/pam.d/sudo": "auth sufficient pam_permit.so\nauth required pam_unix.so\n"},
    ),
    "an exempt group": (
        "sudo-asks-for-password",
        {**SUDO, "/etc/sudoers": "Defaults exempt_group=wheel\n%wheel ALL=(ALL) ALL\n"},
    ),
    "root by another number": ("sudo-not-for-everyone", {**SUDO, "/etc/sudoers": "ALL ALL=(#00) ALL\n"}),
    "another log for one user": (
        "sudo-writes-log",
        {**SUDO, "/etc/sudoers": "Defaults logfile=/var/log/sudo.log\nDefaults:bob logfile=/dev/null\n"},
    ),
    # audit
    "people excluded": (
        "audit-watch-passwd",
        {**AUDIT, "/etc/audit/rules.d/b.rules": "-a always,exclude -F auid>=1000\n"},
    ),
    "root excluded by never": (
        "audit-watch-passwd",
        {**AUDIT, "/etc/audit/rules.d/b.rules": "-a never,exclude -F uid=0\n"},
    ),
    "a timer once a year": (
        "aide-runs-regularly",
        {
            **started("aidecheck.timer", "[Timer]\nOnCalendar=yearly\n"),
            f"{UNITS}/aidecheck.service": "[Service]\nExecStart=/usr/sbin/aide --check\n",
            "/usr/sbin/aide": "x",
        },
    ),
    # the rest
    "a service that means something else": ("firewalld-openings-approved", FIREWALL),
    "an allow that names nothing": (
        "usbguard-no-blanket-allow",
        {**USBGUARD, "/etc/usbguard/rules.conf": "allow if localtime(00:00:00-23:59:59)\n"},
    ),
    "an allow that names what it is not": (
        "usbguard-no-blanket-allow",
        {**USBGUARD, "/etc/usbguard/rules.conf": "allow id none-of { 1111:2222 }\n"},
    ),
    "apt without signatures": (
        "repositories-gpgcheck-enabled",
        {
            "/etc/apt/sources.list": "deb http://deb.example.org/ a b\n",
            "/etc/apt/apt.conf.d/z": "Acquire { AllowInsecureRepositories true; };\n",
        },
    ),
    "apk without signatures": (
        "repositories-gpgcheck-enabled",
        {"/etc/apk/repositories": "https://apk.example.org/main\n", "/etc/apk/config": "allow-untrusted\n"},
    ),
    "zypper": ("repositories-gpgcheck-enabled", {"/etc/zypp/repos.d/a.repo": "[a]\ngpgcheck=0\n"}),
}


@pytest.mark.parametrize("name", EVASIONS)
def test_no_evasion_passes(tmp_path: Path, name: str) -> None:
    rule_id, files = EVASIONS[name]
    assert verdict(build(tmp_path, files), rule_id) in ("fail", "error", "unknown")


HONEST: dict[str, tuple[str, Tree]] = {
    "sshd": sshd_unit("@/usr/sbin/sshd sshd -D $OPTIONS -g 30"),
    "auditd": ("service-auditd-on", AUDITD),
    "no FTP server": ("service-ftp-off", AUDITD),
    "sysctl": ("sysctl-kernel-kptr-restrict", SYSCTL),
    "no cramfs": ("kernel-module-cramfs-disabled", MODULES),
    "audit": ("audit-watch-passwd", AUDIT),
    "noise left out": (
        "audit-watch-passwd",
        {**AUDIT, "/etc/audit/rules.d/b.rules": "-a always,exclude -F msgtype=CWD\n"},
    ),
    "su": ("su-limited-to-wheel", {"/etc/pam.d/su": SU}),
    "a rescue entry": (
        "kernel-audit-at-boot",
        {
            **BOOT,
            "/boot/loader/loader.conf": "default a\n",
            "/boot/loader/entries/0-rescue.conf": "title B rescue\nlinux /v\noptions audit=0\n",
        },
    ),
    "loopback": listening("[::1]:80"),
    "loopback by number": listening("127.0.0.53:53"),
    "a service of the vendor": (
        "firewalld-openings-approved",
        {name: text for name, text in FIREWALL.items() if name != "/etc/firewalld/services/ssh.xml"},
    ),
    "accounts": ("accounts-only-root-uid-zero", {**PASSWD, "/etc/nsswitch.conf": "passwd: files systemd\n"}),
    "apt": ("repositories-gpgcheck-enabled", {"/etc/apt/sources.list": "deb http://deb.example.org/ a b\n"}),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_as_it_should_be_still_passes(tmp_path: Path, name: str) -> None:
    rule_id, files = HONEST[name]
    assert verdict(build(tmp_path, files), rule_id) == "pass"


def test_an_init_script_becomes_a_service(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            **AUDITD,
            f"{UNITS[:-7]}/system-generators/systemd-sysv-generator": "x",
            "/etc/init.d/vsftpd": "#!/bin/sh\n",
            "/etc/rc3.d/S20vsftpd": ("link", "../init.d/vsftpd"),
        },
    )
    assert verdict(tmp_path, "service-ftp-off") == "pass", "a script that cannot be run is none"
    (tmp_path / "etc/init.d/vsftpd").chmod(0o755)
    assert verdict(tmp_path, "service-ftp-off") == "fail"


def test_a_drop_in_that_cannot_be_read(tmp_path: Path) -> None:
    build(tmp_path, {**AUDITD, DROP_IN: b"[Service]\nExecStart=/bin/\xff\n"})
    assert verdict(tmp_path, "service-auditd-on") != "pass"


def test_programs_behind_a_link(tmp_path: Path) -> None:
    build(tmp_path, {"/usr/local": ("link", "../var/usrlocal"), "/var/usrlocal/bin/x": "x", **PASSWD})
    (tmp_path / "var/usrlocal/bin/x").chmod(0o777)
    assert verdict(tmp_path, "program-files-not-writable") == "fail"


def verdict(root: Path, rule_id: str) -> str:
    rule = load().rules[rule_id]
    instance = Instance(rule, {name: param.default for name, param in rule.params.items()}, {})
    runtime = runtime_fact_names()
    facts = facts_of(root, needed_facts(instance, runtime))
    target = {"kind": "tree", "identity": {"platform": "linux"}}
    return judge(instance, facts, target, require="persistent", today=CASE_DAY, runtime_facts=runtime).status
