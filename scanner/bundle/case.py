"""What a verification is about: the files of a bundle, whom its reader trusts, and what else was handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from scanner.bundle.parts import Previous
from scanner.bundle.redaction import Opening
from scanner.engine.content import Content
from scanner.model.snapshot import Snapshot
from scanner.supply_chain.signing.result import RefusedError
from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["Case", "Judged"]

Judged: TypeAlias = tuple[Snapshot, Mapping[str, Any]]
"""A snapshot and the assessment (JSON) of it."""


@dataclass(frozen=True, slots=True)
class Case:
    """`installed`: the content of this Assay, to hold the packed one against; `today`: RFC 3339, to tell what has
    expired since; `accepted`: digests of other content that the reader trusts; `previous`: the bundle before;
    `reports`: render them anew too; `openings`: values that the vendor laid open; `say` hears what is being done."""

    files: Mapping[str, bytes]
    wanted: Wanted
    installed: Content
    today: str
    previous: Previous | None = None
    accepted: tuple[str, ...] = ()
    reports: bool = False
    openings: tuple[Opening, ...] = ()
    say: Callable[[str], None] = lambda _: None

    def file(self, name: str) -> bytes:
        """A file of the bundle. Raises RefusedError when it is missing."""
        if name not in self.files:
            raise RefusedError(f"{name} is missing")
        return self.files[name]
