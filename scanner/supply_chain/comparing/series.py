"""A line of releases: which component is in which of them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner.supply_chain.comparing.components import version_of
from scanner.supply_chain.comparing.matching import match
from scanner.supply_chain.identity import ecosystem, identity
from scanner.supply_chain.model import Bom

__all__ = ["TIMELINE_SCHEMA", "Row", "Timeline", "timeline"]

TIMELINE_SCHEMA = "assay/sbom-timeline/v1"


@dataclass(frozen=True, slots=True)
class Row:
    """A component through the releases: `versions` has one entry for each, with every version that is there (sorted;
    empty when it is absent, an empty text for a component without version). `identities`: more than one when it was
    named in several ways. `steady`: the same versions in every release."""

    identities: tuple[str, ...]
    name: str
    ecosystem: str
    versions: tuple[tuple[str, ...], ...]

    @property
    def steady(self) -> bool:
        """Whether all releases have it in the same versions."""
        return all(one == self.versions[0] for one in self.versions)


@dataclass(frozen=True, slots=True)
class Timeline:
    """`documents`: source, name, version and time of each release, in the order given. `rows`: by identity."""

    documents: tuple[Mapping[str, str], ...]
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """The document of schema `assay/sbom-timeline/v1`."""
        return {
            "schema": TIMELINE_SCHEMA,
            "documents": [dict(one) for one in self.documents],
            "counts": self.counts(),
            "rows": [
                {
                    "identities": list(row.identities),
                    "name": row.name,
                    "ecosystem": row.ecosystem,
                    "versions": [list(one) for one in row.versions],
                    "steady": row.steady,
                }
                for row in self.rows
            ],
        }

    def counts(self) -> list[dict[str, int]]:
        """For each release: components by identity that are there, that came, went, or changed version since the one
        before."""
        out = []
        for number in range(len(self.documents)):
            now = [row.versions[number] for row in self.rows]
            before = [row.versions[number - 1] for row in self.rows] if number else now
            pairs = list(zip(before, now, strict=True))
            out.append(
                {
                    "present": sum(bool(one) for one in now),
                    "came": sum(bool(two) and not one for one, two in pairs),
                    "went": sum(bool(one) and not two for one, two in pairs),
                    "changed": sum(bool(one) and bool(two) and one != two for one, two in pairs),
                }
            )
        return out


def timeline(boms: Sequence[Bom]) -> Timeline:
    """Which component is in which release, and in which versions. Neighbours are matched as in a comparison, so that a
    component keeps its row when a release names it without a package URL."""
    parent: dict[str, str] = {}
    for old, new in itertools.pairwise(boms):
        for pair in match(old, new).pairs:
            if pair.by not in ("purl", "identity"):
                one, two = identity(old.components[pair.old]), identity(new.components[pair.new])
                parent.setdefault(one, one)
                parent.setdefault(two, two)
                first, second = sorted((_root(parent, one), _root(parent, two)))
                parent[second] = first
    return Timeline(tuple(_document(bom) for bom in boms), tuple(_rows(boms, parent)))


def _rows(boms: Sequence[Bom], parent: dict[str, str]) -> list[Row]:
    versions: dict[str, list[list[str]]] = defaultdict(lambda: [[] for _ in boms])
    names: dict[str, tuple[int, str, str]] = {}
    identities: dict[str, set[str]] = defaultdict(set)
    for number, bom in enumerate(boms):
        for component in bom.components:
            own = identity(component)
            key = _root(parent, own)
            versions[key][number].append(version_of(component))
            identities[key].add(own)
            # As the latest release has it; of several names in it always the same one.
            names[key] = min(names.get(key, (1, "", "")), (-number, component.name, ecosystem(component)))
    return [
        Row(tuple(sorted(identities[key])), *names[key][1:], tuple(tuple(sorted(one)) for one in versions[key]))
        for key in sorted(versions)
    ]


def _root(parent: dict[str, str], key: str) -> str:
    while parent.get(key, key) != key:
        key = parent[key]
    return key


def _document(bom: Bom) -> dict[str, str]:
    subject = next((one for one in bom.components if one.ref == bom.subject), None) if bom.subject else None
    return {
        "source": bom.source,
        "sha256": bom.sha256,
        "name": subject.name if subject else bom.name,
        "version": subject.version if subject else "",
        "created": bom.created,
    }
