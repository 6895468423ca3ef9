"""A block device with a small memory: readers ask for inodes and directory blocks a few bytes at a time, each of which
would cost a system call (or a decompressed cluster) of its own.
"""

from __future__ import annotations

from collections import OrderedDict

from scanner.model.errors import DamagedError, LimitError, TargetError
from scanner.target import limits
from scanner.target.base import BlockDevice

__all__ = ["CHUNK", "CHUNKS", "CachedDevice"]

CHUNK = 64 * 1024
"""Bytes of one remembered piece; pieces start at multiples of it."""

CHUNKS = 128
"""Pieces remembered (8 MiB)."""

_BULK = 4 * CHUNK


class CachedDevice(BlockDevice):
    """The same bytes as `device`, the last used pieces kept. Never holds more than `chunks` pieces.

    A read longer than four pieces goes to the device as it is and is not remembered, so reading one big file does not
    push out the metadata. A piece that cannot be read whole is not remembered: the wanted bytes are asked for alone,
    so one bad sector does not hide its neighbours.
    """

    def __init__(self, device: BlockDevice, *, chunks: int = CHUNKS) -> None:
        self.name = device.name
        self.size = device.size
        self.mapped = device.mapped
        self.notes = device.notes
        self.damaged = device.damaged
        self._device = device
        self._room = max(1, chunks)
        self._chunks: OrderedDict[int, bytes] = OrderedDict()

    @classmethod
    def over(cls, device: BlockDevice) -> CachedDevice:
        """`device` itself when it remembers already, else a new memory in front of it."""
        return device if isinstance(device, cls) else cls(device)

    def pread(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer only where the device ends. See BlockDevice."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        if length > limits.MAX_DEVICE_READ:
            raise LimitError(f"{self.name}: read of {length} bytes at offset {offset}")
        index, start = divmod(offset, CHUNK)
        if start + length <= CHUNK:
            return self._piece(index, start, length)
        if length > _BULK:
            return self._drain(offset, length)
        parts: list[bytes] = []
        while length > 0:
            part = self._piece(index, start, min(length, CHUNK - start))
            parts.append(part)
            if len(part) < min(length, CHUNK - start):
                break
            length -= len(part)
            index, start = index + 1, 0
        return b"".join(parts)

    def exact(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`. Raises DamagedError when the device ends before."""
        data = self.pread(offset, length)
        if len(data) != length:
            raise DamagedError(
                f"{self.name}: {length} bytes wanted at offset {offset}, the device ends after {offset + len(data)}"
            )
        return data

    def _piece(self, index: int, start: int, length: int) -> bytes:
        chunk = self._chunks.get(index)
        if chunk is not None:
            self._chunks.move_to_end(index)
            return chunk[start : start + length]
        try:
            chunk = self._drain(index * CHUNK, min(CHUNK, self.size - index * CHUNK))
        except TargetError:
            return self._drain(index * CHUNK + start, length)
        self._chunks[index] = chunk
        if len(self._chunks) > self._room:
            self._chunks.popitem(last=False)
        return chunk[start : start + length]

    def _drain(self, offset: int, length: int) -> bytes:
        """All of it, though the device may hand it out in parts."""
        data = self._device.pread(offset, length)
        if len(data) == length or not data:
            return data
        parts = [data]
        got = len(data)
        while got < length:
            data = self._device.pread(offset + got, length - got)
            if not data:
                break
            parts.append(data)
            got += len(data)
        return b"".join(parts)
