"""Making rpm headers and databases: by hand for shapes no tool here writes, with rpm's own tools for the rest."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest

Value = str | Sequence[str] | int | bytes


def header(tags: Mapping[int, Value]) -> bytes:
    """A header blob: str -> string, list -> string array, int -> int32, bytes -> binary."""
    index, data = b"", b""
    for tag, value in tags.items():
        if isinstance(value, int):
            data += b"\0" * (-len(data) % 4)
            kind, count, content = 4, 1, struct.pack(">I", value)
        elif isinstance(value, bytes):
            kind, count, content = 7, len(value), value
        elif isinstance(value, str):
            kind, count, content = 6, 1, value.encode() + b"\0"
        else:
            kind, count, content = 8, len(value), b"".join(item.encode() + b"\0" for item in value)
        index += struct.pack(">IIiI", tag, kind, len(data), count)
        data += content
    return struct.pack(">II", len(tags), len(data)) + index + data


def package(name: str, version: str = "1", release: str = "1", **more: Value) -> bytes:
    """The header of a package; `more` may set epoch, vendor, arch, filler (bytes that make it large)."""
    numbers = {"epoch": 1003, "vendor": 1011, "arch": 1022, "source_rpm": 1044, "filler": 5000}
    return header({1000: name, 1001: version, 1002: release, **{numbers[key]: item for key, item in more.items()}})


def ndb(blobs: Sequence[bytes], *, free_slots: int = 3) -> bytes:
    """A Packages.db with these blobs (rpm, lib/backend/ndb/rpmpkg.c)."""
    slots, body = b"", b""
    for number, blob in enumerate(blobs, 1):
        size = -(-(len(blob) + 28) // 16) * 16
        head = b"BlbS" + struct.pack("<III", number, 1, len(blob)) + blob
        head = head.ljust(size - 12, b"\0")
        slots += b"Slot" + struct.pack("<III", number, (4096 + len(body)) // 16, size // 16)
        slots += (b"Slot" + b"\0" * 12) * (free_slots if number == 1 else 0)
        body += head + struct.pack("<II", zlib.adler32(head), len(blob)) + b"BlbE"
    start = b"RpmP" + struct.pack("<IIII", 0, 1, 1, len(blobs) + 1).ljust(28, b"\0")
    free = (4096 - len(start) - len(slots)) // 16
    return start + slots + (b"Slot" + b"\0" * 12) * free + body


def bdb(folder: Path, blobs: Sequence[bytes], *, big_endian: bool = False, page_size: int = 4096) -> bytes:
    """A real Berkeley DB hash file with these blobs, keyed as rpm keys them, with its counter under key 0."""
    tool = shutil.which("db5.3_load") or shutil.which("db_load")
    if tool is None:
        pytest.skip("db_load is not installed: make test installs it (Debian package db-util)")
    order: Literal["big", "little"] = "big" if big_endian else "little"
    pairs = [(0, len(blobs).to_bytes(4, order)), *enumerate(blobs, 1)]
    dump = ["VERSION=3", "format=bytevalue", "type=hash", f"db_pagesize={page_size}", "HEADER=END"]
    for key, value in pairs:
        dump += [" " + int(key).to_bytes(4, order).hex(), " " + value.hex()]
    path = folder / f"Packages-{order}-{page_size}"
    swapped = ["-c", "db_lorder=4321"] if big_endian else ["-c", "db_lorder=1234"]
    subprocess.run([tool, *swapped, str(path)], input="\n".join([*dump, "DATA=END", ""]), text=True, check=True)
    return path.read_bytes()


SPEC = """Name: {name}
Version: {version}
Release: {release}
{more}
Summary: a package of a test
License: Apache-2.0
Vendor: Example Vendor
BuildArch: noarch
%description
Made by a test.
%install
mkdir -p %{{buildroot}}/usr/share/{name}
for i in $(seq 1 {files}); do echo $i > %{{buildroot}}/usr/share/{name}/a-file-with-quite-a-long-name-$i; done
%files
/usr/share/{name}
"""


def real_rpmdb(folder: Path, packages: Sequence[tuple[str, str, str, str, int]]) -> Path:
    """An rpm database made by rpm itself of (name, version, release, more spec lines, number of files)."""
    if shutil.which("rpmbuild") is None:
        pytest.skip("rpmbuild is not installed: make test installs it (Debian package rpm)")
    folder.mkdir(parents=True, exist_ok=True)
    built: list[str] = []
    for name, version, release, more, files in packages:
        spec = folder / f"{name}.spec"
        spec.write_text(SPEC.format(name=name, version=version, release=release, more=more, files=files))
        _run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}/top", str(spec))
    built = sorted(str(path) for path in (folder / "top/RPMS").rglob("*.rpm"))
    database = folder / "db"
    database.mkdir()
    _run("rpm", "--dbpath", str(database), "-i", "--justdb", "--nodeps", "--ignorearch", *built)
    return database


def query(database: Path, form: str) -> list[str]:
    """What `rpm -qa` says of every package, sorted."""
    return sorted(_run("rpm", "--dbpath", str(database), "-qa", "--qf", form + "\\n").splitlines())


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
