"""The machine an ELF file is made for, from the first 20 bytes.

Source: System V ABI, "ELF Header"; machine numbers from elf(5) and /usr/include/elf.h.
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["HEADER_BYTES", "ElfHead", "parse"]

HEADER_BYTES = 20
"""As much of the file as `parse` needs."""

_X86_64 = 62
_MACHINES = {
    2: "sparc",
    3: "i386",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "arm",
    43: "sparc64",
    _X86_64: "x86_64",
    183: "aarch64",
    243: "riscv",
    258: "loongarch",
}
# Names of one machine number that differ by word size or byte order, as `uname -m` spells them.
_VARIANTS = {
    ("riscv", 64, "little"): "riscv64",
    ("riscv", 32, "little"): "riscv32",
    ("loongarch", 64, "little"): "loongarch64",
    ("ppc64", 64, "little"): "ppc64le",
    ("mips", 32, "little"): "mipsel",
    ("mips", 64, "big"): "mips64",
    ("mips", 64, "little"): "mips64el",
    ("s390x", 32, "big"): "s390",
}


@dataclass(frozen=True, slots=True)
class ElfHead:
    """Machine as `uname -m` would name it (`machine-N` when unknown), word size in bits, byte order."""

    machine: str
    bits: int
    order: str


def parse(data: bytes) -> ElfHead:
    """The head of an ELF file. Raises ParseError when these bytes do not begin one."""
    if len(data) < HEADER_BYTES or data[:4] != b"\x7fELF":
        raise ParseError("not an ELF file", offset=0)
    bits = {1: 32, 2: 64}.get(data[4])
    order = {1: "little", 2: "big"}.get(data[5])
    if bits is None:
        raise ParseError(f"unknown ELF class {data[4]}", offset=4)
    if order is None:
        raise ParseError(f"unknown ELF byte order {data[5]}", offset=5)
    number = data[18] | data[19] << 8 if order == "little" else data[19] | data[18] << 8
    machine = _MACHINES.get(number, f"machine-{number}")
    if number == _X86_64 and bits == 32:
        # x32 programs run on an x86-64 kernel; the machine is still x86_64.
        return ElfHead("x86_64", bits, order)
    return ElfHead(_VARIANTS.get((machine, bits, order), machine), bits, order)
