"""PE files: real programs against objdump and sbverify, and files that do not fit together."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest

from scanner.boot import pe
from scanner.model.errors import ParseError
from tests.efi_lab import BOOT, GRUB_SIGNED, SHIM, SHIM_SIGNED, STUB, pe_file, real
from tests.tree_lab import tool


def parsed(data: bytes) -> pe.Image:
    return pe.parse(lambda offset, length: data[offset : offset + length], len(data))


@pytest.mark.parametrize("path", [STUB, BOOT, SHIM, SHIM_SIGNED, GRUB_SIGNED], ids=lambda path: path.name)
def test_sections_are_those_of_objdump(path: Path) -> None:
    image = parsed(real(path).read_bytes())
    said = subprocess.run(
        [tool("objdump", "binutils"), "-h", path], capture_output=True, text=True, timeout=60, check=True
    )
    listed = re.findall(
        r"^ +\d+ (\S+) +([0-9a-f]{8}) +([0-9a-f]{16}) +[0-9a-f]{16} +([0-9a-f]{8})", said.stdout, re.MULTILINE
    )
    assert len(listed) >= 5
    ours = [(one.long_name or one.name, one.size, one.virtual_address, one.offset) for one in image.sections]
    assert ours == [(name, *(int(number, 16) for number in numbers)) for name, *numbers in listed]
    assert (image.machine, image.bits, image.subsystem, image.notes) == ("x86_64", 64, "efi-application", ())


@pytest.mark.parametrize(("path", "count"), [(SHIM_SIGNED, 2), (GRUB_SIGNED, 1)], ids=["shim", "grub"])
def test_signatures_of_signed_programs(path: Path, count: int) -> None:
    data = real(path).read_bytes()
    image = parsed(data)
    assert [(one.type, one.revision) for one in image.certificates] == [("pkcs7", 0x200)] * count
    for one in image.certificates:
        # DER: a SEQUENCE whose length is no more than what the entry holds
        assert data[one.offset] == 0x30
        assert int.from_bytes(data[one.offset + 2 : one.offset + 4], "big") + 4 <= one.size
    assert image.certificate_table is not None
    assert sum(image.certificate_table) == len(data)


def test_a_signature_by_sbsign(tmp_path: Path) -> None:
    key, certificate, signed = tmp_path / "key", tmp_path / "certificate", tmp_path / "signed.efi"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", certificate]
    subprocess.run([tool("openssl", "openssl"), *request], check=True, timeout=60, capture_output=True)
    sign = [tool("sbsign", "sbsigntool"), "--key", key, "--cert", certificate, "--output", signed, real(BOOT)]
    subprocess.run(sign, check=True, timeout=60, capture_output=True)
    assert parsed(real(BOOT).read_bytes()).certificates == ()
    image = parsed(signed.read_bytes())
    assert [one.type for one in image.certificates] == ["pkcs7"]
    assert image.checksum != 0


def test_what_the_headers_say() -> None:
    data = pe_file(
        [(".text", b"code"), (".empty", b""), (".data", b"d" * 700)], certificates=[(2, b"one"), (0xEF1, b"two!")]
    )
    image = parsed(data)
    assert [(one.name, one.size, one.raw_size) for one in image.sections] == [
        (".text", 4, 512),
        (".empty", 0, 0),
        (".data", 700, 1024),
    ]
    assert (image.checksum, image.nx_compatible, image.overlay, image.notes) == (0x1234, True, 0, ())
    assert [(one.type, data[one.offset : one.offset + one.size]) for one in image.certificates] == [
        ("pkcs7", b"one"),
        ("efi-guid", b"two!"),
    ]
    assert image.named(".data") == image.sections[2]
    assert image.named(".nothing") is None
    assert pe.looks_like_pe(data) and not pe.looks_like_pe(b"MZ") and not pe.looks_like_pe(bytes(512))


def test_both_widths_and_other_machines() -> None:
    narrow = parsed(pe_file([(".text", b"x")], magic=0x10B, machine=0x14C, certificates=[(2, b"s")]))
    assert (narrow.bits, narrow.machine, len(narrow.certificates)) == (32, "i386", 1)
    assert parsed(pe_file([(".text", b"x")], machine=0xAA64)).machine == "aarch64"
    assert parsed(pe_file([(".text", b"x")], subsystem=99)).subsystem == "subsystem-99"


def test_bytes_that_belong_to_nothing() -> None:
    assert parsed(pe_file([(".text", b"x")], overlay=b"more" * 100)).overlay == 400
    assert parsed(pe_file([(".text", b"x")], overlay=b"o" * 100, certificates=[(2, b"s")])).overlay >= 100


def test_sections_that_do_not_fit() -> None:
    data = pe_file([(".a", b"a" * 600), (".b", b"b" * 600)])
    cut = parsed(data[:-1000])
    assert not cut.sections[1].inside
    assert cut.sections[1].size < 600
    assert "section .b reaches beyond the end of the file" in cut.notes
    table = data.index(b".a\0")
    over = bytearray(data)
    over[table + 40 + 20 : table + 40 + 24] = over[table + 20 : table + 24]
    assert any("lies over" in note for note in parsed(bytes(over)).notes)


def test_a_table_of_signatures_beyond_the_end() -> None:
    data = pe_file([(".text", b"x")], certificates=[(2, b"one" * 10), (2, b"two" * 10)])
    image = parsed(data[:-20])
    assert len(image.certificates) == 1
    assert len(image.notes) == 2


@pytest.mark.parametrize("data", [b"", b"MZ", bytes(64), b"MZ" + b"\xff" * 62, pe_file([(".text", b"x")])[:300]])
def test_what_is_no_program(data: bytes) -> None:
    with pytest.raises(ParseError):
        parsed(data)


def test_too_many_sections() -> None:
    data = bytearray(pe_file([(".text", b"x")]))
    struct.pack_into("<H", data, 64 + 6, 0xFFFF)
    with pytest.raises(ParseError, match="65535 sections"):
        parsed(bytes(data))


def test_content_comes_in_pieces_and_ends_with_the_file() -> None:
    data = bytes(range(256)) * 5000

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    pieces = list(pe.content(read, 10, len(data) - 10))
    assert b"".join(pieces) == data[10:]
    assert max(map(len, pieces)) == 1 << 20
    with pytest.raises(ParseError):
        list(pe.content(read, 0, len(data) + 1))
