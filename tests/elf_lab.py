"""Small ELF files made by hand, of either word size and byte order, and real ones with sections of our own."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

BASE = 0x400000
"""Where the bytes of a file made here are loaded."""


def elf(sections: Mapping[str, bytes], *, bits: int = 64, order: str = "little", table: bool = True) -> bytes:
    """An ELF file with these sections, each on a 16-byte boundary, and one writable segment that holds the whole file.

    `table=False` leaves out the table of sections.
    """
    mark = "<" if order == "little" else ">"
    head, entry, segment = (64, 64, 56) if bits == 64 else (52, 40, 32)
    names = b"\0" + b"".join(name.encode() + b"\0" for name in [*sections, ".shstrtab"])
    body, places = b"", []
    at = _up(head + segment)
    for content in [*sections.values(), names]:
        places.append((at + len(body), len(content)))
        body += content + b"\0" * (_up(len(content)) - len(content))
    table_at = at + len(body)
    rows = [(0, 0, 0, 0, 0)]
    for name, (offset, size) in zip([*sections, ".shstrtab"], places, strict=True):
        rows.append((names.index(name.encode() + b"\0"), 1, BASE + offset, offset, size))
    made = b"".join(
        struct.pack(mark + ("IIQQQQIIQQ" if bits == 64 else "10I"), row[0], row[1], 0, *row[2:], 0, 0, 16, 0)
        for row in rows
    )
    size = table_at + len(made)
    if bits == 64:
        load = struct.pack(mark + "IIQQQQQQ", 1, 6, 0, BASE, BASE, size, size, 4096)
    else:
        load = struct.pack(mark + "8I", 1, 0, BASE, BASE, size, size, 6, 4096)
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if order == "little" else 2, 1]) + bytes(9)
    count = len(rows) if table else 0
    rest = struct.pack(
        mark + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"),
        *(2, 62 if bits == 64 else 8, 1, BASE, head, table_at if table else 0, 0),
        *(head, segment, 1, entry, count, count - 1 if table else 0),
    )
    return (ident + rest + load).ljust(at, b"\0") + body + made


def pointer_blob(go: str, modules: str, *, at: int, bits: int = 64, order: str = "little") -> bytes:
    """Go build information as linkers wrote it up to Go 1.17, for a section at offset `at` of the file."""
    width = bits // 8
    texts = [go.encode(), framed(modules)]
    headers = at + 32
    strings = headers + 4 * width
    pointers = [BASE + headers, BASE + headers + 2 * width]
    flag = 0 if order == "little" else 1
    blob = b"\xff Go buildinf:" + bytes([width, flag]) + b"".join(_number(one, width, order) for one in pointers)
    blob = blob.ljust(32, b"\0")
    place = strings
    for text in texts:
        blob += _number(BASE + place, width, order) + _number(len(text), width, order)
        place += len(text)
    return blob + b"".join(texts)


def inline_blob(go: str, modules: str) -> bytes:
    """The same as linkers write it since Go 1.18."""
    texts = [go.encode(), framed(modules) if modules else b""]
    return (b"\xff Go buildinf:\x08\x02").ljust(32, b"\0") + b"".join(_varint(len(one)) + one for one in texts)


def framed(modules: str) -> bytes:
    """Module text between the marks that Go puts around it."""
    return bytes(range(16)) + modules.encode() + bytes(range(16, 32)) if modules else b""


def first_section(bits: int = 64) -> int:
    """Offset of the first section in a file that `elf` makes."""
    return _up(64 + 56 if bits == 64 else 52 + 32)


def with_section(program: Path, name: str, content: bytes, folder: Path) -> Path:
    """A copy of a real program with the section added, or in the place of the one it has, by objcopy."""
    if shutil.which("objcopy") is None:
        pytest.skip("objcopy is not installed: make test installs it (Debian package binutils)")
    (folder / "section").write_bytes(content)
    made = folder / f"{program.name}-made"
    has = name in subprocess.run(["readelf", "-SW", str(program)], capture_output=True, text=True, check=True).stdout
    option = "--update-section" if has else "--add-section"
    subprocess.run(["objcopy", option, f"{name}={folder / 'section'}", str(program), str(made)], check=True)
    made.chmod(0o755)
    return made


def _up(size: int) -> int:
    return -(-size // 16) * 16


def _number(value: int, width: int, order: str) -> bytes:
    return value.to_bytes(width, "little" if order == "little" else "big")


def _varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])
