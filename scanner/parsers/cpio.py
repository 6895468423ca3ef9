"""Headers of cpio archives in the form that kernels unpack: "newc", with or without checksums.

Source: kernel Documentation/driver-api/early-userspace/buffer-format.rst; init/initramfs.c.
"""

from __future__ import annotations

import struct

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["HEADER_BYTES", "MAX_NAME", "TRAILER", "Header", "aligned", "is_newc", "parse"]

HEADER_BYTES = 110
MAX_NAME = 4096
"""Bytes of a name with its NUL (PATH_MAX): the kernel leaves longer ones out."""

TRAILER = b"TRAILER!!!"
"""Name of the entry that ends an archive."""

_MAGICS = (b"070701", b"070702")
_NUMBERS = struct.Struct(">13I")


@dataclass(frozen=True, slots=True)
class Header:
    """One entry. `file`: device and inode numbers, which tell hard links within one archive; sizes in bytes; `rdev`:
    major and minor number of a device.

    `name_size` counts the closing NUL. The checksum of the second form is not kept: it proves nothing.
    """

    mode: int
    uid: int
    gid: int
    nlink: int
    mtime: int
    size: int
    file: tuple[int, int, int]
    rdev: tuple[int, int]
    name_size: int


def is_newc(head: bytes) -> bool:
    """Whether a header of either form begins here."""
    return head[:6] in _MAGICS


def aligned(place: int) -> int:
    """`place`, or the next multiple of four."""
    return (place + 3) & ~3


def parse(data: bytes) -> Header:
    """The header in the first 110 bytes. Raises ParseError."""
    if len(data) < HEADER_BYTES:
        raise ParseError("cut off inside a cpio header", offset=len(data))
    if not is_newc(data):
        raise ParseError("no cpio header", offset=0)
    try:
        raw = bytes.fromhex(data[6:HEADER_BYTES].decode("ascii"))
    except ValueError:
        raw = b""
    if len(raw) != _NUMBERS.size:  # fromhex passes over spaces
        raise ParseError("a cpio header with numbers that are none", offset=6)
    inode, mode, uid, gid, nlink, mtime, size, major, minor, special_major, special_minor, name_size, _ = (
        _NUMBERS.unpack(raw)
    )
    rdev = (special_major & 0xFFF, special_minor & 0xFFFFF)
    return Header(mode & 0xFFFF, uid, gid, nlink, mtime, size, (major, minor, inode), rdev, name_size)
