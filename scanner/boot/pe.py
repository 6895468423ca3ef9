"""PE files (EFI programs, kernels with an EFI stub): headers, sections and the table of signatures.

Nothing here decides about trust: a signature is a run of bytes with a type. Numbers are as the file has them; what does
not fit together (sections beyond the end of the file or over one another) is said in `notes`.

Source: Microsoft PE format, "COFF File Header", "Optional Header", "Section Table", "The Attribute Certificate Table";
UEFI 2.10, 2.1.1 and 32.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import pe_machine

__all__ = ["MAX_SECTIONS", "Certificate", "Image", "Reader", "Section", "content", "looks_like_pe", "parse"]

Reader: TypeAlias = Callable[[int, int], bytes]
"""(offset, length) -> up to `length` bytes of the file."""

MAX_SECTIONS = 1024
"""Sections of a file that is read at all; programs have ten, a UKI with device trees some hundred."""

_MAX_CERTIFICATES = 64
_HEADER = struct.Struct("<4sHHIIIHH")
_SECTION = struct.Struct("<8sIIIIIIHHI")
_CERTIFICATE = struct.Struct("<IHH")
_PIECE = 1 << 20
_MAX_OPTIONAL = 240
_LONG_NAME = 64

# Where the optional header's two forms have what is not at the same place in both.
_PE32, _PE32_PLUS = 0x10B, 0x20B
_DIRECTORIES = {_PE32: 96, _PE32_PLUS: 112}
_SECURITY = 4

_SUBSYSTEMS = {
    10: "efi-application",
    11: "efi-boot-service-driver",
    12: "efi-runtime-driver",
    13: "efi-rom",
}
_TYPES = {1: "x509", 2: "pkcs7", 0xEF0: "pkcs1-15", 0xEF1: "efi-guid"}
_NX_COMPATIBLE = 0x0100


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the section table.

    `name` is what a boot loader compares (at most 8 bytes); `long_name` what the string table makes of `/4`. `offset`
    and `raw_size` place the data in the file; `size` is how much of it counts: no more than `virtual_size`, no more
    than the file has. `inside`: the file holds all of it.
    """

    name: str
    long_name: str | None
    virtual_size: int
    virtual_address: int
    offset: int
    raw_size: int
    size: int
    inside: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """One WIN_CERTIFICATE. `offset` and `size` are of its content, without the 8 bytes of its header.

    `type`: pkcs7, x509, pkcs1-15, efi-guid, or `type-0xN`. `revision` is 0x0100 or 0x0200 as a number.
    """

    offset: int
    size: int
    revision: int
    type: str


@dataclass(frozen=True, slots=True)
class Image:
    """What the headers of a PE file say. `machine` as `uname -m` spells it; `bits`: 32 (PE32) or 64 (PE32+).

    `checksum` is the field, not verified. `certificate_table`: offset and size, None without one. `overlay`: bytes that
    belong neither to headers, sections nor signatures.
    """

    machine: str
    bits: int
    subsystem: str
    checksum: int
    nx_compatible: bool
    sections: tuple[Section, ...]
    certificates: tuple[Certificate, ...]
    certificate_table: tuple[int, int] | None
    overlay: int
    notes: tuple[str, ...]

    def named(self, name: str) -> Section | None:
        """The first section of this name: the one that counts."""
        return next((one for one in self.sections if one.name == name), None)


def looks_like_pe(head: bytes) -> bool:
    """Whether the start of a file leads to a PE signature within `head`."""
    try:
        start = pe_machine.coff_offset(head[: pe_machine.DOS_BYTES])
    except ParseError:
        return False
    return head[start : start + 4] == b"PE\0\0"


def parse(read: Reader, size: int) -> Image:
    """The headers of a file of `size` bytes. Raises ParseError for what is no PE file or has no sound section table."""
    start = pe_machine.coff_offset(read(0, pe_machine.DOS_BYTES))
    header = read(start, _HEADER.size)
    machine = pe_machine.coff_machine(header)
    if len(header) < _HEADER.size:
        raise ParseError("the file ends in its header", offset=start)
    _, _, count, _, symbols, symbol_count, optional_size, _ = _HEADER.unpack(header)
    place = start + _HEADER.size
    optional = read(place, min(optional_size, _MAX_OPTIONAL))
    if len(optional) < 72 or int.from_bytes(optional[:2], "little") not in _DIRECTORIES:
        raise ParseError("no optional header of a known kind", offset=place)
    magic, checksum, subsystem, flags = (*struct.unpack_from("<H", optional), *struct.unpack_from("<IHH", optional, 64))
    table = place + optional_size
    notes: list[str] = []
    sections = _sections(read, size, table, count, symbols + 18 * symbol_count if symbols else 0)
    certificate_table = _certificate_table(optional, magic)
    certificates = _certificates(read, size, certificate_table, notes) if certificate_table else []
    notes += _oddities(sections, table + count * _SECTION.size)
    return Image(
        machine,
        32 if magic == _PE32 else 64,
        _SUBSYSTEMS.get(subsystem, f"subsystem-{subsystem}"),
        checksum,
        bool(flags & _NX_COMPATIBLE),
        tuple(sections),
        tuple(certificates),
        certificate_table,
        _overlay(size, sections, certificate_table),
        tuple(notes),
    )


def content(read: Reader, offset: int, size: int) -> Iterator[bytes]:
    """`size` bytes from `offset` in pieces of at most 1 MiB. Raises ParseError where the file ends before."""
    while size > 0:
        piece = read(offset, min(size, _PIECE))
        if not piece:
            raise ParseError("the file ends here", offset=offset)
        yield piece
        offset += len(piece)
        size -= len(piece)


def _sections(read: Reader, size: int, table: int, count: int, strings: int) -> list[Section]:
    if not 0 < count <= MAX_SECTIONS:
        raise ParseError(f"{count} sections", offset=table)
    raw = read(table, count * _SECTION.size)
    if len(raw) < count * _SECTION.size:
        raise ParseError("the file ends in its section table", offset=table)
    found = []
    for name, virtual, address, stored, offset, _, _, _, _, _ in _SECTION.iter_unpack(raw):
        text = name.partition(b"\0")[0].decode("utf-8", "replace")
        # The data of a section of zeros lies nowhere: its offset and stored size are 0.
        wanted = min(virtual, stored)
        have = max(0, min(wanted, size - offset))
        found.append(
            Section(text, _long_name(read, text, strings), virtual, address, offset, stored, have, have == wanted)
        )
    return found


def _long_name(read: Reader, name: str, strings: int) -> str | None:
    """What `/4` means: an offset into the string table behind the symbols."""
    digits = name[1:]
    if not (strings and name.startswith("/") and digits.isascii() and digits.isdigit()):
        return None
    raw = read(strings + int(digits), _LONG_NAME)
    return raw.partition(b"\0")[0].decode("utf-8", "replace") or None


def _certificate_table(optional: bytes, magic: int) -> tuple[int, int] | None:
    base = _DIRECTORIES[magic]
    entry = base + 8 * _SECURITY
    if len(optional) < entry + 8:
        return None
    (number,) = struct.unpack_from("<I", optional, base - 4)
    offset, length = struct.unpack_from("<II", optional, entry)
    return (offset, length) if number > _SECURITY and length else None


def _certificates(read: Reader, size: int, table: tuple[int, int], notes: list[str]) -> list[Certificate]:
    place, end = table[0], table[0] + table[1]
    if end > size:
        notes.append("the table of signatures reaches beyond the end of the file")
        end = size
    found: list[Certificate] = []
    while place + _CERTIFICATE.size <= end:
        length, revision, kind = _CERTIFICATE.unpack(read(place, _CERTIFICATE.size))
        if length < _CERTIFICATE.size or place + length > end or len(found) == _MAX_CERTIFICATES:
            notes.append(f"the signature at offset {place} cannot be read")
            break
        found.append(
            Certificate(place + 8, length - 8, revision, _TYPES.get(kind, f"type-{kind:#06x}")),
        )
        place += (length + 7) & ~7
    return found


def _oddities(sections: Sequence[Section], headers: int) -> list[str]:
    """What a sound file does not have, in words."""
    notes = [f"section {one.name} reaches beyond the end of the file" for one in sections if not one.inside]
    end, before = headers, "the headers"
    for one in sorted((one for one in sections if one.raw_size), key=lambda one: one.offset):
        if one.offset < end:
            notes.append(f"section {one.name} lies over {before}")
        if one.offset + one.raw_size > end:
            end, before = one.offset + one.raw_size, f"section {one.name}"
    return notes


def _overlay(size: int, sections: Sequence[Section], table: tuple[int, int] | None) -> int:
    """Bytes behind the last section that are no signatures."""
    end = max((one.offset + one.raw_size for one in sections if one.raw_size), default=size)
    signatures = min(table[1], max(0, size - table[0])) if table is not None else 0
    # A table begins at a multiple of 8: up to seven bytes before it are padding.
    behind = max(0, size - end - signatures)
    return behind if behind > 7 or not signatures else 0
