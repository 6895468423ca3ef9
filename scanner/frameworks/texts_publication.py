"""What a publisher's file becomes before it is laid beside our catalog."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.frameworks.texts import Text
from scanner.model.records import dataclass

__all__ = ["MAX_BYTES", "Publication"]

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of a publisher's file, packed and unpacked. The largest today (800-53 in OSCAL) has 10 million."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A catalog as its publisher wrote it. `kind`: stig or oscal; `edition`: its version as we write it (V1R2, 5.1.1).

    `benchmark`: the id that the document gives itself; `chosen`: whether a profile said which controls belong to it.
    """

    kind: str
    title: str
    benchmark: str
    version: str
    release: str
    edition: str
    description: str
    controls: Mapping[str, Text]
    chosen: bool = False
