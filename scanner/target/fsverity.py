"""fs-verity: the digest that the kernel measures of a file, computed from its content.

Source: kernel Documentation/filesystems/fsverity.rst, "File digest computation" and "Merkle tree".
"""

from __future__ import annotations

import hashlib
import struct

from scanner.model.errors import DamagedError
from scanner.target.base import FileTree

__all__ = ["ALGORITHMS", "file_digest"]

ALGORITHMS = {1: "sha256", 2: "sha512"}
"""Names of the hash algorithms by their number."""

_DESCRIPTOR = struct.Struct("<BBBBIQ64s32s144x")
_BLOCK = 4096
_PIECE = 256 * _BLOCK


def file_digest(tree: FileTree, path: str, algorithm: int = 1) -> bytes:
    """The digest of the regular file at canonical `path`, for blocks of 4096 bytes and no salt.

    Reads the whole file. Raises DamagedError for an unknown algorithm, or where the file ends before its size.
    """
    name = ALGORITHMS.get(algorithm)
    if name is None:
        raise DamagedError(f"fs-verity algorithm {algorithm}")
    size = tree.lstat(path).size
    merkle = _Merkle(name)
    at = 0
    while at < size:
        piece = tree.pread(path, at, min(_PIECE, size - at))
        while len(piece) % _BLOCK and at + len(piece) < size:
            more = tree.pread(path, at + len(piece), min(_PIECE, size - at - len(piece)))
            if not more:
                break
            piece += more
        if not piece:
            raise DamagedError(f"{path}: ends after {at} of {size} bytes")
        for start in range(0, len(piece), _BLOCK):
            merkle.add(piece[start : start + _BLOCK])
        at += len(piece)
    root = merkle.root() if size else b""
    descriptor = _DESCRIPTOR.pack(1, algorithm, _BLOCK.bit_length() - 1, 0, 0, size, root, b"")
    return hashlib.new(name, descriptor).digest()


class _Merkle:
    """A hash tree built from the bottom, holding one unfinished block of each level."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._levels: list[bytearray] = []

    def add(self, block: bytes, level: int = 0) -> None:
        """The next block of a level (0: of the data), padded with zeros to its full size."""
        if level == len(self._levels):
            self._levels.append(bytearray())
        waiting = self._levels[level]
        if len(waiting) == _BLOCK:
            full = bytes(waiting)
            waiting.clear()
            self.add(full, level + 1)
        waiting += hashlib.new(self._algorithm, block.ljust(_BLOCK, b"\0")).digest()

    def root(self) -> bytes:
        """The digest of the top block; that of the only data block when there is one."""
        size = hashlib.new(self._algorithm).digest_size
        level = 0
        while level + 1 < len(self._levels) or len(self._levels[level]) > size:
            rest = bytes(self._levels[level])
            self._levels[level].clear()
            self.add(rest, level + 1)
            level += 1
        return bytes(self._levels[level])
