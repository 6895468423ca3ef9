"""From CycloneDX objects to a `Bom`: what JSON and XML have in common.

Source: CycloneDX 1.2 to 1.7 (bom, metadata, component, dependency, composition). The objects have the shape of JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from scanner.supply_chain.bulk import maker
from scanner.supply_chain.identity import canonical_purl
from scanner.supply_chain.loading import cyclonedx_values as values
from scanner.supply_chain.loading.base import MAX_DEPTH, Drops, Refs, Source, refuse
from scanner.supply_chain.loading.cyclonedx_metadata import lifecycle, made_by, tools
from scanner.supply_chain.loading.cyclonedx_vulnerabilities import vulnerability
from scanner.supply_chain.model import Bom, Component, Relation, Vulnerability

__all__ = ["SPECS", "Document"]

SPECS = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")

_TYPES = frozenset(
    {"application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver"}
    | {"firmware", "file", "machine-learning-model", "data", "cryptographic-asset"}
)
_TYPE_WORDS = {word: word for word in _TYPES}
_TAKEN = frozenset(
    {
        "bom-ref",
        "name",
        "version",
        "type",
        "group",
        "purl",
        "supplier",
        "manufacturer",
        "publisher",
        "author",
        "authors",
    }
    | {"licenses", "hashes", "cpe", "scope", "copyright", "description", "properties", "components", "mime-type"}
    | {"externalReferences", "isExternal", "versionRange"}
)
_LEFT_OUT = frozenset(
    {"modified", "pedigree", "swid", "swhid", "omniborId", "evidence", "releaseNotes", "modelCard", "data", "tags"}
    | {"cryptoProperties", "signature", "patentAssertions", "annotations", "formulation", "declarations"}
    | {"definitions", "citations", "externalReferences", "distribution", "distributionConstraints"}
)
"""Fields of CycloneDX that no comparison uses: counted by name. Others are counted as unknown."""
_IDENTIFIERS = (("swid", "assay:swid"), ("swhid", "assay:swhid"), ("omniborId", "assay:omnibor"))
"""Identifiers beside purl and CPE: the first of each is kept as a property."""
_NAMES = frozenset(name for name, _ in _IDENTIFIERS)
_PEOPLE = ("supplier", "manufacturer", "publisher", "authors", "author")
_END_OF_SUPPORT = ("cdx:lifecycle:milestone:endOfSupport", "cdx:fda:end-of-support-date")
"""Properties with the day after which nobody supports the component (CycloneDX property taxonomy)."""
_REFERENCES = frozenset({"distribution", "source-distribution", "vcs"})
"""External references that a check asks for; the first of each is kept as the property `assay:reference:TYPE`."""
_DOCUMENT = frozenset(
    {"$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"}
    | {"compositions", "vulnerabilities", "services", "properties"}
)
_NEEDS = (("depends_on", "dependsOn"), ("provides", "provides"))
_METADATA = frozenset(
    {"timestamp", "tools", "authors", "component", "manufacture", "manufacturer", "supplier", "licenses", "lifecycles"}
    | {"properties"}
)

_component = maker(Component)
_relation = maker(Relation)


class Document:
    """Takes the parts of one document in any order; `result` gives the whole. `step` names the place of the member
    `index` of `section` inside `place`."""

    def __init__(self, source: Source, encoding: str, step: Callable[[str, str, int], str]) -> None:
        self.source = source
        self.encoding = encoding
        self.drops = Drops()
        self._step = step
        self._refs = Refs(self.drops)
        self._components: list[Component] = []
        self._edges: list[Relation] = []
        self._vulnerabilities: list[Vulnerability] = []
        self._services: set[str] = set()
        self._words: dict[str, str] = {}

    def component(self, value: Any, index: int) -> None:
        """A member of the top-level `components`, with everything nested in it."""
        place = self._step("", "components", index)
        if type(value) is dict and "components" not in value:  # most often nothing is nested in it
            self._component(value, place, None)
        else:
            self._tree(value, place)

    def dependency(self, value: Any, index: int) -> None:
        """A member of `dependencies`: what the component `ref` needs, and what it provides (1.6)."""
        if not isinstance(value, dict):
            self.drops.add("dependency", "is no object", self._step("", "dependencies", index))
            return
        same, text, add = self._refs.same, values.text, self._edges.append
        source = same(text(value.get("ref")))
        for kind, key in _NEEDS:
            targets = value.get(key)
            if targets is None:
                continue
            if not isinstance(targets, list):
                self.drops.add("dependency", "stands where a list belongs", self._step("", "dependencies", index))
                continue
            for name in dict.fromkeys([same(text(target)) for target in targets]):  # each edge once
                add(_relation(source, kind, name))

    def vulnerability(self, value: Any, index: int) -> None:
        """A member of `vulnerabilities`."""
        place = self._step("", "vulnerabilities", index)
        found = vulnerability(value, place, self.drops)
        if found is not None:
            self._vulnerabilities.append(found)

    def service(self, value: Any, index: int) -> None:
        """A member of `services`: counted, and its ref known, so that edges to it are told from broken ones."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                ref = values.text(one.get("bom-ref"))
                if ref:
                    self._services.add(ref)
                nested = one.get("services")
                waiting.extend(nested if isinstance(nested, list) else [])
            self.drops.add("service", "services are not compared", self._step("", "services", index))

    def result(self, top: Mapping[str, Any]) -> Bom:
        """The document. `top`: its members other than the lists that were handed over one by one."""
        self._left_out("document", top.keys() - _DOCUMENT, "")
        metadata = top.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise refuse(self.source, "is no object", place="metadata")
        self._left_out("metadata", metadata.keys() - _METADATA, "/metadata")
        subject = self._subject(metadata)
        serial = values.text(top.get("serialNumber"))
        version = values.text(top.get("version"))
        main = next((one for one in self._components if one.ref == subject), None)
        return Bom(
            format="cyclonedx",
            spec=values.text(top.get("specVersion")),
            encoding=self.encoding,
            sha256=self.source.sha256,
            components=tuple(self._completed(top.get("compositions"))),
            relations=tuple(self._known_edges()),
            vulnerabilities=tuple(self._vulnerabilities),
            name=main.name if main else "",
            serial=f"{serial}/{version}" if serial and version else serial,
            created=values.text(metadata.get("timestamp")),
            authors=made_by(metadata),
            tools=tools(metadata.get("tools"), self.drops),
            subject=subject,
            lifecycle=lifecycle(metadata.get("lifecycles"), self.drops),
            licenses=tuple(
                one.text for one in values.licenses(metadata.get("licenses"), "/metadata/licenses", self.drops)
            ),
            source=self.source.where,
            dropped=self.drops.result(),
        )

    # --- components -----------------------------------------------------------------------------------------------

    def _tree(self, value: Any, place: str) -> str | None:
        """A component and those nested in it, depth first, as they stand in the document. The ref of the outer one."""
        first: str | None = None
        waiting: list[tuple[Any, str, str | None, int]] = [(value, place, None, 0)]
        while waiting:
            one, place, parent, depth = waiting.pop()
            if not isinstance(one, dict):
                self.drops.add("component", "is no object", place)
                continue
            if depth > MAX_DEPTH:
                raise refuse(self.source, f"components nested deeper than {MAX_DEPTH} levels", place=place)
            made = self._component(one, place, parent)
            first = first or made.ref
            nested = one.get("components")
            if isinstance(nested, list):
                below = [
                    (child, self._step(place, "components", index), made.ref, depth + 1)
                    for index, child in enumerate(nested)
                ]
                waiting.extend(reversed(below))
            elif nested is not None:
                self.drops.add("component", "stands where a list belongs", place)
        return first

    def _component(self, value: dict[str, Any], place: str, parent: str | None) -> Component:
        # Most components have few of the fields: one that is absent costs a look-up, not a call.
        drops, get, text, same = self.drops, value.get, values.text, self._word
        if not value.keys() <= _TAKEN:
            self._left_out("component", value.keys() - _TAKEN, place)
        properties = values.properties(value["properties"], place, drops) if "properties" in value else {}
        purl = self._purl(text(value["purl"]), properties, place) if "purl" in value else None
        supplier = self._supplier(value, properties)
        if not value.keys().isdisjoint(_NAMES):
            self._identifiers(value, properties)
        if "externalReferences" in value:
            self._references(value["externalReferences"], properties, place)
        more = values.MORE_CPES in properties
        name, version = text(get("name")), text(get("version"))
        group = same(text(value["group"])) if "group" in value else ""
        given = text(get("bom-ref"))
        made = _component(  # by position: names cost half a microsecond each time
            self._refs.take(given, place) if given else self._refs.make(_stem(purl, group, name, version)),
            name,
            version,
            self._type(get("type"), place),
            group,
            purl,
            supplier,
            values.licenses(value["licenses"], place, drops) if "licenses" in value else (),
            values.hashes(value["hashes"], place, drops) if "hashes" in value else {},
            values.cpes(value, more, place, drops) if more or "cpe" in value else (),
            same(text(value["scope"]).lower()) if "scope" in value else "",
            text(value["copyright"]) if "copyright" in value else "",
            text(value["description"]) if "description" in value else "",
            self._end_of_support(properties, place) if properties else "",
            properties,
            parent,
            place,
        )
        self._components.append(made)
        return made

    def _left_out(self, part: str, keys: Iterable[str], place: str) -> None:
        for key in sorted(keys):
            if key in _LEFT_OUT:
                self.drops.add(f"{part} {key}", "this part of CycloneDX is not compared", place)
            else:
                self.drops.add(f"{part} field", "CycloneDX has none of this name", f"{place}/{key[:80]}")

    def _word(self, value: str) -> str:
        """One object for equal words: documents repeat few types, groups and suppliers many times."""
        return self._words.setdefault(value, value)

    def _type(self, value: Any, place: str) -> str:
        if type(value) is str and value in _TYPE_WORDS:
            return _TYPE_WORDS[value]
        word = values.text(value).lower()
        if word not in _TYPES:
            self.drops.add("component type", "is none of CycloneDX" if word else "is not stated", place)
        return self._word(word or "library")

    def _purl(self, written: str, properties: dict[str, str], place: str) -> str | None:
        if not written:
            return None
        purl = canonical_purl(written)
        if purl is None:
            self.drops.add("purl", "is no package URL; kept as the property assay:purl-as-written", place)
            properties["assay:purl-as-written"] = written
        return purl

    def _supplier(self, value: Mapping[str, Any], properties: dict[str, str]) -> str:
        """Who supplied it, else made, published or wrote it; how to reach them goes to a property."""
        supplier = ""
        for key in _PEOPLE:
            if key in value:
                given = value[key]
                reach = values.contact(given)
                if reach:
                    properties.setdefault(f"assay:contact:{key.removesuffix('s')}", self._word(reach))
                supplier = supplier or values.entity(given)
        return self._word(supplier)

    def _identifiers(self, value: Mapping[str, Any], properties: dict[str, str]) -> None:
        for key, name in _IDENTIFIERS:
            given = value.get(key)
            found = values.strings(given.get("tagId") if isinstance(given, dict) else given)
            if found:
                properties[name] = found[0]

    def _references(self, value: Any, properties: dict[str, str], place: str) -> None:
        for _, one in values.objects(value, "external reference", place, self.drops):
            kind, url = values.text(one.get("type")), values.text(one.get("url"))
            name = f"assay:reference:{kind}"
            if kind not in _REFERENCES or not url or name in properties:
                self.drops.add("external reference", "only the first of distribution, source and vcs is kept", place)
                continue
            properties[self._word(name)] = url
            for algorithm, digest in values.hashes(one.get("hashes"), place, self.drops).items():
                properties[self._word(f"{name}:{algorithm}")] = digest

    def _end_of_support(self, properties: Mapping[str, str], place: str) -> str:
        for name in _END_OF_SUPPORT:
            if name in properties:
                found = values.day(properties[name])
                if found:
                    return found
                self.drops.add("end of support", "is no day", place)
        return ""

    # --- the document ---------------------------------------------------------------------------------------------

    def _subject(self, metadata: Mapping[str, Any]) -> str | None:
        """The component that the document describes, put first among the components."""
        value = metadata.get("component")
        if value is None:
            return None
        if not isinstance(value, dict):
            self.drops.add("metadata component", "is no object", "/metadata/component")
            return None
        listed, self._components = self._components, []
        wanted = values.text(value.get("bom-ref"))
        if wanted and wanted in self._refs:  # the subject keeps its ref, whichever part of the document came first
            listed = self._renamed(listed, wanted)
            value = {key: item for key, item in value.items() if key != "bom-ref"}
        subject = self._tree(value, self._step("/metadata", "component", -1))
        first = self._components[0]
        fallback = values.entity(metadata.get("supplier")) or values.entity(metadata.get("manufacture"))
        if wanted and first.ref != wanted:
            self._components = [
                replace(one, ref=wanted)
                if one is first
                else replace(one, parent=wanted)
                if one.parent == first.ref
                else one
                for one in self._components
            ]
            subject = wanted
        if fallback and not first.supplier:
            self._components[0] = replace(self._components[0], supplier=fallback)
        self._components += listed
        return subject

    def _renamed(self, listed: list[Component], ref: str) -> list[Component]:
        """`listed` with the component `ref` under another ref."""
        place = next((one.place for one in listed if one.ref == ref), "")
        made = self._refs.take(ref, place)
        return [
            replace(one, ref=made if one.ref == ref else one.ref, parent=made if one.parent == ref else one.parent)
            if ref in (one.ref, one.parent)
            else one
            for one in listed
        ]

    def _known_edges(self) -> list[Relation]:
        """The edges whose two ends are components of the document."""
        found: list[Relation] = []
        for edge in self._edges:
            if edge.source in self._refs and edge.target in self._refs:
                found.append(edge)
                continue
            lost = self._refs.missing((edge.source, edge.target))
            if self._services.issuperset(lost):
                self.drops.add("dependency", "is one of a service", lost[0])
            else:
                self.drops.add("dependency", "names a component that is not in the document", lost[0])
        return found

    def _completed(self, compositions: Any) -> list[Component]:
        """The components, those with a statement of completeness with it as `assay:composition` (parts) and
        `assay:composition:dependencies`."""
        said: dict[str, dict[str, str]] = {}
        for index, one in values.objects(compositions, "composition", "/compositions", self.drops):
            word = values.text(one.get("aggregate")).lower()
            place = self._step("", "compositions", index)
            if one.get("vulnerabilities"):
                self.drops.add("composition", "of vulnerabilities is not compared", place)
            for key, name in (("assemblies", "assay:composition"), ("dependencies", "assay:composition:dependencies")):
                for ref in values.strings(one.get(key)):
                    if ref in self._refs:
                        said.setdefault(ref, {}).setdefault(name, word)
                    else:
                        self.drops.add("composition", "names a component that is not in the document", place)
        if not said:
            return self._components
        return [
            replace(one, properties={**one.properties, **said[one.ref]}) if one.ref in said else one
            for one in self._components
        ]


def _stem(purl: str | None, group: str, name: str, version: str) -> str:
    """What the ref of a component without one is made of."""
    return f"assay:{purl or f'{group}/{name}@{version}'}"
