"""ELF tables, Go build information and audit data of Rust: made by hand, and in real programs."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import cargo_audit, elf_sections, go_buildinfo
from scanner.parsers.elf_sections import Reader
from scanner.parsers.go_buildinfo import GoBuild, GoModule
from tests.elf_lab import BASE, elf, first_section, inline_blob, pointer_blob, with_section

MODULES = (
    "path\texample.org/tool/cmd/tool\n"
    "mod\texample.org/tool\t(devel)\t\n"
    "dep\tgithub.com/one/a\tv1.2.3\th1:AAAA=\n"
    "dep\tgithub.com/two/b\tv0.0.0-20260101000000-abcdefabcdef\n"
    "=>\tgithub.com/fork/b\tv0.9.0\th1:BBBB=\n"
    "dep\texample.org/local\tv0.0.0\n"
    "=>\t./local\t\n"
    "build\t-compiler=gc\n"
    "build\tvcs.revision=0123abcd\n"
)
WANTED = GoBuild(
    "go1.17.5",
    "example.org/tool/cmd/tool",
    GoModule("example.org/tool", "(devel)"),
    (
        GoModule("github.com/one/a", "v1.2.3", "h1:AAAA="),
        GoModule("github.com/fork/b", "v0.9.0", "h1:BBBB=", "github.com/two/b v0.0.0-20260101000000-abcdefabcdef"),
        GoModule("example.org/local", "", "", "example.org/local v0.0.0"),
    ),
    {"-compiler": "gc", "vcs.revision": "0123abcd"},
)


def reader(data: bytes) -> Reader:
    return lambda offset, length: data[offset : offset + length]


def build_of(data: bytes) -> GoBuild | None:
    return go_buildinfo.parse(reader(data), elf_sections.parse(reader(data)))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("table", [True, False])
def test_go_programs_up_to_1_17_point_to_their_texts(bits: int, order: str, table: bool) -> None:
    blob = pointer_blob("go1.17.5", MODULES, at=first_section(bits), bits=bits, order=order)
    data = elf({".go.buildinfo": blob}, bits=bits, order=order, table=table)
    assert build_of(data) == WANTED


@pytest.mark.parametrize("table", [True, False])
def test_go_programs_since_1_18_hold_their_texts(table: bool) -> None:
    data = elf({".go.buildinfo": inline_blob("go1.17.5", MODULES), ".data": b"x"}, table=table)
    assert build_of(data) == WANTED


def test_the_tables_of_an_elf_file() -> None:
    data = elf({".one": b"1" * 5, ".two": b"22"}, bits=32, order="big")
    found = elf_sections.parse(reader(data))
    assert [(one.name, one.size) for one in found.sections[:3]] == [("", 0), (".one", 5), (".two", 2)]
    assert (found.bits, found.order, found.offset(BASE + 7), found.offset(1)) == (32, "big", 7, None)
    section = found.section(".two")
    assert section is not None
    assert data[section.offset :][: section.size] == b"22"


def test_a_broken_table_of_sections_is_as_good_as_none() -> None:
    data = bytearray(elf({".go.buildinfo": inline_blob("go1.22.1", MODULES)}))
    struct.pack_into("<Q", data, 40, 1 << 60)
    build = build_of(bytes(data))
    assert build is not None
    assert (build.go, len(build.modules)) == ("go1.22.1", 3)


def test_lines_that_lack_their_fields() -> None:
    found = go_buildinfo.parse_modules("go1.22", "dep\n=>\tb\tv1\t\ndep\n=>\n=>\tc\n\nmod\n=>\td\tv2\nbuild\nwhat\tx\n")
    assert [(one.path, one.version) for one in found.modules] == [("b", "v1")]
    assert found.main == GoModule("d", "v2", "", "")


def test_programs_of_other_compilers_say_nothing() -> None:
    assert build_of(elf({".data": b"x" * 100})) is None
    assert build_of(Path("/bin/true").read_bytes()) is None


@pytest.mark.parametrize(
    "blob",
    [
        inline_blob("", MODULES),
        b"\xff Go buildinf:\x08\x02".ljust(32, b"\0") + b"\xff" * 10,
        b"\xff Go buildinf:\x08\x02".ljust(32, b"\0") + b"\xff\xff\xff\xff\x0f",
        b"\xff Go buildinf:\x05\x00".ljust(32, b"\0"),
        b"\xff Go buildinf:\x08\x00".ljust(32, b"\0"),
    ],
)
def test_damaged_build_information_is_an_error(blob: bytes) -> None:
    with pytest.raises(ParseError):
        build_of(elf({".go.buildinfo": blob}))


def test_a_program_that_is_cut_off_is_an_error() -> None:
    whole = elf({".go.buildinfo": inline_blob("go1.22.1", MODULES)}, table=False)
    with pytest.raises(ParseError):
        build_of(whole[: first_section() + 60])


@pytest.mark.parametrize("name", ["skopeo", "umoci"])
def test_real_go_programs_agree_with_objcopy_and_go(name: str, tmp_path: Path) -> None:
    """The section as binutils cuts it out holds the same version and package; so says Go, where it is installed."""
    program = shutil.which(name)
    if program is None or shutil.which("objcopy") is None:
        pytest.skip(f"{name} or objcopy is not installed: make test installs them (Debian packages {name}, binutils)")
    build = build_of(Path(program).read_bytes())
    assert build is not None
    raw = tmp_path / "raw"
    subprocess.run(["objcopy", "-O", "binary", "--only-section=.go.buildinfo", program, str(raw)], check=True)
    text = raw.read_bytes()
    assert build.go.startswith("go1.")
    assert build.go.encode() in text
    assert f"path\t{build.package}\n".encode() in text
    assert all(f"build\t{key}={value}".encode() in text for key, value in build.settings.items())
    assert text.count(b"\ndep\t") == len(build.modules)
    if shutil.which("go") is not None:
        said = subprocess.run(["go", "version", "-m", program], capture_output=True, text=True, check=True).stdout
        assert said.split("\n")[0] == f"{program}: {build.go}"


def test_a_real_go_program_with_other_modules(tmp_path: Path) -> None:
    program = shutil.which("umoci")
    if program is None:
        pytest.skip("umoci is not installed: make test installs it (Debian package umoci)")
    made = with_section(Path(program), ".go.buildinfo", inline_blob("go1.17.5", MODULES), tmp_path)
    assert build_of(made.read_bytes()) == WANTED


PACKAGES = [
    {"name": "tool", "version": "0.3.0", "source": "local", "root": True, "dependencies": [1, 2]},
    {"name": "serde", "version": "1.0.200", "source": "crates.io"},
    {"name": "cc", "version": "1.0.1", "source": {"Other": "x"}, "kind": "build", "dependencies": [99, "1"]},
]


def test_crates_of_a_real_program(tmp_path: Path) -> None:
    data = zlib.compress(json.dumps({"packages": PACKAGES, "format": 1}).encode())
    made = with_section(Path("/bin/true"), cargo_audit.SECTION, data, tmp_path).read_bytes()
    section = elf_sections.parse(reader(made)).section(cargo_audit.SECTION)
    assert section is not None
    crates = cargo_audit.parse(cargo_audit.unpack(made[section.offset :][: section.size]))
    assert [(one.name, one.version, one.source, one.kind, one.needs, one.is_root) for one in crates] == [
        ("tool", "0.3.0", "local", "runtime", (1, 2), True),
        ("serde", "1.0.200", "crates.io", "runtime", (), False),
        ("cc", "1.0.1", "", "build", (), False),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no JSON"),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b"[]"),
        zlib.compress(b'{"packages": 1}'),
        zlib.compress(b'{"packages": [{"name": "a"}]}'),
        zlib.compress(b'{"packages": []}')[:-5],
        zlib.compress(b'{"packages": [' + b" " * (9 << 20) + b"]}"),
    ],
)
def test_damaged_audit_data_is_an_error(data: bytes) -> None:
    with pytest.raises(ParseError):
        cargo_audit.parse(cargo_audit.unpack(data))
