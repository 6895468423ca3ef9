"""Decompression of one block within a known bound, the same errors for every algorithm.

zlib and LZMA come from the standard library, LZ4 and LZO from our own parsers, zstd from the package `zstandard`.
"""

from __future__ import annotations

import lzma
import zlib
from functools import cache
from typing import TYPE_CHECKING

from scanner.model.errors import DamagedError, NotCollectedError, ParseError
from scanner.parsers import lz4, lzo

if TYPE_CHECKING:
    import zstandard

__all__ = ["deflate", "lz4_block", "lz4_padded", "lzma_alone", "lzo_block", "microlzma", "xz", "zlib_stream", "zstd"]

_MEMORY = 64 * 1024 * 1024
"""What the LZMA decoder may take; a dictionary of a block is never that large."""

_WINDOW = 8 * 1024 * 1024


def deflate(data: bytes, limit: int) -> bytes:
    """A raw deflate stream; what lies behind `limit` bytes is not decoded."""
    return _inflate(data, limit, -15)


def zlib_stream(data: bytes, limit: int) -> bytes:
    """A zlib stream; what lies behind `limit` bytes is not decoded."""
    return _inflate(data, limit, 15)


def _inflate(data: bytes, limit: int, window: int) -> bytes:
    try:
        return zlib.decompressobj(window).decompress(data, limit)
    except zlib.error as error:
        raise DamagedError(f"deflate: {error}") from None


def xz(data: bytes, limit: int) -> bytes:
    """An xz file; what lies behind `limit` bytes is not decoded."""
    return _lzma(data, limit, lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY))


def lzma_alone(data: bytes, limit: int) -> bytes:
    """An .lzma file (LZMA 1 with its 13-byte header)."""
    return _lzma(data, limit, lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY))


def microlzma(data: bytes, limit: int) -> bytes:
    """The MicroLZMA of XZ Utils: a raw LZMA 1 stream whose first byte, always zero, is the inverted properties."""
    properties = data[0] ^ 0xFF if data else 0
    literal, rest = properties % 9, properties // 9
    position, bits = rest % 5, rest // 5
    if not data or bits > 4 or literal + position > 4:
        raise DamagedError(f"MicroLZMA properties {properties:#x}")
    options = {"id": lzma.FILTER_LZMA1, "lc": literal, "lp": position, "pb": bits, "dict_size": max(4096, limit)}
    return _lzma(b"\0" + data[1:], limit, lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[options]))


def _lzma(data: bytes, limit: int, decoder: lzma.LZMADecompressor) -> bytes:
    parts: list[bytes] = []
    left = limit
    try:
        while left and not decoder.eof:
            part = decoder.decompress(data, left)
            if not part and (not data or decoder.needs_input):
                break
            parts.append(part)
            left -= len(part)
            data = b""
    except (lzma.LZMAError, ValueError, EOFError) as error:
        raise DamagedError(f"LZMA: {error}") from None
    return b"".join(parts)


def lz4_block(data: bytes, limit: int) -> bytes:
    """An LZ4 block that fills `data`."""
    try:
        return lz4.decode_block(data, limit)
    except ParseError as error:
        raise DamagedError(f"LZ4: {error}") from None


def lz4_padded(data: bytes, length: int) -> bytes:
    """An LZ4 block behind zeros, exactly `length` bytes of its content."""
    try:
        return lz4.decode_padded(data, length)
    except ParseError as error:
        raise DamagedError(f"LZ4: {error}") from None


def lzo_block(data: bytes, limit: int) -> bytes:
    """An LZO1X stream that fills `data`."""
    try:
        return lzo.decode_block(data, limit)
    except ParseError as error:
        raise DamagedError(f"LZO: {error}") from None


@cache
def _zstd_decoder() -> zstandard.ZstdDecompressor:
    try:
        import zstandard
    except ImportError:
        raise NotCollectedError("unsupported: zstd") from None
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW)


def zstd(data: bytes, limit: int) -> bytes:
    """One zstd frame; what lies behind `limit` bytes is not decoded."""
    decoder = _zstd_decoder()
    import zstandard

    try:
        return decoder.stream_reader(data).read(limit)
    except zstandard.ZstdError as error:
        raise DamagedError(f"zstd: {error}") from None
