"""What a Go program says of how it was built: toolchain, main module, modules that were linked in, settings.

Source: Go, src/debug/buildinfo/buildinfo.go (the blob: a magic word on a 16-byte boundary of the section .go.buildinfo
or of the writable data; up to Go 1.17 two pointers to strings, from 1.18 the strings themselves with their lengths as
varints) and src/runtime/debug/mod.go (lines of the module text: path, mod, dep, =>, build, fields between tabs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.elf_sections import ElfFile, Reader

__all__ = ["GoBuild", "GoModule", "parse", "parse_modules"]

_MAGIC = b"\xff Go buildinf:"
_SECTION = ".go.buildinfo"
_HEAD = 32
_SEARCHED = 1024 * 1024
"""How much of the data is looked through where no section table says the place."""
_MOST_TEXT = 4 * 1024 * 1024
_MOST_MODULES = 20_000
_FRAME = 16
"""Bytes of the marks before and after the module text."""
_INLINE, _BIG = 2, 1


@dataclass(frozen=True, slots=True)
class GoModule:
    """One module. `version`: `v1.2.3`, `(devel)` for a tree without version, or empty; `digest`: as go.sum has it
    (`h1:` and a SHA-256 over the digests of its files, in base64); `replaces`: `path version` that the build file asked
    for where another module took its place."""

    path: str
    version: str = ""
    digest: str = ""
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class GoBuild:
    """The build of one program. `go`: toolchain (`go1.22.1`); `package`: import path of its main package; `main`: None
    for a program built without modules; `modules`: what else was linked in; `settings`: flags, GOOS, vcs.revision."""

    go: str
    package: str = ""
    main: GoModule | None = None
    modules: tuple[GoModule, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def parse(read: Reader, elf: ElfFile) -> GoBuild | None:
    """The build of the program; None for one that no Go linker made. Raises ParseError for a damaged blob."""
    at = _blob(read, elf)
    if at is None:
        return None
    head = read(at, _HEAD)
    if head[15] & _INLINE:
        version, after = _string(read, at + _HEAD)
        text, _ = _string(read, after)
    else:
        width, order = head[14], "big" if head[15] & _BIG else "little"
        if width not in (4, 8):
            raise ParseError(f"Go build information with pointers of {width} bytes", offset=at)
        version, text = (_pointed(read, elf, head, _HEAD // 2 + width * one, (width, order)) for one in (0, 1))
    if not version:
        raise ParseError("Go build information without a version", offset=at)
    framed = len(text) > 2 * _FRAME and text[-_FRAME - 1 : -_FRAME] == b"\n"
    return parse_modules(_text(version), _text(text[_FRAME:-_FRAME]) if framed else "")


def _blob(read: Reader, elf: ElfFile) -> int | None:
    """Offset of the blob in the file."""
    section = elf.section(_SECTION)
    if section is not None:
        places = [(section.offset, section.size)]
    elif elf.sections:
        places = []  # a Go linker always makes the section: without it, only a stripped table leaves it open
    else:
        places = [(one.offset, one.size) for one in elf.segments if one.writable and not one.executable][:1]
    for offset, size in places:
        data = read(offset, min(size, _SEARCHED))
        at = data.find(_MAGIC)
        while at >= 0:
            if at % 16 == 0 and len(data) - at >= _HEAD:
                return offset + at
            at = data.find(_MAGIC, at + 1)
    return None


def _string(read: Reader, at: int) -> tuple[bytes, int]:
    """The string behind the varint at `at`, and where it ends."""
    length = shift = 0
    for number, byte in enumerate(read(at, 10)):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return _bytes(read, at + number + 1, length), at + number + 1 + length
    raise ParseError("Go build information with a broken length", offset=at)


def _pointed(read: Reader, elf: ElfFile, head: bytes, at: int, form: tuple[int, str]) -> bytes:
    """The string whose header (address and length) the pointer at `at` of `head` names; empty for a null pointer."""
    width, order = form
    little = order == "little"

    def number(data: bytes) -> int:
        return int.from_bytes(data, "little" if little else "big")

    pointer = number(head[at : at + width])
    place = elf.offset(pointer) if pointer else None
    if place is None:
        return b""
    header = _bytes(read, place, 2 * width)
    start = elf.offset(number(header[:width]))
    return b"" if start is None else _bytes(read, start, number(header[width:]))


def _bytes(read: Reader, at: int, length: int) -> bytes:
    if length > _MOST_TEXT:
        raise ParseError(f"Go build information of {length} bytes", offset=at)
    data = read(at, length)
    if len(data) < length:
        raise ParseError("Go build information is cut off", offset=at)
    return data


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def parse_modules(go: str, text: str) -> GoBuild:
    """The build that the module text tells. A line that is none of the known ones is left out, as Go does."""
    package, main = "", None
    modules: list[GoModule] = []
    settings: dict[str, str] = {}
    last = ""
    for line in text.split("\n"):
        word, _, rest = line.partition("\t")
        parts = [*rest.split("\t"), "", "", ""]
        if word == "path":
            package = rest
        elif word == "mod":
            main = GoModule(*parts[:3])
        elif word == "dep":
            if len(modules) == _MOST_MODULES:
                raise ParseError(f"Go build information with more than {_MOST_MODULES} modules")
            modules.append(GoModule(*parts[:3]))
        elif word == "=>" and parts[0]:
            if last == "dep":
                modules[-1] = _replaced(modules[-1], parts)
            elif last == "mod" and main is not None:
                main = _replaced(main, parts)
        elif word == "build":
            name, _, value = rest.partition("=")
            settings[name] = value
        last = word
    return GoBuild(go, package, main, tuple(one for one in modules if one.path), settings)


def _replaced(one: GoModule, parts: list[str]) -> GoModule:
    """A module in whose place another stands; a folder (it has no version) keeps the name that was asked for."""
    asked = f"{one.path} {one.version}".strip()
    return GoModule(parts[0], parts[1], parts[2], asked) if parts[1] else GoModule(one.path, "", "", asked)
