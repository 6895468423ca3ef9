"""A small reader of DER (ITU-T X.690), enough to name the subject of a certificate and the numbers of an RSA key.

It decides nothing about trust: signatures are verified elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Element", "certificate_subject", "children", "element", "pem_bytes", "rsa_numbers"]

SEQUENCE, SET, OID, INTEGER, BIT_STRING = 0x30, 0x31, 0x06, 0x02, 0x03
_CONTEXT_0 = 0xA0
MAX_ELEMENTS = 256
"""Elements of one sequence that are looked at."""

_NAMES = {
    "550403": "CN",
    "550406": "C",
    "550407": "L",
    "550408": "ST",
    "55040a": "O",
    "55040b": "OU",
    "550405": "serialNumber",
    "0992268993f22c640119": "DC",
    "2a864886f70d010901": "emailAddress",
}
_RSA = "2a864886f70d010101"


@dataclass(frozen=True, slots=True)
class Element:
    """One TLV: its tag, where its content begins, and the content."""

    tag: int
    offset: int
    content: bytes
    end: int


def element(data: bytes, offset: int = 0) -> Element:
    """The element at `offset`. Raises ParseError for lengths that do not fit, indefinite lengths and long tags."""
    if offset + 2 > len(data):
        raise ParseError("DER cut short", offset=offset)
    tag, length, begin = data[offset], data[offset + 1], offset + 2
    if tag & 0x1F == 0x1F:
        raise ParseError("DER: long tags are not read", offset=offset)
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or begin + count > len(data):
            raise ParseError("DER: length cannot be read", offset=offset + 1)
        length = int.from_bytes(data[begin : begin + count], "big")
        begin += count
    if begin + length > len(data):
        raise ParseError("DER: content does not fit", offset=offset)
    return Element(tag, begin, data[begin : begin + length], begin + length)


def children(parent: Element) -> Iterator[Element]:
    """The elements inside a constructed one, at most MAX_ELEMENTS. Raises ParseError."""
    offset = 0
    for _ in range(MAX_ELEMENTS):
        if offset >= len(parent.content):
            return
        child = element(parent.content, offset)
        yield child
        offset = child.end
    raise ParseError("DER: too many elements", offset=parent.offset)


def _expect(items: list[Element], index: int, tag: int) -> Element:
    if index >= len(items) or items[index].tag != tag:
        raise ParseError(f"DER: element {index} is not of tag 0x{tag:02x}")
    return items[index]


def certificate_subject(data: bytes) -> str:
    """Subject of an X.509 certificate (RFC 5280, 4.1), `CN=…, O=…` as ordered there. Raises ParseError."""
    fields = list(children(_expect(list(children(element(data))), 0, SEQUENCE)))
    # version is optional: [0] EXPLICIT; then serial, signature, issuer, validity, subject.
    first = 1 if fields and fields[0].tag == _CONTEXT_0 else 0
    return _name(_expect(fields, first + 4, SEQUENCE))


def _name(name: Element) -> str:
    parts = []
    for group in children(name):
        for pair in children(group):
            kind, value = [*children(pair), None, None][:2]
            if kind is None or value is None or kind.tag != OID:
                raise ParseError("DER: a name part cannot be read", offset=pair.offset)
            parts.append(f"{_NAMES.get(kind.content.hex(), 'oid.' + kind.content.hex())}={_string(value)}")
    return ", ".join(parts)[:1024]


def _string(value: Element) -> str:
    if value.tag == 0x1E:  # BMPString
        return value.content.decode("utf-16-be", "replace")
    return value.content.decode("utf-8" if value.tag == 0x0C else "latin-1", "replace")


_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----")


def pem_bytes(text: bytes) -> bytes:
    """The bytes of the first PEM block. Raises ParseError."""
    found = _PEM.search(text)
    if found is None:
        raise ParseError("no PEM block")
    try:
        return base64.b64decode(b"".join(found[2].split()), validate=True)
    except binascii.Error as error:
        raise ParseError(f"PEM: {error}") from None


def rsa_numbers(data: bytes) -> tuple[bytes, int] | None:
    """Modulus (without a leading zero) and exponent of a SubjectPublicKeyInfo, or None when it is no RSA key.

    Raises ParseError.
    """
    top = list(children(element(data)))
    kinds = list(children(_expect(top, 0, SEQUENCE)))
    if _expect(kinds, 0, OID).content.hex() != _RSA:
        return None
    numbers = list(children(element(_expect(top, 1, BIT_STRING).content[1:])))
    modulus, exponent = _expect(numbers, 0, INTEGER), _expect(numbers, 1, INTEGER)
    if len(modulus.content) > 2049 or len(exponent.content) > 4:
        raise ParseError("RSA key is too large")
    return modulus.content.lstrip(b"\0"), int.from_bytes(exponent.content, "big")
