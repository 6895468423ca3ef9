"""GVariant texts and bytes, GVDB files made by dconf itself, keyfiles, locks and profiles."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import dconf_files, gvariant, gvdb

TEXTS = {
    "true": ("b", True),
    "uint32 900": ("u", 900),
    "-5": ("i", -5),
    "0x10": ("i", 16),
    "010": ("i", 8),
    "1.5": ("d", 1.5),
    "int64 7": ("x", 7),
    r"'It\'s \"x\"\n'": ("s", 'It\'s "x"\n'),
    r'"\u00e4"': ("s", "ä"),
    "''": ("s", ""),
    "@as []": ("as", []),
    "['a', 'b']": (None, ["a", "b"]),
    "[('xkb', 'us')]": (None, [("xkb", "us")]),
    "(1, 'x')": (None, (1, "x")),
    "{'k': <uint32 2>}": (None, [("k", 2)]),
    "@ms nothing": ("ms", None),
    "just 5": (None, 5),
}


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text: str) -> None:
    assert gvariant.from_text(text) == TEXTS[text]


@pytest.mark.parametrize(
    "text", ["", "yes", "'open", "[1, 2", "1 2", "uint32", "(1", "@", "<", "[1 2]", "[" * 100, "1e"]
)
def test_texts_that_are_none(text: str) -> None:
    with pytest.raises(ParseError):
        gvariant.from_text(text)


def dconf(tmp_path: Path, keyfile: str, locks: str = "") -> gvdb.Database:
    program = shutil.which("dconf")
    if program is None:
        pytest.skip("dconf is not installed: make test installs it (Debian package dconf-cli)")
    folder = tmp_path / "x.d"
    (folder / "locks").mkdir(parents=True)
    (folder / "00").write_text(keyfile)
    (folder / "locks/00").write_text(locks)
    subprocess.run([program, "compile", str(tmp_path / "x"), str(folder)], check=True)
    return gvdb.parse((tmp_path / "x").read_bytes())


def test_what_dconf_compiles_is_what_the_keyfile_says(tmp_path: Path) -> None:
    texts = "".join(f"k{number}={text}\n" for number, text in enumerate(TEXTS))
    found = dconf(tmp_path, f"[org/x]\n{texts}[/]\ntop=1\n", "/org/x/k1\n#/org/x/k0\n  /org/x/k2\n/org/x/\n")
    for number, (kind, value) in enumerate(TEXTS.values()):
        compiled = found.values[f"/org/x/k{number}"]
        assert gvariant.to_text(compiled[1]) == gvariant.to_text(value)
        assert kind is None or compiled[0] == kind
    assert found.values["/top"] == ("i", 1)
    assert found.locks == {"/org/x/k1", "/org/x/"}
    assert {path for path, _ in dconf_files.locks("/org/x/k1\n#/org/x/k0\n  /org/x/k2\n/org/x/\n")} == found.locks


def test_long_arrays_have_wide_offsets(tmp_path: Path) -> None:
    items = [f"item number {number}" for number in range(9000)]
    found = dconf(tmp_path, f"[x]\nk=[{', '.join(repr(item) for item in items)}]\n")
    assert found.values["/x/k"] == ("as", items)


def test_a_damaged_database(tmp_path: Path) -> None:
    dconf(tmp_path, "[x]\nk='v'\n", "/x/k\n")
    data = (tmp_path / "x").read_bytes()
    for broken in (b"", data[:23], b"XVariant" + data[8:], data[:8] + b"\1\0\0\0" + data[12:], data[: len(data) // 2]):
        with pytest.raises(ParseError):
            gvdb.parse(broken)


def test_an_item_that_is_its_own_parent() -> None:
    item = struct.pack("<IIIHBBII", 0, 0, 56, 0, ord("v"), 0, 56, 56)
    data = b"GVariant" + struct.pack("<IIII", 0, 0, 24, 56) + struct.pack("<II", 0, 0) + item
    with pytest.raises(ParseError, match="nowhere"):
        gvdb.parse(data)


def test_pointers_that_overlap_cannot_outgrow_the_file() -> None:
    count = 2000
    end = 32 + 24 * count
    blob = b"\0" * 30_000 + b"\0s"
    items = b"".join(
        struct.pack("<IIIHBBII", 0, 0xFFFFFFFF, 0, 8, ord("v"), 0, end, end + len(blob)) for _ in range(count)
    )
    data = b"GVariant" + struct.pack("<IIII", 0, 0, 24, end) + struct.pack("<II", 0, 0) + items + blob
    with pytest.raises(ParseError, match="more content"):
        gvdb.parse(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\1\0b", ("b", True)),
        (struct.pack(">I", 9) + b"\0u", ("u", 9)),
        (b"\0as", ("as", [])),
        (b"ab\0\0s", ("s", "ab")),
    ],
)
def test_bytes(data: bytes, expected: object) -> None:
    assert gvariant.from_bytes(data, big_endian=True) == expected


@pytest.mark.parametrize(
    "data", [b"", b"s", b"ab\0s", b"\1\0\0u", b"\0(", b"x\0\0zz", b"\0" + b"a" * 300 + b"s", b"\5\0as"]
)
def test_bytes_that_are_no_value(data: bytes) -> None:
    with pytest.raises(ParseError):
        gvariant.from_bytes(data)


@pytest.mark.parametrize("text", ["garbage\n", "k=1\n", "[x]\n=1\n", "[x]\nk=bad value\n", "[x\nk=1\n", "[x]\nk\n"])
def test_keyfiles_that_dconf_refuses(text: str) -> None:
    with pytest.raises(ParseError):
        dconf_files.keyfile(text)


def test_keyfile_lines() -> None:
    found = dconf_files.keyfile("\ufeff# c\r\n[org/x]\r\nk = true \r\n")
    assert [(item.path, item.type, item.value, item.line) for item in found] == [("/org/x/k", "b", True, 3)]


def test_profiles() -> None:
    found = dconf_files.profile("# c\nuser-db:user\n\nsystem-db:local # d\nfile-db:/x\n")
    assert [(item.kind, item.name, item.line) for item in found] == [
        ("user", "user", 2),
        ("system", "local", 4),
        ("file", "/x", 5),
    ]
    for text in ("system-db\n", "local\n", "system-db:\n"):
        with pytest.raises(ParseError):
            dconf_files.profile(text)
