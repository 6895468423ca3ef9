"""Unified kernel images: profiles, text, signed expectations and keys."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from scanner.boot import pe, uki
from scanner.model.errors import ParseError
from tests.efi_lab import BOOT, OSREL, STUB, pcrsig, pe_file, real, stub_uki, uki_file
from tests.tree_lab import tool


class Read:
    """The bytes of a file, and its headers."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.image = pe.parse(self, len(data))

    def __call__(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def test_an_image_made_of_the_real_stub(tmp_path: Path) -> None:
    sections = {
        ".osrel": OSREL.encode(),
        ".cmdline": b"root=/dev/x  quiet\n\0",
        ".uname": b"6.12.0-demo",
        ".initrd": b"i" * 5000,
        ".linux": real(BOOT).read_bytes(),
    }
    read = Read(stub_uki(tmp_path / "uki.efi", sections).read_bytes())
    assert uki.is_uki(read.image) and not uki.is_addon(read.image)
    (profile,) = uki.profiles(read.image)
    for name, data in sections.items():
        assert uki.section_bytes(read, profile.sections[name], 1 << 20) == data
    assert uki.command_line(uki.section_text(read, profile.sections[".cmdline"])) == "root=/dev/x  quiet"
    magic = read.image.named(".sdmagic")
    assert magic is not None
    name, version = uki.stub_of(uki.section_bytes(read, magic)) or ("", "")
    assert name == "systemd-stub"
    assert version[:3].isdigit()


def test_the_stub_alone_is_no_image() -> None:
    image = Read(real(STUB).read_bytes()).image
    assert not uki.is_uki(image) and not uki.is_addon(image)


def test_profiles_take_from_the_base() -> None:
    read = Read(
        pe_file(
            [
                (".text", b"x"),
                (".osrel", b"ID=a"),
                (".cmdline", b"base"),
                (".cmdline", b"second of a name is nothing"),
                (".linux", b"k"),
                (".profile", b"ID=main"),
                (".profile", b"ID=reset\nTITLE=Reset"),
                (".cmdline", b"reset"),
                (".profile", b"ID=other"),
                (".cmdline", b""),
                (".initrd", b"own"),
            ]
        )
    )
    found = uki.profiles(read.image)
    assert [one.number for one in found] == [0, 1, 2]
    texts = [uki.section_text(read, one.sections[".cmdline"]) for one in found]
    # a section without a size is not there, so the last profile takes that of the base
    assert texts == ["base", "reset", "base"]
    assert [one.own for one in found] == [{".profile"}, {".profile", ".cmdline"}, {".profile", ".initrd"}]
    assert all(".linux" in one.sections for one in found)
    assert [uki.section_text(read, one.sections[".profile"]) for one in found][1] == "ID=reset\nTITLE=Reset"


def test_too_many_profiles() -> None:
    read = Read(pe_file([(".linux", b"k"), *[(".profile", b"ID=x")] * 300]))
    with pytest.raises(ParseError, match="256 profiles"):
        uki.profiles(read.image)


def test_add_ons() -> None:
    assert uki.is_addon(Read(pe_file([(".cmdline", b"x")])).image)
    assert uki.is_addon(Read(pe_file([(".ucode", b"x")])).image)
    assert not uki.is_addon(Read(pe_file([(".cmdline", b"")])).image)
    assert not uki.is_addon(Read(uki_file("x")).image)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a b\n", "a b"),
        ("\r\n a\tb\x7f", "a b"),
        ("", ""),
        (" \n", ""),
        ('x="a  b"', 'x="a  b"'),
        ("a\u00a0b ", "a\u00a0b"),
    ],
)
def test_command_lines(text: str, line: str) -> None:
    assert uki.command_line(text) == line


def test_text_ends_at_a_nul_and_must_be_in_the_file() -> None:
    read = Read(pe_file([(".osrel", b"ID=a\0behind"), (".linux", b"k" * 600)]))
    sections = uki.profiles(read.image)[0].sections
    assert uki.section_text(read, sections[".osrel"]) == "ID=a"
    with pytest.raises(ParseError, match="600 bytes"):
        uki.section_text(read, sections[".linux"], 599)
    cut = Read(read.data[:-700])
    with pytest.raises(ParseError, match="beyond the end"):
        uki.section_text(cut, uki.profiles(cut.image)[0].sections[".linux"])


def test_signed_expectations() -> None:
    found = uki.pcr_policies(pcrsig("12" * 32))
    assert [(one.bank, one.pcrs, one.policy[:2]) for one in found] == [
        ("sha256", (11,), "ab"),
        ("sha256", (11,), "cd"),
        ("sha384", (11,), "ab"),
    ]
    assert {one.key for one in found} == {"12" * 32}


_ENTRY = {"pcrs": [11], "pkfp": "ab" * 32, "pol": "ab" * 32, "sig": "YQ=="}


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"sha256": {}},
        {"SHA 256": []},
        {"sha256": ["x"]},
        {"sha256": [{**_ENTRY, "pcrs": [24]}]},
        {"sha256": [{**_ENTRY, "pcrs": [True]}]},
        {"sha256": [{**_ENTRY, "pkfp": "x"}]},
        {"sha256": [{**_ENTRY, "pol": None}]},
        {"sha256": [{**_ENTRY, "sig": ""}]},
        {"sha256": [{**_ENTRY, "sig": "***"}]},
        {"sha256": [_ENTRY] * 2000},
    ],
)
def test_expectations_that_are_none(value: object) -> None:
    with pytest.raises(ParseError):
        uki.pcr_policies(json.dumps(value).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'"' + b"x" * (2 << 20)])
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(ParseError):
        uki.pcr_policies(data)


def test_fingerprints_are_those_of_openssl(tmp_path: Path) -> None:
    openssl = tool("openssl", "openssl")

    def run(*words: str | Path) -> bytes:
        return subprocess.run([openssl, *words], check=True, capture_output=True, timeout=60).stdout

    key = tmp_path / "key.pem"
    run("genrsa", "-out", key, "2048")
    pem = run("rsa", "-in", key, "-pubout")
    bare = run("rsa", "-in", key, "-RSAPublicKey_out", "-outform", "DER")
    found = uki.public_key(pem)
    assert found.fingerprint == hashlib.sha256(bare).hexdigest()
    assert found.sha256 == hashlib.sha256(run("rsa", "-in", key, "-pubout", "-outform", "DER")).hexdigest()
    run("ecparam", "-genkey", "-name", "prime256v1", "-out", key)
    assert uki.public_key(run("ec", "-in", key, "-pubout")).fingerprint is None
    with pytest.raises(ParseError):
        uki.public_key(b"no key")
