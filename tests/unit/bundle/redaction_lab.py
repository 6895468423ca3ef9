"""A system in which people, machines, addresses and serial numbers stand wherever they stand in practice."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from scanner.bundle.parts import Subject
from scanner.collectors.registry import specs
from scanner.collectors.take import take
from scanner.frameworks.inputs import Inputs, Text, evaluate
from scanner.frameworks.profiles import profile
from scanner.target.tree import TreeTarget
from tests.support import build
from tests.unit.bundle.pack_lab import CLOCK, CONTENT

VOLUME = "3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
MACHINE = "0123456789abcdef0123456789abcdef"
_BOOT = f"root=UUID={VOLUME} rd.luks.uuid={VOLUME} ip=10.44.1.1::10.44.1.254:255.255.255.0:kiosk42:eth0:none"

PLANTED: Mapping[str, tuple[str, ...]] = {
    "user": (
        *("alice", "a.liddell", "bob.ldap", "carol.ldap", "dave.ldap", "erin.ldap", "frank.ldap", "grace.ldap"),
        *("henry.ldap", "ivan.ldap", "judy.ldap", "karl.ldap", "liam.ldap", "mia.ldap", "olga.ldap", "rosa.ldap"),
        *("sec.ops", "team-x"),
    ),
    "host": (
        *("thin-client-7", "corp.example", "kiosk42", "corp.realm", "srv-db01", "nas07", "dcsrv01", "smtp7"),
        *("mailhost9", "repo9", "registry.corp.example", "logs.corp.example", "ntp.internal.example", "corp-wlan"),
    ),
    "address": (
        *("10.9.8.7", "10.77.0.0", "10.66.1.2", "10.55.4.3", "10.44.1.1", "10.33.1.1", "10.88.0.0", "10.99.1.1"),
        *("10.12.12.12", "10.23.23.23", "10.22.0.0", "10.13.13.13", "10.21.21.21", "198.51.100.7", "fd12:3456::7"),
        *("00:aa:bb:cc:dd:ee",),
    ),
    "serial": (VOLUME, VOLUME.replace("-", "\\x2d"), MACHINE, "s3x9nb0k123456", "yk00998877", "abcdef123456="),
}
"""By the word of SENSITIVE, in small letters."""

FILES: Mapping[str, str | None] = {
    "etc/os-release": 'ID=almalinux\nVERSION_ID="10.1"\nPRETTY_NAME="AlmaLinux 10.1"\n',
    "etc/hostname": "Thin-Client-7.corp.example\n",
    "etc/machine-id": f"{MACHINE}\n",
    "etc/hosts": "10.1.2.3 thin-client-7\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:2:2::/sbin:/sbin/nologin\n"
    "alice:x:1000:1000:Alice Liddell:/home/a.liddell:/bin/bash\n",
    "etc/group": "root:x:0:\ndaemon:x:2:\nwheel:x:10:alice,bob.ldap\nalice:x:1000:\nteam-x:x:1001:carol.ldap\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\nalice:*:19000:0:99999:7:::\n",
    "etc/sudoers": "carol.ldap ALL=(ALL) NOPASSWD: ALL\n%team-x srv-db01 = /bin/ls\n"
    "Defaults mailto=sec.ops@corp.example\nDefaults:dave.ldap !requiretty\n",
    "etc/resolv.conf": "search corp.example\nnameserver 10.9.8.7\n",
    "etc/chrony.conf": "server ntp.internal.example iburst\nallow 10.77.0.0/16\nbindaddress 10.66.1.2\n",
    "etc/ssh/sshd_config": "PermitRootLogin yes\nAllowUsers erin.ldap\nListenAddress 10.55.4.3\n"
    "Match User frank.ldap\n  PermitTTY no\n",
    "etc/fstab": f"UUID={VOLUME} / ext4 defaults 0 1\nnas07:/exports /mnt/nas nfs sec=krb5 0 0\n"
    "/dev/disk/by-id/ata-SAMSUNG_S3X9NB0K123456 /data xfs defaults 0 0\n",
    "etc/crypttab": f"luks-{VOLUME} UUID={VOLUME} none tpm2-device=auto\n",
    "etc/kernel/cmdline": f"{_BOOT} systemd.machine_id={MACHINE}\n",
    "etc/default/grub": f'GRUB_CMDLINE_LINUX="rd.luks.uuid={VOLUME} netconsole=@10.33.1.1/eth0,@198.51.100.7/"\n',
    f"boot/loader/entries/{MACHINE}-6.12.conf": f"title X\nlinux /vmlinuz-6.12\noptions {_BOOT}\n",
    "etc/NetworkManager/system-connections/Cafe Corp-WLAN.nmconnection": "[connection]\nid=Corp-WLAN\ntype=wifi\n",
    "etc/NetworkManager/NetworkManager.conf": "[device]\nmatch-device=mac:00:aa:bb:cc:dd:ee\n",
    "etc/rsyslog.conf": "*.* @@logs.corp.example:514\n$ActionFileOwner grace.ldap\n",
    "etc/postfix/main.cf": "myhostname = mailhost9.corp.example\nrelayhost = [smtp7.corp.example]\n"
    "mynetworks = 10.22.0.0/16 [fd12:3456::7]/128\n",
    "etc/aliases": "root: sec.ops@corp.example\nhenry.ldap: /dev/null\n",
    "etc/sssd/sssd.conf": "[sssd]\ndomains = corp.example\n[domain/corp.example]\nldap_uri = ldaps://dcsrv01.corp.example\n"
    "krb5_realm=CORP.REALM\nsimple_allow_users = ivan.ldap\nad_hostname=kiosk42.corp.example\n",
    "etc/security/limits.conf": "judy.ldap hard core 0\n",
    "etc/audit/auditd.conf": "action_mail_acct = sec.ops@corp.example\n",
    "etc/firewalld/firewalld.conf": "DefaultZone=public\n",
    "etc/firewalld/zones/public.xml": '<zone><source address="10.88.0.0/16"/><source mac="00:de:ad:be:ef:01"/>'
    '<rule family="ipv4"><source address="10.99.1.1"/><accept/></rule>'
    '<forward-port port="22" protocol="tcp" to-addr="10.12.12.12"/></zone>',
    "etc/sysconfig/nftables.conf": "table inet f { chain input { type filter hook input priority 0; policy drop; "
    "ip saddr 10.23.23.23 accept } }\n",
    "etc/usbguard/rules.conf": 'allow id 1050:0407 serial "YK00998877" name "YubiKey" hash "abcDEF123456="\n',
    "etc/usbguard/usbguard-daemon.conf": "RuleFile=/etc/usbguard/rules.conf\nIPCAllowedUsers=root karl.ldap\n",
    "etc/exports": "/srv *.lab.corp.example(rw)\n",
    "etc/yum.repos.d/x.repo": "[internal]\nname=x\nbaseurl=https://repo9.corp.example/el10\nenabled=1\n",
    "etc/containers/policy.json": '{"default":[{"type":"reject"}],"transports":{"docker":{"registry.corp.example/os":'
    '[{"type":"sigstoreSigned","keyPath":"/etc/k.pub"}]}}}',
    "etc/containers/systemd/a.container": "[Container]\nImage=registry.corp.example/app:1\n"
    "PublishPort=10.21.21.21:80:80\n",
    "etc/systemd/system/home-a.liddell.mount": "[Mount]\nWhat=/dev/sda3\nWhere=/home/a.liddell\n",
    f"etc/systemd/system/systemd-cryptsetup@luks\\x2d{VOLUME.replace('-', chr(92) + 'x2d')}.service": "[Service]\n"
    "ExecStart=/bin/true\n",
    "etc/systemd/system/agent.socket": "[Socket]\nListenStream=10.13.13.13:99\n",
    "etc/systemd/system/agent.service": "[Service]\nUser=liam.ldap\nExecStart=/usr/bin/agent --host kiosk42\n",
    "etc/gdm/custom.conf": "[daemon]\nAutomaticLogin=mia.ldap\n",
    "etc/audit/rules.d/a.rules": "-w /home/a.liddell -p wa -k alice\n",
    "etc/tmpfiles.d/x.conf": "d /home/a.liddell/x 0700 olga.ldap - -\n",
    "etc/polkit-1/localauthority/50-local.d/x.pkla": "[x]\nIdentity=unix-user:rosa.ldap\nAction=*\nResultAny=yes\n",
    "etc/sysctl.d/a.conf": "kernel.hostname=kiosk42\nkernel.domainname=corp.example\n",
    "home/a.liddell/.bashrc": "umask 000\n",
    "root": None,
}


def planted(folder: Path, waivers: str) -> Subject:
    """The system under three profiles, with every fact that can be taken."""
    build(folder, dict(FILES))
    os.chmod(folder / "home/a.liddell", 0o777)
    profiles = tuple(profile(CONTENT, name) for name in ("cis-l2-server", "stig", "velaos"))
    inputs = Inputs(profiles, CLOCK, waivers=Text("w", waivers))
    target = TreeTarget(folder)
    try:
        from scanner.cli.pipeline import wanted_facts
        from scanner.frameworks.inputs import selection

        wanted = wanted_facts(selection(CONTENT, profiles, {})[1])
        snapshot = take(target, sorted({*wanted, *(name for name, spec in specs().items() if not spec.argument)}))
    finally:
        target.close()
    return Subject(snapshot, evaluate(snapshot, CONTENT, inputs).to_json())
