"""One base compared with several releases (variants of a product): which change is in which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.comparing.materiality import Policy
from scanner.supply_chain.comparing.result import KINDS, LEVELS, Change, Diff
from scanner.supply_chain.model import Bom
from scanner.supply_chain.vex.model import VexDocument

__all__ = ["MATRIX_SCHEMA", "Matrix", "MatrixRow", "Variant", "compare_with_each"]

MATRIX_SCHEMA = "assay/sbom-matrix/v1"

_LEVEL = {level: number for number, level in enumerate(LEVELS)}
_KIND = {kind: number for number, kind in enumerate(KINDS)}

Cell = tuple[str, int]
"""Materiality of a change in one variant, and how often it is there (copies of a component); ("", 0): it is not."""
_NONE: Cell = ("", 0)
_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One change, wherever it is: the same kind at the same component with the same values before and after.

    `cells`: one for each variant, in their order. The materiality may differ between variants, for it depends on where
    a component stands; `reason` is that of the most serious one.
    """

    kind: str
    identity: str
    name: str
    before: str
    after: str
    reason: str
    cells: tuple[Cell, ...]

    @property
    def worst(self) -> str:
        """The highest materiality among the variants."""
        return min((level for level, count in self.cells if count), key=_LEVEL.__getitem__)

    @property
    def variants(self) -> int:
        """In how many variants it is."""
        return sum(count > 0 for _, count in self.cells)

    def to_json(self) -> dict[str, Any]:
        """The row as in the published schema."""
        return {
            "kind": self.kind,
            "identity": self.identity,
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
            "materiality": self.worst,
            "variants": self.variants,
            "cells": [{"materiality": level, "changes": count} if count else None for level, count in self.cells],
        }


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the releases: the result of its comparison with the base, without the changes, which are in the rows.
    `own`: changes that no other variant has."""

    diff: Mapping[str, Any]
    own: int

    def to_json(self) -> dict[str, Any]:
        """The variant as in the published schema."""
        return {**self.diff, "own": self.own}


@dataclass(frozen=True, slots=True)
class Matrix:
    """The base, the variants, and every change with the variants that have it: the most serious and widest first."""

    base: Mapping[str, Any]
    variants: tuple[Variant, ...]
    rows: tuple[MatrixRow, ...]
    policy: Mapping[str, str]

    @property
    def worst(self) -> str:
        """The highest materiality of any change."""
        return min((row.worst for row in self.rows), key=_LEVEL.__getitem__, default="none")

    @property
    def incomplete(self) -> list[str]:
        """What may be missing, each once."""
        return list(dict.fromkeys(reason for one in self.variants for reason in one.diff["incomplete"]))

    def to_json(self) -> dict[str, Any]:
        """The document of schema `assay/sbom-matrix/v1`."""
        levels = dict.fromkeys(LEVELS, 0)
        for row in self.rows:
            levels[row.worst] += 1
        return {
            "schema": MATRIX_SCHEMA,
            "base": dict(self.base),
            "variants": [one.to_json() for one in self.variants],
            "worst": self.worst,
            "counts": {
                "changes": len(self.rows),
                "in_all": sum(row.variants == len(self.variants) for row in self.rows),
                "in_one": sum(row.variants == 1 for row in self.rows),
                "materiality": levels,
            },
            "incomplete": self.incomplete,
            "policy": dict(self.policy),
            "rows": [row.to_json() for row in self.rows],
        }


def compare_with_each(
    base: Bom,
    others: Iterable[Bom],
    policy: Policy | None = None,
    *,
    vex_old: Sequence[VexDocument] = (),
    vex: Sequence[VexDocument] = (),
    as_of: str = "",
) -> Matrix:
    """Each of `others` (one at least) compared with the same base; the other arguments as in `compare`."""
    table = _Table()
    diffs = []
    for number, other in enumerate(others):
        diff = compare(base, other, policy, vex_old=vex_old, vex=vex, as_of=as_of)
        table.add(number, diff.changes)
        diffs.append((diff.old, _kept(diff), diff.policy))
    rows = table.rows(len(diffs))
    own = [0] * len(diffs)
    for row in rows:
        if row.variants == 1:
            own[next(at for at, (_, count) in enumerate(row.cells) if count)] += 1
    variants = tuple(Variant(kept, number) for (_, kept, _), number in zip(diffs, own, strict=True))
    first = diffs[0]
    return Matrix(first[0].to_json(), variants, rows, first[2])


def _kept(diff: Diff) -> dict[str, Any]:
    return {
        "side": diff.new.to_json(),
        "summary": list(diff.summary),
        "worst": diff.worst,
        "counts": diff.counts(),
        "accounted": dict(diff.accounted),
        "notes": list(diff.notes),
        "incomplete": list(diff.incomplete),
    }


@dataclass(slots=True)
class _Seen:
    """A change, its most serious copy, and its cells by variant."""

    worst: Change
    cells: dict[int, Cell] = field(default_factory=dict)


class _Table:
    """Rows while they grow."""

    def __init__(self) -> None:
        self._seen: dict[_Key, _Seen] = {}

    def add(self, number: int, changes: Iterable[Change]) -> None:
        """The changes of one variant."""
        for one in changes:
            seen = self._seen.setdefault(_key(one), _Seen(one))
            if _LEVEL[one.materiality] < _LEVEL[seen.worst.materiality]:
                seen.worst = one
            level, count = seen.cells.get(number, (one.materiality, 0))
            seen.cells[number] = (min(level, one.materiality, key=_LEVEL.__getitem__), count + 1)

    def rows(self, width: int) -> tuple[MatrixRow, ...]:
        """All rows, in order."""
        made = [
            MatrixRow(
                seen.worst.kind,
                seen.worst.identity,
                seen.worst.name,
                seen.worst.before,
                seen.worst.after,
                seen.worst.reason,
                tuple(seen.cells.get(number, _NONE) for number in range(width)),
            )
            for _, seen in sorted(self._seen.items())
        ]
        return tuple(sorted(made, key=lambda row: (_LEVEL[row.worst], -row.variants, _KIND[row.kind])))


def _key(change: Change) -> _Key:
    """What makes a change the same in another variant."""
    about = change.facts.get("vulnerability", ""), change.facts.get("target", ""), change.facts.get("field", "")
    return change.identity, change.name, change.kind, change.before, change.after, *about
