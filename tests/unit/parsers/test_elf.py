"""Machines of real and hand-made ELF files, and of EFI programs."""

from __future__ import annotations

import platform
import struct
import sys
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import elf, pe_machine


def head(machine: int, bits: int = 2, order: int = 1) -> bytes:
    return b"\x7fELF" + bytes([bits, order, 1]) + b"\0" * 9 + struct.pack("<HH" if order == 1 else ">HH", 3, machine)


def test_the_running_interpreter() -> None:
    found = elf.parse(Path(sys.executable).resolve().read_bytes()[: elf.HEADER_BYTES])
    assert found.machine == platform.machine()


@pytest.mark.parametrize(
    ("data", "machine"),
    [
        (head(62), "x86_64"),
        (head(62, bits=1), "x86_64"),
        (head(3, bits=1), "i386"),
        (head(183), "aarch64"),
        (head(40, bits=1), "arm"),
        (head(243), "riscv64"),
        (head(21), "ppc64le"),
        (head(21, order=2), "ppc64"),
        (head(22, order=2), "s390x"),
        (head(999), "machine-999"),
    ],
)
def test_machines(data: bytes, machine: str) -> None:
    assert elf.parse(data).machine == machine


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n" * 3, head(62)[:19], head(62, bits=3), head(62, order=0)])
def test_malformed_elf(data: bytes) -> None:
    with pytest.raises(ParseError):
        elf.parse(data)


def test_pe_machine() -> None:
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 128)
    assert pe_machine.coff_offset(dos) == 128
    assert pe_machine.coff_machine(b"PE\0\0\x64\x86") == "x86_64"
    assert pe_machine.coff_machine(b"PE\0\0\x01\x00") == "machine-0x0001"


@pytest.mark.parametrize("dos", [b"", b"MZ", b"ZM".ljust(64, b"\0"), b"MZ".ljust(64, b"\0"), b"MZ".ljust(64, b"\xff")])
def test_malformed_dos_header(dos: bytes) -> None:
    with pytest.raises(ParseError):
        pe_machine.coff_offset(dos)


def test_malformed_coff_header() -> None:
    with pytest.raises(ParseError):
        pe_machine.coff_machine(b"PE\0")
