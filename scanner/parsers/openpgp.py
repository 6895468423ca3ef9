"""The little of OpenPGP that package databases need: who a signature names, and the fingerprint of a public key.

Nothing is verified here. Source: RFC 9580 (packets: section 4.2; signatures: 5.2; key ids and fingerprints: 5.5.4).
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Callable
from typing import TypeAlias

from scanner.model.errors import ParseError

__all__ = ["Reader", "decode_base64", "fingerprint", "issuer"]

Reader: TypeAlias = Callable[[bytes], str]

_SIGNATURE, _PUBLIC_KEY = 2, 6
_ISSUER, _ISSUER_FINGERPRINT = 16, 33


def decode_base64(text: str) -> bytes:
    """The bytes of a base64 text, empty when it is none."""
    try:
        return binascii.a2b_base64(text.encode("ascii", "replace"))
    except binascii.Error:
        return b""


def fingerprint(data: bytes) -> str:
    """Fingerprint of the first public key packet, as lower-case hex. Raises ParseError."""
    body = _packet(data, _PUBLIC_KEY)
    if body[:1] == b"\x04":
        # SHA-1 is what the fingerprint of a version 4 key is; it is an identifier here.
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest()
    if body[:1] == b"\x06":
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest()
    raise ParseError("a public key of an unknown version")


def issuer(data: bytes) -> str:
    """Key id (16 hex digits) or fingerprint that the first signature packet names as its maker. Raises ParseError."""
    body = _packet(data, _SIGNATURE)
    version = body[:1]
    if version == b"\x03" and len(body) >= 15:
        return body[7:15].hex()
    if version not in (b"\x04", b"\x06"):
        raise ParseError("a signature of an unknown version")
    width = 2 if version == b"\x04" else 4
    found: dict[int, str] = {}
    position = 4
    for _ in ("hashed", "unhashed"):
        end = position + width + int.from_bytes(body[position : position + width], "big")
        _subpackets(body[position + width : end], found)
        position = end
    if _ISSUER in found:
        return found[_ISSUER]
    if _ISSUER_FINGERPRINT in found:
        return found[_ISSUER_FINGERPRINT]
    raise ParseError("a signature that does not name its maker")


def _subpackets(area: bytes, found: dict[int, str]) -> None:
    """Collect who made the signature; the first of each kind counts, so that hashed ones come before unhashed."""
    position = 0
    while position < len(area):
        length, position = _length(area, position)
        kind, content = area[position] & 0x7F if position < len(area) else 0, area[position + 1 : position + length]
        if kind == _ISSUER and len(content) == 8:
            found.setdefault(kind, content.hex())
        if kind == _ISSUER_FINGERPRINT and len(content) in (21, 33):
            found.setdefault(kind, content[1:].hex())
        position += max(length, 1)


def _packet(data: bytes, wanted: int) -> bytes:
    """Body of the first packet, which must be of type `wanted`."""
    if len(data) < 2 or not data[0] & 0x80:
        raise ParseError("not an OpenPGP packet", offset=0)
    if data[0] & 0x40:
        kind = data[0] & 0x3F
        length, start = _length(data, 1)
    else:
        kind = data[0] >> 2 & 0x0F
        width = 1 << (data[0] & 3)
        if width == 8:
            raise ParseError("a packet of unknown length", offset=0)
        length, start = int.from_bytes(data[1 : 1 + width], "big"), 1 + width
    if kind != wanted:
        raise ParseError(f"an OpenPGP packet of type {kind}", offset=0)
    if start + length > len(data):
        raise ParseError("a packet is cut off", offset=0)
    return data[start : start + length]


def _length(data: bytes, position: int) -> tuple[int, int]:
    """A length of one, two or five bytes (section 4.2.1), and the position behind it."""
    first = data[position] if position < len(data) else 0
    if first < 192:
        return first, position + 1
    if first < 224:
        second = data[position + 1] if position + 1 < len(data) else 0
        return ((first - 192) << 8) + second + 192, position + 2
    if first == 255:
        return int.from_bytes(data[position + 1 : position + 5], "big"), position + 5
    raise ParseError("a partial length", offset=position)
