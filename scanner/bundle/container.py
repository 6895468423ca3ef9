"""The container of a bundle: a zip file of which every byte is determined by the files in it, or a folder.

Entries are stored, not compressed: the bytes do not depend on a compression library, and nothing can unpack to more
than it weighs. They are sorted by name, dated 1980-01-01, without comments or extra fields. A zip file that is not
exactly what `pack` writes for its files is refused, so nothing can hide between or behind them.
Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (end record).
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from scanner import files
from scanner.model.errors import InputError, UsageError
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["MAX_FILES", "check_path", "pack", "read", "write"]

MAX_FILES = 20_000
MAX_TOTAL = 2 * 1024**3 - 1
"""Bytes of a whole bundle; a zip file without 64-bit extensions holds no more than twice that."""

_PATH = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*){0,7}", re.ASCII)
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_VERSION, _MADE_BY = 10, 3 << 8 | 10
_DAY = 1 << 5 | 1  # 1980-01-01 as DOS writes it
_MODE = (stat.S_IFREG | 0o644) << 16


def check_path(path: str) -> None:
    """Raise RefusedError for a name that is not a plain relative path in ASCII."""
    if len(path) > 200 or not _PATH.fullmatch(path):
        raise RefusedError(f"a file is called {path[:80]!r}, which no bundle writes")


def pack(content: Mapping[str, bytes]) -> Iterator[bytes]:
    """The zip file of these files, in pieces."""
    central = []
    offset = 0
    for name in sorted(content):
        data, path = content[name], name.encode("ascii")
        sums = (zlib.crc32(data), len(data), len(data), len(path))
        yield _LOCAL.pack(0x04034B50, _VERSION, 0, 0, 0, _DAY, *sums, 0) + path
        yield data
        central.append(
            _CENTRAL.pack(0x02014B50, _MADE_BY, _VERSION, 0, 0, 0, _DAY, *sums, 0, 0, 0, 0, _MODE, offset) + path
        )
        offset += _LOCAL.size + len(path) + len(data)
    directory = b"".join(central)
    yield directory + _END.pack(0x06054B50, 0, 0, len(central), len(central), len(directory), offset, 0)


def write(name: str, content: Mapping[str, bytes]) -> None:
    """Write a bundle: a zip file, or a folder when `name` ends with a slash. Raises UsageError."""
    if not name.endswith("/"):
        files.write_output(name, b"".join(pack(content)))
        return
    folder = Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{name} is there and not an empty folder", hint="a bundle is written into a new folder")
    for path in sorted(content):
        files.write_output(str(folder / path), content[path])


def read(name: str) -> dict[str, bytes]:
    """The files of a bundle. Raises InputError when it cannot be read, RefusedError when it is no bundle of ours."""
    path = Path(name)
    return _folder(path) if path.is_dir() else _unpacked(files.read_bytes(path, MAX_TOTAL))


def _unpacked(data: bytes) -> dict[str, bytes]:
    found = dict(_entries(data))
    at = 0
    view = memoryview(data)
    for piece in pack(found):
        if view[at : at + len(piece)] != piece:
            raise RefusedError("the zip file is not as a bundle is written: something was changed, added or reordered")
        at += len(piece)
    if at != len(data):
        raise RefusedError("something stands behind the end of the zip file")
    return found


def _entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The files by the local headers, one behind the other; `_unpacked` holds every other byte against them."""
    at, count = 0, 0
    while data[at : at + 4] == b"PK\x03\x04":
        if len(data) < at + _LOCAL.size:
            raise RefusedError("the zip file is cut off")
        *_, size, length, _ = _LOCAL.unpack_from(data, at)
        start = at + _LOCAL.size + length
        path = data[at + _LOCAL.size : start].decode("ascii", "replace")
        check_path(path)
        count += 1
        if count > MAX_FILES or start + size > len(data):
            raise RefusedError("the zip file is cut off, or holds too many files")
        yield path, data[start : start + size]
        at = start + size
    if not count:
        raise RefusedError("this is not a bundle: it does not begin as a zip file of stored files")


def _folder(root: Path) -> dict[str, bytes]:
    """The files of a bundle that lies unpacked; links and special files are refused."""
    found: dict[str, bytes] = {}
    total = 0
    for where, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(where, name)
            relative = path.relative_to(root).as_posix()
            check_path(relative)
            mode = path.lstat().st_mode
            if name in folders and stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode):
                raise RefusedError(f"{relative} is a link or a special file")
            found[relative] = files.read_bytes(path)
            total += len(found[relative])
            if len(found) > MAX_FILES or total > MAX_TOTAL:
                raise RefusedError("the folder holds more than a bundle may")
    if not found:
        raise InputError("the folder is empty", where=str(root))
    return found
