"""The contract of a disk container: bytes that hold the bytes of a disk."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import scanner.target.containers as package
from scanner.target.base import BlockDevice

__all__ = ["HEAD", "Container", "containers"]

HEAD = 64 * 1024
"""Bytes of the start that `probe` sees."""


@dataclass(frozen=True, slots=True)
class Container:
    """`probe` says whether the head is of this kind; `open` gives the disk inside, or the named devices inside.

    `open` raises DamagedError for nonsense, NotCollectedError("unsupported: …") for what cannot be read.
    """

    kind: str
    probe: Callable[[bytes], bool]
    open: Callable[[BlockDevice], Sequence[BlockDevice]]


@cache
def containers() -> tuple[Container, ...]:
    """Every container."""
    found: list[Container] = []
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        found.extend(getattr(module, "CONTAINERS", ()))
    return tuple(found)
