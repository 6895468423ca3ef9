"""Whatever the bytes, what programs and archives say of themselves is read or a ParseError."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers import cargo_audit, elf_sections, gemspec, go_buildinfo, java_archive
from tests.elf_lab import elf, first_section, inline_blob, pointer_blob

EXAMPLES = settings(max_examples=200, deadline=None)
MODULES = "path\ta\nmod\ta\tv1\t\ndep\tb\tv2\th1:x\n=>\tc\tv3\t\nbuild\tx=y\n"
PROGRAMS = [
    elf({".go.buildinfo": inline_blob("go1.22.1", MODULES), ".dep-v0": b"x" * 40}),
    elf({".go.buildinfo": inline_blob("go1.22.1", MODULES)}, table=False),
    elf({".go.buildinfo": pointer_blob("go1.17", MODULES, at=first_section())}),
    elf(
        {".go.buildinfo": pointer_blob("go1.17", MODULES, at=first_section(32), bits=32, order="big")},
        bits=32,
        order="big",
    ),
]
AUDIT = json.dumps({"packages": [{"name": "a", "version": "1", "source": "x", "dependencies": [0]}]}).encode()


def _jar() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "A: b\r\n c\r\n")
        archive.writestr("META-INF/maven/g/a/pom.properties", "groupId=g\nartifactId=a\nversion=1\n")
        archive.writestr("inner.jar", b"PK\5\6" + bytes(18))
    return made.getvalue()


JAR = _jar()
CHANGES = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=12)
CUT = st.none() | st.integers(0, 3000)


def only_parse_error(read: Callable[[], object]) -> None:
    try:
        read()
    except ParseError:
        return


def mutated(data: bytes, changes: list[tuple[int, int]], cut: int | None) -> bytes:
    out = bytearray(data)
    for place, value in changes:
        if out:
            out[place % len(out)] = value
    return bytes(out[:cut])


def build(data: bytes) -> object:
    def read(offset: int, length: int) -> bytes:
        assert offset >= 0
        assert length >= 0
        return data[offset : offset + length]

    return go_buildinfo.parse(read, elf_sections.parse(read))


@EXAMPLES
@given(st.sampled_from(PROGRAMS), CHANGES, CUT)
def test_programs(seed: bytes, changes: list[tuple[int, int]], cut: int | None) -> None:
    only_parse_error(lambda: build(mutated(seed, changes, cut)))


@EXAMPLES
@given(st.binary(max_size=400))
def test_any_bytes_as_a_program(data: bytes) -> None:
    only_parse_error(lambda: build(b"\x7fELF" + data))


@EXAMPLES
@given(CHANGES, CUT)
def test_archives(changes: list[tuple[int, int]], cut: int | None) -> None:
    data = mutated(JAR, changes, cut)
    only_parse_error(
        lambda: java_archive.parse(lambda offset, length: data[offset : offset + length], len(data), "a.jar")
    )


@EXAMPLES
@given(CHANGES, CUT)
def test_audit_data(changes: list[tuple[int, int]], cut: int | None) -> None:
    only_parse_error(lambda: cargo_audit.parse(cargo_audit.unpack(mutated(zlib.compress(AUDIT), changes, cut))))
    only_parse_error(lambda: cargo_audit.parse(mutated(AUDIT, changes, cut)))


@EXAMPLES
@given(st.text(alphabet="s.nameversio= \"'%q<>\\\nfreze[],1", max_size=200))
def test_gem_specifications(text: str) -> None:
    only_parse_error(lambda: gemspec.parse(f's.name = "a"\n{text}\ns.version = "1"\n'))
