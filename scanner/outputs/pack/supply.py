"""The supply chain of a pack as the templates show it: bills of materials, what changed in them, signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanner.outputs._text import visible_tree
from scanner.outputs.pack.charts import Bar, of_changes
from scanner.outputs.pack.model import File, Pack, Sbom
from scanner.outputs.sbom._diff_view import view_of

__all__ = ["SHOWN", "DiffView", "SupplyView", "supply_of"]

SHOWN = {"critical": 40, "high": 40, "medium": 25, "low": 10, "none": 0}
"""Changes of each weight that the pack lists; all of them stand in the packed JSON."""

_ROLES = ("sbom-diff", "signatures")


@dataclass(frozen=True, slots=True)
class DiffView:
    """A comparison of two releases: its file, the view that the comparison's own report has, and the bar."""

    path: str
    view: Mapping[str, Any]
    bar: Bar


@dataclass(frozen=True, slots=True)
class SupplyView:
    """All of it. `unread`: packed files that are no result of Assay, which the report can only name."""

    sboms: tuple[tuple[Sbom, Mapping[str, Any] | None], ...]
    diffs: tuple[DiffView, ...]
    signatures: tuple[tuple[str, Mapping[str, Any]], ...]
    unread: tuple[File, ...]

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.sboms or self.diffs or self.signatures or self.unread)


def supply_of(pack: Pack) -> SupplyView:
    """What a pack holds of the supply chain."""
    read = {path for path, _ in (*pack.diffs, *pack.signatures)}
    return SupplyView(
        sboms=tuple((one, visible_tree(dict(one.check)) if one.check is not None else None) for one in pack.sboms),
        diffs=tuple(DiffView(path, view_of(diff, SHOWN), of_changes(diff)) for path, diff in pack.diffs),
        signatures=tuple((path, visible_tree(dict(one))) for path, one in pack.signatures),
        unread=tuple(one for one in pack.files if one.role in _ROLES and one.path not in read),
    )
