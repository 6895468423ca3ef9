"""The LZ4 block decoder against the tool `lz4`, whose frames are taken apart here."""

from __future__ import annotations

import contextlib
import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers.lz4 import decode_block, decode_padded
from tests.tree_lab import mixed, noise, tool, words

_MOST = 64 * 1024


def blocks(content: bytes, level: str) -> list[bytes]:
    """The compressed blocks that `lz4` makes of at most 64 KiB each; stored ones are left out."""
    frame = subprocess.run(
        [tool("lz4", "lz4"), level, "-B4", "-BI", "--no-frame-crc", "-c", "-"],
        input=content, capture_output=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    flags = frame[4]
    place = 7 + (8 if flags & 8 else 0)
    found: list[bytes] = []
    while (size := struct.unpack_from("<I", frame, place)[0]) != 0:
        found.append(frame[place + 4 : place + 4 + (size & 0x7FFFFFFF)] if not size >> 31 else b"")
        place += 4 + (size & 0x7FFFFFFF) + (4 if flags & 16 else 0)
    return found


@pytest.mark.parametrize("level", ["-1", "-9", "-12"])
@pytest.mark.parametrize(
    "content",
    [
        words(1, 300_000),
        mixed(2, 300_000),
        bytes(200_000),
        b"ab" * 40_000,
        words(3, 100) + noise(1, 5000) + words(3, 100),
        b"a" * 20,
        words(4, 65_536),
    ],
    ids=["words", "mixed", "zeros", "pairs", "noise inside", "tiny", "one block"],
)
def test_what_lz4_packs(content: bytes, level: str) -> None:
    parts = blocks(content, level)
    assert any(parts)
    for number, part in enumerate(parts):
        want = content[number * _MOST : (number + 1) * _MOST]
        if not part:
            continue
        assert decode_block(part, _MOST) == want
        assert decode_block(part, len(want)) == want
        assert decode_padded(bytes(77) + part, len(want)) == want
        assert decode_padded(part + bytes(77), len(want)) == want
        for length in (1, len(want) // 2, len(want) - 1):
            assert decode_block(part, length, partial=True) == want[:length]
            with pytest.raises(ParseError):
                decode_block(part, length)
        with pytest.raises(ParseError):
            decode_padded(part, len(want) + 1)
        with pytest.raises(ParseError):
            decode_block(part[:-6], _MOST)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x10",
        b"\xf0\xff\xff\xff",
        b"\x10a\x00\x00",
        b"\x10a\x02\x00",
        b"\x1fa\x01\x00" + b"\xff" * 5000 + b"\x00",
        b"\x40abc",
    ],
    ids=["empty", "no literal", "endless length", "distance 0", "before the start", "a bomb", "short literals"],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        decode_block(data, 4096)


@given(st.binary(max_size=200), st.integers(0, 5000), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_stay_within_the_limit(data: bytes, limit: int, partial: bool) -> None:
    with contextlib.suppress(ParseError):
        assert len(decode_block(data, limit, partial=partial)) <= limit


@given(st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_a_spoiled_block_stays_within_the_limit(place: int, value: int) -> None:
    # literal "abcd", a match of 20 four back, literal "xyz"
    block = bytearray(b"\x4f" + b"abcd" + b"\x04\x00\x01" + b"\x30xyz")
    assert decode_block(bytes(block), 100) == b"abcd" * 6 + b"xyz"
    block[place % len(block)] = value
    with contextlib.suppress(ParseError):
        assert len(decode_block(bytes(block), 100)) <= 100
