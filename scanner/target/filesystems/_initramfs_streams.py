"""Compressed parts of an initramfs, unpacked one after another: each says where in the file it ends.

Unpacking goes in bounded pieces into a temporary file; whatever comes out before damage is kept.

Sources: kernel lib/decompress.c (which magic means what), lib/decompress_unlz4.c, lib/decompress_unlzo.c; lzop's
conf.h for the flags of its header.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from scanner.model.errors import DamagedError, LimitError, NotCollectedError, ParseError
from scanner.parsers import lz4, lzo
from scanner.target.base import BlockDevice
from scanner.target.containers.compressed import Unpacked

__all__ = ["MAX_UNPACKED", "begins_with_archive", "compression_of", "unpack"]

MAX_UNPACKED = 4 << 30
"""Bytes that an initramfs may unpack to: it has to fit into the memory of the machine."""

_PIECE = 1 << 20
_INPUT = 1 << 16
_ZSTD_INPUT = 1 << 10
"""The zstd decoder takes no limit for its output: so few bytes cannot become more than 32 MiB."""

_ZSTD_WINDOW = 128 << 20
_XZ_MEMORY = 256 << 20
_LZ4_BLOCK = 8 << 20
_LZ4_MAGIC = 0x184C2102
_LZ4_WORST = _LZ4_BLOCK + _LZ4_BLOCK // 255 + 16
_LZO_BLOCK = 64 << 20

_MAGICS = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"\x5d\0\0", "lzma"),
    (b"\x89LZO\0\r\n\x1a\n", "lzo"),
)

_Pieces = Iterator[tuple[bytes, int]]
"""Unpacked bytes, and how far the file was read for them; the last one tells where the part ends."""


def compression_of(head: bytes) -> str | None:
    """The word for what begins here, None when it is nothing that a kernel unpacks."""
    return next((kind for magic, kind in _MAGICS if head.startswith(magic)), None)


def unpack(kind: str, device: BlockDevice, offset: int, out: Unpacked) -> int:
    """Append what the part at `offset` holds to `out`; where in the file the part ends.

    Raises DamagedError, LimitError or NotCollectedError; what was unpacked until then is in `out`.
    """
    end = offset
    try:
        for data, end in _READERS[kind](device, offset):
            for start in range(0, len(data), _PIECE):
                out.add(data[start : start + _PIECE], end)
            if out.size > MAX_UNPACKED:
                raise LimitError(f"{device.name} unpacks to more than {MAX_UNPACKED} bytes")
    except (zlib.error, lzma.LZMAError, ParseError, ValueError, OSError, EOFError) as error:
        raise DamagedError(f"{device.name}: the {kind} data at offset {offset}: {error}") from None
    return end


class _Decoder(Protocol):
    """What bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def _decoded(make: Callable[[], _Decoder]) -> Callable[[BlockDevice, int], _Pieces]:
    def pieces(device: BlockDevice, place: int) -> _Pieces:
        decoder = make()
        while not decoder.eof:
            data = _input(device, place, _INPUT) if decoder.needs_input else b""
            place += len(data)
            yield decoder.decompress(data, _PIECE), place
        yield b"", place - len(decoder.unused_data)

    return pieces


def _gzip(device: BlockDevice, place: int) -> _Pieces:
    decoder = zlib.decompressobj(31)
    while not decoder.eof:
        data = decoder.unconsumed_tail
        if not data:
            data = _input(device, place, _INPUT)
            place += len(data)
        yield decoder.decompress(data, _PIECE), place
    yield b"", place - len(decoder.unused_data)


def _zstd(device: BlockDevice, place: int) -> _Pieces:
    try:
        import zstandard
    except ImportError:
        raise NotCollectedError("unsupported: zstd (the package zstandard is not installed)") from None
    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    try:
        while not decoder.eof:
            data = _input(device, place, _ZSTD_INPUT)
            place += len(data)
            yield decoder.decompress(data), place
    except zstandard.ZstdError as error:
        raise DamagedError(f"{device.name}: zstd data before offset {place}: {error}") from None
    yield b"", place - len(decoder.unused_data)


def _input(device: BlockDevice, place: int, length: int) -> bytes:
    data = device.pread(place, length)
    if not data:
        raise EOFError("cut off")
    return data


def _lz4(device: BlockDevice, place: int) -> _Pieces:
    """The legacy frame: blocks of 8 MiB, each behind its packed size; nothing says which is the last."""
    place += 4
    while True:
        raw = device.pread(place, 4)
        (size,) = struct.unpack("<I", raw) if len(raw) == 4 else (0,)
        if size == 0:
            yield b"", place
            return
        place += 4
        if size == _LZ4_MAGIC:  # another frame right behind this one
            continue
        if size > _LZ4_WORST:
            raise ParseError(f"an LZ4 block of {size} bytes", offset=place - 4)
        yield lz4.decode_block(_exact(device, place, size), _LZ4_BLOCK), place + size
        place += size


def _lzo(device: BlockDevice, place: int) -> _Pieces:
    """What lzop writes: a header, then blocks with both sizes and checksums (not looked at) until one of size 0."""
    place, sums, packed_sums = _lzo_header(device, place + 9)
    while True:
        (size,) = struct.unpack(">I", _exact(device, place, 4))
        place += 4
        if size == 0:
            yield b"", place
            return
        (packed,) = struct.unpack(">I", _exact(device, place, 4))
        if not 0 < packed <= size <= _LZO_BLOCK:
            raise ParseError(f"an LZO block of {packed} bytes for {size}", offset=place)
        place += 4 + 4 * (sums + (packed_sums if packed < size else 0))
        data = _exact(device, place, packed)
        place += packed
        yield data if packed == size else lzo.decode_block(data, size), place


def _lzo_header(device: BlockDevice, place: int) -> tuple[int, int, int]:
    """Where the first block begins; checksums before each block: of its content, and of its packed form."""
    (version,) = struct.unpack(">H", _exact(device, place, 2))
    new = version >= 0x940
    place += 7 if new else 5  # version, library version, version needed; method, level
    place += 1 if new else 0
    (flags,) = struct.unpack(">I", _exact(device, place, 4))
    place += 4 + (4 if flags & 0x800 else 0)  # a filter
    place += 12 if new else 8  # mode, time
    place += 1 + _exact(device, place, 1)[0] + 4  # name, checksum of the header
    if flags & 0x40:  # an extra field
        (extra,) = struct.unpack(">I", _exact(device, place, 4))
        place += 4 + extra + 4
    return place, bool(flags & 0x1) + bool(flags & 0x100), bool(flags & 0x2) + bool(flags & 0x200)


def _exact(device: BlockDevice, place: int, length: int) -> bytes:
    data = device.pread(place, length)
    if len(data) != length:
        raise EOFError("cut off")
    return data


_READERS: dict[str, Callable[[BlockDevice, int], _Pieces]] = {
    "gzip": _gzip,
    "bzip2": _decoded(bz2.BZ2Decompressor),
    "xz": _decoded(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)),
    "lzma": _decoded(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_XZ_MEMORY)),
    "zstd": _zstd,
    "lz4": _lz4,
    "lzo": _lzo,
}


def begins_with_archive(head: bytes) -> bool:
    """Whether `head` is the start of compressed data whose content begins as a cpio archive.

    Of LZO the magic alone must do: its blocks cannot be unpacked in part.
    """
    kind = compression_of(head)
    if kind is None:
        return False
    try:
        return kind == "lzo" or _first_bytes(kind, head) in (b"070701", b"070702")
    except (zlib.error, lzma.LZMAError, ParseError, ValueError, OSError, EOFError):
        return False


def _first_bytes(kind: str, head: bytes) -> bytes:
    if kind == "gzip":
        return zlib.decompressobj(31).decompress(head, 6)
    if kind == "bzip2":
        return bz2.BZ2Decompressor().decompress(head, 6)
    if kind == "lz4":
        return lz4.decode_block(head[8:], 6, partial=True)
    if kind == "zstd":
        return _first_of_zstd(head)
    form = lzma.FORMAT_XZ if kind == "xz" else lzma.FORMAT_ALONE
    return lzma.LZMADecompressor(form, memlimit=_XZ_MEMORY).decompress(head, 6)


def _first_of_zstd(head: bytes) -> bytes:
    try:
        import zstandard
    except ImportError:
        return b""
    try:
        return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(head).read(6)
    except zstandard.ZstdError:
        return b""
