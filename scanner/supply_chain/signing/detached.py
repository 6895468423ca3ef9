"""A signature in a file of its own: raw bytes (DER for ECDSA), or the same in base64 or hexadecimal.

Source: sigstore/cosign `sign-blob`, openssl-dgst(1).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re

from scanner.supply_chain.signing.artifact import Artifact
from scanner.supply_chain.signing.keys import PublicKey, matching
from scanner.supply_chain.signing.result import RefusedError, UnsupportedError

__all__ = ["signer"]

_MAX_FILE = 64 * 1024
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_FOREIGN = {
    b"-----BEGIN PGP": "OpenPGP signatures",
    b"untrusted comment:": "minisign and signify signatures",
    b"-----BEGIN SSH SIGNATURE": "SSH signatures",
    b"-----BEGIN PKCS7": "PKCS #7 signatures",
    b"-----BEGIN CMS": "CMS signatures",
}


def signer(data: bytes, artifact: Artifact, keys: tuple[PublicKey, ...]) -> tuple[PublicKey, bytes]:
    """The key that made the signature over the artifact, and the bytes of the signature.

    Raises RefusedError, UnsupportedError.
    """
    if not data.strip():
        raise RefusedError("the signature file is empty")
    if len(data) > _MAX_FILE:
        raise RefusedError("the signature file is too large to hold one signature")
    for begin, what in _FOREIGN.items():
        if data.startswith(begin):
            raise UnsupportedError(f"unsupported: {what}")
    for signature in _readings(data):
        key = matching(keys, signature, artifact)
        if key is not None:
            return key, signature
    raise RefusedError("the signature was not made over this file by a key that was given")


def _readings(data: bytes) -> list[bytes]:
    """What the file may mean. The key decides: a wrong reading verifies nothing."""
    found = [data]
    dense = b"".join(data.split())
    if _HEX.fullmatch(dense):
        found.append(bytes.fromhex(dense.decode("ascii")))
    with contextlib.suppress(binascii.Error):
        found.append(base64.b64decode(dense, validate=True))
    return found
