"""Relationships between components: every kind in one direction only, and resolved when all components are known.

Source: SPDX 2.3 clause 11 and table 68. A depends_on B and B DEPENDENCY_OF A are one statement and become one relation.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache

from scanner.supply_chain.bulk import maker
from scanner.supply_chain.loading.base import Drops, Refs
from scanner.supply_chain.model import Component, Relation

__all__ = ["Relations"]

_REVERSED = {
    "ancestor_of": "descendant_of",
    "contained_by": "contains",
    "dependency_of": "depends_on",
    "described_by": "describes",
    "generates": "generated_from",
    "prerequisite_for": "has_prerequisite",
}
_NOBODY = frozenset({"NONE", "NOASSERTION"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[a-z0-9_]{1,64}")
_relation = maker(Relation)


@lru_cache(maxsize=1024)
def _kind(text: str) -> tuple[str, bool]:
    """Kind and whether the ends change places, for `DEPENDENCY_OF`, `relationshipType_dependencyOf`."""
    word = text.rpartition("#")[2].removeprefix("relationshipType_")
    if not word.isupper():
        word = _CAMEL.sub("_", word)
    word = re.sub(r"[-\s]+", "_", word.strip()).lower()
    if not _WORD.fullmatch(word):
        return "", False
    return (_REVERSED[word], True) if word in _REVERSED else (word, False)


class Relations:
    """Collects relationships as they are met, and resolves them when all elements are known."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops
        self._edges: dict[tuple[str, str, str], str] = {}
        self._described: list[str] = []

    def add(self, source: str, kind: str, target: str, place: str) -> None:
        """One relationship, with the kind as the document writes it."""
        if not source or not target:
            self._drops.add("relationship", "lacks an end", place)
            return
        if target in _NOBODY or source in _NOBODY:
            self._drops.add("relationship", "ends at NONE or NOASSERTION", place)
            return
        word, reverse = _kind(kind)
        if not word:
            self._drops.add("relationship", "has no type", place)
            return
        if reverse:
            self.edge(target, word, source, place)
        else:
            self.edge(source, word, target, place)

    def edge(self, source: str, kind: str, target: str, place: str) -> None:
        """One relationship, in a kind and direction of the model."""
        self._edges.setdefault((source, kind, target), place)

    def describes(self, ref: str) -> None:
        """The document says in another way than by a relationship that it describes `ref`."""
        self._described.append(ref)

    def resolved(self, documents: Container[str], refs: Refs) -> tuple[Relation, ...]:
        """Those between components. What the document itself describes goes to `subject`; the rest is counted.

        `documents`: identifiers of the document itself; `refs`: the components, by identifier."""
        found: list[Relation] = []
        drop = self._drops.add
        for (source, kind, target), place in self._edges.items():
            if source in refs and target in refs:
                found.append(_relation(source, kind, target))
            elif kind == "describes" and source in documents:
                self._described.append(target)
            elif source in documents or target in documents:
                drop("relationship", "has the document itself as an end", place)
            elif "DocumentRef-" in source or "DocumentRef-" in target:
                drop("relationship", "ends in another document", place)
            else:
                drop("relationship", "has an end that is no package or file of the document", place)
        self._edges.clear()
        return tuple(found)

    def subject(self, components: list[Component], refs: Refs) -> str | None:
        """The component that the document describes: of several the first package by name, else the first file (their
        order means nothing, and may be another when the document is written again). Without any statement the only
        package of the document (SPDX 2.3, 7.1: it needs no relationship then)."""
        named = dict.fromkeys(self._described)
        known = [ref for ref in named if ref in refs]
        if len(known) != len(named):
            self._drops.add("described element", "is not in the document", count=len(named) - len(known))
        if not known:
            packages = [] if named else [one.ref for one in components if one.type != "file"]
            return packages[0] if len(packages) == 1 else None
        if len(known) > 1:
            self._drops.add("described element", "is a further one: the model has one subject", count=len(known) - 1)
            wanted = frozenset(known)
            described = [one for one in components if one.ref in wanted]
            return min(described, key=lambda one: (one.type == "file", one.name, one.version, one.ref)).ref
        return known[0]
