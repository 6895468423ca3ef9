"""Which components of an SBOM a statement speaks of.

A package URL fits when its version and its identifying qualifiers, where it states any, are those of the component. A
statement about a part of a product holds in an SBOM of that product, or that contains it; elsewhere only when it names
the version of the part and does not say that the product is unaffected: that may be due to the product.
"""

from __future__ import annotations

from collections import defaultdict
from urllib.parse import unquote

from scanner.supply_chain.comparing.components import version_of
from scanner.supply_chain.identity import IDENTIFYING, canonical_purl, identity, split_purl
from scanner.supply_chain.model import Bom, Component
from scanner.supply_chain.vex.model import Statement

__all__ = ["Finder"]

_UUID = "urn:uuid:"
_LINK = "urn:cdx:"


class Finder:
    """Finds components by the words of a statement."""

    def __init__(self, bom: Bom) -> None:
        self._bom = bom
        self._refs = {one.ref: number for number, one in enumerate(bom.components)}
        self._named: dict[tuple[str, str, str], list[int]] | None = None
        self._digests: dict[str, list[int]] | None = None

    def inside(self, word: str) -> list[int]:
        """Indexes of the components that a word of the document itself names: a ref, or what `outside` takes."""
        return [self._refs[word]] if word in self._refs else self.outside(word)

    def outside(self, word: str) -> list[int]:
        """Indexes of the components that a word of another document names: a package URL, a BOM-Link into this
        document, a URN that is a ref, or `hash:` and a digest. A bare ref says nothing outside its own document."""
        if word.startswith("pkg:"):
            return self._by_purl(word)
        if word.startswith("urn:") and word in self._refs:
            return [self._refs[word]]
        if word.startswith("hash:"):
            return self._by_digest(word.removeprefix("hash:"))
        if word.startswith(_LINK):
            return self._by_link(word)
        return []

    def affected(self, statement: Statement) -> list[int]:
        """Indexes of the components that the statement holds for."""
        flaw = statement.vulnerability
        inside = not statement.products or any(self.outside(one) for one in statement.products)
        if not inside and flaw.state == "not_affected":
            return []
        found = {index for word in flaw.affects if inside or _states_version(word) for index in self.outside(word)}
        return sorted(found)

    def _by_link(self, link: str) -> list[int]:
        """`urn:cdx:serial/version#ref` (CycloneDX, BOM-Link)."""
        address, _, ref = link.removeprefix(_LINK).partition("#")
        serial = address.partition("/")[0]
        if not serial or serial.lower() != self._bom.serial.removeprefix(_UUID).lower():
            return []
        index = self._refs.get(unquote(ref))
        return [] if index is None else [index]

    def _by_purl(self, word: str) -> list[int]:
        purl = canonical_purl(word)
        if purl is None:
            return []
        if self._named is None:
            self._named = defaultdict(list)
            for number, one in enumerate(self._bom.components):
                if one.purl is not None:
                    self._named[_name(one)].append(number)
        wanted = Component("", "", purl=purl)
        return [number for number in self._named.get(_name(wanted), ()) if _fits(wanted, self._bom.components[number])]

    def _by_digest(self, digest: str) -> list[int]:
        if self._digests is None:
            self._digests = defaultdict(list)
            for number, one in enumerate(self._bom.components):
                for value in one.hashes.values():
                    self._digests[value].append(number)
        return self._digests.get(digest, [])


def _states_version(word: str) -> bool:
    if not word.startswith("pkg:"):
        return word.startswith("hash:")
    purl = canonical_purl(word)
    return purl is not None and bool(split_purl(purl)[3])


def _name(component: Component) -> tuple[str, str, str]:
    """Type, namespace and name of a package URL as `identity` normalises them."""
    type_, namespace, name, _, _ = split_purl(identity(component))
    return type_, namespace, name


def _fits(wanted: Component, found: Component) -> bool:
    assert wanted.purl is not None
    assert found.purl is not None
    _, _, _, version, qualifiers = split_purl(wanted.purl)
    _, _, _, own_version, own = split_purl(found.purl)
    if any(own.get(key) != value for key, value in qualifiers.items() if key in IDENTIFYING):
        return False
    if not version:
        return True
    told = version_of(Component("", "", unquote(version), purl=wanted.purl))
    return told == version_of(found) or (version == own_version and qualifiers.get("epoch") == own.get("epoch"))
