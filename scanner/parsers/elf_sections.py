"""Sections and segments of an ELF file, read piece by piece: programs are large, their tables are small.

Source: System V ABI, "ELF Header", "Section Header", "Program Header"; the numbers also stand in elf(5).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["ElfFile", "Reader", "Section", "Segment", "parse"]

Reader = Callable[[int, int], bytes]
"""`read(offset, length)`: up to so many bytes at this place of the file."""

LOAD = 1
_NOBITS = 8
_COMPRESSED = 0x800
_MOST_SECTIONS = 4096
_MOST_SEGMENTS = 4096
_MOST_NAMES = 1024 * 1024
_EXTENDED_NAMES = 0xFFFF
_HEADERS = {32: ("HHIIIIIHHHHHH", 52), 64: ("HHIQQQIHHHHHH", 64)}
"""Word size to what follows e_ident, and the size of it all."""
_SECTIONS = {32: "10I", 64: "IIQQQQIIQQ"}
_SEGMENTS = {32: "8I", 64: "IIQQQQQQ"}


@dataclass(frozen=True, slots=True)
class Section:
    """One section. `offset`, `size`: of its bytes in the file (none for what is only made when the program runs)."""

    name: str
    address: int
    offset: int
    size: int
    is_compressed: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """One part that is loaded: `size` bytes at `offset` of the file come to `address`."""

    address: int
    offset: int
    size: int
    writable: bool
    executable: bool


@dataclass(frozen=True, slots=True)
class ElfFile:
    """What can be found where. `order`: little or big; `bits`: 32 or 64."""

    bits: int
    order: str
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((one for one in self.sections if one.name == name), None)

    def offset(self, address: int) -> int | None:
        """Where in the file lies what is loaded at `address`; None when nothing of the file is."""
        for one in self.segments:
            if one.address <= address < one.address + one.size:
                return one.offset + address - one.address
        return None


def parse(read: Reader) -> ElfFile:
    """The tables of an ELF file. Raises ParseError for what is none, or cannot be loaded.

    Nothing looks at sections when a program is loaded: a table of them that makes no sense is as good as none.
    """
    ident = read(0, 64)
    bits = {1: 32, 2: 64}.get(ident[4]) if len(ident) > 16 and ident[:4] == b"\x7fELF" else None
    mark = {1: "<", 2: ">"}.get(ident[5]) if bits is not None else None
    if bits is None or mark is None:
        raise ParseError("not an ELF file", offset=0)
    form, size = _HEADERS[bits]
    if len(ident) < size:
        raise ParseError("the ELF header is cut off", offset=0)
    fields = struct.unpack_from(mark + form, ident, 16)
    segments_at, sections_at = fields[4], fields[5]
    segment_size, segment_count, section_size, section_count, names_at = fields[8:13]
    order = "little" if mark == "<" else "big"
    try:
        sections = _sections(read, mark, bits, (sections_at, section_size, section_count, names_at))
    except ParseError:
        sections = ()
    segments = _segments(read, mark, bits, (segments_at, segment_size, segment_count))
    return ElfFile(bits, order, sections, segments)


def _table(read: Reader, what: str, form: str, place: tuple[int, int, int]) -> list[tuple[int, ...]]:
    """The entries of one table. `place`: offset, size of an entry, number of entries."""
    offset, size, count = place
    if size < struct.calcsize(form):
        raise ParseError(f"{what}s of {size} bytes", offset=offset)
    data = read(offset, size * count)
    if len(data) < size * count:
        raise ParseError(f"the table of {what}s is cut off", offset=offset)
    return [struct.unpack_from(form, data, at * size) for at in range(count)]


def _segments(read: Reader, mark: str, bits: int, place: tuple[int, int, int]) -> tuple[Segment, ...]:
    if not place[0] or not place[2]:
        return ()
    if place[2] > _MOST_SEGMENTS:
        raise ParseError(f"{place[2]} segments, more than {_MOST_SEGMENTS}", offset=place[0])
    found = []
    for one in _table(read, "program header", mark + _SEGMENTS[bits], place):
        kind = one[0]
        flags, offset, address, size = (one[1], one[2], one[3], one[5]) if bits == 64 else (one[6], *one[1:3], one[4])
        if kind == LOAD:
            found.append(Segment(address, offset, size, bool(flags & 2), bool(flags & 1)))
    return tuple(found)


def _sections(read: Reader, mark: str, bits: int, place: tuple[int, int, int, int]) -> tuple[Section, ...]:
    offset, size, count, names_at = place
    if not offset or not size:
        return ()
    form = mark + _SECTIONS[bits]
    if not count or names_at == _EXTENDED_NAMES:  # the numbers that do not fit the header stand in the first entry
        first = _table(read, "section header", form, (offset, size, 1))[0]
        count = count or first[5]
        names_at = first[6] if names_at == _EXTENDED_NAMES else names_at
    if count > _MOST_SECTIONS:
        raise ParseError(f"{count} sections, more than {_MOST_SECTIONS}", offset=offset)
    table = _table(read, "section header", form, (offset, size, count))
    names = b""
    if names_at < len(table):
        names = read(table[names_at][4], min(table[names_at][5], _MOST_NAMES))
    return tuple(
        Section(_name(names, one[0]), one[3], one[4], 0 if one[1] == _NOBITS else one[5], bool(one[2] & _COMPRESSED))
        for one in table
    )


def _name(names: bytes, at: int) -> str:
    return names[at : at + 256].partition(b"\0")[0].decode("utf-8", "replace")
