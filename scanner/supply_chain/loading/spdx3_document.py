"""SPDX 3.0: elements of any profile, in any order, become a `Bom`.

Source: SPDX 3.0.1 model and its JSON-LD serialization. Elements name one another by spdxId (or a blank-node `@id`); an
element that stands inline where a name belongs is taken as if it stood on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from scanner.supply_chain.loading.base import Drops, Refs, Source, refuse
from scanner.supply_chain.loading.spdx3_components import Drafts
from scanner.supply_chain.loading.spdx3_licenses import LicenseElements
from scanner.supply_chain.loading.spdx3_terms import AGENTS, COLLECTIONS, KINDS, LIFECYCLES, SCOPES
from scanner.supply_chain.loading.spdx3_vulnerabilities import Vulnerabilities
from scanner.supply_chain.loading.spdx_relations import Relations
from scanner.supply_chain.loading.spdx_values import Words
from scanner.supply_chain.model import Bom

__all__ = ["Document3"]

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[A-Za-z]{1,64}")
_SPEC = re.compile(r"3\.0(?:\.\d+)?")
_CONTEXT = re.compile(r"spdx\.org/rdf/(\d+\.\d+(?:\.\d+)?)/")
_NOTHING = ("NoneElement", "NoAssertionElement")
_LICENSES = {"hasConcludedLicense": "concluded", "hasDeclaredLicense": "declared"}
_COMPLETENESS = {"contains": "assay:composition", "dependsOn": "assay:composition:dependencies"}
_TYPE_IRI = re.compile(r"https://spdx\.org/rdf/3\.[0-9.]+/terms/([A-Za-z]+)/([A-Za-z0-9]+)")
_COUNTED = {"Annotation": "annotation", "software_Snippet": "snippet", "build_Build": "build"}


class Document3:
    """Takes the elements of one document; `finish` gives the Bom."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._drops = Drops()
        self._words = Words(self._drops)
        self._refs = Refs(self._drops)
        self._drafts = Drafts(self._refs, self._drops)
        self._licenses = LicenseElements(self._drops)
        self._vulnerabilities = Vulnerabilities(self._drops)
        self._relations = Relations(self._drops)
        self._agents: dict[str, tuple[str, str]] = {}
        self._creations: dict[str, Mapping[str, Any]] = {}
        self._collections: dict[str, tuple[str, Mapping[str, Any], list[str]]] = {}
        self._stated: list[tuple[str, str, str, str]] = []
        self._inline = 0
        self._waiting: list[tuple[str, dict[str, Any], str]] = []

    def element(self, value: Any, index: int) -> None:
        """One member of `@graph`, with the elements inside it."""
        place = f"/@graph/{index}"
        if not isinstance(value, dict):
            self._drops.add("element", "is no object", place)
            return
        self._waiting.append((self._id(value), value, place))
        while self._waiting:
            self._take(*self._waiting.pop())

    def finish(self, context: object) -> Bom:
        """The Bom, given the `@context`. Raises InputError for a version that is not 3.0."""
        document = next((name for name, (kind, _, _) in self._collections.items() if kind == "SpdxDocument"), "")
        _, top, _ = self._collections.get(document, ("", {}, []))
        creation = self._creations.get(str(top.get("creationInfo"))) or next(iter(self._creations.values()), {})
        spec = self._spec(creation, context)
        for name, acknowledgement, target, place in self._stated:
            self._drafts.license(name, self._licenses.stated(target, acknowledgement, place), place)
        components = self._drafts.finish(lambda name: self._agents.get(name, ("", "")))
        for root in self._roots(document):
            self._relations.describes(root)
        relations = self._relations.resolved(self._collections, self._refs)
        subject = self._relations.subject(components, self._refs)
        vulnerabilities = self._vulnerabilities.result(self._refs.__contains__, self._agent)
        authors = [self._agent(name) for name in self._named(creation.get("createdBy"), "")]
        tools = [self._agent(name) for name in self._named(creation.get("createdUsing"), "")]
        data_license = self._licenses.stated(str(top["dataLicense"]), "data", "") if top.get("dataLicense") else None
        return Bom(
            format="spdx",
            spec=spec,
            encoding="json-ld",
            sha256=self._source.sha256,
            components=tuple(components),
            relations=relations,
            vulnerabilities=vulnerabilities,
            dropped=self._drops.result(),
            name=self._words.text(top.get("name"), "name", ""),
            serial=document,
            created=self._words.text(creation.get("created"), "date", ""),
            authors=tuple(one for one in authors if one),
            tools=tuple(one for one in tools if one),
            subject=subject,
            lifecycle=self._lifecycle(),
            licenses=(data_license.text,) if data_license is not None else (),
            source=self._source.where,
        )

    def _take(self, name: str, value: dict[str, Any], place: str) -> None:
        kind = _kind_of(value)
        if kind in ("software_Package", "software_File", "ai_AIPackage", "dataset_DatasetPackage"):
            for member in ("suppliedBy", "originatedBy"):
                if member in value:
                    value[member] = self._named(value[member], place)
            self._drafts.add(kind, name, value, place)
        elif "relationshipType" in value or kind.endswith("Relationship"):
            self._relationship(kind, value, place)
        elif kind in AGENTS:
            self._agents[name] = AGENTS[kind], self._words.text(value.get("name"), "name", place)
        elif kind == "CreationInfo":
            for member in ("createdBy", "createdUsing"):
                value[member] = self._named(value.get(member), place)
            self._creations.setdefault(name, value)
        elif kind in COLLECTIONS:
            self._collection(name, kind, value, place)
        elif kind == "security_Vulnerability":
            self._vulnerabilities.add(name, value, place)
        elif kind.startswith(("simplelicensing_", "expandedlicensing_")):
            self._license(name, value, place)
        else:
            self._drops.add(_COUNTED.get(kind, "element"), "has no place in the model", place)

    def _collection(self, name: str, kind: str, value: dict[str, Any], place: str) -> None:
        roots = self._named(value.get("rootElement"), place)
        self._named(value.get("element"), place)
        for member in ("creationInfo", "dataLicense"):
            value[member] = next(iter(self._named(value.get(member), place)), "")
        imports = value.get("import")
        if imports:
            count = len(imports) if isinstance(imports, list) else 1
            self._drops.add("external document reference", "has no place in the model", place, count)
        if value.get("comment"):
            self._drops.add("comment", "has no place in the model", place)
        self._collections.setdefault(name, (kind, value, roots))

    def _license(self, name: str, value: dict[str, Any], place: str) -> None:
        for member in ("subjectLicense", "subjectExtendableLicense", "subjectAddition"):
            key = f"expandedlicensing_{member}"
            if key in value:
                value[key] = next(iter(self._named(value[key], place)), None)
        if "expandedlicensing_member" in value:
            value["expandedlicensing_member"] = self._named(value["expandedlicensing_member"], place)
        value["type"] = _kind_of(value)
        self._licenses.add(name, value, place)

    def _relationship(self, kind: str, value: dict[str, Any], place: str) -> None:
        word = self._words.text(value.get("relationshipType"), "relationship type", place)
        source = next(iter(self._named(value.get("from"), place)), "")
        targets = self._named(value.get("to"), place)
        if not _WORD.fullmatch(word) or not source or not targets:
            self._drops.add("relationship", "lacks an end or a type", place)
            return
        if value.get("comment"):
            self._drops.add("comment", "has no place in the model", place)
        if kind.endswith("VulnAssessmentRelationship"):
            value["suppliedBy"] = next(iter(self._named(value.get("suppliedBy"), place)), "")
            self._vulnerabilities.assess(kind, source, targets, value, place)
            return
        if word in _COMPLETENESS and value.get("completeness") in ("complete", "incomplete"):
            self._drafts.property(source, _COMPLETENESS[word], str(value["completeness"]))
        source = self._refs.same(source)
        scope = self._words.text(value.get("scope"), "scope", place)
        for target in targets:
            self._edge(source, word, self._refs.same(target), scope, place)

    def _edge(self, source: str, word: str, target: str, scope: str, place: str) -> None:
        """One relationship to one target."""
        if target.endswith(_NOTHING):
            self._drops.add("relationship", "ends at NONE or NOASSERTION", place)
        elif word in _LICENSES:
            self._stated.append((source, _LICENSES[word], target, place))
        elif word == "hasAssociatedVulnerability":
            self._vulnerabilities.link(source, target, place)
        elif word == "dependsOn" and scope in SCOPES:
            self._relations.edge(target, SCOPES[scope], source, place)
        else:
            kind, reverse = KINDS.get(word) or (_CAMEL.sub("_", word).lower(), False)
            self._relations.edge(*((target, kind, source) if reverse else (source, kind, target)), place)

    def _named(self, value: object, place: str) -> list[str]:
        """The ids in a place where ids belong; an element that stands there itself is put in the queue."""
        found: list[str] = []
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                found.append(one)
            elif isinstance(one, dict):
                name = self._id(one)
                found.append(name)
                if one.keys() - {"spdxId", "@id"}:
                    self._waiting.append((name, one, place))
            elif one is not None:
                self._drops.add("reference", "is no text", place)
        return found

    def _id(self, value: dict[str, Any]) -> str:
        """The id of an element; one is made for an element without."""
        given = value.get("spdxId") or value.get("@id") or value.get("id")
        if isinstance(given, str):
            return given
        self._inline += 1
        value["spdxId"] = made = f"_:assay-{self._inline}"
        return made

    def _agent(self, name: str) -> str:
        return self._agents.get(name, ("", ""))[1]

    def _spec(self, creation: Mapping[str, Any], context: object) -> str:
        addresses = self._words.texts(context, "context", "/@context")
        stated = next((found for found in map(_CONTEXT.search, addresses) if found), None)
        spec = self._words.text(creation.get("specVersion"), "version", "") or (stated[1] if stated else "")
        if not _SPEC.fullmatch(spec):
            raise refuse(self._source, f"has the SPDX version {spec[:40]!r}", hint="accepted: SPDX 2.0 to 2.3 and 3.0")
        return spec

    def _roots(self, document: str) -> Iterable[str]:
        """Root elements of the document, those of a collection in place of the collection."""
        waiting = [document] if document else list(self._collections)
        seen: set[str] = set()
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            if name in self._collections:
                waiting[:0] = self._collections[name][2]
            else:
                yield name

    def _lifecycle(self) -> str:
        for kind, value, _ in self._collections.values():
            if kind == "software_Sbom":
                for word in self._words.texts(value.get("software_sbomType"), "type of the SBOM", ""):
                    return LIFECYCLES.get(word, "")
        return ""


def _kind_of(value: Mapping[str, Any]) -> str:
    """The type, as the context abbreviates it: `software_Package`, also for `https://…/terms/Software/Package`."""
    kind = value.get("type") or value.get("@type")
    if isinstance(kind, list):
        kind = kind[0] if kind else ""
    if not isinstance(kind, str):
        return ""
    found = _TYPE_IRI.fullmatch(kind)
    if found is None:
        return kind
    return found[2] if found[1] == "Core" else f"{found[1].lower()}_{found[2]}"
