"""A device whose sectors are decrypted as they are read. Source: Linux, dm-crypt."""

from __future__ import annotations

from scanner.boot.sector_cipher import SECTOR, Decrypt
from scanner.model.errors import DamagedError
from scanner.target.base import BlockDevice

__all__ = ["CryptDevice"]

_STEP = 1024 * 1024
"""Bytes decrypted at a time: a long read does not hold its cipher text beside its plain text."""


class CryptDevice(BlockDevice):
    """The plain text of `size` bytes of `device` from `offset`, in sectors of `sector` bytes.

    `tweak`: number of the first 512 bytes, as the initial vectors count. What of a sector is missing takes all of the
    sector with it.
    """

    mapped = "crypt"

    def __init__(
        self, device: BlockDevice, name: str, *, offset: int, size: int, sector: int, tweak: int, decrypt: Decrypt
    ) -> None:
        if offset < 0 or size < 0 or offset + size > device.size:
            raise DamagedError(f"{name} does not lie on {device.name}")
        self.name = name
        self.size = size // sector * sector
        self._device = device
        self._offset = offset
        self._sector = sector
        self._tweak = tweak
        self._decrypt = decrypt

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        end = min(offset + length, self.size)
        if end <= offset:
            return b""
        start = offset // self._sector * self._sector
        stop = -(-end // self._sector) * self._sector
        parts = []
        for place in range(start, stop, _STEP):
            wanted = min(_STEP, stop - place)
            data = self._device.pread(self._offset + place, wanted)
            whole = len(data) // self._sector * self._sector
            parts.append(self._decrypt(data[:whole], self._tweak + place // SECTOR, self._sector))
            if whole < wanted:
                break
        return b"".join(parts)[offset - start : end - start]
