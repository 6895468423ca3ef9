"""A root tree whose services are configured as the frameworks want it: files by path, and modes that matter."""

from __future__ import annotations

from tests.support import Content

HASH = "grub.pbkdf2.sha512.10000." + "AB" * 32 + "." + "CD" * 32
PACKAGES = ("chrony", "gdm", "libuser", "polkit", "postfix", "rootfiles", "rsyslog", "sssd")
LOCAL = "/etc/dconf/db/local.d/00"
LOCKS = "/etc/dconf/db/local.d/locks/00"
DISTRO = "/etc/dconf/db/distro.d/00"

TREE: dict[str, Content] = {
    "/var/lib/dpkg/status": "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n" for name in PACKAGES
    ),
    "/etc/passwd": "root:x:0:0:r:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\n",
    "/etc/group": "root:x:0:\n",
    "/etc/rsyslog.conf": (
        "$FileCreateMode 0640\n"
        'module(load="builtin:omfile" FileCreateMode="0640")\n'
        'module(load="imjournal")\n'
        '*.* action(type="omfwd" target="log.example.com" port="6514" protocol="tcp" StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="logcollector")\n'
        '*.info;mail.none;authpriv.none;cron.none   action(type="omfile" file="/var/log/messages")\n'
        'auth.*;authpriv.*   action(type="omfile" file="/var/log/secure")\n'
        "daemon.* /var/log/daemon\n"
        'cron.*   action(type="omfile" file="/var/log/cron")\n'
    ),
    "/var/log/messages": "x",
    "/var/log/secure": "x",
    "/etc/systemd/journald.conf": "[Journal]\nForwardToSyslog=yes\n",
    "/usr/lib/systemd/systemd-journald": "x",
    "/usr/lib/systemd/systemd": "x",
    "/usr/lib/systemd/system/multi-user.target": "[Unit]\nDescription=x\n",
    "/usr/lib/systemd/system/rsyslog.service": "[Service]\nExecStart=/usr/sbin/rsyslogd -n\n[Install]\nWantedBy=multi-user.target\n",
    "/usr/lib/systemd/system/chronyd.service": "[Service]\nExecStart=/usr/sbin/chronyd $OPTIONS\n[Install]\nWantedBy=multi-user.target\n",
    "/usr/lib/systemd/system/postfix.service": "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n",
    "/usr/lib/systemd/system/logrotate.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
    "/usr/lib/systemd/system/logrotate.service": "[Service]\nExecStart=/x\n",
    "/usr/lib/systemd/system/timers.target": "[Unit]\n",
    "/etc/logrotate.conf": "daily\ncreate\n/var/log/wtmp {\n rotate 1\n}\n",
    "/etc/audit/auditd.conf": "log_file = /var/log/audit/audit.log\n",
    "/var/log/audit/audit.log": "x",
    "/etc/chrony.conf": "server time.example.com iburst maxpoll 10\nport 0\ncmdport 0\n",
    "/etc/sysconfig/chronyd": 'OPTIONS="-F 2"\n',
    "/etc/dconf/profile/user": "user-db:user\nsystem-db:local\nsystem-db:site\nsystem-db:distro\n",
    "/usr/share/dconf/profile/gdm": (
        "user-db:user\nsystem-db:gdm\nsystem-db:distro\nfile-db:/usr/share/gdm/greeter-dconf-defaults\n"
    ),
    DISTRO: (
        "[org/gnome/login-screen]\n"
        "banner-message-enable=true\n"
        "banner-message-text='Authorized uses only. All activity may be monitored and reported.'\n"
        "disable-user-list=true\n"
        "disable-restart-buttons=true\n"
    ),
    "/etc/dconf/db/distro.d/locks/00": (
        "/org/gnome/login-screen/banner-message-enable\n"
        "/org/gnome/login-screen/banner-message-text\n"
        "/org/gnome/login-screen/disable-user-list\n"
        "/org/gnome/login-screen/disable-restart-buttons\n"
    ),
    LOCAL: (
        "[org/gnome/desktop/media-handling]\n"
        "automount=false\n"
        "automount-open=false\n"
        "autorun-never=true\n"
        "[org/gnome/settings-daemon/plugins/media-keys]\n"
        "logout=@as []\n"
        "[org/gnome/settings-daemon/peripherals/smartcard]\n"
        "removal-action='lock-screen'\n"
        "[org/gnome/desktop/screensaver]\n"
        "idle-activation-enabled=true\n"
        "lock-enabled=true\n"
        "lock-delay=uint32 5\n"
        "picture-uri=''\n"
        "[org/gnome/desktop/session]\n"
        "idle-delay=uint32 600\n"
    ),
    LOCKS: (
        "/org/gnome/desktop/media-handling/automount\n"
        "/org/gnome/desktop/media-handling/automount-open\n"
        "/org/gnome/desktop/media-handling/autorun-never\n"
        "/org/gnome/settings-daemon/plugins/media-keys/logout\n"
        "/org/gnome/settings-daemon/peripherals/smartcard/removal-action\n"
        "/org/gnome/desktop/screensaver/idle-activation-enabled\n"
        "/org/gnome/desktop/screensaver/lock-enabled\n"
        "/org/gnome/desktop/screensaver/lock-delay\n"
        "/org/gnome/desktop/screensaver/picture-uri\n"
        "/org/gnome/desktop/session/idle-delay\n"
    ),
    "/etc/gdm/custom.conf": "[daemon]\nWaylandEnable=false\nAutomaticLoginEnable=false\nTimedLoginEnable=false\n",
    "/boot/grub2/grub.cfg": (
        "if [ -f ${prefix}/user.cfg ]; then\n"
        " source ${prefix}/user.cfg\n"
        ' if [ -n "${GRUB2_PASSWORD}" ]; then\n'
        '  set superusers="bootkeeper"\n'
        "  export superusers\n"
        "  password_pbkdf2 bootkeeper ${GRUB2_PASSWORD}\n"
        " fi\n"
        "fi\n"
        "blscfg\n"
    ),
    "/boot/grub2/user.cfg": f"GRUB2_PASSWORD={HASH}\n",
    "/etc/sssd/sssd.conf": (
        "[sssd]\n"
        "domains = a\n"
        "certificate_verification = ocsp_dgst=sha512\n"
        "[pam]\n"
        "pam_cert_auth = True\n"
        "offline_credentials_expiration = 1\n"
        "[domain/a]\n"
        "[certmap/a/r]\n"
        "maprule=x\n"
    ),
    "/etc/pam.d/smartcard-auth": (
        "auth sufficient pam_sss.so allow_missing_name require_cert_auth\nauth required pam_deny.so\n"
    ),
    "/etc/opensc.conf": "app default {\n card_drivers = default;\n}\n",
    "/etc/libuser.conf": "[defaults]\ncrypt_style = sha512\n",
    "/home/alice/.ssh/id": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n",
    "/home/alice/.bashrc": (
        ". /etc/bashrc\n"
        'if ! [[ "$PATH" =~ "$HOME/.local/bin:$HOME/bin:" ]]; then\n'
        '  PATH="$HOME/.local/bin:$HOME/bin:$PATH"\n'
        "fi\n"
        "export PATH\n"
    ),
    "/etc/bashrc": "x=1\n",
    "/etc/profile": (
        "pathmunge () {\n"
        '    case ":${PATH}:" in\n'
        '        *:"$1":*)\n'
        "            ;;\n"
        "        *)\n"
        '            if [ "$2" = "after" ] ; then\n'
        "                PATH=$PATH:$1\n"
        "            else\n"
        "                PATH=$1:$PATH\n"
        "            fi\n"
        "    esac\n"
        "}\n"
        'if [ "$EUID" = "0" ]; then\n'
        "    pathmunge /usr/sbin\n"
        "    pathmunge /usr/local/sbin\n"
        "fi\n"
        "export PATH USER\n"
    ),
    "/usr/sbin/x": "x",
    "/usr/local/sbin/x": "x",
    "/etc/aliases": "root: change_me@localhost\npostmaster: root\n",
    "/etc/postfix/main.cf": "inet_interfaces = loopback-only\nsmtpd_client_restrictions = permit_mynetworks, reject\n",
    "/etc/postfix/master.cf": "smtp inet n - n - - smtpd\npickup unix n - n 60 1 pickup\n",
    "/etc/exports": "/a *(rw,sec=krb5:krb5i:krb5p)\n",
    "/etc/nsswitch.conf": "hosts: files dns myhostname\n",
    "/etc/resolv.conf": "nameserver 192.0.2.1\nnameserver 192.0.2.2\n",
    "/etc/polkit-1/localauthority/20-org.d/10-nm.pkla": (
        "[NM]\n"
        "Identity=unix-user:*\n"
        "Action=org.freedesktop.NetworkManager.*\n"
        "ResultAny=no\n"
        "ResultInactive=no\n"
        "ResultActive=auth_admin\n"
    ),
    "/usr/bin/pkla-check-authorization": "x",
    "/etc/tmpfiles.d/rootfiles.conf": (
        "C /root/.bash_logout 600 root root - /usr/share/rootfiles/.bash_logout\n"
        "C /root/.bash_profile 600 root root - /usr/share/rootfiles/.bash_profile\n"
        "C /root/.bashrc 600 root root - /usr/share/rootfiles/.bashrc\n"
        "C /root/.cshrc 600 root root - /usr/share/rootfiles/.cshrc\n"
        "C /root/.tcshrc 600 root root - /usr/share/rootfiles/.tcshrc\n"
    ),
    "/etc/dnf/dnf.conf": "[main]\ninstall_weak_deps=False\n",
    "/etc/os-release": "ID=almalinux\nVERSION_ID=10.1\n",
    "/usr/lib/systemd/system/default.target": ("link", "multi-user.target"),
    "/usr/lib/systemd/system/multi-user.target.wants/timers.target": ("link", "../timers.target"),
    "/etc/systemd/system/timers.target.wants/logrotate.timer": ("link", "/usr/lib/systemd/system/logrotate.timer"),
    "/etc/systemd/system/multi-user.target.wants/rsyslog.service": ("link", "/usr/lib/systemd/system/rsyslog.service"),
    "/etc/systemd/system/multi-user.target.wants/chronyd.service": ("link", "/usr/lib/systemd/system/chronyd.service"),
    "/etc/systemd/system/multi-user.target.wants/postfix.service": ("link", "/usr/lib/systemd/system/postfix.service"),
}
MODES = {"var/log/messages": 0o600, "var/log/secure": 0o600, "var/log/audit": 0o700, "var/log/audit/audit.log": 0o600}
