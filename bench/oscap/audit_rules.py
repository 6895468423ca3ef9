"""The audit rules of the hardened tree, from tables: system calls, programs and files that the STIG wants recorded."""

from __future__ import annotations

__all__ = ["hardened"]

_UNSET = "-F auid>=1000 -F auid!=unset"
_MODES = "chmod,fchmod,fchmodat,fchmodat2"
_OWNERS = "chown,fchown,fchownat,lchown"
_ATTRIBUTES = "setxattr,fsetxattr,lsetxattr,removexattr,fremovexattr,lremovexattr"
_DELETES = "unlink,unlinkat,rename,renameat,renameat2,rmdir"
_OPENS = "creat,open,openat,open_by_handle_at,truncate,ftruncate"
_MODULES = "init_module,finit_module,delete_module"
_PROGRAMS = """
/usr/bin/chacl /usr/bin/chage /usr/bin/chcon /usr/bin/chsh /usr/bin/crontab /usr/bin/gpasswd /usr/bin/kmod
/usr/bin/mount /usr/bin/newgrp /usr/bin/passwd /usr/bin/setfacl /usr/bin/ssh-agent /usr/bin/su /usr/bin/sudo
/usr/bin/sudoedit /usr/bin/umount /usr/libexec/openssh/ssh-keysign /usr/sbin/pam_timestamp_check /usr/sbin/postdrop
/usr/sbin/postqueue /usr/sbin/semanage /usr/sbin/setfiles /usr/sbin/setsebool /usr/sbin/unix_chkpwd
/usr/sbin/unix_update /usr/sbin/userhelper /usr/sbin/usermod /usr/bin/chfn /usr/bin/pkexec
/usr/libexec/dbus-1/dbus-daemon-launch-helper /usr/lib/polkit-1/polkit-agent-helper-1 /usr/libexec/utempter/utempter
/usr/bin/write
"""
_HALTS = "/usr/sbin/init /usr/sbin/poweroff /usr/sbin/reboot /usr/sbin/shutdown"
_IDENTITY = "/etc/group /etc/gshadow /etc/passwd /etc/shadow /etc/security/opasswd"
_WATCHED = {
    "/etc/sudoers": "actions",
    "/etc/sudoers.d/": "actions",
    "/var/log/faillock": "logins",
    "/var/log/lastlog": "logins",
    "/var/log/tallylog": "logins",
}


def _both(rest: str) -> list[str]:
    return [f"-a always,exit -F arch={arch} {rest}" for arch in ("b32", "b64")]


def hardened(release: int) -> str:
    """The rules as one text. Contents for release 9 know the older forms only, those for 10 the newer only."""
    rules = []
    modes = _MODES if release >= 10 else _MODES.removesuffix(",fchmodat2")
    for calls in (modes, _OWNERS):
        rules += _both(f"-S {calls} {_UNSET} -F key=perm_mod")
    rules += _both(f"-S {_ATTRIBUTES} {_UNSET} -F key=perm_mod")
    rules += _both(f"-S {_ATTRIBUTES} -F auid=0 -F key=perm_mod")
    rules += _both(f"-S {_DELETES} {_UNSET} -F key=delete")
    for code in ("EPERM", "EACCES"):
        rules += _both(f"-S {_OPENS} -F exit=-{code} {_UNSET} -F key=access")
    rules += _both(f"-S {_MODULES} {_UNSET} -F key=module-change")
    rules += _both(f"-S mount {_UNSET} -F key=export")
    rules += _both(f"-S umount2 {_UNSET} -F key=perm_mod")
    rules.append(f"-a always,exit -F arch=b32 -S umount {_UNSET} -F key=perm_mod")
    for who in ("u", "g"):
        rules += _both(f"-S execve -C {who}id!=e{who}id -F e{who}id=0 -k setuid")
    for path in f"{_PROGRAMS} {_HALTS}".split():
        rest = f"-F path={path} -F perm=x {_UNSET} -F key=privileged"
        rules += _both(rest) if release >= 10 else [f"-a always,exit {rest}"]
    for path, key in {**dict.fromkeys(_IDENTITY.split(), "identity"), **_WATCHED}.items():
        if release < 10:
            rules.append(f"-w {path} -p wa -k {key}")
        else:
            rules += _both(f"-F {'dir' if path.endswith('/') else 'path'}={path} -F perm=wa -F key={key}")
    return "\n".join(rules)
