"""Parsers of EFI programs and archives take any bytes: they answer, or raise ParseError."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from scanner.boot import pe, sbat, uki
from scanner.model.errors import ParseError
from scanner.parsers import cpio
from tests.efi_lab import pcrsig, pe_file, uki_file

WHOLE = uki_file("quiet", extra=[(".sbat", b"sbat,1,V,p,1,u\n"), (".profile", b"ID=a"), (".cmdline", b"x")])
SIGNED = pe_file([(".text", b"x")], certificates=[(2, b"signature")])


def _taken_apart(data: bytes) -> None:
    def read(offset: int, length: int) -> bytes:
        assert offset >= 0
        assert 0 <= length <= 1 << 20
        return data[offset : offset + length]

    try:
        image = pe.parse(read, len(data))
        profiles = uki.profiles(image)
    except ParseError:
        return
    for section in image.sections:
        assert 0 <= section.size <= len(data)
    for certificate in image.certificates:
        assert certificate.offset + certificate.size <= len(data)
    for profile in profiles:
        for section in profile.sections.values():
            try:
                assert len(uki.section_text(read, section)) <= section.size
            except ParseError:
                continue


@given(st.binary(max_size=2000))
@example(b"MZ".ljust(60, b"\0") + b"\x40\0\0\0PE\0\0")
def test_any_bytes_as_a_program(data: bytes) -> None:
    _taken_apart(data)


@given(
    st.sampled_from([WHOLE, SIGNED]),
    st.lists(st.tuples(st.integers(0, 1200), st.binary(min_size=1, max_size=8)), max_size=6),
    st.integers(0, 5000),
)
def test_spoiled_programs(data: bytes, changes: list[tuple[int, bytes]], cut: int) -> None:
    spoiled = bytearray(data)
    for place, value in changes:
        spoiled[place : place + len(value)] = value
    _taken_apart(bytes(spoiled[: len(spoiled) - cut]))


@given(st.binary(max_size=500) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
@example(b"a,1,\xff\n")
def test_any_bytes_as_sbat(data: bytes) -> None:
    try:
        found = sbat.parse(data)
    except ParseError:
        return
    assert all(one.name and one.generation >= 0 for one in found)


JSON = st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))


@given(st.binary(max_size=500) | JSON.map(lambda value: json.dumps({"sha256": [value]}).encode()))
@example(pcrsig("ab" * 32))
def test_any_bytes_as_expectations_and_keys(data: bytes) -> None:
    for parse in (uki.pcr_policies, uki.public_key):
        try:
            parse(data)
        except ParseError:
            continue


@given(st.text())
def test_command_lines_have_no_control_characters(text: str) -> None:
    line = uki.command_line(text)
    assert line == uki.command_line(line)
    assert not any(char < " " or char == "\x7f" for char in line)


@given(st.binary(min_size=100, max_size=120) | st.from_regex(rb"07070[12][0-9a-fA-F ]{104}", fullmatch=True))
def test_any_bytes_as_an_archive_header(data: bytes) -> None:
    try:
        header = cpio.parse(data)
    except ParseError:
        return
    assert 0 <= header.size < 1 << 32
    assert 0 <= header.mode < 1 << 16
