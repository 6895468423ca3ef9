"""Reading open file descriptors within a limit, and saying in our words what the operating system refused."""

from __future__ import annotations

import errno
import os

from scanner.model.errors import DamagedError, DeniedError, LimitError, MissingError, TargetError

__all__ = ["drain", "refusal"]

_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.ENODEV, errno.ENOMEDIUM)


def refusal(error: OSError, path: str) -> TargetError:
    """The error of ours that `error` means for `path`."""
    if error.errno in _MISSING:
        return MissingError(f"{path} does not exist")
    if error.errno in (errno.EACCES, errno.EPERM):
        return DeniedError(f"permission denied: {path}")
    if error.errno == errno.ELOOP:
        return DamagedError(f"{path} became a link while it was read")
    if error.errno == errno.ENAMETOOLONG:
        return MissingError(f"{path[:200]} is too long a name")
    return DamagedError(f"{path}: {error.strerror or error}")


def drain(descriptor: int, limit: int, path: str) -> bytes:
    """Everything that `descriptor` still holds, and close it. Raises LimitError past `limit` bytes."""
    chunks: list[bytes] = []
    got = 0
    try:
        while got <= limit:
            chunk = os.read(descriptor, min(limit + 1 - got, 1 << 20))
            if not chunk:
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.append(chunk)
            got += len(chunk)
    except OSError as error:
        raise refusal(error, path) from None
    finally:
        os.close(descriptor)
    raise LimitError(f"{path} is longer than {limit} bytes")
