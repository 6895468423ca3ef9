"""The machine a PE file (an EFI program) is made for, from its two headers.

Source: Microsoft PE/COFF specification, "MS-DOS Stub" and "COFF File Header"; UEFI 2.10, section 2.1.1.
"""

from __future__ import annotations

from scanner.model.errors import ParseError

__all__ = ["COFF_BYTES", "DOS_BYTES", "coff_machine", "coff_offset"]

DOS_BYTES = 64
COFF_BYTES = 6
_MOST = 1 << 20
_MACHINES = {
    0x014C: "i386",
    0x8664: "x86_64",
    0xAA64: "aarch64",
    0x01C2: "arm",
    0x5064: "riscv64",
    0x6264: "loongarch64",
}


def coff_offset(dos: bytes) -> int:
    """Where the PE signature stands, from the first 64 bytes. Raises ParseError."""
    if len(dos) < DOS_BYTES or dos[:2] != b"MZ":
        raise ParseError("not a PE file", offset=0)
    offset = int.from_bytes(dos[60:64], "little")
    if not 0 < offset < _MOST:
        raise ParseError("the PE header lies nowhere", offset=60)
    return offset


def coff_machine(header: bytes) -> str:
    """Machine (as `uname -m` spells it, `machine-0xN` when unknown) from the 6 bytes at `coff_offset`."""
    if len(header) < COFF_BYTES or header[:4] != b"PE\0\0":
        raise ParseError("no PE signature", offset=0)
    number = int.from_bytes(header[4:6], "little")
    return _MACHINES.get(number, f"machine-{number:#06x}")
