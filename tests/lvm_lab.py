"""LVM2 physical volumes for tests: by the real tools on loop devices (root), and byte by byte where those are refused.

Device-mapper is never needed: volumes are made inactive, and their content is written to the extents they are given.
"""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from scanner.target.base import BlockDevice
from scanner.target.contents import Part, explore
from scanner.target.mapped.base import assemble
from tests.storage_lab import run, tool

EXTENT = 1 << 20
DATA = 1 << 20
"""Byte of the first extent, as LVM places it by itself."""

_CONFIG = """
devices {
  dir = "/dev"
  scan = ["/dev"]
  use_devicesfile = 0
  obtain_device_list_from_udev = 0
  external_device_info_source = "none"
  filter = [%s"r|.*|"]
}
global { activation = 0 use_lvmpolld = 0 locking_dir = "%s" }
backup { backup = 0 archive = 0 }
activation { udev_sync = 0 udev_rules = 0 }
"""


class Lvm:
    """The real tools, which see the given loop devices and nothing else."""

    def __init__(self, folder: Path, devices: Sequence[str]) -> None:
        self.devices = list(devices)
        self._folder = folder
        accepted = "".join(f'"a|^{device}$|", ' for device in devices)
        (folder / "lvm.conf").write_text(_CONFIG % (accepted, folder))

    def __call__(self, *words: str) -> str:
        return run(*words, environment={"LVM_SYSTEM_DIR": str(self._folder), "LVM_SUPPRESS_FD_WARNINGS": "1"})

    def create(self, group: str, name: str, *words: str) -> None:
        """A logical volume that is not activated."""
        self("lvcreate", "-an", "--zero", "n", "-W", "n", "-y", "-n", name, *words, group)


@contextmanager
def real_lvm(folder: Path, *areas: tuple[Path, int, int]) -> Iterator[Lvm]:
    """The real tools over areas of files: path, offset, size. Skips where they cannot work."""
    tool("losetup")
    tool("lvm")
    if os.geteuid() != 0:
        pytest.skip("LVM takes block devices only, and loop devices need root")
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        devices = []
        for path, offset, size in areas:
            words = [tool("losetup"), "-f", "--show", "-o", str(offset), "--sizelimit", str(size), str(path)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no loop device: {done.stderr.strip()}")
            devices.append(done.stdout.strip())
            stack.callback(run, "losetup", "-d", devices[-1])
        yield Lvm(folder, devices)


def put(path: Path, offset: int, data: bytes | bytearray) -> None:
    """Write bytes into a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


# ---- by hand ---------------------------------------------------------------------------------------------------------


def crc(data: bytes) -> int:
    """LVM's checksum, from its definition: bit by bit, without the library that the scanner uses."""
    value = 0xF597A6CF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
    return value


def identity(letter: str) -> str:
    """An id as metadata writes it."""
    text = letter * 32
    return "-".join((text[:6], text[6:10], text[10:14], text[14:18], text[18:22], text[22:26], text[26:]))


def linear(pv: str, extent: int, count: int, start: int = 0) -> str:
    """The body of a linear segment."""
    place = f'stripe_count = 1\nstripes = [\n"{pv}", {extent}\n]'
    return f'start_extent = {start}\nextent_count = {count}\ntype = "striped"\n{place}\n'


def volume(*segments: str, status: str = '"READ", "WRITE", "VISIBLE"', letter: str = "L") -> str:
    """The body of a logical volume."""
    body = "".join(f"segment{number} {{\n{text}}}\n" for number, text in enumerate(segments, 1))
    return f'id = "{identity(letter)}"\nstatus = [{status}]\nflags = []\nsegment_count = {len(segments)}\n{body}'


def metadata(
    volumes: Mapping[str, str],
    *,
    name: str = "vg",
    physical: Sequence[str] = ("P",),
    extents: int = 8,
    seqno: int = 1,
    letter: str = "G",
    extra: str = "",
    pv_extra: str = "",
) -> str:
    """The text of a group over physical volumes with ids of one letter each."""
    members = "".join(
        f'pv{number} {{\nid = "{identity(one)}"\ndevice = "/dev/x"\nstatus = ["ALLOCATABLE"]\nflags = []\n'
        f"pe_start = {DATA // 512}\npe_count = {extents}\n{pv_extra}}}\n"
        for number, one in enumerate(physical)
    )
    logical = "".join(f"{key} {{\n{body}}}\n" for key, body in volumes.items())
    return (
        f'{name} {{\nid = "{identity(letter)}"\nseqno = {seqno}\nformat = "lvm2" # informational\n'
        f'status = ["RESIZEABLE", "READ", "WRITE"]\nflags = []\nextent_size = {EXTENT // 512}\nmax_lv = 0\nmax_pv = 0\n{extra}'
        f"physical_volumes {{\n{members}}}\nlogical_volumes {{\n{logical}}}\n}}\n"
        '# Generated by a test\ncontents = "Text Format Volume Group"\nversion = 1\ndescription = "say \\"hi\\""\n'
    )


def area(text: str | None, start: int, size: int, *, place: int = 512, flags: int = 0) -> bytes:
    """A metadata area whose text begins at `place` and goes on behind the header where the area ends."""
    raw = b"" if text is None else text.encode() + b"\0"
    slot = struct.pack("<QQII", place, len(raw), _fast(raw), flags) if raw else bytes(24)
    header = b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, start, size) + slot.ljust(96, b"\0")
    header = header.ljust(508, b"\0")
    found = bytearray(struct.pack("<I", _fast(header)) + header + bytes(size - 512))
    straight = min(len(raw), size - place)
    found[place : place + straight] = raw[:straight]
    found[512 : 512 + len(raw) - straight] = raw[straight:]
    return bytes(found)


def physical(
    texts: Sequence[str | None],
    *,
    letter: str = "P",
    extents: int = 8,
    place: int = 512,
    flags: int = 0,
    sector: int = 1,
) -> bytearray:
    """A physical volume: label, one metadata area at the start for the first text and one behind the extents for the
    second, and empty extents."""
    end = DATA + extents * EXTENT
    size = 128 * 1024
    starts = [4096, end][: len(texts)]
    raw = bytearray(end + (size if len(texts) > 1 else 0))
    header = (letter * 32).encode() + struct.pack("<QQQQQ", len(raw), DATA, 0, 0, 0)
    header += b"".join(struct.pack("<QQ", start, size) for start in starts) + bytes(16)
    body = (struct.pack("<I", 32) + b"LVM2 001" + header).ljust(512 - 20, b"\0")
    raw[sector * 512 : sector * 512 + 512] = b"LABELONE" + struct.pack("<QI", sector, crc(body)) + body
    for text, start in zip(texts, starts, strict=True):
        raw[start : start + size] = area(text, start, size, place=place, flags=flags)
    return raw


def _fast(data: bytes) -> int:
    return zlib.crc32(data, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


# ---- what an image with them becomes ---------------------------------------------------------------------------------


class Memory(BlockDevice):
    """Bytes as a device."""

    def __init__(self, data: bytes | bytearray, name: str = "disk") -> None:
        self.name, self.size, self.data = name, len(data), bytes(data)

    def pread(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def parts_of(*volumes: bytes | bytearray) -> Part:
    """The parts of a disk that holds the physical volumes, with what was made of them."""
    disk = Part("disk", "gpt", Memory(b""))
    disk.children = [explore(Memory(raw, f"disk{number}")) for number, raw in enumerate(volumes, 1)]
    for number, child in enumerate(disk.children, 1):
        child.name = f"disk{number}"
    assemble(disk)
    return disk


def named(part: Part, name: str) -> Part:
    """The one part of that name."""
    (found,) = [one for one in part.walk() if one.name == name]
    return found


def logical(part: Part) -> list[str]:
    """Names of all logical volumes, in order."""
    return [one.name for one in part.walk() if one.device.mapped == "lvm"]
