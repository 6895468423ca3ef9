"""SBAT metadata of an EFI program: its components and their generations, by which shim revokes old ones.

Source: rhboot/shim, SBAT.md ("Format of SBAT metadata") and sbat.c: lines of comma separated values without quoting.
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["MAX_BYTES", "Component", "parse"]

MAX_BYTES = 1 << 16
"""Bytes of a `.sbat` section that is read; real ones have a few hundred, padded to a page."""

_MAX_COMPONENTS = 512


@dataclass(frozen=True, slots=True)
class Component:
    """One line. What a short line leaves out is None."""

    name: str
    generation: int
    vendor: str | None
    package: str | None
    version: str | None
    url: str | None


def parse(data: bytes) -> tuple[Component, ...]:
    """The components in order, the line about SBAT itself too. Raises ParseError with the line."""
    if len(data) > MAX_BYTES:
        raise ParseError(f"{len(data)} bytes of SBAT metadata", offset=MAX_BYTES)
    text = data.removeprefix(b"\xef\xbb\xbf").partition(b"\0")[0].decode("utf-8", "surrogateescape")
    found: list[Component] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if len(found) == _MAX_COMPONENTS:
            raise ParseError(f"more than {_MAX_COMPONENTS} components", line=number)
        name, generation, *rest = [*line.split(","), ""]
        if not name or not generation.isascii() or not generation.isdigit() or len(generation) > 9:
            raise ParseError("expected a component and its generation", line=number)
        vendor, package, version, url = ([word or None for word in rest[:-1]] + [None] * 4)[:4]
        found.append(Component(name, int(generation), vendor, package, version, url))
    return tuple(found)
