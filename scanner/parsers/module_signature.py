"""The signature that is appended to a kernel module.

Layout at the end of the file: PKCS#7 data, a 12-byte record, and a marker line.
Source: Linux include/linux/module_signature.h, kernel/module_signature.c (`mod_check_sig`).
"""

from __future__ import annotations

import struct

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["MARKER", "TAIL_LENGTH", "Trailer", "trailer"]

MARKER = b"~Module signature appended~\n"
_RECORD = struct.Struct(">BBBBB3xI")
TAIL_LENGTH = len(MARKER) + _RECORD.size
"""Bytes at the end of a module that tell whether it is signed."""

_PKCS7 = 2


@dataclass(frozen=True, slots=True)
class Trailer:
    """`signature_length` in bytes, of the PKCS#7 data that stands before the record."""

    signature_length: int


def trailer(tail: bytes, size: int) -> Trailer | None:
    """The signature record in the last bytes (`tail`) of a module of `size` bytes; None = it carries no signature.

    That a signature is there says nothing about who made it. Raises ParseError when the marker is there, but the
    record is not one that the kernel takes.
    """
    if not tail.endswith(MARKER):
        return None
    if len(tail) < TAIL_LENGTH:
        raise ParseError("the file ends before its signature record", offset=max(size - len(tail), 0))
    record = tail[-TAIL_LENGTH : -len(MARKER)]
    algorithm, digest, kind, signer, key, length = _RECORD.unpack(record)
    at = size - TAIL_LENGTH
    if kind != _PKCS7:
        raise ParseError(f"signature of kind {kind}, the kernel takes only PKCS#7", offset=at)
    if any((algorithm, digest, signer, key)) or record[5:8] != b"\0\0\0":
        raise ParseError("a PKCS#7 signature record has other fields set", offset=at)
    if not 0 < length <= at:
        raise ParseError(f"a signature of {length} bytes in a file of {size}", offset=at)
    return Trailer(length)
