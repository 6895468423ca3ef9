"""Which files may hold a secret: they are read, but no digest of them is ever shown (it would be a guessing oracle)."""

from __future__ import annotations

import re

__all__ = ["holds_secret", "redact"]

_SECRET_FILES = re.compile(
    r"""
    /etc/(?:g?shadow-?|security/opasswd|\.pwd\.lock|krb5\.keytab|chrony\.keys|sssd/.*|ppp/.*-secrets|crypttab\.d/.*)$
    | /etc/ssh/ssh_host_[^/]*_key$
    | /(?:root|home/[^/]+)/\.(?:ssh/(?!authorized_keys|known_hosts|config)[^/]*|netrc|pgpass|git-credentials)$
    | \.nmconnection$ | /etc/NetworkManager/system-connections/ | /wpa_supplicant[^/]*\.conf$
    | /etc/sysconfig/network-scripts/keys- | /etc/netplan/ | /etc/systemd/network/.*wireguard
    | /boot/.*(?:grub\.cfg|user\.cfg)$
    | /etc/(?:cryptsetup-keys\.d|keys|pki/tls/private|ssl/private|wireguard|ipsec\.d|credstore[^/]*)/
    | /(?:run|usr/lib|var/lib)/(?:credstore|systemd/credential)
    | /var/lib/(?:tpm|swtpm|iwd|bluetooth)/ | \.(?:key|keytab|jks|p12|pfx|psk|secret)$
    """,
    re.VERBOSE,
)

_SECRET_TEXT = re.compile(
    r"""
    (?P<hash>\$(?:1|2[abxy]|5|6|7|y|gy|sm3)\$[^\s:,;"'<>]{6,}|\$(?:argon2(?:id|i|d)|scrypt)\$[^\s:;"'<>]{6,})
    | (?P<grub>grub\.pbkdf2\.sha512\.[0-9A-Fa-f.]+)
    | (?P<pem>-----BEGIN[ A-Z0-9]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z0-9]*PRIVATE\ KEY-----|\Z))
    | (?<=://)(?P<userinfo>[^\s/@:]+:[^\s/@]+)(?=@)
    | (?<=systemd\.set_credential=)(?P<cred>\S+) | (?<=systemd\.set_credential_binary=)(?P<credbin>\S+)
    | (?<![A-Za-z0-9])
        (?i:(?:ldap_default_authtok|bindpw|psk|wpa-psk|wep-key\d|leap-password|password|passwd|passphrase|secret)\s*=\s*)
        (?P<assigned>
          (?!\*|(?:x|files|\d{1,4}|true|false|required|requisite|sufficient|include)(?:[\s,;]|$))[^\s,;]{4,})
    """,
    re.VERBOSE | re.DOTALL,
)

_MARK = "[redacted]"


def holds_secret(path: str) -> bool:
    """Whether a digest of the file at `path` could let someone test guesses of a secret in it."""
    return _SECRET_FILES.search(path) is not None


def redact(text: str) -> str:
    """`text` with password hashes, private keys, credentials and passwords in URLs or options replaced by a mark.

    The last line of defence: collectors do not emit secrets in the first place.
    """
    if "$" not in text and "=" not in text and "-----" not in text and "@" not in text and "grub." not in text:
        return text

    def hide(found: re.Match[str]) -> str:
        whole = found.group(0)
        secret = found.group(found.lastgroup) if found.lastgroup else whole
        return whole.replace(secret, _MARK)

    return _SECRET_TEXT.sub(hide, text)
