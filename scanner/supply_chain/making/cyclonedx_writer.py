"""A `Bom` as CycloneDX 1.6 JSON.

Source: CycloneDX 1.6 JSON schema. Written as plain JSON: 50,000 components take a second. Keys and lists stand in a
fixed order, so that equal documents are equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from scanner.model.canonical import plain
from scanner.supply_chain.making.dependencies import COMPLETENESS
from scanner.supply_chain.making.unknowns import SWHID, UNKNOWN
from scanner.supply_chain.model import Bom, Component, License, Relation

__all__ = ["to_cyclonedx"]

_ALGORITHMS = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "sha3-256": "SHA3-256",
    "sha3-512": "SHA3-512",
    "blake2b-256": "BLAKE2b-256",
    "blake2b-512": "BLAKE2b-512",
}
_MAKER = "assay:contact:manufacturer"
_ELSEWHERE = frozenset({_MAKER, SWHID, COMPLETENESS})
"""Properties for which CycloneDX has a place of its own."""


def to_cyclonedx(bom: Bom) -> bytes:
    """The document, UTF-8 with a final newline. Files stand inside the package that contains them; what contains what
    else is told by `assay:contained-in` and, as for everything at the top, by belonging to the subject."""
    parents = {one.target: one.source for one in bom.relations if one.kind == "contains" and one.source != bom.subject}
    by_ref = {one.ref: one for one in bom.components}
    nested: dict[str, list[Component]] = {}
    top: list[Component] = []
    for one in bom.components:
        if one.ref == bom.subject:
            continue
        if one.type == "file" and one.ref in parents:
            nested.setdefault(parents[one.ref], []).append(one)
        else:
            top.append(one)
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": bom.serial,
        "version": 1,
        "metadata": _metadata(bom, by_ref),
        "components": [_component(one, nested, parents) for one in top],
        "dependencies": _dependencies(bom),
        "compositions": _compositions(bom, top),
    }
    return json.dumps(plain(document), ensure_ascii=False, indent=1).encode() + b"\n"


def _metadata(bom: Bom, by_ref: dict[str, Component]) -> dict[str, Any]:
    found: dict[str, Any] = {"timestamp": bom.created}
    if bom.lifecycle:
        found["lifecycles"] = [{"phase": bom.lifecycle}]
    if bom.tools:
        words = [one.rpartition(" ") for one in bom.tools]
        tools = [{"type": "application", "name": name or rest, "version": rest} for name, _, rest in words]
        found["tools"] = {"components": tools}
    if bom.subject in by_ref:
        found["component"] = _component(by_ref[bom.subject], {}, {})
    if bom.authors:
        name, _, contact = bom.authors[0].partition(" <")
        found["manufacturer"] = _organisation(name, contact.removesuffix(">"))
    said = [("assay:not-read", f"{one.what}: {one.why} ({one.count}): {one.place}") for one in bom.dropped]
    if not bom.authors:
        said.append((UNKNOWN, "SBOM Author"))
    if said:
        found["properties"] = [{"name": name, "value": value} for name, value in said]
    return found


def _organisation(name: str, contact: str) -> dict[str, Any]:
    """With a mail address or a URL by which it can be reached, where there is one."""
    if not contact:
        return {"name": name}
    return {"name": name, "url": [contact]} if "://" in contact else {"name": name, "contact": [{"email": contact}]}


def _compositions(bom: Bom, top: Iterable[Component]) -> list[dict[str, Any]]:
    """What is known of the parts of the subject, and of the dependencies of each component."""
    subject = bom.subject or "subject"
    found: list[dict[str, Any]] = [{"aggregate": "incomplete" if bom.dropped else "unknown", "assemblies": [subject]}]
    told: dict[str, list[str]] = {}
    for one in top:
        told.setdefault(one.properties.get(COMPLETENESS, "unknown"), []).append(one.ref)
    told.setdefault("unknown", []).append(subject)
    return found + [{"aggregate": word, "dependencies": sorted(told[word])} for word in sorted(told)]


def _component(one: Component, nested: dict[str, list[Component]], parents: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": one.type, "bom-ref": one.ref, "name": one.name}
    for key, value in (
        ("version", one.version),
        ("group", one.group),
        ("description", one.description),
        ("scope", one.scope),
        ("copyright", one.copyright),
        ("cpe", one.cpes[0] if one.cpes else ""),
        ("purl", one.purl or ""),
    ):
        if value:
            found[key] = value
    if one.supplier:
        contact = one.properties.get(_MAKER, "")
        found["supplier"] = _organisation(one.supplier, contact)
        if contact:  # who supplies the system has made it
            found["manufacturer"] = _organisation(one.supplier, contact)
    if one.hashes:
        found["hashes"] = [
            {"alg": _ALGORITHMS[name], "content": one.hashes[name]}
            for name in sorted(one.hashes)
            if name in _ALGORITHMS
        ]
    if one.licenses:
        found["licenses"] = _licenses(one.licenses)
    if SWHID in one.properties:
        found["swhid"] = [one.properties[SWHID]]
    properties = {name: value for name, value in one.properties.items() if name not in _ELSEWHERE}
    if one.type != "file" and one.ref in parents:
        properties["assay:contained-in"] = parents[one.ref]
    if one.end_of_support:
        properties["cdx:lifecycle:milestone:endOfSupport"] = one.end_of_support
    if properties:
        found["properties"] = [{"name": name, "value": properties[name]} for name in sorted(properties)]
    if one.ref in nested:
        found["components"] = [_component(child, nested, {}) for child in nested[one.ref]]
    return found


def _licenses(licenses: Sequence[License]) -> list[dict[str, Any]]:
    """One expression, or several named licences: the schema takes no mixture."""
    if len(licenses) == 1 and licenses[0].expression is not None:
        return [_acknowledged({"expression": licenses[0].expression}, licenses[0])]
    return [{"license": _acknowledged({"name": one.expression or one.text}, one)} for one in licenses]


def _acknowledged(value: dict[str, Any], one: License) -> dict[str, Any]:
    return {**value, "acknowledgement": one.acknowledgement} if one.acknowledgement else value


def _dependencies(bom: Bom) -> list[dict[str, Any]]:
    """Every edge of need; a component without any says so by an empty entry, files have none."""
    edges: dict[str, list[str]] = {one.ref: [] for one in bom.components if one.type != "file"}
    for relation in _needs(bom.relations):
        edges.setdefault(relation.source, []).append(relation.target)
    return [{"ref": ref, "dependsOn": sorted(set(targets))} for ref, targets in sorted(edges.items())]


def _needs(relations: Iterable[Relation]) -> Iterable[Relation]:
    return (one for one in relations if one.kind == "depends_on")
