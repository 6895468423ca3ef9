"""Headers of tar archives: one block of 512 bytes, and the records of an extended header.

Sources: POSIX.1-2017 `pax` (ustar interchange format, pax extended header), GNU tar manual "Basic Tar Format" (numbers
in base 256, old sparse files).
"""

from __future__ import annotations

import struct

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["BLOCK", "Header", "extended", "parse"]

BLOCK = 512

_FIELDS = struct.Struct("100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x")
_OLD_SPARSE = 482
_REAL_SIZE = slice(483, 495)
_BLANKS = b" " * 8
_MAX_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Header:
    """One header block as it stands. `size`: bytes that follow it; `goes_on`: more blocks of a sparse map follow first;
    `real_size`: of an old sparse file."""

    name: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    type: str
    link: str
    major: int
    minor: int
    goes_on: bool
    real_size: int | None


def parse(block: bytes, offset: int) -> Header:
    """The header in `block`, which lies at `offset`. Raises ParseError for what is none."""
    if len(block) != BLOCK:
        raise ParseError("the archive ends inside a header", offset=offset)
    name, mode, uid, gid, size, mtime, stated, kind, link, magic, _, _, _, major, minor, prefix = _FIELDS.unpack(block)
    total = sum(block) - sum(stated) + sum(_BLANKS)
    if _number(stated, offset) != total:
        raise ParseError("a header that does not match its checksum", offset=offset)
    form = kind.decode("latin-1")
    old_gnu = magic == b"ustar "
    full = _text(name)
    if magic == b"ustar\0" and prefix[0]:
        full = f"{_text(prefix)}/{full}"
    sparse = form == "S" and old_gnu
    return Header(
        full,
        _number(mode, offset),
        _number(uid, offset),
        _number(gid, offset),
        _number(size, offset),
        _number(mtime, offset, signed=True),
        form,
        _text(link),
        _number(major, offset) if form in "34" else 0,
        _number(minor, offset) if form in "34" else 0,
        sparse and block[_OLD_SPARSE] != 0,
        _number(block[_REAL_SIZE], offset) if sparse else None,
    )


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes, offset: int, *, signed: bool = False) -> int:
    """Octal digits, or base 256 where the first bit is set."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=True)
        value += 0 if field[0] == 0xFF else 1 << 8 * len(field) - 1
        if (value < 0 and not signed) or abs(value) >> 63:
            raise ParseError("a number in a header that is out of range", offset=offset)
        return value
    digits = field.partition(b"\0")[0].strip(b" ")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise ParseError(f"{field[:12]!r} in a header is no number", offset=offset) from None


def extended(data: bytes, offset: int) -> dict[str, bytes]:
    """Keyword to value of an extended header (`length keyword=value\\n` each). Raises ParseError."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        blank = data.find(b" ", at, at + _MAX_DIGITS)
        digits = data[at:blank] if blank >= 0 else b""
        length = int(digits) if digits.isdigit() else 0
        equals = data.find(b"=", blank, at + length)
        if length == 0 or equals < 0 or at + length > len(data) or data[at + length - 1] != 0x0A:
            raise ParseError("an extended header whose records do not fit", offset=offset + at)
        found[data[blank + 1 : equals].decode("utf-8", "surrogateescape")] = data[equals + 1 : at + length - 1]
        at += length
    return found
