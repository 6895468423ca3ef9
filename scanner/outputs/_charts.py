"""Bars and symbols as numbers and shapes; the templates draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SHAPES", "WIDTH", "Segment", "stacked"]

WIDTH = 1000
"""Units across a whole bar."""

SMALLEST = 8
"""Units of a segment that counts anything at all: one failure among a thousand must be seen."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a stacked bar, from `x`, `width` units wide."""

    mark: str
    count: int
    x: int
    width: int


def stacked(counts: Sequence[tuple[str, int]]) -> tuple[Segment, ...]:
    """Segments that fill the bar exactly, in the given order, each as wide as its share (and never invisible)."""
    present = [(mark, count) for mark, count in counts if count > 0]
    total = sum(count for _, count in present)
    widths = [max(SMALLEST, count * WIDTH // total) for _, count in present]
    while present and sum(widths) != WIDTH:
        widest = widths.index(max(widths))
        widths[widest] += 1 if sum(widths) < WIDTH else -1
    segments: list[Segment] = []
    x = 0
    for (mark, count), width in zip(present, widths, strict=True):
        segments.append(Segment(mark, count, x, width))
        x += width
    return tuple(segments)


SHAPES = {
    "pass": '<circle class="f" cx="8" cy="8" r="7"/><path class="k" d="M4.8 8.2l2.3 2.3 4.2-4.7"/>',
    "pass_in_part": '<circle class="o" cx="8" cy="8" r="6.2"/><path class="f" d="M8 2.6a5.4 5.4 0 0 0 0 10.8z"/>',
    "fail": '<rect class="f" x="1.5" y="1.5" width="13" height="13" rx="2"/>'
    '<path class="k" d="M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6"/>',
    "overclaim": '<rect class="f" x="1.5" y="1.5" width="13" height="13" rx="2"/>'
    '<path class="k" d="M8 4.2v4.6M8 11.2v.6"/>',
    "error": '<path class="f" d="M8 1.2l7.2 13.2H.8z"/><path class="k" d="M8 6v4M8 12v.5"/>',
    "unknown": '<circle class="d" cx="8" cy="8" r="6.2"/>'
    '<path class="l" d="M6 6.3a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.3M8 11.4v.5"/>',
    "manual": '<circle class="o" cx="8" cy="4.6" r="2.9"/>'
    '<path class="o" d="M2.2 14.4c.4-3.6 2.6-5.2 5.8-5.2s5.4 1.6 5.8 5.2z"/>',
    "not_applicable": '<circle class="o" cx="8" cy="8" r="6.2"/><path class="o" d="M5 8h6"/>',
}
"""Symbols on a 16 by 16 field: a shape of its own for each status, so that colour is never needed to tell them apart.

Classes: f filled, k cut out of the filling, o outline, d dashed outline, l line.
"""
