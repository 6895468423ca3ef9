"""EFI programs for tests: real ones of Debian packages, unified kernel images made of the real stub, and small PE files
of our own where the shape matters more than the code."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.tree_lab import tool

STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
BOOT = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
SHIM = Path("/usr/lib/shim/shimx64.efi")
SHIM_SIGNED = Path("/usr/lib/shim/shimx64.efi.signed")
GRUB_SIGNED = Path("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")

OSREL = 'ID=demo\nIMAGE_ID=velaos\nIMAGE_VERSION=7\nPRETTY_NAME="Demo OS 7"\n'
PACKAGES = {
    STUB: "systemd-boot-efi",
    BOOT: "systemd-boot-efi",
    SHIM: "shim-unsigned",
    SHIM_SIGNED: "shim-signed",
    GRUB_SIGNED: "grub-efi-amd64-signed",
}


def real(path: Path) -> Path:
    """A file of a Debian package, or the test is skipped."""
    if not path.exists():
        pytest.skip(f"needs {path.name} (Debian: {PACKAGES[path]})")
    return path


def pe_file(
    sections: Sequence[tuple[str, bytes]],
    *,
    machine: int = 0x8664,
    magic: int = 0x20B,
    subsystem: int = 10,
    certificates: Sequence[tuple[int, bytes]] = (),
    overlay: bytes = b"",
) -> bytes:
    """A PE file with these sections, one after another at multiples of 512; no code in it ever runs."""
    head_size = 240 if magic == 0x20B else 224
    table = 64 + 24 + head_size
    place = -(-(table + 40 * len(sections)) // 512) * 512
    entries, body = b"", b""
    for number, (name, data) in enumerate(sections):
        padded = data.ljust(-(-len(data) // 512) * 512, b"\0")
        entries += struct.pack(
            "<8sIIIIIIHHI",
            name.encode(),
            len(data),
            0x10000 * (number + 1),
            len(padded),
            place + len(body) if padded else 0,
            0,
            0,
            0,
            0,
            0x40000040,
        )
        body += padded
    body += overlay
    signatures = b"".join(
        struct.pack("<IHH", len(data) + 8, 0x200, kind) + data.ljust(-(-len(data) // 8) * 8, b"\0")
        for kind, data in certificates
    )
    optional = bytearray(head_size)
    struct.pack_into("<H", optional, 0, magic)
    struct.pack_into("<IHH", optional, 64, 0x1234, subsystem, 0x100)
    base = 112 if magic == 0x20B else 96
    struct.pack_into("<I", optional, base - 4, 16)
    if signatures:
        body = body.ljust(-(-len(body) // 8) * 8, b"\0")
        struct.pack_into("<II", optional, base + 32, place + len(body), len(signatures))
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", machine, len(sections), 0, 0, 0, head_size, 0x22)
    return (dos + coff + bytes(optional) + entries).ljust(place, b"\0") + body + signatures


def uki_file(cmdline: str | None = None, *, extra: Sequence[tuple[str, bytes]] = (), osrel: str = OSREL) -> bytes:
    """A small PE file with the sections of a unified kernel image."""
    sections = [(".text", b"stub"), (".osrel", osrel.encode())]
    if cmdline is not None:
        sections.append((".cmdline", cmdline.encode()))
    return pe_file([*sections, (".uname", b"6.12.0"), (".linux", pe_file([(".text", b"kernel")])), *extra])


def addon_file(cmdline: str, *, uname: str | None = None, machine: int = 0x8664) -> bytes:
    """An add-on with a command line."""
    sections = [(".text", b"x"), (".cmdline", cmdline.encode())]
    return pe_file([*sections, *([(".uname", uname.encode())] if uname else [])], machine=machine)


def stub_uki(path: Path, sections: Mapping[str, bytes]) -> Path:
    """A unified kernel image made by objcopy on systemd's own stub, as its documentation shows."""
    address = 0x100000
    options: list[str] = []
    for number, (name, data) in enumerate(sections.items()):
        part = path.with_name(f"{path.name}.section{number}")
        part.write_bytes(data)
        options += ["--add-section", f"{name}={part}", "--change-section-vma", f"{name}={address:#x}"]
        address += -(-len(data) // 0x1000) * 0x1000 + 0x1000
    subprocess.run([tool("objcopy", "binutils"), *options, real(STUB), path], check=True, timeout=60)
    return path


def pcrsig(fingerprint: str) -> bytes:
    """A `.pcrsig` of the right form; its signatures are none."""
    entry = {"pcrs": [11], "pkfp": fingerprint, "pol": "ab" * 32, "sig": "c2lnbmVk"}
    return json.dumps({"sha256": [entry, {**entry, "pol": "cd" * 32}], "sha384": [entry]}).encode() + b"\0"
