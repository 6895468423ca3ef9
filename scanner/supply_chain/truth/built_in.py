"""Packages that are parts of programs and archives: what a document must list of them, and what shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from scanner.supply_chain.making.inventory import Item
from scanner.supply_chain.truth.claims import Claim

__all__ = ["BUILT_IN", "ListedFiles", "is_packed", "told_parts"]

BUILT_IN = ("golang", "cargo", "maven")
"""Ecosystems whose packages are built into something."""
_SYSTEM = frozenset({"rpm", "deb", "apk"})
_MOST_OWNERS = 8


def told_parts(items: Iterable[Item], covered: Set[str]) -> set[str]:
    """Programs and archives whose parts the document lists: half of them at least. Of others it may speak as a whole,
    or not at all, and a part is not missed."""
    parts: dict[str, list[bool]] = {}
    for item in items:
        for path in item.inside if item.type == "library" else ():
            parts.setdefault(path, []).append(item.key in covered)
    return {path for path, listed in parts.items() if 2 * sum(listed) >= len(listed)}


def is_packed(item: Item, items: Mapping[str, Item]) -> bool:
    """Whether a package of the system brought it, itself or with what it is a part of."""
    for _ in range(_MOST_OWNERS):
        owner = items.get(item.owner)
        if owner is None:
            return False
        if owner.ecosystem in _SYSTEM:
            return True
        item = owner
    return False


class ListedFiles:
    """Paths, digests and names of everything that the document lists: archives can be listed as files."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._paths: set[str] = set()
        self._digests: set[str] = set()
        self._names: set[str] = set()
        for claim in claims:
            self._paths.update((*claim.paths, claim.component.name))
            self._digests.update(claim.component.hashes.values())
            self._names.add(claim.component.name)

    def have(self, item: Item) -> bool:
        """Whether the file of the item is among them."""
        path = item.properties.get("assay:path", "")
        digest = item.hashes.get("sha256", "")
        named = bool(path) and (path in self._paths or path.rpartition("/")[2] in self._names)
        return named or (bool(digest) and digest in self._digests)
