"""The result of a comparison as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["DIFF_SCHEMA", "KINDS", "LEVELS", "Change", "Diff", "Side", "Suggestion"]

DIFF_SCHEMA = "assay/sbom-diff/v1"

LEVELS = ("critical", "high", "medium", "low", "none")
"""Materiality, the most serious first."""

KINDS: Mapping[str, str] = {
    "component_added": "component added",
    "component_removed": "component removed",
    "version_upgraded": "newer version",
    "version_downgraded": "older version",
    "version_changed": "other version, without an order",
    "license_changed": "licence changed",
    "supplier_changed": "supplier changed",
    "hash_changed": "content changed, version did not",
    "hash_incomparable": "content cannot be compared",
    "type_changed": "type changed",
    "scope_changed": "scope changed",
    "identity_changed": "named in another way",
    "field_lost": "detail no longer given",
    "field_gained": "detail newly given",
    "support_passed": "out of support",
    "support_regained": "in support again",
    "support_changed": "end of support changed",
    "relation_added": "relation added",
    "relation_removed": "relation removed",
    "vulnerability_appeared": "vulnerability statement appeared",
    "vulnerability_vanished": "vulnerability statement vanished",
    "vulnerability_changed": "vulnerability statement changed",
    "quality_worse": "SBOM quality got worse",
    "quality_better": "SBOM quality got better",
}
"""Kind of change to the words for it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    `identity`: of the component (its purl without version, see `identity.py`), empty for the document as a whole.
    `before`, `after`: the value on either side as text, empty when there is none. `facts`: what a policy can ask, by
    name (`materiality.FACTS`). `old`, `new`: refs of the component; `old_place`, `new_place`: where it stands.
    `matched_by`: how the two sides were paired (`matching.MATCHED_BY`), empty for added and removed. `materiality`,
    `reason` and `rule` come from the policy.
    """

    kind: str
    identity: str
    name: str
    before: str = ""
    after: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    old: str = ""
    new: str = ""
    old_place: str = ""
    new_place: str = ""
    matched_by: str = ""
    via: tuple[str, ...] = ()
    materiality: str = "none"
    reason: str = ""
    rule: str = ""

    def to_json(self) -> dict[str, Any]:
        """The change as in the published schema."""
        return {
            "kind": self.kind,
            "identity": self.identity,
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "facts": dict(self.facts),
            "old": {"ref": self.old, "place": self.old_place},
            "new": {"ref": self.new, "place": self.new_place},
            "matched_by": self.matched_by,
            "via": list(self.via),
            "materiality": self.materiality,
            "reason": self.reason,
            "rule": self.rule,
        }


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may belong together although nothing says so: a rename (1:1), a variant (the same package for
    another architecture or from another place, 1:1), a split (1:n) or a merge (n:1).

    `old`, `new`: components as `identity version`; each of them stays listed as removed or added. `score`: 0 to 100.
    """

    kind: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    score: int
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The suggestion as in the published schema."""
        return {
            "kind": self.kind,
            "old": list(self.old),
            "new": list(self.new),
            "score": self.score,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Side:
    """One of the documents. `dropped`: what its loader had to leave out (what, why, place, count)."""

    source: str
    format: str
    spec: str
    sha256: str
    name: str
    version: str
    created: str
    components: int
    relations: int
    statements: int
    quality: Mapping[str, int]
    dropped: tuple[tuple[str, str, str, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document as in the published schema."""
        return {
            **{name: getattr(self, name) for name in _SIDE_FIELDS},
            "quality": dict(self.quality),
            "dropped": [
                {"what": what, "why": why, "place": place, "count": count} for what, why, place, count in self.dropped
            ],
        }


_SIDE_FIELDS = tuple(name for name in Side.__slots__ if name not in ("quality", "dropped"))


@dataclass(frozen=True, slots=True)
class Diff:
    """Everything that differs, as far as it could be read.

    `changes`: the most material first, then by kind and identity. `accounted`: components by what became of them.
    `notes`: what was not compared, and why; `incomplete`: those of them that say that components or statements may be
    missing. `policy`: name and digest.
    """

    old: Side
    new: Side
    changes: tuple[Change, ...]
    suggestions: tuple[Suggestion, ...]
    summary: tuple[str, ...]
    accounted: Mapping[str, int]
    notes: tuple[str, ...]
    incomplete: tuple[str, ...]
    policy: Mapping[str, str]

    @property
    def worst(self) -> str:
        """The highest materiality of any change; none when nothing changed."""
        return self.changes[0].materiality if self.changes else "none"

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of changes by materiality and by kind."""
        levels = dict.fromkeys(LEVELS, 0)
        kinds = dict.fromkeys(KINDS, 0)
        for change in self.changes:
            levels[change.materiality] += 1
            kinds[change.kind] += 1
        return {"materiality": levels, "kinds": {kind: number for kind, number in kinds.items() if number}}

    def to_json(self) -> dict[str, Any]:
        """The document of schema `assay/sbom-diff/v1`."""
        return {
            "schema": DIFF_SCHEMA,
            "old": self.old.to_json(),
            "new": self.new.to_json(),
            "summary": list(self.summary),
            "worst": self.worst,
            "counts": self.counts(),
            "accounted": dict(self.accounted),
            "notes": list(self.notes),
            "incomplete": list(self.incomplete),
            "policy": dict(self.policy),
            "changes": [change.to_json() for change in self.changes],
            "suggestions": [one.to_json() for one in self.suggestions],
        }
