"""Compressed images (gzip, xz, zstd, bzip2): unpacked once, sparsely, into an unnamed temporary file.

A compressed stream cannot be read at an offset. Unpacking goes in bounded pieces, the whole is bounded by `MAX_IMAGE`
and by a ratio, so that a bomb ends as a LimitError; runs of zeros take no space.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator

from scanner.model.errors import DamagedError, LimitError, NotCollectedError
from scanner.target import limits
from scanner.target.base import BlockDevice
from scanner.target.containers.base import Container
from scanner.target.descriptors import refusal

__all__ = ["CONTAINERS"]

_PIECE = 1 << 20
"""Unpacked bytes that are asked for at once."""

_XZ_MEMORY = 256 * 1024 * 1024
_ZSTD_WINDOW = 128 * 1024 * 1024


class _Packed(io.RawIOBase):
    """The packed bytes as a stream."""

    def __init__(self, device: BlockDevice) -> None:
        self._device = device
        self.at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader hands over
        data = self._device.pread(self.at, len(buffer))
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)


class _Unpacked(BlockDevice):
    """The unpacked bytes in a file that has no name and goes with the process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.size = 0
        self._descriptor, path = tempfile.mkstemp(prefix="assay-")
        os.unlink(path)  # noqa: PTH108 - mkstemp gives text

    def __del__(self) -> None:
        os.close(self._descriptor)

    def add(self, data: bytes, packed: int) -> None:
        """Append bytes, `packed` bytes having been read so far; zeros become a hole."""
        at, self.size = self.size, self.size + len(data)
        if self.size > limits.MAX_IMAGE:
            raise LimitError(f"{self.name} unpacks to more than {limits.MAX_IMAGE} bytes")
        if self.size > (1 << 30) and self.size > packed * limits.MAX_RATIO:
            raise LimitError(f"{self.name} unpacks to more than {limits.MAX_RATIO} times its size")
        try:
            if any(data):
                os.pwrite(self._descriptor, data, at)
            os.ftruncate(self._descriptor, self.size)
        except OSError as error:
            raise refusal(error, f"temporary file for {self.name}") from None

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        return os.pread(self._descriptor, min(length, max(0, self.size - offset)), offset)


def _pieces(stream: io.BufferedIOBase) -> Iterator[bytes]:
    while data := stream.read(_PIECE):
        yield data


def _gzip(packed: io.BufferedReader) -> Iterator[bytes]:
    return _pieces(gzip.GzipFile(fileobj=packed))


def _bzip2(packed: io.BufferedReader) -> Iterator[bytes]:
    return _pieces(bz2.BZ2File(packed))


def _xz(packed: io.BufferedReader) -> Iterator[bytes]:
    """As lzma.LZMAFile, but with a limit on the memory that a header may ask for."""
    machine = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
    while True:
        data = packed.read(1 << 16) if machine.needs_input else b""
        if machine.needs_input and not data:
            raise EOFError("cut off")
        yield machine.decompress(data, _PIECE)
        if machine.eof:
            rest = machine.unused_data or packed.read(1 << 16)
            rest = rest.lstrip(b"\0")
            if not rest:
                return
            machine = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            yield machine.decompress(rest, _PIECE)


def _zstd(packed: io.BufferedReader) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise NotCollectedError("unsupported: zstd (the package zstandard is not installed)") from None
    machine = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    with machine.stream_reader(packed, read_across_frames=True, closefd=False) as reader:
        try:
            while data := reader.read(_PIECE):
                yield data
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None


def _opener(unpack: Callable[[io.BufferedReader], Iterator[bytes]]) -> Callable[[BlockDevice], tuple[BlockDevice]]:
    def open_packed(device: BlockDevice) -> tuple[BlockDevice]:
        source = _Packed(device)
        out = _Unpacked(device.name)
        try:
            for data in unpack(io.BufferedReader(source)):
                out.add(data, source.at)
        except (zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, ValueError, OSError) as error:
            # What came out before the damage is a shorter disk: what lies in it can still be read.
            if out.size == 0:
                raise DamagedError(f"{device.name}: near offset {source.at}: {error}") from None
        return (out,)

    return open_packed


CONTAINERS = (
    Container("gzip", lambda head: head.startswith(b"\x1f\x8b\x08"), _opener(_gzip)),
    Container("xz", lambda head: head.startswith(b"\xfd7zXZ\0"), _opener(_xz)),
    Container("bzip2", lambda head: head.startswith(b"BZh"), _opener(_bzip2)),
    Container("zstd", lambda head: head.startswith(b"\x28\xb5\x2f\xfd"), _opener(_zstd)),
)
