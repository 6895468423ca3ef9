"""Compressed images (gzip, xz, zstd, bzip2): unpacked once, sparsely, into an unnamed temporary file.

A compressed stream cannot be read at an offset. Unpacking goes in bounded pieces, the whole is bounded by `MAX_IMAGE`
and by a ratio, so that a bomb ends as a LimitError; runs of zeros take no space.
"""

from __future__ import annotations

import bz2
import io
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator

from scanner.model.errors import DamagedError, LimitError, NotCollectedError
from scanner.target import limits
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice
from scanner.target.containers._zstd_frames import flaw
from scanner.target.containers.base import Container
from scanner.target.descriptors import refusal

__all__ = ["CONTAINERS", "Unpacked"]

_PIECE = 1 << 20
"""Unpacked bytes that are asked for at once."""

_ZEROS = bytes(_PIECE)

_READ = 1 << 16
_LONGEST_MAGIC = 6
_GZIP = b"\x1f\x8b\x08"
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


class Unpacked(BlockDevice):
    """The unpacked bytes in a file that has no name and goes with the process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.size = 0
        self.notes: list[str] = []
        self._descriptor, path = tempfile.mkstemp(prefix="assay-")
        os.unlink(path)  # noqa: PTH108 - mkstemp gives text

    def __del__(self) -> None:
        os.close(self._descriptor)

    def add(self, data: bytes, packed: int) -> None:
        """Append bytes, `packed` bytes having been read so far; zeros become a hole."""
        at, self.size = self.size, self.size + len(data)
        if self.size > limits.MAX_IMAGE:
            raise LimitError(f"{self.name} unpacks to more than {limits.MAX_IMAGE} bytes")
        if self.size > limits.FREE_UNPACKED + packed * limits.MAX_RATIO:
            raise LimitError(
                f"{self.name} unpacks to more than {limits.FREE_UNPACKED} bytes and {limits.MAX_RATIO} times its size",
                hint="unpack it first, when it is known to be good",
            )
        try:
            if data != _ZEROS[: len(data)]:
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
    while data := stream.read1(_PIECE):  # `read` would keep back what came out before the damage
        yield data


def _gzip(packed: io.BufferedReader, _: BlockDevice) -> Iterator[bytes]:
    """As gzip.GzipFile, in half its time: zlib compares the checksums."""
    data = packed.read(_READ)
    while data:
        if not data.startswith(_GZIP):
            raise EOFError("followed by something else")
        machine = zlib.decompressobj(wbits=31)
        while not machine.eof:
            data = data or packed.read(_READ)
            out = machine.decompress(data, _PIECE)
            if not data and not out and not machine.eof:
                raise EOFError("cut off")
            yield out
            data = machine.unconsumed_tail
        data = _padded(machine.unused_data, packed)


def _bzip2(packed: io.BufferedReader, _: BlockDevice) -> Iterator[bytes]:
    return _pieces(bz2.BZ2File(packed))


def _xz(packed: io.BufferedReader, _: BlockDevice) -> Iterator[bytes]:
    """As lzma.LZMAFile, but with a limit on the memory that a header may ask for."""
    data = packed.read(_READ)
    while data:
        machine = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        while not machine.eof:
            if machine.needs_input and not data and not (data := packed.read(_READ)):
                raise EOFError("cut off")
            yield machine.decompress(data, _PIECE)
            data = b""
        data = _padded(machine.unused_data, packed)


def _padded(data: bytes, packed: io.BufferedReader) -> bytes:
    """What follows the end of a stream, zeros left out; empty at the end of the file."""
    while not (rest := data.lstrip(b"\0")) and (data := packed.read(_READ)):
        pass
    return rest + packed.read(_READ) if 0 < len(rest) < _LONGEST_MAGIC else rest


def _zstd(packed: io.BufferedReader, device: BlockDevice) -> Iterator[bytes]:
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
    wrong = flaw(CachedDevice.over(device))
    if wrong:
        raise EOFError(wrong)


def _is_zstd(head: bytes) -> bool:
    """A frame, or one to be skipped: parallel compressors put the length of the next one before it."""
    return head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50)


_Unpack = Callable[[io.BufferedReader, BlockDevice], Iterator[bytes]]


def _opener(unpack: _Unpack) -> Callable[[BlockDevice], tuple[BlockDevice]]:
    def open_packed(device: BlockDevice) -> tuple[BlockDevice]:
        source = _Packed(device)
        out = Unpacked(device.name)
        try:
            for data in unpack(io.BufferedReader(source), device):
                out.add(data, source.at)
        except (zlib.error, lzma.LZMAError, EOFError, ValueError, OSError) as error:
            where = f"near offset {source.at} of {device.size}"
            if out.size == 0 or not isinstance(error, EOFError):
                # Damage shows later than it is, at the latest in the checksum at the end: what came out may be wrong
                # in any place.
                raise DamagedError(f"{device.name}: damaged {where}: {error}") from None
            # What came out of a stream that is only cut off is a shorter disk: what lies in it can still be read.
            out.damaged = True
            out.notes.append(f"cut off {where} ({error}): what follows after {out.size} bytes is lost")
        return (out,)

    return open_packed


CONTAINERS = (
    Container("gzip", lambda head: head.startswith(_GZIP), _opener(_gzip)),
    Container("xz", lambda head: head.startswith(b"\xfd7zXZ\0"), _opener(_xz)),
    Container("bzip2", lambda head: head.startswith(b"BZh"), _opener(_bzip2)),
    Container("zstd", _is_zstd, _opener(_zstd)),
)
