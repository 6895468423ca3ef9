"""The index of a header: what it gives, and every way in which it can lie about its size."""

from __future__ import annotations

import struct

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.rpm_header import Tag, parse
from tests.rpm_support import header


def entry(tag: int, kind: int, offset: int, count: int, data: bytes = b"x\0") -> bytes:
    return struct.pack(">II", 1, len(data)) + struct.pack(">IIiI", tag, kind, offset, count) + data


def test_typical() -> None:
    found = parse(header({1000: "bash", 1003: 2, 1117: ["a", "b"], 268: b"\x01\x02"}))
    assert found.text(Tag.NAME) == "bash"
    assert found.numbers(Tag.EPOCH) == [2]
    assert found.texts(1117) == ["a", "b"]
    assert found.texts(1117, 1) == ["a"]
    assert found.binary(Tag.RSA_HEADER) == b"\x01\x02"
    assert found.text(Tag.VENDOR) is None
    assert found.numbers(1028) is None
    assert found.binary(1) is None


def test_an_entry_behind_the_region_replaces_the_one_inside() -> None:
    data = b"old\0new\0"
    index = struct.pack(">IIiI", 1000, 6, 0, 1) + struct.pack(">IIiI", 1000, 6, 4, 1)
    assert parse(struct.pack(">II", 2, len(data)) + index + data).text(Tag.NAME) == "new"


def test_the_region_entry_is_no_tag() -> None:
    assert parse(entry(63, 7, 0, 2)).entries == {}


def test_bytes_behind_the_header_do_not_matter() -> None:
    assert parse(header({1000: "bash"}) + b"rest").text(Tag.NAME) == "bash"


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        struct.pack(">II", 0, 0),
        struct.pack(">II", 0x10000, 0) + b"\0" * 0x100000,
        struct.pack(">II", 1, 0xFFFFFFFF) + b"\0" * 16,
        entry(1000, 6, 0, 1)[:-1],
        entry(1000, 0, 0, 1),
        entry(1000, 10, 0, 1),
        entry(1000, 6, 2, 1),
        entry(1000, 6, -1, 1),
        entry(1000, 6, 0, 0),
        entry(1000, 8, 0, 3),
        entry(1003, 4, 0, 1),
        entry(1003, 4, 0, 0x40000001),
        entry(268, 7, 1, 2),
    ],
)
def test_malformed(blob: bytes) -> None:
    with pytest.raises(ParseError):
        parse(blob)


def test_wrong_type_and_open_string() -> None:
    found = parse(header({1000: 7, 1003: "x"}))
    with pytest.raises(ParseError):
        found.text(Tag.NAME)
    with pytest.raises(ParseError):
        found.numbers(Tag.EPOCH)
    with pytest.raises(ParseError):
        found.binary(Tag.EPOCH)
    with pytest.raises(ParseError):
        parse(entry(1000, 6, 0, 1, b"xy")).text(Tag.NAME)
