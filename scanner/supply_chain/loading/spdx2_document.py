"""SPDX 2.0 to 2.3 in any encoding: parts in the shape of the JSON form become a `Bom`.

The readers of the encodings hand over plain objects with the member names of the SPDX 2.3 JSON schema, one package,
file or relationship at a time, so that one mapping serves them all. Where a list is meant, one value alone is taken
too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from scanner.supply_chain.bulk import maker
from scanner.supply_chain.licenses import license_of
from scanner.supply_chain.loading.base import Drops, Refs, Source, refuse
from scanner.supply_chain.loading.spdx2_members import CREATION, FILE, LEFT_OUT, PACKAGE, PROPERTIES, STREAMED, TOP
from scanner.supply_chain.loading.spdx_licenses import OwnLicenses, is_own
from scanner.supply_chain.loading.spdx_relations import Relations
from scanner.supply_chain.loading.spdx_values import (
    Identifiers,
    Words,
    add_digest,
    agent,
    day,
    reference_property,
    type_of,
)
from scanner.supply_chain.model import Bom, Component, License

__all__ = ["Document"]

_VERSION = re.compile(r"SPDX-(2\.[0-3])")
_PACKAGE_LICENSES = (("licenseConcluded", "concluded"), ("licenseDeclared", "declared"))
_LICENSE_WORDS = {"concluded": "concluded licence", "declared": "declared licence"}
_FILE_LICENSES = _PACKAGE_LICENSES[:1]
_REFERENCE = "http://spdx.org/rdf/references/"

_component = maker(Component)


class Document:
    """Takes the parts of one document in any order; `finish` gives the Bom."""

    def __init__(self, source: Source, encoding: str) -> None:
        self.drops = Drops()
        self._source = source
        self._encoding = encoding
        self._words = Words(self.drops)
        self._refs = Refs(self.drops)
        self._licenses = OwnLicenses(self.drops)
        self._relations = Relations(self.drops)
        self._components: list[Component] = []
        self._unresolved: list[int] = []

    def part(self, section: str, value: Any, place: str) -> None:
        """One element of a list of `STREAMED`."""
        if section in LEFT_OUT:
            self.drops.add(LEFT_OUT[section], "has no place in the model", place)
        elif not isinstance(value, dict):
            self.drops.add(section.removesuffix("s"), "is no object", place)
        elif section == "packages":
            self._package(value, place)
        elif section == "files":
            self._file(value, place)
        else:
            self._relationship(value, place)

    def sinks(self, prefix: str = "") -> dict[str, Callable[[Any, int], None]]:
        """For `json_text.read_object`: what takes the elements of the streamed lists, with JSON pointers as places."""

        def sink(section: str) -> Callable[[Any, int], None]:
            return lambda value, index: self.part(section, value, f"{prefix}/{section}/{index}")

        return {section: sink(section) for section in STREAMED}

    def finish(self, top: Mapping[str, Any], prefix: str = "") -> Bom:
        """The Bom, given the members of the document itself. Raises InputError for a version that is none of SPDX 2."""
        words = self._words
        version = words.text(top.get("spdxVersion"), "version", "/spdxVersion")
        spec = _VERSION.fullmatch(version)
        if spec is None:
            raise refuse(
                self._source,
                f"has the SPDX version {version[:40]!r}",
                hint="accepted: SPDX-2.0 to SPDX-2.3 here, and SPDX 3.0 as JSON-LD",
            )
        for section in STREAMED:
            for index, value in enumerate(
                _listed(top.get(section))
            ):  # a reader that does not stream, or one value alone
                self.part(section, value, f"{prefix}/{section}/{index}")
        self._rest(top, TOP, prefix)
        document = words.text(top.get("SPDXID"), "identifier", f"{prefix}/SPDXID") or "SPDXRef-DOCUMENT"
        for ref in words.texts(top.get("documentDescribes"), "described element", f"{prefix}/documentDescribes"):
            self._relations.describes(ref)
        self._own_licenses(top.get("hasExtractedLicensingInfos"), f"{prefix}/hasExtractedLicensingInfos")
        relations = self._relations.resolved((document,), self._refs)
        subject = self._relations.subject(self._components, self._refs)
        created, authors, tools = self._creation(top.get("creationInfo"), f"{prefix}/creationInfo")
        data_license = words.said(top.get("dataLicense"), "data licence", f"{prefix}/dataLicense")
        return Bom(
            format="spdx",
            spec=spec[1],
            encoding=self._encoding,
            sha256=self._source.sha256,
            components=tuple(self._components),
            relations=relations,
            dropped=self.drops.result(),
            name=words.text(top.get("name"), "name", f"{prefix}/name"),
            serial=words.text(top.get("documentNamespace"), "namespace", f"{prefix}/documentNamespace"),
            created=created,
            authors=authors,
            tools=tools,
            subject=subject,
            licenses=(data_license,) if data_license else (),
            source=self._source.where,
        )

    def _package(self, value: dict[str, Any], place: str) -> None:
        words = self._words
        get = value.get
        if not value.keys() <= PACKAGE:
            self._rest(value, PACKAGE, place)
        named = self._identifiers(get("externalRefs"), place)
        ref = self._ref(value, named.purl, place)
        purpose = words.text(get("primaryPackagePurpose"), "purpose", place)
        properties: dict[str, str] = {}
        if not value.keys().isdisjoint(PROPERTIES):
            for member, name in PROPERTIES.items():
                text = words.said(value.get(member), member, place)
                if text:
                    properties[name] = text
        address = words.said(get("downloadLocation"), "downloadLocation", place)
        if address:
            properties[reference_property(address)] = address
        supplier = self._supplier(value, properties, place)
        description = words.said(value["description"], "description", place) if "description" in value else ""
        summary = words.said(value["summary"], "summary", place) if "summary" in value else ""
        if description and summary:
            properties["spdx:summary"] = summary
        if purpose:
            properties["spdx:primaryPackagePurpose"] = purpose
        if "filesAnalyzed" in value or "packageVerificationCode" in value:
            self._verification(value, properties, place)
        if named.properties:
            properties.update(named.properties)
        self._add(
            _component(  # by position: names cost half a microsecond each time
                ref,
                words.text(get("name"), "name", place),
                words.said(get("versionInfo"), "version", place),
                type_of(purpose, named.purl),
                "",
                named.purl,
                supplier,
                self._stated(value, _PACKAGE_LICENSES, place),
                self._digests(get("checksums"), place),
                tuple(named.cpes),
                "",
                words.said(get("copyrightText"), "copyright", place),
                description or summary,
                day(properties["spdx:validUntilDate"]) if "spdx:validUntilDate" in properties else "",
                properties,
                None,
                place,
            )
        )
        if "hasFiles" in value:
            for inside in words.texts(value["hasFiles"], "file of a package", place):
                self._relations.add(ref, "CONTAINS", inside, place)

    def _file(self, value: dict[str, Any], place: str) -> None:
        words = self._words
        if not value.keys() <= FILE:
            self._rest(value, FILE, place)
        kinds = words.texts(value.get("fileTypes"), "file type", place)
        comment = words.said(value["comment"], "comment", place) if "comment" in value else ""
        properties = {"spdx:fileTypes": " ".join(kinds)} if kinds else {}
        if comment:
            properties["spdx:comment"] = comment
        self._add(
            _component(
                ref=self._ref(value, None, place),
                name=words.text(value.get("fileName"), "name", place),
                type="file",
                licenses=self._stated(value, _FILE_LICENSES, place),
                hashes=self._digests(value.get("checksums"), place),
                copyright=words.said(value.get("copyrightText"), "copyright", place),
                properties=properties,
                place=place,
            )
        )

    def _add(self, component: Component) -> None:
        if not component.name:
            self.drops.add("name", "is missing", component.place)
        for one in component.licenses:
            if one.expression is None and is_own(one.text):  # not resolved yet, see `_stated`
                self._unresolved.append(len(self._components))
                break
        self._components.append(component)

    def _ref(self, value: Mapping[str, Any], purl: str | None, place: str) -> str:
        """The identifier, made unique; one made of purl or name where there is none."""
        given = self._words.text(value.get("SPDXID"), "identifier", place)
        if given:
            return self._refs.take(given, place)
        self.drops.add("identifier", "is missing; made from the name", place)
        name = self._words.text(value.get("name") or value.get("fileName"), "name", place)
        return self._refs.make(f"assay:{purl or name}")

    def _relationship(self, value: Mapping[str, Any], place: str) -> None:
        words = self._words
        source = words.text(value.get("spdxElementId"), "relationship end", place)
        target = words.text(value.get("relatedSpdxElement"), "relationship end", place)
        if value.get("comment"):
            self.drops.add("comment", "has no place in the model", place)
        kind = words.text(value.get("relationshipType"), "relationship type", place)
        self._relations.add(self._refs.same(source), kind, self._refs.same(target), place)

    def _identifiers(self, value: object, place: str) -> Identifiers:
        found = Identifiers()
        text = self._words.text
        for item in self._words.objects(value, "external reference", place) if value else ():
            kind = text(item.get("referenceType"), "external reference", place)
            if kind.startswith(_REFERENCE):
                kind = kind.removeprefix(_REFERENCE)
            locator = text(item.get("referenceLocator"), "external reference", place)
            if not found.add(kind, locator, self.drops, place):
                self.drops.add("external reference", "is neither package URL nor CPE", place)
        return found

    def _supplier(self, value: Mapping[str, Any], properties: dict[str, str], place: str) -> str:
        """Who supplied it, else the organisation it came from. Who it came from is a property as well."""
        text = self._words.said(value.get("supplier"), "supplier", place)
        _, supplier, mail = agent(text)
        if mail:
            properties["assay:contact:supplier"] = mail
        text = self._words.said(value["originator"], "originator", place) if "originator" in value else ""
        if text:
            kind, name, mail = agent(text)
            properties["spdx:originator"] = name
            if mail:
                properties["assay:contact:originator"] = mail
            if kind != "person":
                supplier = supplier or name
        return supplier

    def _verification(self, value: Mapping[str, Any], properties: dict[str, str], place: str) -> None:
        analyzed = value.get("filesAnalyzed")
        if analyzed is not None:
            text = analyzed if isinstance(analyzed, str) else str(analyzed)
            if text.strip().lower() == "false":  # true is what holds without a word
                properties["spdx:filesAnalyzed"] = "false"
        code = value.get("packageVerificationCode")
        for item in self._words.objects(code, "verification code", place) if code else ():
            text = self._words.text(item.get("packageVerificationCodeValue"), "verification code", place)
            if text:
                properties["spdx:packageVerificationCode"] = text.lower()
            if item.get("packageVerificationCodeExcludedFiles"):
                self.drops.add("verification code", "leaves files out; their names are not kept", place)

    def _stated(self, value: Mapping[str, Any], members: Iterable[tuple[str, str]], place: str) -> tuple[License, ...]:
        found = []
        for member, acknowledgement in members:
            given = value.get(member)
            if given is None:
                continue
            text = self._words.said(given, _LICENSE_WORDS[acknowledgement], place)
            if text:
                found.append(
                    License(text, None, acknowledgement) if is_own(text) else license_of(text, acknowledgement)
                )
        return tuple(found)

    def _digests(self, value: object, place: str) -> dict[str, str]:
        found: dict[str, str] = {}
        text = self._words.text
        for item in self._words.objects(value, "hash", place) if value else ():
            algorithm = text(item.get("algorithm"), "hash", place)
            add_digest(found, algorithm, text(item.get("checksumValue"), "hash", place), self.drops, place)
        return found

    def _own_licenses(self, value: object, place: str) -> None:
        words = self._words
        for index, item in enumerate(words.objects(value, "licence text", place)):
            at = f"{place}/{index}"
            ref = words.text(item.get("licenseId"), "licence text", at)
            name = words.text(item.get("name"), "licence text", at)
            self._licenses.add(ref, name, words.text(item.get("extractedText"), "licence text", at), at)
        for number in self._unresolved:
            one = self._components[number]
            stated = tuple(
                self._licenses.license_of(each.text, each.acknowledgement, one.place) if is_own(each.text) else each
                for each in one.licenses
            )
            self._components[number] = replace(one, licenses=stated)

    def _creation(self, value: object, place: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """When, by whom and with which tools the document was made."""
        created = ""
        authors: list[str] = []
        tools: list[str] = []
        for item in self._words.objects(value, "creation information", place):
            self._rest(item, CREATION, place)
            created = created or self._words.text(item.get("created"), "date", place)
            for text in self._words.texts(item.get("creators"), "creator", place):
                kind, name, _ = agent(text)
                (tools if kind == "tool" else authors).append(name)
        return created, tuple(one for one in authors if one), tuple(one for one in tools if one)

    def _rest(self, value: Mapping[str, Any], taken: frozenset[str], place: str) -> None:
        """Count the members that nothing was taken from."""
        for member in sorted(value.keys() - taken):
            content = value[member]
            if content in (None, "", [], {}, "NOASSERTION", "NONE"):
                continue
            count = len(content) if isinstance(content, list) else 1
            if member in LEFT_OUT:
                self.drops.add(LEFT_OUT[member], "has no place in the model", place, count)
            else:
                self.drops.add("member", "is unknown to SPDX 2", f"{place}/{member[:80]}", count)


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
