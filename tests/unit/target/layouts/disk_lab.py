"""Disk images made without root by the real tools: file systems from plain trees, put behind a partition table."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.target.image import ImageTarget
from scanner.target.opening import open_path
from tests.support import Content, build

BIN = "/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = {
    "mkfs.ext4": "e2fsprogs", "mkfs.vfat": "dosfstools", "mcopy": "mtools", "mmd": "mtools", "mksquashfs": "squashfs-tools",
    "mkfs.erofs": "erofs-utils", "sgdisk": "gdisk", "mkfs.btrfs": "btrfs-progs", "ostree": "ostree", "fsverity": "fsverity",
    "systemd-analyze": "systemd", "cryptsetup": "cryptsetup-bin", "objcopy": "binutils",
}  # fmt: skip
MIB = 1 << 20
SYSTEM: Mapping[str, Content] = {
    "usr/lib/os-release": "ID=demo\nVERSION_ID=1\n",
    "etc/os-release": ("link", "../usr/lib/os-release"),
    "etc/hostname": "device\n",
    "bin/sh": "#!",
    "boot": None,
    "var/log": None,
    "home": None,
}
"""A root tree that is small and one."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A partition: what lies on it (None: nothing), its name in the table, type code of sgdisk, and UUID."""

    content: bytes | None
    name: str = ""
    type: str = "8300"
    uuid: str = ""


def need(tool: str) -> str:
    """The path of `tool`; the test is skipped where it is not installed."""
    found = shutil.which(tool, path=BIN)
    if found is None:
        pytest.skip(f"{tool} is not installed (Debian package {PACKAGES[tool]})")
    return found


def run(*words: str | Path) -> str:
    """What a tool printed; it must end well."""
    done = subprocess.run([need(str(words[0])), *map(str, words[1:])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
    return done.stdout


def ext4(folder: Path, files: Mapping[str, Content] | Path, *options: str, size: str = "8M") -> bytes:
    """An ext4 file system with these files (or the content of a folder)."""
    tree = files if isinstance(files, Path) else build(_new(folder, "tree"), {".": None, **files})
    image = _new(folder, "ext4").with_suffix(".img")
    run("mkfs.ext4", "-q", "-F", "-d", tree, *options, image, size)
    return image.read_bytes()


def erofs(folder: Path, files: Mapping[str, Content] | Path) -> bytes:
    """An EROFS with these files."""
    tree = files if isinstance(files, Path) else build(_new(folder, "tree"), files)
    image = _new(folder, "erofs").with_suffix(".img")
    run("mkfs.erofs", image, tree)
    return image.read_bytes()


def squashfs(folder: Path, files: Mapping[str, Content]) -> bytes:
    """A squashfs with these files."""
    image = _new(folder, "squashfs").with_suffix(".img")
    run("mksquashfs", build(_new(folder, "tree"), files), image, "-quiet", "-no-progress")
    return image.read_bytes()


def vfat(folder: Path, files: Mapping[str, str | bytes], label: str = "ESP", size: int = 2 * MIB) -> bytes:
    """A FAT file system with these files."""
    image = _new(folder, "vfat").with_suffix(".img")
    image.write_bytes(b"\0" * size)
    run("mkfs.vfat", "-n", label, image)
    made: set[str] = set()
    for path, content in files.items():
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            above = "/".join(parts[:count])
            if above not in made:
                made.add(above)
                run("mmd", "-i", image, f"::/{above}")
        file = _new(folder, "file").with_suffix(".bin")
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        run("mcopy", "-i", image, file, f"::/{path}")
    return image.read_bytes()


def disk(path: Path, specs: Sequence[Spec]) -> Path:
    """A GPT disk with these partitions in order."""
    offset, words = MIB, []
    places = []
    for number, spec in enumerate(specs, 1):
        size = -(-max(len(spec.content or b""), MIB) // MIB) * MIB
        words += [f"--new={number}:{offset // 512}:{(offset + size) // 512 - 1}", f"--typecode={number}:{spec.type}"]
        words += [f"--change-name={number}:{spec.name}"] if spec.name else []
        words += [f"--partition-guid={number}:{spec.uuid}"] if spec.uuid else []
        places.append(offset)
        offset += size
    with path.open("wb") as file:
        file.truncate(offset + MIB)
    run("sgdisk", *words, path)
    with path.open("r+b") as file:
        for place, spec in zip(places, specs, strict=True):
            file.seek(place)
            file.write(spec.content or b"")
    return path


def opened(path: Path, slot: str | None = None) -> ImageTarget:
    """The image as a target."""
    target = open_path(path, slot=slot)
    assert isinstance(target, ImageTarget)
    return target


def uki(command_line: str, initrd: bytes = b"", release: str = "ID=demo\n") -> bytes:
    """A PE file with the sections of a unified kernel image; nothing else of it is real."""
    sections = [(b".osrel", release.encode()), (b".cmdline", command_line.encode()), (b".linux", b"kernel")]
    sections += [(b".initrd", initrd)] if initrd else []
    dos = b"MZ" + bytes(58) + (64).to_bytes(4, "little")
    optional = (
        (0x20B).to_bytes(2, "little") + bytes(66) + (10).to_bytes(2, "little") + bytes(38) + (0).to_bytes(4, "little")
    )
    coff = b"PE\0\0" + (0x8664).to_bytes(2, "little") + len(sections).to_bytes(2, "little") + bytes(12)
    coff += len(optional).to_bytes(2, "little") + (0x22).to_bytes(2, "little")
    header = dos + coff + optional
    place = -(-(len(header) + 40 * len(sections)) // 512) * 512
    table, body = b"", b""
    for name, data in sections:
        stored = -(-len(data) // 512) * 512
        numbers = (len(data), 0x1000 + place, stored, place + len(body))
        table += (
            name.ljust(8, b"\0") + b"".join(one.to_bytes(4, "little") for one in numbers) + bytes(12) + b"\x40\0\0\x40"
        )
        body += data.ljust(stored, b"\0")
    return (header + table).ljust(place, b"\0") + body


def _new(folder: Path, kind: str) -> Path:
    """A path that is not taken yet."""
    folder.mkdir(parents=True, exist_ok=True)
    number = sum(1 for one in folder.iterdir() if one.name.startswith(kind))
    return folder / f"{kind}{number}"
