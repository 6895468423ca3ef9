"""What a document and a target say differently, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanner.model.canonical import plain

__all__ = ["KINDS", "TRUTH_SCHEMA", "Difference", "Truth", "Unknown"]

TRUTH_SCHEMA = "assay/sbom-truth/v1"

KINDS: Mapping[str, str] = {
    "system_differs": "another operating system",
    "version_differs": "another version is installed",
    "architecture_differs": "installed for another architecture",
    "component_absent": "listed, but not there",
    "component_omitted": "there, but not listed",
    "hash_differs": "other content than listed",
    "file_changed": "not what its package brought",
    "file_unclaimed": "runs, and nothing claims it",
}
"""Kind of difference to the words for it, the plainest untruths first."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One point in which the document is not true of the target.

    `name`: of the component, or path of the file; `says`: one sentence; `listed`, `found`: the two values, empty where
    there is none; `ref`, `place`: the component in the document; `source`: database or file of the target.
    """

    kind: str
    ecosystem: str
    name: str
    says: str
    listed: str = ""
    found: str = ""
    ref: str = ""
    place: str = ""
    source: str = ""

    def to_json(self) -> dict[str, str]:
        """The difference as in the published schema."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that nobody can say. `count` components or things of kind `what`; `examples`: names of a few."""

    what: str
    why: str
    count: int = 1
    examples: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The point as in the published schema."""
        return {"what": self.what, "why": self.why, "count": self.count, "examples": list(self.examples)}


@dataclass(frozen=True, slots=True)
class Truth:
    """The outcome. `counts`: components listed and installed, and how many of each were found in the other; `notes`:
    harmless deviations, in words."""

    document: Mapping[str, Any]
    target: Mapping[str, Any]
    differences: tuple[Difference, ...]
    unknown: tuple[Unknown, ...]
    notes: tuple[str, ...]
    counts: Mapping[str, int]

    @property
    def verdict(self) -> str:
        """untrue: something differs; unknown: nothing does, but not all could be looked at; true."""
        return "untrue" if self.differences else "unknown" if self.unknown else "true"

    def to_json(self) -> dict[str, Any]:
        """The document of schema `assay/sbom-truth/v1`."""
        kinds = {kind: sum(one.kind == kind for one in self.differences) for kind in KINDS}
        document = {
            "schema": TRUTH_SCHEMA,
            "verdict": self.verdict,
            "document": dict(self.document),
            "target": dict(self.target),
            "counts": dict(self.counts),
            "kinds": {kind: number for kind, number in kinds.items() if number},
            "differences": [one.to_json() for one in self.differences],
            "unknown": [one.to_json() for one in self.unknown],
            "notes": list(self.notes),
        }
        return {name: plain(value) for name, value in document.items()}
