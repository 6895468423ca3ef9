"""Our own files: content, caches, settings, inputs, outputs. Never the inspected system (that is `scanner.target`)."""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from pathlib import Path

from scanner.model.errors import InputError, UsageError

__all__ = [
    "below",
    "cache_folder",
    "content_root",
    "map_bytes",
    "read_bytes",
    "read_input",
    "stamp",
    "write_output",
    "write_secret",
]

MAX_INPUT = 512 * 1024 * 1024
"""Bytes of a snapshot, assessment or content file that is handed in."""


def content_root() -> Path:
    """The folder that holds `rules/`, `controls/` and `reports/`: inside the wheel, or the checkout."""
    inside = Path(__file__).parent / "content"
    return inside if inside.is_dir() else Path(__file__).parent.parent


def cache_folder() -> Path | None:
    """The folder for caches (`$XDG_CACHE_HOME/assay`), or None when it cannot be made or belongs to someone else."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118 - no home is no error here
    if not Path(base).is_absolute():
        return None
    folder = Path(base) / "assay"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        got = folder.stat()
        # What others may write to is not ours: content would come from it.
        return folder if got.st_uid == os.getuid() and not got.st_mode & 0o022 else None
    except OSError:
        return None


def below(root: Path, folders: tuple[str, ...], suffix: str) -> dict[str, Path]:
    """Files with `suffix` below the named folders of `root`, by relative name, sorted."""
    found: dict[str, Path] = {}
    for folder in folders:
        for where, _, names in os.walk(root / folder):
            place = Path(where)
            relative = place.relative_to(root).as_posix()
            found.update({f"{relative}/{name}": place / name for name in names if name.endswith(suffix)})
    return dict(sorted(found.items()))


def stamp(path: Path) -> str:
    """What changes when a file changes: size, times of content and inode, inode number."""
    got = path.stat()
    return f"{got.st_size} {got.st_mtime_ns} {got.st_ctime_ns} {got.st_ino}"


def read_bytes(path: Path, limit: int = MAX_INPUT) -> bytes:
    """The bytes of one of our files, `limit` of them at most. Raises InputError with the place and the reason."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)  # a pipe or device has no size to ask beforehand
        if len(data) > limit:
            raise InputError(f"larger than {limit} bytes", where=str(path))
        return data
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def map_bytes(path: Path, limit: int) -> mmap.mmap | bytes:
    """The bytes of one of our files, read as they are looked at. Raises InputError."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > limit:
                raise InputError(f"larger than {limit} bytes", where=str(path))
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", where=str(path)) from error


def read_input(name: str) -> bytes:
    """The bytes of an input file, or of standard input for `-`."""
    if name != "-":
        return read_bytes(Path(name))
    if sys.stdin is None:
        raise InputError("standard input is closed", where="-")
    try:
        return sys.stdin.buffer.read(MAX_INPUT)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where="standard input") from error


def write_output(name: str, data: bytes) -> None:
    """Write an output file whole or not at all, with the mode umask allows; `-` is standard output."""
    if name == "-":
        _to_stdout(data)
        return
    path = Path(name)
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # /dev/null, a pipe: written in place
            return
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(draft).chmod(0o666 & ~_umask())
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"cannot write {name}: {error.strerror or error}", hint="name a folder you may write to"
        ) from error


def write_secret(name: str, data: bytes) -> None:
    """Write a new file that only its owner may read. Raises UsageError when it cannot be, or is there already."""
    try:
        with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(data)
    except FileExistsError:
        raise UsageError(f"{name} is there already", hint="choose another name: no key is replaced") from None
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror or error}") from error


def _to_stdout(data: bytes) -> None:
    """Bytes to standard output. A reader that went away (`| head`) is no error; the exit code stays the command's."""
    if sys.stdout is None:
        raise UsageError("cannot write to standard output: it is closed", hint="write to a file: -o FORMAT=PATH")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UsageError(f"cannot write to standard output: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
