"""The content of a verity signature partition: a JSON object, filled up with NUL bytes.

Source: UAPI Discoverable Partitions Specification, section "Verity". The signature itself is not judged here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["MAX_BYTES", "VeritySignature", "parse"]

MAX_BYTES = 64 * 1024
"""Bytes of a signature partition that are read; real ones hold a few KiB."""


@dataclass(frozen=True, slots=True)
class VeritySignature:
    """`root_hash` and `fingerprint` (SHA-256 of the signing certificate, None when not stated) in lower case;
    `length` of the PKCS#7 signature in bytes."""

    root_hash: str
    fingerprint: str | None
    length: int


def parse(data: bytes) -> VeritySignature | None:
    """What the partition says; None when it is blank. Raises ParseError."""
    text = data.rstrip(b"\0")
    if not text:
        return None
    if len(text) >= MAX_BYTES:
        raise ParseError(f"verity signature: more than {MAX_BYTES} bytes")
    try:
        value = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ParseError("verity signature: no JSON") from None
    if not isinstance(value, dict):
        raise ParseError("verity signature: no JSON object")
    root, fingerprint, signature = (value.get(key) for key in ("rootHash", "certificateFingerprint", "signature"))
    if not _is_hex(root) or not isinstance(signature, str) or not (fingerprint is None or _is_hex(fingerprint)):
        raise ParseError("verity signature: rootHash or signature is missing, or something is not hexadecimal")
    try:
        length = len(base64.b64decode(signature, validate=True))
    except (binascii.Error, ValueError):
        raise ParseError("verity signature: the signature is not Base64") from None
    return VeritySignature(str(root).lower(), None if fingerprint is None else str(fingerprint).lower(), length)


def _is_hex(value: object) -> bool:
    return isinstance(value, str) and re.match(r"[0-9a-fA-F]{32,128}\Z", value) is not None
