"""Packages and files of SPDX 3.0 as components. Suppliers and licences are elements of their own: they come later."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from scanner.supply_chain.loading.base import Drops, Refs
from scanner.supply_chain.loading.spdx3_terms import FILE, LEFT_OUT, PACKAGE, PROPERTIES
from scanner.supply_chain.loading.spdx_values import Identifiers, Words, add_digest, day, reference_property, type_of
from scanner.supply_chain.model import Component, License

__all__ = ["Drafts"]

_TYPES = {"ai_AIPackage": "machine-learning-model", "dataset_DatasetPackage": "data", "software_File": "file"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Drafts:
    """The components of one document, in order, until everything that belongs to them is known."""

    def __init__(self, refs: Refs, drops: Drops) -> None:
        self._refs = refs
        self._drops = drops
        self._words = Words(drops)
        self._drafts: dict[str, dict[str, Any]] = {}
        self._licenses: dict[str, list[License]] = {}
        self._properties: dict[str, dict[str, str]] = {}
        self._suppliers: dict[str, tuple[list[str], list[str]]] = {}

    def add(self, kind: str, name: str, value: Mapping[str, Any], place: str) -> None:
        """A package or file; `name`: its id; `suppliedBy` and `originatedBy` are lists of ids."""
        words = self._words
        taken = FILE if kind == "software_File" else PACKAGE
        if not value.keys() <= taken:
            self._rest(value, taken, place)
        named = self._identifiers(value, place)
        properties: dict[str, str] = {}
        for member, property_name in PROPERTIES.items():
            if member in value:
                text = words.said(value[member], member, place)
                if text:
                    properties[property_name] = text
        purpose = words.text(value.get("software_primaryPurpose"), "purpose", place)
        if purpose:
            properties["spdx:primaryPackagePurpose"] = _CAMEL.sub("-", purpose).upper()
        support = words.texts(value.get("supportLevel"), "support level", place)
        if support:
            properties["spdx:supportLevel"] = " ".join(support)
        address = words.said(value.get("software_downloadLocation"), "downloadLocation", place)
        if address:
            properties[reference_property(address)] = address
        description = words.said(value.get("description"), "description", place)
        summary = words.said(value.get("summary"), "summary", place)
        if description and summary:
            properties["spdx:summary"] = summary
        hashes = self._hashes(value.get("verifiedUsing"), properties, place)
        properties.update(named.properties)
        title = words.text(value.get("name"), "name", place)
        if not title:
            self._drops.add("name", "is missing", place)
        ref = self._refs.take(name, place)
        self._suppliers[ref] = value.get("suppliedBy") or [], value.get("originatedBy") or []
        self._drafts[ref] = {
            "ref": ref,
            "name": title,
            "version": words.said(value.get("software_packageVersion"), "version", place),
            "type": _TYPES.get(kind) or type_of(purpose, named.purl),
            "purl": named.purl,
            "hashes": hashes,
            "cpes": tuple(named.cpes),
            "copyright": words.said(value.get("software_copyrightText"), "copyright", place),
            "description": description or summary,
            "end_of_support": day(properties.get("spdx:validUntilDate", "")),
            "properties": properties,
            "place": place,
        }

    def license(self, ref: str, stated: License | None, place: str) -> None:
        """A licence stated for a component; None was counted already."""
        if stated is None:
            return
        if ref in self._drafts:
            self._licenses.setdefault(ref, []).append(stated)
        else:
            self._drops.add("licence", "is stated for no package or file of the document", place)

    def property(self, ref: str, name: str, value: str) -> None:
        """A property that a relationship states of its source; the first counts."""
        self._properties.setdefault(ref, {}).setdefault(name, value)

    def finish(self, agent: Callable[[str], tuple[str, str]]) -> list[Component]:
        """The components. `agent`: kind and name of an agent's id."""
        found = []
        for ref, draft in self._drafts.items():
            properties = draft["properties"]
            properties.update(self._properties.get(ref, {}))
            supplier = self._supplier(ref, agent, properties, draft["place"])
            licenses = self._licenses.get(ref, ())
            found.append(Component(supplier=supplier, licenses=tuple(sorted(licenses, key=_concluded_first)), **draft))
        self._drafts.clear()
        return found

    def _supplier(
        self, ref: str, agent: Callable[[str], tuple[str, str]], properties: dict[str, str], place: str
    ) -> str:
        """Who supplied it, else the first organisation it came from."""
        supplied, originated = self._suppliers[ref]
        supplier = next((name for _, name in map(agent, supplied) if name), "")
        if supplied and not supplier:
            self._drops.add("supplier", "is no agent of the document", place)
        origins = [one for one in map(agent, originated) if one[1]]
        if origins:
            properties["spdx:originator"] = ", ".join(name for _, name in origins)
        return supplier or next((name for kind, name in origins if kind != "person"), "")

    def _identifiers(self, value: Mapping[str, Any], place: str) -> Identifiers:
        found = Identifiers()
        address = self._words.text(value.get("software_packageUrl"), "purl", place)
        if address:
            found.add("purl", address, self._drops, place)
        identifiers = value.get("externalIdentifier")
        for one in self._words.objects(identifiers, "external identifier", place) if identifiers else ():
            kind = self._words.text(one.get("externalIdentifierType"), "external identifier", place)
            text = self._words.text(one.get("identifier"), "external identifier", place)
            if not found.add(kind, text, self._drops, place):
                self._drops.add("external identifier", "is neither package URL nor CPE", place)
        return found

    def _hashes(self, value: object, properties: dict[str, str], place: str) -> dict[str, str]:
        """Digests of the component itself; the digest over the files of a package is a property."""
        found: dict[str, str] = {}
        for one in self._words.objects(value, "hash", place) if value else ():
            algorithm = self._words.text(one.get("algorithm"), "hash", place)
            digits = self._words.text(one.get("hashValue"), "hash", place)
            if one.get("type") == "PackageVerificationCode":
                properties["spdx:packageVerificationCode"] = digits.lower()
            else:
                add_digest(found, algorithm, digits, self._drops, place)
        return found

    def _rest(self, value: Mapping[str, Any], taken: frozenset[str], place: str) -> None:
        """Count the members that nothing was taken from."""
        for member in sorted(value.keys() - taken):
            content = value[member]
            if content in (None, "", [], {}):
                continue
            count = len(content) if isinstance(content, list) else 1
            if member in LEFT_OUT:
                self._drops.add(LEFT_OUT[member], "has no place in the model", place, count)
            elif member.startswith(("ai_", "dataset_")):
                self._drops.add("statement on a model or data set", "has no place in the model", place, count)
            else:
                self._drops.add("member", "is not read", f"{place}/{member[:80]}", count)


def _concluded_first(one: License) -> bool:
    return one.acknowledgement != "concluded"
