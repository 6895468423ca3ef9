"""Which components of an SBOM a statement speaks of.

A package URL fits when its version and its identifying qualifiers, where it states any, are those of the component. A
statement about a part of a product holds in an SBOM of that product, or that contains it; elsewhere only when it names
the version of the part and does not say that the product is unaffected: that may be due to the product.
CPE names, and names in words with a version, count in that product only, and where all that they fit is one package;
else they are told as not matched, with the reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from scanner.model.errors import InputError
from scanner.supply_chain import cpe
from scanner.supply_chain.comparing.components import version_of
from scanner.supply_chain.identity import IDENTIFYING, canonical_purl, identity, split_purl
from scanner.supply_chain.model import Bom, Component
from scanner.supply_chain.vex.model import Named, Statement

__all__ = ["APPLIED_BY", "Applied", "Finder"]

APPLIED_BY = {
    "identifier": "",
    "cpe": "applied by CPE name: one package of the document has it",
    "name": "applied by name and version: one package of the document has them",
}
"""How a statement came to its component; words for people where that is not beyond doubt."""

MAX_LOOKS = 5_000_000
"""Components that are looked at for the words of all statements on one SBOM."""
MAX_APPLIED = 1_000_000
"""Components that all words of the statements on one SBOM may fit together: a word without a version fits every version
of a package, and a small document with many such words would stand for more than a machine can hold."""

_UUID = "urn:uuid:"
_LINK = "urn:cdx:"


@dataclass(frozen=True, slots=True)
class Applied:
    """`by`: index of each component that a statement holds for, and how it was found (`APPLIED_BY`); `unmatched`: what
    the statement names in a way that could not be matched, and why."""

    by: dict[int, str]
    unmatched: tuple[str, ...] = ()


class Finder:
    """Finds components by the words of a statement."""

    def __init__(self, bom: Bom) -> None:
        self._bom = bom
        self._known_refs: dict[str, int] | None = None
        self._products: dict[cpe.Name, list[tuple[int, cpe.Name]]] | None = None
        self._words: dict[tuple[str, str], list[int]] | None = None
        self._named: dict[tuple[str, str, str], list[int]] | None = None
        self._digests: dict[str, list[int]] | None = None
        self._found: dict[str, list[int]] = {}
        self._looks = 0
        self._applied = 0

    @property
    def _refs(self) -> dict[str, int]:
        if self._known_refs is None:
            self._known_refs = {one.ref: number for number, one in enumerate(self._bom.components)}
        return self._known_refs

    def inside(self, word: str) -> list[int]:
        """Indexes of the components that a word of the document itself names: a ref, or what `outside` takes."""
        return [self._refs[word]] if word in self._refs else self.outside(word)

    def outside(self, word: str) -> list[int]:
        """Indexes of the components that a word of another document names: a package URL, a BOM-Link into this
        document, a URN that is a ref, `hash:` and a digest, or a CPE name that fits one package. A bare ref says
        nothing outside its own document. Raises InputError when all words together fit too much."""
        found = self._found.get(word)
        if found is None:
            found = self._found[word] = self._outside(word)
        self._applied += len(found)
        if self._applied > MAX_APPLIED:
            raise self._too_much(f"fit more than {MAX_APPLIED} components together")
        return found

    def _look(self, count: int) -> None:
        self._looks += count
        if self._looks > MAX_LOOKS:
            raise self._too_much(f"need more than {MAX_LOOKS} components to be looked at")

    def _too_much(self, problem: str) -> InputError:
        return InputError(
            f"the statements on vulnerabilities {problem}",
            where=self._bom.source,
            hint="name versions in the statements, or apply fewer documents at once",
        )

    def _outside(self, word: str) -> list[int]:
        if word.startswith("cpe:"):
            found = self._by_cpe(word)
            return found if self._one_package(found) else []
        if word.startswith("pkg:"):
            return self._by_purl(word)
        if word.startswith("urn:") and word in self._refs:
            return [self._refs[word]]
        if word.startswith("hash:"):
            return self._by_digest(word.removeprefix("hash:"))
        if word.startswith(_LINK):
            return self._by_link(word)
        return []

    def affected(self, statement: Statement) -> Applied:
        """The components that the statement holds for."""
        flaw = statement.vulnerability
        inside = not statement.products or any(self.outside(one) for one in statement.products)
        if not inside and flaw.state == "not_affected":
            return Applied({})
        by: dict[int, str] = {}
        unmatched: list[str] = []
        for word in flaw.affects:
            if inside or _states_version(word):
                indexes = self.outside(word)
                by.update(dict.fromkeys(indexes, "cpe" if word.startswith("cpe:") else "identifier"))
                if not indexes and word.startswith("cpe:"):
                    unmatched.append(f"{word}: {self._why(self._by_cpe(word))}")
        for one in statement.named if inside else ():
            indexes = self._by_name(one)
            if self._one_package(indexes):
                by.update(dict.fromkeys(indexes, "name"))
            else:
                unmatched.append(f"{' '.join((one.vendor, one.name, one.version)).strip()}: {self._why(indexes)}")
        return Applied(dict(sorted(by.items())), tuple(unmatched))

    def _one_package(self, indexes: Iterable[int]) -> bool:
        """Whether these are one package, whatever versions and architectures there are of it."""
        return len({identity(self._bom.components[index]).partition("?")[0] for index in indexes}) == 1

    def _why(self, indexes: list[int]) -> str:
        return f"fits {len(indexes)} components of different packages" if indexes else "no component is called so"

    def _by_cpe(self, word: str) -> list[int]:
        wanted = cpe.parse(word)
        if wanted is None:
            return []
        if self._products is None:
            self._products = defaultdict(list)
            for number, one in enumerate(self._bom.components):
                for text in one.cpes:
                    name = cpe.parse(text)
                    if name is not None:
                        self._products[name[: cpe.VERSION]].append((number, name))
        components = self._bom.components
        found = self._products.get(wanted[: cpe.VERSION], ())
        self._look(len(found))
        return sorted({number for number, name in found if cpe.covers(wanted, name, components[number].version)})

    def _by_name(self, wanted: Named) -> list[int]:
        """Components of that name and version; not those that are said to be from someone else."""
        if self._words is None:
            self._words = defaultdict(list)
            for number, one in enumerate(self._bom.components):
                self._words[one.name.casefold(), version_of(one)].append(number)
        if not wanted.name or not wanted.version:
            return []
        found = self._words.get((wanted.name.casefold(), wanted.version), [])
        self._look(len(found))
        return [number for number in found if _may_be_from(wanted.vendor, self._bom.components[number])]

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
        named = self._named.get(_name(wanted), ())
        self._look(len(named))
        return [number for number in named if _fits(wanted, self._bom.components[number])]

    def _by_digest(self, digest: str) -> list[int]:
        if self._digests is None:
            self._digests = defaultdict(list)
            for number, one in enumerate(self._bom.components):
                for value in one.hashes.values():
                    self._digests[value].append(number)
        return self._digests.get(digest, [])


def _may_be_from(vendor: str, component: Component) -> bool:
    """Whether vendor and supplier (or group) begin with the same word, where both are stated: Acme and Acme, Inc."""
    stated = [text for text in (component.supplier, component.group) if text]
    return not vendor or not stated or any(_first_word(text) == _first_word(vendor) for text in stated)


def _first_word(text: str) -> str:
    return re.split(r"[\s,]+", text.casefold().strip(), maxsplit=1)[0]


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
