"""Secrets planted everywhere they live; none of them may appear in any output, nor a plain digest of their files."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.support import build

ROOT = Path(__file__).parents[2]

HASHES = [
    "$6$Zq1sEcReTsAlT$" + "A1b2C3d4" * 10,
    "$y$j9T$SeCrEtSaLt01$" + "Kk0Ll1Mm" * 5,
    "$2b$12$" + "SecretBcryptHashSecretBcryptHashSecretBcryptHash53abc",
]
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAAB\n-----END OPENSSH PRIVATE KEY-----\n"
WORDS = [
    "wifi-passphrase-1",
    "cifs-password-22",
    "proxy-password-333",
    "grubhash4444",
    "sssd-bind-55555",
    "cred-secret-6",
]

FILES = {
    "etc/os-release": "ID=almalinux\nVERSION_ID=10.1\n",
    "etc/passwd": f"root:x:0:0::/root:/bin/bash\nleak:{HASHES[0]}:1000:1000::/home/leak:/bin/sh\n",
    "etc/shadow": f"root:{HASHES[0]}:19000:0:99999:7:::\nuser:{HASHES[1]}:19000:0:99999:7:::\n",
    "etc/gshadow": f"wheel:{HASHES[2]}::\n",
    "etc/group": "wheel:x:10:user\n",
    "etc/security/opasswd": f"user:1000:1:{HASHES[0]}\n",
    "etc/ssh/ssh_host_ed25519_key": KEY,
    "root/.ssh/id_ed25519": KEY,
    "home/leak/.netrc": f"machine x login y password {WORDS[2]}\n",
    "etc/NetworkManager/system-connections/w.nmconnection": f"[connection]\nid=w\ntype=wifi\n[wifi-security]\nkey-mgmt=wpa-psk\npsk={WORDS[0]}\n[802-1x]\neap=peap\npassword={WORDS[0]}\n",
    "etc/fstab": f"//srv/share /mnt cifs rw,username=u,password={WORDS[1]} 0 0\n/dev/sda1 / ext4 defaults 0 1\n",
    "etc/dnf/dnf.conf": f"[main]\ngpgcheck=1\nproxy=http://u:{WORDS[2]}@proxy/\n",
    "etc/yum.repos.d/a.repo": f"[a]\nname=a\nbaseurl=https://u:{WORDS[2]}@host/r\nenabled=1\ngpgcheck=1\npassword={WORDS[2]}\n",
    "etc/apt/sources.list": f"deb https://u:{WORDS[2]}@host/debian bookworm main\n",
    "boot/grub2/user.cfg": f"GRUB2_PASSWORD=grub.pbkdf2.sha512.10000.{WORDS[3].upper()}ABCDEF.0123456789ABCDEF\n",
    "boot/grub/grub.cfg": f"password_pbkdf2 root grub.pbkdf2.sha512.10000.{WORDS[3].upper()}ABCDEF.0123456789ABCDEF\nlinux /vmlinuz root=/dev/sda1\n",
    "etc/sssd/sssd.conf": f"[domain/x]\nldap_default_authtok = {WORDS[4]}\n",
    "boot/loader/entries/a.conf": f"title a\nlinux /v\noptions root=/dev/sda1 systemd.set_credential=x:{WORDS[5]}\n",
    "etc/kernel/cmdline": f"root=/dev/sda1 systemd.set_credential=x:{WORDS[5]}\n",
    "etc/sudoers": "root ALL=(ALL) ALL\n",
    "usr/lib/systemd/system/a.service": f"[Service]\nExecStart=/bin/a --proxy http://u:{WORDS[2]}@proxy/\n",
    "proc/cmdline": f"root=/dev/sda1 systemd.set_credential=x:{WORDS[5]}\n",
    "proc/sys/kernel/osrelease": "6.12\n",
}
SECRET_FILES = [
    "etc/shadow", "etc/gshadow", "etc/security/opasswd", "etc/ssh/ssh_host_ed25519_key", "root/.ssh/id_ed25519",
    "etc/NetworkManager/system-connections/w.nmconnection", "etc/fstab", "etc/sssd/sssd.conf", "boot/grub2/user.cfg",
    "boot/grub/grub.cfg", "boot/loader/entries/a.conf", "etc/kernel/cmdline", "etc/dnf/dnf.conf", "etc/passwd",
    "etc/apt/sources.list", "etc/yum.repos.d/a.repo", "proc/cmdline", "usr/lib/systemd/system/a.service", "home/leak/.netrc",
]  # fmt: skip


def test_no_secret_in_any_output(tmp_path: Path) -> None:
    tree = build(tmp_path / "tree", FILES)
    names = ("json", "html", "table", "pdf", "snapshot")
    command = [sys.executable, "-m", "scanner.cli.main", "scan", str(tree), "--runtime", "--show", "all"]
    for profile in ("linux-baseline", "velaos"):
        command += ["--profile", profile]
    command += [word for name in names for word in ("-o", f"{name}={tmp_path}/out.{name}")]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env={**os.environ, "ASSAY_PROFILE": ""})
    assert done.returncode in (0, 3), done.stderr.decode()
    everything = subprocess.run(
        [sys.executable, "-m", "scanner.cli.main", "collect", str(tree), "--runtime", "-q"],
        capture_output=True,
        cwd=ROOT,
    )
    texts = {name: (tmp_path / f"out.{name}").read_bytes() for name in names if name != "pdf"}
    texts["pdf"] = subprocess.run(["pdftotext", str(tmp_path / "out.pdf"), "-"], capture_output=True).stdout
    texts["collect"], texts["terminal"] = everything.stdout, done.stdout + done.stderr
    secrets = [part for one in HASHES for part in (one, one.rpartition("$")[2][:30])]
    secrets += [*WORDS, WORDS[3].upper(), "b3BlbnNzaC1rZXktdjEAAAAAB"]
    digests = [hashlib.sha256((tree / name).read_bytes()).hexdigest() for name in SECRET_FILES]
    for where, text in texts.items():
        for secret in (*secrets, *digests):
            assert secret.encode() not in text, f"{secret} in {where}"
    assert b"/etc/shadow" in texts["collect"]
