"""Writers of the tests: one plain document, in the shape of SPDX 2 JSON, in every encoding that a loader reads.

They are small and write only what the tests put in; texts must be free of control characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import yaml

Doc = dict[str, Any]

_TERMS = "http://spdx.org/rdf/terms#"


def as_json(doc: Doc) -> bytes:
    """JSON."""
    return json.dumps(doc, indent=1, ensure_ascii=False).encode()


def as_yaml(doc: Doc) -> bytes:
    """YAML, keys sorted: the version comes last."""
    return str(yaml.safe_dump(doc, allow_unicode=True)).encode()


def as_xml(doc: Doc) -> bytes:
    """XML, lists as repeated elements."""
    return ("<?xml version='1.0' encoding='UTF-8'?>\n<Document>" + "".join(_elements(doc)) + "</Document>").encode()


def _elements(value: Doc) -> Iterator[str]:
    for name, content in value.items():
        for one in content if isinstance(content, list) else [content]:
            if isinstance(one, dict):
                yield f"<{name}>{''.join(_elements(one))}</{name}>"
            else:
                yield f"<{name}>{escape(str(one).lower() if isinstance(one, bool) else str(one))}</{name}>"


_PACKAGE_TAGS = {
    "name": "PackageName",
    "SPDXID": "SPDXID",
    "versionInfo": "PackageVersion",
    "supplier": "PackageSupplier",
    "originator": "PackageOriginator",
    "downloadLocation": "PackageDownloadLocation",
    "homepage": "PackageHomePage",
    "licenseConcluded": "PackageLicenseConcluded",
    "licenseDeclared": "PackageLicenseDeclared",
    "copyrightText": "PackageCopyrightText",
    "description": "PackageDescription",
    "primaryPackagePurpose": "PrimaryPackagePurpose",
    "builtDate": "BuiltDate",
    "releaseDate": "ReleaseDate",
    "validUntilDate": "ValidUntilDate",
}
_FILE_TAGS = {
    "fileName": "FileName",
    "SPDXID": "SPDXID",
    "licenseConcluded": "LicenseConcluded",
    "copyrightText": "FileCopyrightText",
}


def as_tag_value(doc: Doc) -> bytes:
    """Tag-value text. Files come before packages: after one they would be said to be in it."""
    return "\n".join(_tags(doc)).encode()


def _tags(doc: Doc) -> Iterator[str]:
    yield f"SPDXVersion: {doc['spdxVersion']}"
    yield f"DataLicense: {doc['dataLicense']}"
    yield f"SPDXID: {doc['SPDXID']}"
    yield f"DocumentName: {doc['name']}"
    yield f"DocumentNamespace: {doc['documentNamespace']}"
    yield from (f"Creator: {one}" for one in doc["creationInfo"]["creators"])
    yield f"Created: {doc['creationInfo']['created']}"
    for value in doc.get("files", ()):
        yield from _section(value, _FILE_TAGS, "FileChecksum")
        yield from (f"FileType: {one}" for one in value.get("fileTypes", ()))
    for value in doc.get("packages", ()):
        yield from _section(value, _PACKAGE_TAGS, "PackageChecksum")
        for one in value.get("externalRefs", ()):
            yield f"ExternalRef: {one['referenceCategory']} {one['referenceType']} {one['referenceLocator']}"
        if "packageVerificationCode" in value:
            yield f"PackageVerificationCode: {value['packageVerificationCode']['packageVerificationCodeValue']}"
    for value in doc.get("hasExtractedLicensingInfos", ()):
        yield f"LicenseID: {value['licenseId']}"
        yield f"ExtractedText: <text>{value['extractedText']}</text>"
        yield f"LicenseName: {value['name']}"
    for value in doc.get("relationships", ()):
        yield f"Relationship: {value['spdxElementId']} {value['relationshipType']} {value['relatedSpdxElement']}"


def _section(value: Doc, tags: dict[str, str], checksum: str) -> Iterator[str]:
    yield ""
    for member, tag in tags.items():
        if member in value:
            text = str(value[member])
            yield f"{tag}: <text>{text}</text>" if "\n" in text else f"{tag}: {text}"
    for one in value.get("checksums", ()):
        yield f"{checksum}: {one['algorithm']}: {one['checksumValue']}"


def as_rdf(doc: Doc) -> bytes:
    """RDF/XML: flat, every element on its own."""
    head = (
        f"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:spdx='{_TERMS}'"
        " xmlns:doap='http://usefulinc.com/ns/doap#'>"
    )
    return "\n".join([head, *_rdf(doc), "</rdf:RDF>"]).encode()


def _rdf(doc: Doc) -> Iterator[str]:
    space = doc["documentNamespace"]
    yield f"<spdx:SpdxDocument rdf:about={_iri(space, doc['SPDXID'])}>"
    yield _literal("specVersion", doc["spdxVersion"]) + _literal("name", doc["name"])
    yield f"<spdx:dataLicense rdf:resource='http://spdx.org/licenses/{doc['dataLicense']}'/>"
    yield "<spdx:creationInfo><spdx:CreationInfo>"
    yield from (_literal("creator", one) for one in doc["creationInfo"]["creators"])
    yield _literal("created", doc["creationInfo"]["created"]) + "</spdx:CreationInfo></spdx:creationInfo>"
    for value in doc.get("hasExtractedLicensingInfos", ()):
        yield f"<spdx:hasExtractedLicensingInfo><spdx:ExtractedLicensingInfo rdf:about='{space}#{value['licenseId']}'>"
        yield "".join(_literal(name, value[name]) for name in ("licenseId", "extractedText", "name"))
        yield "</spdx:ExtractedLicensingInfo></spdx:hasExtractedLicensingInfo>"
    yield from _rdf_relations(doc, doc["SPDXID"])
    yield "</spdx:SpdxDocument>"
    for kind, values in (("Package", doc.get("packages", ())), ("File", doc.get("files", ()))):
        for value in values:
            yield f"<spdx:{kind} rdf:about={_iri(space, value['SPDXID'])}>"
            yield from _rdf_members(space, value)
            yield from _rdf_relations(doc, value["SPDXID"])
            yield f"</spdx:{kind}>"


def _rdf_members(space: str, value: Doc) -> Iterator[str]:
    for member, content in value.items():
        if member == "checksums":
            for one in content:
                word = one["algorithm"].lower().replace("-", "_")
                yield f"<spdx:checksum><spdx:Checksum><spdx:algorithm rdf:resource='{_TERMS}checksumAlgorithm_{word}'/>"
                yield _literal("checksumValue", one["checksumValue"]) + "</spdx:Checksum></spdx:checksum>"
        elif member == "externalRefs":
            for one in content:
                category = {"SECURITY": "security", "PACKAGE-MANAGER": "packageManager"}[one["referenceCategory"]]
                yield "<spdx:externalRef><spdx:ExternalRef>"
                yield f"<spdx:referenceCategory rdf:resource='{_TERMS}referenceCategory_{category}'/>"
                yield f"<spdx:referenceType rdf:resource='http://spdx.org/rdf/references/{one['referenceType']}'/>"
                yield _literal("referenceLocator", one["referenceLocator"]) + "</spdx:ExternalRef></spdx:externalRef>"
        elif member == "packageVerificationCode":
            yield "<spdx:packageVerificationCode><spdx:PackageVerificationCode>"
            yield _literal("packageVerificationCodeValue", content["packageVerificationCodeValue"])
            yield "</spdx:PackageVerificationCode></spdx:packageVerificationCode>"
        elif member == "primaryPackagePurpose":
            parts = content.lower().split("-")
            word = parts[0] + "".join(part.capitalize() for part in parts[1:])
            yield f"<spdx:{member} rdf:resource='{_TERMS}purpose_{word}'/>"
        elif member == "fileTypes":
            yield from (f"<spdx:fileType rdf:resource='{_TERMS}fileType_{one.lower()}'/>" for one in content)
        elif member.startswith("license"):
            yield f"<spdx:{member}>{_rdf_license(space, content)}</spdx:{member}>"
        elif member == "homepage":
            yield f"<doap:homepage>{escape(content)}</doap:homepage>"
        elif member != "SPDXID":
            yield _literal(member, str(content).lower() if isinstance(content, bool) else content)


def _rdf_license(space: str, text: str) -> str:
    """`A AND B`, `A OR B`, or a single licence."""
    for word, kind in ((" AND ", "Conjunctive"), (" OR ", "Disjunctive")):
        if word in text:
            members = "".join(f"<spdx:member>{_rdf_license(space, one)}</spdx:member>" for one in text.split(word))
            return f"<spdx:{kind}LicenseSet>{members}</spdx:{kind}LicenseSet>"
    if text in ("NONE", "NOASSERTION"):
        return f"<rdf:Description rdf:about='{_TERMS}{text.lower()}'/>"
    if text.startswith("LicenseRef-"):
        return f"<spdx:ExtractedLicensingInfo rdf:about='{space}#{text}'/>"
    return f"<spdx:ListedLicense rdf:about='http://spdx.org/licenses/{text}'/>"


def _rdf_relations(doc: Doc, source: str) -> Iterator[str]:
    space = doc["documentNamespace"]
    for value in doc.get("relationships", ()):
        if value["spdxElementId"] != source:
            continue
        first, *rest = value["relationshipType"].lower().split("_")
        word = first + "".join(part.capitalize() for part in rest)
        yield "<spdx:relationship><spdx:Relationship>"
        yield f"<spdx:relationshipType rdf:resource='{_TERMS}relationshipType_{word}'/>"
        yield f"<spdx:relatedSpdxElement rdf:resource={_iri(space, value['relatedSpdxElement'])}/>"
        yield "</spdx:Relationship></spdx:relationship>"


def _iri(space: str, name: str) -> str:
    return quoteattr(f"{space}#{name}")


def _literal(name: str, text: str) -> str:
    return f"<spdx:{name}>{escape(text)}</spdx:{name}>"


SPACE_3 = "https://example.org/elements/"
_KINDS_3 = {
    "DEPENDS_ON": ("dependsOn", False, ""),
    "DEPENDENCY_OF": ("dependsOn", True, ""),
    "CONTAINS": ("contains", False, ""),
    "CONTAINED_BY": ("contains", True, ""),
    "DESCRIBES": ("describes", False, ""),
    "GENERATED_FROM": ("generates", True, ""),
    "GENERATES": ("generates", False, ""),
    "VARIANT_OF": ("hasVariant", True, ""),
    "BUILD_DEPENDENCY_OF": ("dependsOn", True, "build"),
    "DYNAMIC_LINK": ("hasDynamicLink", False, ""),
}


def as_spdx3(doc: Doc) -> bytes:
    """SPDX 3.0.1 JSON-LD, ids made of the SPDX 2 ones."""
    graph = list(_elements_3(doc))
    return json.dumps(
        {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph}, ensure_ascii=False
    ).encode()


def _elements_3(doc: Doc) -> Iterator[Doc]:
    agents: dict[str, str] = {}

    def agent(text: str) -> str:
        return agents.setdefault(text, f"{SPACE_3}agent-{len(agents)}")

    creators = doc["creationInfo"]["creators"]
    yield {
        "type": "CreationInfo",
        "@id": "_:creation",
        "specVersion": "3.0.1",
        "created": doc["creationInfo"]["created"],
        "createdBy": [agent(one) for one in creators if not one.startswith("Tool:")],
        "createdUsing": [agent(one) for one in creators if one.startswith("Tool:")],
    }
    yield _element_3(
        "SpdxDocument",
        doc["SPDXID"],
        name=doc["name"],
        rootElement=[],
        dataLicense=f"https://spdx.org/licenses/{doc['dataLicense']}",
    )
    numbers = iter(range(1_000_000))
    for value in doc.get("packages", ()):
        yield _package_3(value, agent)
        yield from _licenses_3(doc, value, numbers)
    for value in doc.get("files", ()):
        found = _element_3("software_File", value["SPDXID"], name=value["fileName"], **_artifact_3(value))
        yield found
        yield from _licenses_3(doc, value, numbers)
    for value in doc.get("relationships", ()):
        kind, reverse, scope = _KINDS_3[value["relationshipType"]]
        ends = [SPACE_3 + value["spdxElementId"], SPACE_3 + value["relatedSpdxElement"]]
        source, target = reversed(ends) if reverse else ends
        made = _element_3("LifecycleScopedRelationship" if scope else "Relationship", f"r{next(numbers)}")
        yield made | {"relationshipType": kind, "from": source, "to": [target]} | ({"scope": scope} if scope else {})
    for value in doc.get("hasExtractedLicensingInfos", ()):
        yield _element_3(
            "expandedlicensing_CustomLicense",
            value["licenseId"],
            name=value["name"],
            simplelicensing_licenseText=value["extractedText"],
        )
    for text, name in agents.items():
        kind, _, rest = text.partition(": ")
        yield {"type": kind, "spdxId": name, "name": re.sub(r" \(.*", "", rest), "creationInfo": "_:creation"}


def _element_3(kind: str, identifier: str, /, **members: Any) -> Doc:
    return {"type": kind, "spdxId": SPACE_3 + identifier, "creationInfo": "_:creation"} | members


def _package_3(value: Doc, agent: Callable[[str], str]) -> Doc:
    made = _element_3("software_Package", value["SPDXID"], name=value["name"], **_artifact_3(value))
    renamed = {
        "versionInfo": "software_packageVersion",
        "downloadLocation": "software_downloadLocation",
        "homepage": "software_homePage",
        "description": "description",
        "builtDate": "builtTime",
        "releaseDate": "releaseTime",
        "validUntilDate": "validUntilTime",
    }
    made |= {new: value[old] for old, new in renamed.items() if old in value}
    if "primaryPackagePurpose" in value:
        first, *rest = value["primaryPackagePurpose"].lower().split("-")
        made["software_primaryPurpose"] = first + "".join(part.capitalize() for part in rest)
    if value.get("supplier", "NOASSERTION") != "NOASSERTION":
        made["suppliedBy"] = agent(value["supplier"])
    if "originator" in value:
        made["originatedBy"] = [agent(value["originator"])]
    kinds = {"purl": "packageUrl", "cpe23Type": "cpe23", "cpe22Type": "cpe22"}
    made["externalIdentifier"] = [
        {
            "type": "ExternalIdentifier",
            "externalIdentifierType": kinds[one["referenceType"]],
            "identifier": one["referenceLocator"],
        }
        for one in value.get("externalRefs", ())
    ]
    if "packageVerificationCode" in value:
        code = value["packageVerificationCode"]["packageVerificationCodeValue"]
        made["verifiedUsing"].append({"type": "PackageVerificationCode", "algorithm": "sha1", "hashValue": code})
    return made


def _artifact_3(value: Doc) -> Doc:
    made: Doc = {
        "verifiedUsing": [
            {"type": "Hash", "algorithm": one["algorithm"].lower().replace("-", "_"), "hashValue": one["checksumValue"]}
            for one in value.get("checksums", ())
        ]
    }
    if "copyrightText" in value:
        made["software_copyrightText"] = value["copyrightText"]
    return made


def _licenses_3(doc: Doc, value: Doc, numbers: Iterator[int]) -> Iterator[Doc]:
    for member, kind in (("licenseConcluded", "hasConcludedLicense"), ("licenseDeclared", "hasDeclaredLicense")):
        if member not in value:
            continue
        license_name = f"l{next(numbers)}"
        yield _element_3(
            "simplelicensing_LicenseExpression",
            license_name,
            simplelicensing_licenseExpression=value[member],
            simplelicensing_customIdToUri=[
                {"type": "DictionaryEntry", "key": one["licenseId"], "value": SPACE_3 + one["licenseId"]}
                for one in doc.get("hasExtractedLicensingInfos", ())
                if one["licenseId"] in value[member]
            ],
        )
        yield _element_3("Relationship", f"r{next(numbers)}") | {
            "relationshipType": kind,
            "from": SPACE_3 + value["SPDXID"],
            "to": [SPACE_3 + license_name],
        }


SPDX_2: dict[str, Callable[[Doc], bytes]] = {
    "json": as_json,
    "yaml": as_yaml,
    "xml": as_xml,
    "tag-value": as_tag_value,
    "rdf": as_rdf,
}
ALL = SPDX_2 | {"json-ld": as_spdx3}
