"""Spoiling an image file at random places with fixed seeds, and putting it right again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.image_makers import filler

__all__ = ["flips", "truncations"]

_SECTOR = 512
_HEAD = 128 << 10
"""Where superblocks, tables and headers lie."""


def truncations(image: Path, count: int, seed: int) -> Iterator[str]:
    """Cut the file shorter and shorter, a word about each cut. It stays cut at the end."""
    source = random.Random(seed)
    size = image.stat().st_size
    # A quarter of the cuts lies close to the end, where trailers and backups are.
    cuts = {source.randrange(size) for _ in range(count - count // 4)}
    cuts |= {size - 1 - source.randrange(min(size, 8192)) for _ in range(count // 4)}
    for cut in sorted(cuts, reverse=True):
        with image.open("r+b") as stream:
            stream.truncate(cut)
        yield f"cut to {cut} of {size} bytes"


def flips(image: Path, count: int, seed: int) -> Iterator[str]:
    """Flip bits or overwrite bytes, where metadata is rather than content; each change is undone before the next."""
    source = random.Random(seed)
    data = image.read_bytes()
    places = _metadata(data)
    head = [place for place in places if place < _HEAD] or places
    with image.open("r+b", buffering=0) as stream:
        for number in range(count):
            chosen = [
                source.choice(head if number % 3 == 0 else places) for _ in range(source.choice((1, 1, 1, 4, 16)))
            ]
            changes = [_change(data, place, source) for place in chosen]
            for at, new in changes:
                stream.seek(at)
                stream.write(new)
            yield f"changed at {', '.join(f'{at}+{len(new)}' for at, new in changes)}"
            for at, new in changes:
                stream.seek(at)
                stream.write(data[at : at + len(new)])


def _change(data: bytes, sector: int, source: random.Random) -> tuple[int, bytes]:
    at = min(sector + source.randrange(_SECTOR), len(data) - 1)
    kind = source.random()
    if kind < 0.6:
        return at, bytes([data[at] ^ 1 << source.randrange(8)])
    if kind < 0.9:
        at &= ~3
        return at, source.choice((b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", source.randbytes(4)))[: len(data) - at]
    return sector, source.choice((bytes(_SECTOR), b"\xff" * _SECTOR, source.randbytes(_SECTOR)))[: len(data) - sector]


def _metadata(data: bytes) -> list[int]:
    """Starts of the sectors that hold something, and not only what files hold."""
    content = {filler(4 * _SECTOR)[start : start + 64] for start in range(128)}
    return [
        at
        for at in range(0, len(data), _SECTOR)
        if any(data[at : at + _SECTOR]) and data[at + 128 : at + 192] not in content
    ]
