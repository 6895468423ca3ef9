"""Which item needs which, by the names that packages give to what they need and provide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scanner.supply_chain.making.inventory import Item
from scanner.supply_chain.model import Relation

__all__ = ["COMPLETENESS", "dependencies"]

COMPLETENESS = "assay:composition:dependencies"
"""Property under which loaders keep whether a component's dependencies are all told: complete, incomplete, unknown."""
_TELLING = frozenset({"rpm", "deb", "apk", "pypi", "npm", "gem", "composer", "cargo"})
"""Ecosystems whose packages name what they need."""
_ANY = ("all", "noarch")


def dependencies(items: Sequence[Item], refs: Mapping[str, str]) -> tuple[list[Relation], dict[str, str]]:
    """The edges, and for every ref whether they are all: a need that nothing provides leaves them incomplete.

    Names hold within one ecosystem: the first alternative that is installed, all of its providers of a fitting
    architecture; a file name leads to the package that owns the file.
    """
    providers: dict[tuple[str, str], list[Item]] = {}
    wanted = {name for item in items for group in item.requires for name in group if name.startswith("/")}
    for item in items:
        for name in {*item.provides, *(file.path for file in item.files if file.path in wanted)}:
            providers.setdefault((item.ecosystem, name), []).append(item)
    edges: list[Relation] = []
    known: dict[str, str] = {}
    for item in items:
        targets: set[str] = set()
        is_whole = item.ecosystem in _TELLING
        for group in item.requires:
            found = next((got for name in group if (got := providers.get((item.ecosystem, name)))), [])
            same = [one for one in found if one.arch in (item.arch, *_ANY) or item.arch in _ANY]
            targets.update(refs[one.key] for one in same or found if one is not item)
            is_whole = is_whole and bool(found)
        edges.extend(Relation(refs[item.key], "depends_on", target) for target in sorted(targets))
        known[refs[item.key]] = "complete" if is_whole else "incomplete" if item.requires else "unknown"
    return edges, known
