"""SPDX 2.0 to 2.3 as RDF/XML: nodes of the graph are brought into the shape of the JSON form.

Source: SPDX 2.3 annex C (RDF object model) and the RDF names given in clauses 6 to 13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scanner.model.errors import InputError
from scanner.supply_chain.loading.base import Loader, Source, refuse
from scanner.supply_chain.loading.rdf_graph import RDF, TYPE, Node, Resource, read_graph
from scanner.supply_chain.loading.spdx2_document import Document
from scanner.supply_chain.loading.spdx2_members import LISTS
from scanner.supply_chain.loading.spdx_rdf_licenses import LICENSE_MEMBERS, Expressions, said_nothing
from scanner.supply_chain.loading.xml_text import root_name
from scanner.supply_chain.model import Bom

__all__ = ["LOADER", "MAX_RDF"]

MAX_RDF = 48 * 1024 * 1024
"""Bytes of an RDF document: the graph must be held as a whole, at some seven times its size."""

_TERMS = "http://spdx.org/rdf/terms#"
_MARKS = (b"spdx.org/rdf/terms", "spdx.org/rdf/terms".encode("utf-16-le"), "spdx.org/rdf/terms".encode("utf-16-be"))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MEMBERS = {
    "annotation": "annotations",
    "artifactOf": "artifactOfs",
    "attributionText": "attributionTexts",
    "checksum": "checksums",
    "creator": "creators",
    "describesPackage": "documentDescribes",
    "externalDocumentRef": "externalDocumentRefs",
    "externalRef": "externalRefs",
    "fileContributor": "fileContributors",
    "fileDependency": "fileDependencies",
    "fileType": "fileTypes",
    "hasExtractedLicensingInfo": "hasExtractedLicensingInfos",
    "hasFile": "hasFiles",
    "licenseInfoInFile": "licenseInfoInFiles",
    "packageVerificationCodeExcludedFile": "packageVerificationCodeExcludedFiles",
    "reviewed": "revieweds",
    "seeAlso": "seeAlsos",
    "specVersion": "spdxVersion",
}
"""RDF name (without namespace) to JSON name, where they differ."""
_NESTED = frozenset(
    {"checksums", "creationInfo", "externalRefs", "hasExtractedLicensingInfos", "packageVerificationCode"}
)
"""Members whose value is an object of its own."""
_ENUMERATED = {"primaryPackagePurpose": "purpose_", "fileTypes": "fileType_", "algorithm": "checksumAlgorithm_"}
_APART = frozenset({"relationship", "referencesFile"})
_NAMED = {"Package": "packages", "File": "files", "Snippet": "snippets"}


def _probe(source: Source) -> bool:
    if source.family != "xml" or not any(mark in source.head for mark in _MARKS):
        return False
    try:
        return root_name(source) in (f"{{{RDF}}}RDF", f"{{{_TERMS}}}SpdxDocument")
    except InputError:
        return b"rdf:RDF" in source.head  # damaged, but meant to be one: `load` says what is wrong


def load(source: Source) -> Bom:
    """The document. Raises InputError for what is no XML, is too large, has a DTD, or holds no or several SpdxDocument
    nodes."""
    if len(source.data) > MAX_RDF:
        raise refuse(
            source,
            f"is an RDF document of more than {MAX_RDF // 1024 // 1024} MiB",
            hint="hand in the same document as JSON",
        )
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes = read_graph(source)
        self._document = Document(source, "rdf")
        self._drops = self._document.drops
        self._space = ""
        self._elsewhere: dict[str, str] = {}
        self._licenses = Expressions(self._nodes, self._drops)

    def read(self) -> Bom:
        names = [name for name, node in self._nodes.items() if "SpdxDocument" in _types(node)]
        if len(names) != 1:
            raise refuse(self._source, f"holds {len(names)} SpdxDocument nodes, and not one")
        self._space, _, identifier = names[0].rpartition("#")
        self._elsewhere = dict(self._external())
        top = self._members(self._nodes[names[0]], "")
        top["SPDXID"] = identifier
        top["documentNamespace"] = self._space
        top.setdefault("hasExtractedLicensingInfos", []).extend(self._unlisted(self._nodes[names[0]]))
        for name, node in self._nodes.items():
            kind = next((kind for kind in _types(node) if kind in _NAMED), None)
            place = f"line {node.line}"
            if kind is not None:
                value = self._members(node, place) if kind != "Snippet" else {}
                if not name.startswith("_:"):
                    value["SPDXID"] = self._identifier(name)
                self._document.part(_NAMED[kind], value, place)
            self._relationships(name, node)
        return self._document.finish(top)

    def _external(self) -> Iterator[tuple[str, str]]:
        """Namespace of another document and the name it has in this one."""
        for node in self._nodes.values():
            if "ExternalDocumentRef" in _types(node):
                space = _first(node, "spdxDocument").rpartition("#")[0] or _first(node, "spdxDocument")
                yield space, _first(node, "externalDocumentId").rpartition("#")[2] or "DocumentRef-unnamed"

    def _unlisted(self, document: Node) -> Iterator[dict[str, Any]]:
        """Extracted licences that stand in the graph but are not listed by the document."""
        listed = {str(value) for value in document.values.get(f"{_TERMS}hasExtractedLicensingInfo", ())}
        for name, node in self._nodes.items():
            if name not in listed and "ExtractedLicensingInfo" in _types(node):
                yield self._extracted(name, node)

    def _extracted(self, name: str, node: Node) -> dict[str, Any]:
        found = self._members(node, f"line {node.line}")
        found.setdefault("licenseId", name.rpartition("#")[2])
        return found

    def _members(self, node: Node, place: str) -> dict[str, Any]:
        """The statements of a node as members."""
        found: dict[str, Any] = {}
        for predicate, values in node.values.items():
            name = re.split(r"[#/]", predicate)[-1]
            if predicate == TYPE or name in _APART:
                continue
            member = _MEMBERS.get(name, name)
            made = [self._value(member, value) for value in values]
            if member in LISTS:
                found.setdefault(member, []).extend(made)
                continue
            if len(made) > 1 and any(one != made[0] for one in made):
                self._drops.add("statement", "has several values where one belongs; the first counts", place)
            found[member] = made[0]
        return found

    def _value(self, member: str, value: str) -> Any:
        """A value of `member` as the JSON form has it."""
        if member in LICENSE_MEMBERS:
            return self._licenses.text(value)
        if not isinstance(value, Resource):
            return value
        if member in _NESTED:
            node = self._nodes.get(value)
            if node is None:
                return {}
            nested = member == "hasExtractedLicensingInfos"
            return self._extracted(value, node) if nested else self._members(node, f"line {node.line}")
        if member in _ENUMERATED:
            word = value.rpartition("#")[2].removeprefix(_ENUMERATED[member])
            return word if member == "algorithm" else _CAMEL.sub("-", word).upper()
        if member in ("hasFiles", "documentDescribes"):
            return self._identifier(value)
        return said_nothing(value) or str(value)

    def _relationships(self, name: str, node: Node) -> None:
        for value in node.values.get(f"{_TERMS}relationship", ()):
            statement = self._nodes.get(value)
            if statement is None:
                self._drops.add("relationship", "is not described in the document", f"line {node.line}")
                continue
            target = _first(statement, "relatedSpdxElement")
            self._document.part(
                "relationships",
                {
                    "spdxElementId": self._identifier(name),
                    "relationshipType": _first(statement, "relationshipType"),
                    "relatedSpdxElement": said_nothing(target) or self._identifier(target),
                    "comment": _first(statement, "comment"),
                },
                f"line {statement.line}",
            )

    def _identifier(self, name: str) -> str:
        """The identifier in a node's name; of a node of another document, with that document's name before it."""
        space, mark, identifier = name.rpartition("#")
        if not mark or space in ("", self._space):
            return identifier
        return f"{self._elsewhere.get(space, 'DocumentRef-unknown')}:{identifier}"


def _types(node: Node) -> list[str]:
    return [value.removeprefix(_TERMS) for value in node.values.get(TYPE, ())]


def _first(node: Node, name: str) -> str:
    """The first value of a predicate, whatever its namespace is; empty without."""
    values = node.values.get(_TERMS + name) or node.values.get(f"http://www.w3.org/2000/01/rdf-schema#{name}")
    return str(values[0]) if values else ""


LOADER = Loader("spdx-rdf", _probe, load)
