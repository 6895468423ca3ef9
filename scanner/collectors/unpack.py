"""Unpacking one compressed file within a budget: what is bigger than it should be is an error, not memory."""

from __future__ import annotations

import zlib
from importlib import import_module

from scanner.model.errors import LimitError, NotCollectedError, ParseError

__all__ = ["gunzip", "unpack"]

_GZIP = b"\x1f\x8b"
_XZ = b"\xfd7zXZ\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"
_XZ_MEMORY = 256 << 20


def unpack(data: bytes, limit: int) -> bytes:
    """`data` unpacked if it is gzip, xz or zstd, by its first bytes; else as it is.

    Raises LimitError beyond `limit` bytes, ParseError for a damaged stream, NotCollectedError for zstd where no
    reader for it is installed.
    """
    if data.startswith(_GZIP):
        return gunzip(data, limit)
    if data.startswith(_XZ):
        return _unxz(data, limit)
    if data.startswith(_ZSTD):
        return _unzstd(data, limit)
    return data


def gunzip(data: bytes, limit: int) -> bytes:
    """One gzip stream. Raises LimitError and ParseError."""
    stream = zlib.decompressobj(wbits=31)
    try:
        out = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise ParseError(f"damaged gzip data: {error}") from None
    if len(out) > limit:
        raise LimitError(f"unpacks to more than {limit} bytes")
    if not stream.eof:
        raise ParseError("gzip data that ends too early")
    return out


def _unxz(data: bytes, limit: int) -> bytes:
    import lzma

    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    try:
        out = stream.decompress(data, limit + 1)
    except lzma.LZMAError as error:
        raise ParseError(f"damaged xz data: {error}") from None
    if len(out) > limit:
        raise LimitError(f"unpacks to more than {limit} bytes")
    if not stream.eof:
        raise ParseError("xz data that ends too early")
    return out


def _unzstd(data: bytes, limit: int) -> bytes:
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        raise NotCollectedError("unsupported: zstd, and no reader for it is installed") from None
    try:
        with zstandard.ZstdDecompressor(max_window_size=_XZ_MEMORY).stream_reader(data) as reader:
            out: bytes = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise ParseError(f"damaged zstd data: {error}") from None
    if len(out) > limit:
        raise LimitError(f"unpacks to more than {limit} bytes")
    return out
