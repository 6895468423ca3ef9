"""The list of crates that `cargo auditable` puts into a Rust program: section `.dep-v0`, JSON compressed by zlib.

Source: rust-secure-code/cargo-auditable, PARSING.md and cargo-auditable.schema.json.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["MOST_JSON", "SECTION", "Crate", "parse", "unpack"]

SECTION = ".dep-v0"
MOST_JSON = 2 * 1024 * 1024
"""Bytes of unpacked JSON: a program of a thousand crates has a tenth of it."""
_MOST_CRATES = 50_000


@dataclass(frozen=True, slots=True)
class Crate:
    """One crate. `source`: crates.io, git, local, registry, or another word; `kind`: runtime, or build for what only
    took part in building; `needs`: places of others in the list; `is_root`: the crate that the program is of."""

    name: str
    version: str
    source: str
    kind: str = "runtime"
    needs: tuple[int, ...] = ()
    is_root: bool = False


def unpack(data: bytes) -> bytes:
    """The JSON in the section. Raises ParseError."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, MOST_JSON)
    except zlib.error as error:
        raise ParseError("audit data that is not compressed by zlib") from error
    if not unpacker.eof:
        raise ParseError("audit data that is cut off" if len(text) < MOST_JSON else f"more audit data than {MOST_JSON}")
    return text


def parse(text: bytes) -> list[Crate]:
    """The crates in the order of the list. Raises ParseError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError("audit data that is no JSON") from error
    listed = document.get("packages") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MOST_CRATES:
        raise ParseError("audit data without a list of packages")
    return [_crate(one, len(listed)) for one in listed]


def _crate(one: Any, count: int) -> Crate:
    name, version, source = (one.get(key) if isinstance(one, dict) else None for key in ("name", "version", "source"))
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        raise ParseError("audit data with a package without name or version")
    kind, needs = one.get("kind", "runtime"), one.get("dependencies", [])
    places = needs if isinstance(needs, list) else []
    return Crate(
        name,
        version,
        source if isinstance(source, str) else "",
        kind if isinstance(kind, str) else "runtime",
        tuple(place for place in places if type(place) is int and 0 <= place < count),
        one.get("root") is True,
    )
