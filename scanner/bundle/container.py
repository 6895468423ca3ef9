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
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

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
        raise RefusedError("a file has a name that no bundle writes")


def pack(content: Mapping[str, bytes] | Mapping[str, memoryview]) -> Iterator[bytes | memoryview]:
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


def read(name: str) -> Mapping[str, bytes]:
    """The files of a bundle, each read when it is asked for.

    Raises InputError when it cannot be read, RefusedError when it is no bundle of ours.
    """
    path = Path(name)
    return _Folder(path) if path.is_dir() else _zip_file(path)


class _Kept(Mapping[str, bytes]):
    """Files that are read when first asked for, and then kept: what was checked is what is used."""

    def __init__(self) -> None:
        self._read: dict[str, bytes] = {}

    def __getitem__(self, path: str) -> bytes:
        if path not in self._read:
            self._read[path] = self._look(path)
        return self._read[path]

    @abstractmethod
    def _look(self, path: str) -> bytes:
        """Read a file."""


class _ZipFile(_Kept):
    """`places`: offset and size of each file."""

    def __init__(self, data: memoryview, places: dict[str, tuple[int, int]]) -> None:
        super().__init__()
        self._data, self._places = data, places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _look(self, path: str) -> bytes:
        offset, size = self._places[path]
        return bytes(self._data[offset : offset + size])

    def piece(self, path: str) -> memoryview:
        """A file, not kept."""
        offset, size = self._places[path]
        return self._data[offset : offset + size]


class _Pieces(Mapping[str, memoryview]):
    """The same files, one at a time and not kept."""

    def __init__(self, whole: _ZipFile) -> None:
        self._whole = whole

    def __getitem__(self, path: str) -> memoryview:
        return self._whole.piece(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


def _zip_file(path: Path) -> _ZipFile:
    data = memoryview(files.map_bytes(path, MAX_TOTAL))
    found = _ZipFile(data, dict(_places(data)))
    at = 0
    for piece in pack(_Pieces(found)):
        if data[at : at + len(piece)] != piece:
            raise RefusedError("the zip file is not as a bundle is written: something was changed, added or reordered")
        at += len(piece)
    if at != len(data):
        raise RefusedError("something stands behind the end of the zip file")
    return found


def _places(data: memoryview) -> Iterator[tuple[str, tuple[int, int]]]:
    """The files by the local headers, one behind the other; `_zip_file` holds every other byte against them."""
    at, count = 0, 0
    while bytes(data[at : at + 4]) == b"PK\x03\x04":
        if len(data) < at + _LOCAL.size:
            raise RefusedError("the zip file is cut off")
        *_, size, length, _ = _LOCAL.unpack_from(data, at)
        start = at + _LOCAL.size + length
        path = bytes(data[at + _LOCAL.size : start]).decode("ascii", "replace")
        check_path(path)
        count += 1
        if count > MAX_FILES or start + size > len(data):
            raise RefusedError("the zip file is cut off, or holds too many files")
        yield path, (start, size)
        at = start + size
    if not count:
        raise RefusedError("this is not a bundle: it does not begin as a zip file of stored files")


class _Folder(_Kept):
    """A bundle that lies unpacked; links, special files and empty folders are refused."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._sizes = dict(_listed(root))
        if not self._sizes:
            raise InputError("the folder is empty", where=str(root))
        if len(self._sizes) > MAX_FILES or sum(self._sizes.values()) > MAX_TOTAL:
            raise RefusedError("the folder holds more than a bundle may")

    def __iter__(self) -> Iterator[str]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def _look(self, path: str) -> bytes:
        return files.read_bytes(self._root / path, self._sizes[path])


def _listed(root: Path) -> Iterator[tuple[str, int]]:
    """Path and size of every file."""

    def unreadable(error: OSError) -> NoReturn:
        raise InputError(f"a folder cannot be read: {error.strerror or error}", where=str(root)) from None

    for where, folders, names in os.walk(root, onerror=unreadable):
        if not folders and not names and Path(where) != root:
            raise RefusedError("the folder holds an empty folder")
        for name in (*folders, *names):
            path = Path(where, name)
            relative = path.relative_to(root).as_posix()
            check_path(relative)
            status = path.lstat()
            if name in folders and stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise RefusedError("the folder holds a link or a special file")
            yield relative, status.st_size
