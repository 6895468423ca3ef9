"""Whether a private key file is protected by a passphrase, from its first bytes. No key material is decoded.

Formats: OpenSSH PROTOCOL.key (`openssh-key-v1`, then the name of the cipher, `none` without a passphrase); RFC 1421
section 4.6.1.1 (`Proc-Type: 4,ENCRYPTED`) as OpenSSL writes it; RFC 7468 section 11 (`ENCRYPTED PRIVATE KEY`).
"""

from __future__ import annotations

import base64
import binascii

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["HEAD_BYTES", "PrivateKey", "parse"]

HEAD_BYTES = 2048
"""As much of a file as is needed."""

_MAGIC = b"openssh-key-v1\0"
_BEGIN = b"-----BEGIN "
_END = b"PRIVATE KEY-----"
_HEAD = 96


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """`format`: openssh, pkcs8 or pem. `cipher`: its name, none without a passphrase, unknown where it is not said."""

    format: str
    cipher: str

    @property
    def encrypted(self) -> bool:
        """Whether a passphrase is needed."""
        return self.cipher != "none"


def parse(data: bytes) -> PrivateKey | None:
    """What the first bytes of a file say; None when it is no private key. Raises ParseError for a broken one."""
    lines = [line.strip() for line in data.split(b"\n")]
    start = next((number for number, line in enumerate(lines) if line.startswith(_BEGIN) and line.endswith(_END)), None)
    if start is None:
        return None
    kind = lines[start][len(_BEGIN) : -len(_END)].strip()
    rest = lines[start + 1 :]
    if kind == b"OPENSSH":
        return PrivateKey("openssh", _openssh_cipher(b"".join(rest)))
    if kind == b"ENCRYPTED":
        return PrivateKey("pkcs8", "unknown")
    if not kind:
        return PrivateKey("pkcs8", "none")
    info = next((line for line in rest if line.startswith(b"DEK-Info:")), None)
    if any(line.replace(b" ", b"") == b"Proc-Type:4,ENCRYPTED" for line in rest):
        name = info.partition(b":")[2].partition(b",")[0].strip() if info is not None else b""
        return PrivateKey("pem", name.decode("ascii", "replace").lower() or "unknown")
    return PrivateKey("pem", "none")


def _openssh_cipher(text: bytes) -> str:
    """The cipher's name: a 32 bit length and as many characters behind the signature."""
    head = text[:_HEAD]
    try:
        raw = base64.b64decode(head[: len(head) // 4 * 4], validate=True)
    except binascii.Error:
        raise ParseError("an OpenSSH key that is not base64") from None
    if not raw.startswith(_MAGIC):
        raise ParseError("an OpenSSH key without its signature")
    length = int.from_bytes(raw[len(_MAGIC) : len(_MAGIC) + 4], "big")
    name = raw[len(_MAGIC) + 4 :][:length]
    if not 0 < length <= 40 or len(name) != length or not name.isascii():
        raise ParseError("an OpenSSH key without the name of its cipher")
    return name.decode("ascii")
