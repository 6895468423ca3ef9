"""What a signature is made over: bytes that may be too many to hold, and their digests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from scanner.model.errors import DamagedError, LimitError
from scanner.target.base import BlockDevice

__all__ = ["DIGEST", "STRONG", "Artifact", "artifact_of", "artifact_on"]

STRONG = ("sha256", "sha384", "sha512")
"""Digest algorithms that bind an artifact. Whatever else a document names (sha1, md5, gitCommit …) binds nothing."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
"""A digest of an OCI descriptor that is understood here. Source: opencontainers/image-spec `descriptor.md`."""

_CHUNK = 1 << 20
_MAX_HELD = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Artifact:
    """`digests`: algorithm of STRONG to hexadecimal text; `read`: all the bytes (raises LimitError beyond 128 MiB)."""

    digests: dict[str, str]
    read: Callable[[], bytes] = field(compare=False)

    @property
    def sha256(self) -> str:
        """`sha256:` and the digest."""
        return f"sha256:{self.digests['sha256']}"


def artifact_of(data: bytes) -> Artifact:
    """The artifact that consists of these bytes."""
    return Artifact({name: hashlib.new(name, data).hexdigest() for name in STRONG}, lambda: data)


def artifact_on(device: BlockDevice) -> Artifact:
    """The artifact that a device holds from end to end, read once for its digests."""
    totals = {name: hashlib.new(name) for name in STRONG}
    at = 0
    while at < device.size:
        data = device.pread(at, _CHUNK)
        if not data:
            raise DamagedError(f"{device.name}: the file became shorter while it was read")
        for total in totals.values():
            total.update(data)
        at += len(data)

    def read() -> bytes:
        if device.size > _MAX_HELD:
            raise LimitError(f"{device.name}: more than {_MAX_HELD} bytes, and this kind of key signs no digest")
        data = device.pread(0, device.size)
        if hashlib.sha256(data).digest() != totals["sha256"].digest():
            raise DamagedError(f"{device.name}: the file changed while it was read")
        return data

    return Artifact({name: total.hexdigest() for name, total in totals.items()}, read)
