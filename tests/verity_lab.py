"""Disk images with dm-verity pairs: data and hash trees by veritysetup on plain files, partitions by sgdisk."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.storage_lab import blank, run, tool
from tests.support import build

TYPES = {
    "root": "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
    "root-verity": "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5",
    "root-sig": "41092b05-9fc8-4523-994f-2def0408b176",
    "usr": "8484680c-9521-48c6-9c11-b0720656f69e",
    "usr-verity": "77ff5f63-e7b6-4633-acf4-1565b864c0e6",
    "usr-sig": "e7bb33fb-06cf-4e81-8273-e543b413e2e2",
    "linux": "0fc63daf-8483-4772-8e79-3d69d8477de4",
}
_ALIGN = 1 << 20


@dataclass(frozen=True)
class Piece:
    """One partition of a disk: its type, content, and what its table entry says."""

    type: str
    content: bytes
    uuid: str | None = None
    name: str | None = None


def disk(path: Path, pieces: Sequence[Piece]) -> Path:
    """A GPT disk with the pieces one after another, at whole mebibytes."""
    sizes = [-(-max(len(piece.content), 1) // _ALIGN) for piece in pieces]
    blank(path, (sum(sizes) + 2) * _ALIGN)
    words: list[str] = []
    start = 1
    for number, (piece, size) in enumerate(zip(pieces, sizes, strict=True), 1):
        words += ["-n", f"{number}:{start * 2048}:{(start + size) * 2048 - 1}", "-t", f"{number}:{TYPES[piece.type]}"]
        words += ["-u", f"{number}:{piece.uuid}"] if piece.uuid else []
        words += ["-c", f"{number}:{piece.name}"] if piece.name else []
        with path.open("r+b") as file:
            file.seek(start * _ALIGN)
            file.write(piece.content)
        start += size
    run("sgdisk", *words, str(path))
    return path


def start_of(pieces: Sequence[Piece], index: int) -> int:
    """Byte of the disk at which a piece begins."""
    return _ALIGN * (1 + sum(-(-max(len(piece.content), 1) // _ALIGN) for piece in pieces[:index]))


def formatted(data: Path, hashes: Path, *options: str) -> str:
    """The root hash that veritysetup prints for the tree it has made."""
    command = [tool("veritysetup"), "format", *options, str(data), str(hashes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = re.search(r"Root hash:\s*([0-9a-f]+)", done.stdout)
    assert found, done.stdout
    return found[1]


def hashed(folder: Path, data: bytes, *options: str) -> tuple[bytes, str]:
    """The hash device and the root hash of `data`."""
    folder.mkdir(exist_ok=True)
    plain, hashes = folder / "data", folder / "hashes"
    plain.write_bytes(data)
    hashes.unlink(missing_ok=True)
    root = formatted(plain, hashes, *options)
    return hashes.read_bytes(), root


def halves(root_hash: str) -> tuple[str, str]:
    """The UUIDs of data and hash partition that a root hash gives them."""
    return str(uuid.UUID(root_hash[:32])), str(uuid.UUID(root_hash[-32:]))


def usr(folder: Path, word: str) -> bytes:
    """A small squashfs for /usr whose content depends on `word`."""
    tree = build(folder, {"lib/os-release": f"ID={word}\n", "share/noise": (word * 500_000).encode()})
    packed = folder.with_suffix(".squashfs")
    run("mksquashfs", str(tree), str(packed), "-quiet", "-no-progress", "-noD", "-all-root")
    return packed.read_bytes()


def root(folder: Path, options: Mapping[str, str], extra: Mapping[str, str] | None = None) -> bytes:
    """An ext4 root with one boot entry for each name -> kernel options."""
    files: dict[str, str | None] = {"etc/os-release": "ID=lab\n", "usr": None, "bin/sh": "", **(extra or {})}
    for name, text in options.items():
        files[f"boot/loader/entries/{name}.conf"] = f"title {name}\nlinux /vmlinuz-{name}\noptions root=/dev/x {text}\n"
    tree = build(folder, files)
    image = folder.with_suffix(".ext4")
    run("mkfs.ext4", "-q", "-d", str(tree), str(image), "4M")
    shutil.rmtree(tree)
    return image.read_bytes()
