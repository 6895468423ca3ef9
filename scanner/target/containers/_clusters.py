"""A disk in pieces of one size that lie anywhere in a file, as all sparse disk formats have it."""

from __future__ import annotations

import sys
from abc import abstractmethod
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Literal

from scanner.model.errors import DamagedError, LimitError
from scanner.target import limits
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice

__all__ = ["MAX_CHECKED", "MAX_TABLE", "ClusteredDevice", "Remembered", "numbers"]

MAX_TABLE = 32 * 1024 * 1024
"""Bytes of the table that says where the pieces are; some 8 TiB in the usual sizes."""

MAX_CHECKED = 32 * 1024 * 1024
"""Bytes of lower tables that are looked at beforehand, to say how much of the disk the file does not hold."""


class ClusteredDevice(BlockDevice):
    """The disk inside `file`. A format sets `size` and `cluster` (bytes, a power of two) and finds one piece.

    `notes` may grow until the disk is handed out.
    """

    cluster: int

    def __init__(self, file: BlockDevice) -> None:
        self.name = file.name
        self.size = 0
        self.notes: list[str] = []
        self.file = CachedDevice.over(file)

    @abstractmethod
    def piece(self, number: int, inside: int, length: int) -> bytes:
        """Exactly `length` bytes from offset `inside` of piece `number`; they do not reach into the next piece."""

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        length = min(length, self.size - offset)
        if length > limits.MAX_DEVICE_READ:
            raise LimitError(f"{self.name}: read of {length} bytes at offset {offset}")
        parts = []
        while length > 0:
            number, inside = divmod(offset, self.cluster)
            step = min(length, self.cluster - inside)
            parts.append(self.piece(number, inside, step))
            offset, length = offset + step, length - step
        return b"".join(parts)

    def count_lost(self, ends: Iterable[int]) -> None:
        """Note how many pieces, which end at these offsets of the file, do not lie in it whole."""
        lost = sum(end > self.file.size for end in ends)
        if lost:
            self.damaged = True
            self.notes.append(f"the file ends after {self.file.size} bytes: {lost} pieces of the disk are cut off")

    def table(self, offset: int, length: int, what: str) -> bytes:
        """`length` bytes at `offset` of the file, a table named `what` that has to lie in it. Raises DamagedError."""
        if length > MAX_TABLE or offset + length > self.file.size:
            raise DamagedError(f"{self.name}: the {what} ({length} bytes at offset {offset}) does not lie in the file")
        return self.file.exact(offset, length)


def numbers(raw: bytes, code: Literal["I", "Q"], order: Literal["big", "little"]) -> array[int]:
    """The table `raw` of 4 byte (I) or 8 byte (Q) numbers."""
    found = array(code, raw)
    if sys.byteorder != order:
        found.byteswap()
    return found


class Remembered:
    """The last used results of reading or unpacking, at most `room` of them."""

    def __init__(self, room: int) -> None:
        self._room = max(1, room)
        self._known: OrderedDict[int, bytes] = OrderedDict()

    def get(self, key: int, make: Callable[[int], bytes]) -> bytes:
        """What `make` gave for `key`."""
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        known = self._known[key] = make(key)
        if len(self._known) > self._room:
            self._known.popitem(last=False)
        return known
