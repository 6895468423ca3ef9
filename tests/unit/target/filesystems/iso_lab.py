"""Making ISO 9660 images without root, with xorriso and with genisoimage."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.unit.target.filesystems.ext_lab import need, plant


def grow(root: Path, *, many: int = 1500) -> Path:
    """A tree of everything plain files can have, but for the huge sparse ones, which would be written out."""
    plant(root, many=many, longest_link=250)
    (root / "tail").unlink()
    (root / "holes").unlink()
    return root


def xorriso(image: Path, tree: Path, *options: str) -> Path:
    """An image of `tree` by xorriso's mkisofs emulation."""
    words = [need("xorriso", "xorriso"), "-as", "mkisofs", "-quiet", *options, "-o", str(image), str(tree)]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return image


def genisoimage(image: Path, tree: Path, *options: str) -> Path:
    """An image of `tree` by genisoimage."""
    words = [need("genisoimage", "genisoimage"), "-quiet", *options, "-o", str(image), str(tree)]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return image


def both(number: int, size: int = 4) -> bytes:
    """A number in both byte orders."""
    return number.to_bytes(size, "little") + number.to_bytes(size, "big")


def record(name: bytes, block: int, size: int, flags: int = 0, system: bytes = b"", **odd: int) -> bytes:
    """A directory record; `odd`: xar, unit, gap, sequence."""
    body = bytes([odd.get("xar", 0)]) + both(block) + both(size) + bytes([124, 1, 2, 3, 4, 5, 0, flags])
    body += bytes([odd.get("unit", 0), odd.get("gap", 0)]) + both(odd.get("sequence", 1), 2) + bytes([len(name)]) + name
    body += b"\0" * (not len(name) & 1) + system
    return bytes([len(body) + 1]) + body


def small(*records: bytes, blocks: dict[int, bytes] | None = None) -> bytes:
    """An image of 64 blocks whose root directory (block 20) holds the records."""
    data = bytearray(64 * 2048)
    root = record(b"\0", 20, 2048, 2)
    descriptor = bytearray(2048)
    descriptor[0:7] = b"\1CD001\1"
    descriptor[80:88] = both(64)
    descriptor[120:124] = descriptor[124:128] = both(1, 2)
    descriptor[128:132] = both(2048, 2)
    descriptor[156:190] = root
    data[16 * 2048 : 17 * 2048] = descriptor
    data[17 * 2048 : 17 * 2048 + 7] = b"\xffCD001\1"
    directory = b"".join((root, record(b"\1", 20, 2048, 2), *records))
    data[20 * 2048 : 20 * 2048 + len(directory)] = directory
    for number, content in (blocks or {}).items():
        data[number * 2048 : number * 2048 + len(content)] = content
    return bytes(data)
