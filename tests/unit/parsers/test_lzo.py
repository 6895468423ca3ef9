"""The LZO1X decoder against the tool `lzop`, whose files are taken apart here."""

from __future__ import annotations

import contextlib
import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers.lzo import decode_block
from tests.tree_lab import mixed, noise, tool, words

_MAGIC = b"\x89LZO\0\r\n\x1a\n"
_PLAIN_SUMS = 0x1 | 0x100
_PACKED_SUMS = 0x2 | 0x200


def blocks(content: bytes, level: str) -> list[tuple[int, bytes]]:
    """Length and compressed bytes of the blocks that `lzop` makes (256 KiB each); stored ones are left out."""
    packed = subprocess.run(
        [tool("lzop", "lzop"), level, "-c", "-"], input=content, capture_output=True, timeout=60, check=True
    ).stdout
    assert packed.startswith(_MAGIC)
    (flags,) = struct.unpack_from(">I", packed, 17)
    name = packed[33]
    place = 34 + name + 4
    found: list[tuple[int, bytes]] = []
    while (length := struct.unpack_from(">I", packed, place)[0]) != 0:
        (size,) = struct.unpack_from(">I", packed, place + 4)
        place += 8
        place += 4 * bin(flags & _PLAIN_SUMS).count("1")
        if size < length:
            place += 4 * bin(flags & _PACKED_SUMS).count("1")
            found.append((length, packed[place : place + size]))
        else:
            found.append((length, b""))
        place += size
    return found


@pytest.mark.parametrize("level", ["-1", "-3", "-7", "-9"])
@pytest.mark.parametrize(
    "content",
    [
        words(1, 600_000),
        mixed(2, 600_000),
        bytes(300_000),
        b"ab" * 40_000,
        b"".join(words(5, 40) + noise(number, 300) for number in range(300)),
        words(4, 30) * 3,
        noise(7, 40_000) * 2 + words(7, 40_000),
    ],
    ids=["words", "mixed", "zeros", "pairs", "far matches", "tiny", "40 KB back"],
)
def test_what_lzop_packs(content: bytes, level: str) -> None:
    parts = blocks(content, level)
    assert any(part for _, part in parts)
    place = 0
    for length, part in parts:
        want = content[place : place + length]
        place += length
        if not part:
            continue
        assert decode_block(part, length) == want
        with pytest.raises(ParseError):
            decode_block(part, length - 1)
        with pytest.raises(ParseError):
            decode_block(part[:-1], length)
        with pytest.raises(ParseError):
            decode_block(part + b"\0", length)


def test_an_empty_stream() -> None:
    assert decode_block(b"\x11\0\0", 0) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x11",
        b"\x00" * 5000,
        b"\x12",
        b"\x15abcd",
        b"\x15abcd\x40\xff",
        b"\x15abcd\x20" + b"\0" * 900 + b"\1\0\0",
    ],
    ids=["empty", "half an end", "endless length", "no literal", "no end", "before the start", "a bomb"],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        decode_block(data, 4096)


@given(st.binary(max_size=200), st.integers(0, 5000))
@settings(max_examples=400, deadline=None)
def test_any_bytes_stay_within_the_limit(data: bytes, limit: int) -> None:
    with contextlib.suppress(ParseError):
        assert len(decode_block(data, limit)) <= limit
