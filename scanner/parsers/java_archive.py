"""What a Java archive says it is: Maven coordinates, the manifest, and the archives that lie inside it.

Source: JAR File Specification (META-INF/MANIFEST.MF: sections of `Name: value`, lines go on behind a space); Apache
Maven Archiver (META-INF/maven/GROUP/ARTIFACT/pom.properties); java.util.Properties (escapes). Archives are hostile:
every member, the table of members, depth and the sum of unpacked bytes have limits.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import field

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.elf_sections import Reader

__all__ = ["Budget", "JavaArchive", "MavenProject", "is_archive", "parse"]

_ENDINGS = (".jar", ".war", ".ear", ".rar", ".sar", ".par", ".hpi", ".jpi", ".kar", ".lpkg", ".nar")
_INNER = (".jar", ".war", ".rar")
_MANIFEST = "META-INF/MANIFEST.MF"
_PROPERTIES = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
_MOST_TABLE = 8 * 1024 * 1024
"""Bytes of the table of members: some 100,000 of them."""
_MOST_TEXT = 256 * 1024
_MOST_INNER = 64 * 1024 * 1024
_MOST_UNPACKED = 1024 * 1024 * 1024
_MOST_DEPTH = 3
_MOST_FOUND = 2000
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, LookupError),
)
"""What zipfile raises for archives that are damaged, encrypted or packed by a method that it does not know."""


@dataclass(frozen=True, slots=True)
class MavenProject:
    """Coordinates from one pom.properties."""

    group: str
    artifact: str
    version: str


@dataclass(frozen=True, slots=True)
class JavaArchive:
    """One archive. `name`: of its file, without folders; `projects`: one for an archive as Maven makes it, several for
    one into which others were merged; `manifest`: main section; `inner`: archives inside."""

    name: str
    projects: tuple[MavenProject, ...] = ()
    manifest: Mapping[str, str] = field(default_factory=dict)
    inner: tuple[JavaArchive, ...] = ()

    @property
    def own(self) -> MavenProject | None:
        """The project that the archive itself is of: the one that its file is named for.

        A lone project of another name is one that was merged into an archive which has none of its own.
        """
        stem = self.name.rpartition(".")[0]
        named = [one for one in self.projects if stem == one.artifact or stem.startswith(f"{one.artifact}-")]
        return max(named, key=lambda one: (len(one.artifact), f"-{one.version}" in stem), default=None)


def is_archive(name: str) -> bool:
    """Whether a file is an archive of Java by its name."""
    return name.lower().endswith(_ENDINGS)


def parse(read: Reader, size: int, name: str, budget: Budget | None = None) -> JavaArchive:
    """The archive of `size` bytes. Raises ParseError for what is damaged, or beyond a limit.

    `budget`: what the archives of one target may take together.
    """
    budget = budget or Budget()
    budget.found = 0
    return _archive(_Window(read, size), name, budget, 0)


@dataclass(slots=True)
class Budget:
    """What has been unpacked so far, in bytes, and found in the archive at hand: small archives can hold a lot."""

    unpacked: int = 0
    found: int = 0

    def take(self, count: int) -> None:
        """Note that so many bytes were unpacked. Raises ParseError when it gets too much."""
        self.unpacked += count
        if self.unpacked > _MOST_UNPACKED:
            raise ParseError(f"limit: more than {_MOST_UNPACKED >> 20} MiB unpacked of archives")


class _Window(io.RawIOBase):
    """A file for zipfile over a reader; it never gives more at once than a table of members may have."""

    def __init__(self, read: Reader, size: int) -> None:
        self._read, self._size, self._at = read, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning of the file")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self._size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > _MOST_TABLE:
            raise ParseError(f"a table of members of {wanted} bytes")
        data = self._read(self._at, wanted)
        self._at += len(data)
        return data


def _archive(file: _Window | io.BytesIO, name: str, budget: Budget, depth: int) -> JavaArchive:
    try:
        with zipfile.ZipFile(file) as archive:
            return _members(archive, name, budget, depth)
    except _DAMAGE as error:
        raise ParseError(f"{name[:200]}: no archive that can be read ({type(error).__name__})") from error


def _members(archive: zipfile.ZipFile, name: str, budget: Budget, depth: int) -> JavaArchive:
    projects: list[MavenProject] = []
    inner: list[JavaArchive] = []
    manifest: Mapping[str, str] = {}
    for member in sorted(archive.infolist(), key=lambda one: one.filename):
        if member.filename == _MANIFEST:
            manifest = _manifest(_text(archive, member, budget))
        elif _PROPERTIES.fullmatch(member.filename):
            projects.extend(_project(_text(archive, member, budget)))
        elif member.filename.lower().endswith(_INNER):
            if depth == _MOST_DEPTH:
                raise ParseError(f"archives inside archives, more than {_MOST_DEPTH} deep")
            data = _unpacked(archive, member, _MOST_INNER, budget)
            inner.append(_archive(io.BytesIO(data), member.filename.rpartition("/")[2], budget, depth + 1))
        else:
            continue
        budget.found += 1
        if budget.found > _MOST_FOUND:
            raise ParseError(f"an archive of more than {_MOST_FOUND} projects and archives")
    return JavaArchive(name, tuple(dict.fromkeys(projects)), manifest, tuple(inner))


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, budget: Budget) -> bytes:
    with archive.open(member) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise ParseError(f"{member.filename[:200]} is longer than {limit} bytes")
    budget.take(len(data))
    return data


def _text(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> str:
    return _unpacked(archive, member, _MOST_TEXT, budget).decode("utf-8", "replace")


def _manifest(text: str) -> dict[str, str]:
    """The main section, the first of each name."""
    found: dict[str, str] = {}
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n ", "")
    for line in lines.split("\n"):
        if not line:
            if found:
                break
            continue
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found


def _project(text: str) -> Iterator[MavenProject]:
    """The coordinates; nothing when one is missing or still a placeholder such as `${version}`."""
    found: dict[str, str] = {}
    for line in text.replace("\r", "\n").split("\n"):
        stripped = line.strip()
        if stripped and stripped[0] not in "#!":
            name, value = [*re.split(r"\s*[=:]\s*|\s+", stripped, maxsplit=1), ""][:2]
            found[name] = _ESCAPE.sub(_unescaped, value)
    parts = [found.get(key, "").strip() for key in ("groupId", "artifactId", "version")]
    if all(parts) and not any("${" in part for part in parts):
        yield MavenProject(*parts)


def _unescaped(found: re.Match[str]) -> str:
    word = found[1]
    return chr(int(word[1:], 16)) if len(word) == 5 else _ESCAPES.get(word, word)
