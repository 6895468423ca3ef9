"""What must never leave: redaction of values, and no digest of files that hold secrets."""

import pytest

from scanner.target.secrets import holds_secret, redact

SECRETS = [
    "$6$saltsalt$" + "h" * 86,
    "$y$j9T$abcdefgh$" + "k" * 43,
    "$2b$12$" + "a" * 53,
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$" + "b" * 43,
    "grub.pbkdf2.sha512.10000.ABCDEF0123.456789ABCDEF",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw",
    "https://user:hunter22@example.org/",
    "systemd.set_credential=name:hunter22",
    "psk=correcthorse",
    "rw,username=a,password=hunter22,uid=0",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_redacted(text: str) -> None:
    shown = redact(f"before {text} after")
    assert "[redacted]" in shown
    for part in (
        "hunter22",
        "correcthorse",
        "hhhh",
        "kkkk",
        "aaaaaaaaaa",
        "bbbbbbbbbb",
        "456789",
        "b3BlbnNzaA",
        "MC4CAQ",
    ):
        assert part not in shown
    assert shown.startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        "PermitRootLogin no",
        "password required pam_unix.so",
        "a=b",
        "$HOME/$USER",
        "ENCRYPT_METHOD SHA512",
        "user@host",
        "x = $1",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/ssh/ssh_host_ed25519_key", "/root/.ssh/id_rsa",
        "/etc/NetworkManager/system-connections/wifi.nmconnection", "/etc/sssd/sssd.conf", "/boot/grub2/user.cfg",
        "/etc/wireguard/wg0.conf", "/var/lib/systemd/credential.secret", "/etc/pki/tls/private/x.pem", "/etc/krb5.keytab",
    ],
)  # fmt: skip
def test_files_that_hold_secrets_get_no_digest(path: str) -> None:
    assert holds_secret(path)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/etc/ssh/sshd_config", "/etc/ssh/ssh_host_rsa_key.pub", "/etc/fstab", "/etc/login.defs"]
)
def test_other_files_get_one(path: str) -> None:
    assert not holds_secret(path)
