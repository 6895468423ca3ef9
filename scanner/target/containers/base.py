"""The contract of a disk container: bytes that hold the bytes of a disk."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache

import scanner.target.containers as package
from scanner.model.errors import TargetError
from scanner.model.records import dataclass
from scanner.target.base import BlockDevice

__all__ = ["HEAD", "TAIL", "Container", "container_of", "containers"]

HEAD = 64 * 1024
"""Bytes of the start that `probe` sees."""

TAIL = 512
"""Bytes of the end that `probe_end` sees."""


@dataclass(frozen=True, slots=True)
class Container:
    """`probe` says whether the head is of this kind; `open` gives the disk inside, or the named devices inside.

    `open` raises DamagedError for nonsense, NotCollectedError("unsupported: …") for what cannot be read. What is lost
    or odd though the disk can be read stands in `notes` and `damaged` of the device.

    `probe_end` is for a container whose start is the plain disk: it says whether the last bytes are of this kind.
    """

    kind: str
    probe: Callable[[bytes], bool]
    open: Callable[[BlockDevice], Sequence[BlockDevice]]
    probe_end: Callable[[bytes], bool] | None = None


@cache
def containers() -> tuple[Container, ...]:
    """Every container."""
    found: list[Container] = []
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        found.extend(getattr(module, "CONTAINERS", ()))
    return tuple(found)


def container_of(device: BlockDevice) -> Container | None:
    """The container that `device` is, None when it is none. Raises TargetError when it cannot be read."""
    head = device.pread(0, HEAD)
    found = next((one for one in containers() if one.probe(head)), None)
    if found is not None or device.size < TAIL:
        return found
    try:
        tail = device.pread(device.size - TAIL, TAIL)
    except TargetError:  # an end that was cut off says nothing
        return None
    return next((one for one in containers() if one.probe_end is not None and one.probe_end(tail)), None)
