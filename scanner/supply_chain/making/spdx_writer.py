"""A `Bom` as SPDX 2.3 JSON.

Source: SPDX 2.3 specification, clauses 6 to 11 and its JSON schema. Components of type file become files where they
have the SHA-1 that clause 8.4 wants, else packages of the purpose FILE.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scanner.model.canonical import plain
from scanner.supply_chain.making.unknowns import SWHID, UNKNOWN
from scanner.supply_chain.model import Bom, Component

__all__ = ["to_spdx"]

_NOTHING = "NOASSERTION"
_PURPOSES = {
    "application": "APPLICATION",
    "framework": "FRAMEWORK",
    "library": "LIBRARY",
    "container": "CONTAINER",
    "operating-system": "OPERATING-SYSTEM",
    "device": "DEVICE",
    "firmware": "FIRMWARE",
    "file": "FILE",
}
_ALGORITHMS = {
    "md5": "MD5",
    "sha1": "SHA1",
    "sha256": "SHA256",
    "sha384": "SHA384",
    "sha512": "SHA512",
    "sha3-256": "SHA3-256",
    "sha3-512": "SHA3-512",
    "blake2b-256": "BLAKE2b-256",
    "blake2b-512": "BLAKE2b-512",
}
_KINDS = {
    "contains": "CONTAINS",
    "depends_on": "DEPENDS_ON",
    "generated_from": "GENERATED_FROM",
    "variant_of": "VARIANT_OF",
}
_MAIL = re.compile(r"\s*([^<>]*?)\s*<([^<>\s]+@[^<>\s]+)>\s*")
_REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")


def to_spdx(bom: Bom) -> bytes:
    """The document, UTF-8 with a final newline."""
    ids = {one.ref: f"SPDXRef-{_id(one.ref)}" for one in bom.components}
    files = {one.ref for one in bom.components if _is_file(one)}
    codes = _verification_codes(bom, files)
    texts: dict[str, str] = {}
    uuid = bom.serial.removeprefix("urn:uuid:")
    document: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": bom.name or "device",
        "documentNamespace": f"urn:uuid:{uuid}",
        "creationInfo": {
            "created": bom.created,
            "creators": [
                *(_agent(author) for author in bom.authors),
                *(f"Tool: {tool.replace(' ', '-')}" for tool in bom.tools),
            ],
            "comment": _context(bom),
        },
        "packages": [_package(one, ids, codes, texts) for one in bom.components if one.ref not in files],
        "files": [_file(one, ids) for one in bom.components if one.ref in files],
        "relationships": list(_relationships(bom, ids)),
    }
    if bom.dropped:
        document["comment"] = "; ".join(
            f"not read: {one.what}: {one.why} ({one.count}): {one.place}" for one in bom.dropped
        )
    if texts:
        document["hasExtractedLicensingInfos"] = [
            {"licenseId": name, "extractedText": text, "name": text} for name, text in sorted(texts.items())
        ]
    return json.dumps(plain(document), ensure_ascii=False, indent=1).encode() + b"\n"


def _context(bom: Bom) -> str:
    """The type of document in the words of CISA, Types of SBOM Documents (2023), and whether nobody is its author."""
    word = "Deployed" if bom.lifecycle == "operations" else "Analyzed"
    return f"SBOM type: {word}" + ("" if bom.authors else f"\n{UNKNOWN}: SBOM Author")


def _id(ref: str) -> str:
    """Letters, digits, dots and dashes only: the readable part, and a digest that keeps two apart."""
    word = re.sub(r"[^A-Za-z0-9.]+", "-", ref).strip("-")[:80]
    return f"{word}-{hashlib.sha256(ref.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def _is_file(one: Component) -> bool:
    return one.type == "file" and "sha1" in one.hashes


def _verification_codes(bom: Bom, files: set[str]) -> dict[str, str]:
    """The package verification code (clause 7.9) of everything that contains files: only then may it contain any."""
    digests = {one.ref: one.hashes["sha1"] for one in bom.components if one.ref in files}
    inside: dict[str, list[str]] = {}
    for one in bom.relations:
        if one.kind == "contains" and one.target in files:
            inside.setdefault(one.source, []).append(digests[one.target])
    return {
        ref: hashlib.sha1("".join(sorted(found)).encode(), usedforsecurity=False).hexdigest()
        for ref, found in inside.items()
    }


def _package(one: Component, ids: Mapping[str, str], codes: Mapping[str, str], texts: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "SPDXID": ids[one.ref],
        "name": one.name,
        "downloadLocation": _NOTHING,
        "filesAnalyzed": one.ref in codes,
        "licenseConcluded": _NOTHING,
        "licenseDeclared": _license(one, texts),
        "copyrightText": one.copyright or _NOTHING,
        "supplier": _agent(one.supplier),
        "primaryPackagePurpose": _PURPOSES.get(one.type, "OTHER"),
    }
    if one.ref in codes:
        found["packageVerificationCode"] = {"packageVerificationCodeValue": codes[one.ref]}
    if one.version:
        found["versionInfo"] = one.version
    if one.description:
        found["summary"] = one.description
    if one.end_of_support:
        found["validUntilDate"] = f"{one.end_of_support}T00:00:00Z"
    if one.hashes:
        found["checksums"] = _checksums(one)
    references = [("PACKAGE-MANAGER", "purl", one.purl)] if one.purl else []
    references += [("SECURITY", "cpe23Type", cpe) for cpe in one.cpes if cpe.startswith("cpe:2.3:")]
    references += [("SECURITY", "cpe22Type", cpe) for cpe in one.cpes if cpe.startswith("cpe:/")]
    if SWHID in one.properties:
        references.append(("PERSISTENT-ID", "swh", one.properties[SWHID]))
    if references:
        found["externalRefs"] = [
            {"referenceCategory": category, "referenceType": kind, "referenceLocator": locator}
            for category, kind, locator in references
        ]
    if "assay:source-package" in one.properties:
        found["sourceInfo"] = f"built from the source package {one.properties['assay:source-package']}"
    said = sorted(one.properties.keys() - {SWHID})
    if said:
        found["comment"] = "\n".join(f"{name}: {one.properties[name]}" for name in said)
    return found


def _file(one: Component, ids: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "SPDXID": ids[one.ref],
        "fileName": f".{one.name}" if one.name.startswith("/") else one.name,
        "checksums": _checksums(one),
        "licenseConcluded": _NOTHING,
        "copyrightText": _NOTHING,
    }
    if one.properties:
        found["comment"] = "\n".join(f"{name}: {one.properties[name]}" for name in sorted(one.properties))
    return found


def _checksums(one: Component) -> list[dict[str, str]]:
    return [
        {"algorithm": _ALGORITHMS[name], "checksumValue": one.hashes[name]}
        for name in sorted(one.hashes)
        if name in _ALGORITHMS
    ]


def _agent(supplier: str) -> str:
    """`Name <mail>` as a person or organisation; who it is cannot be told from the text, so everyone is the latter."""
    if not supplier.strip():
        return _NOTHING
    found = _MAIL.fullmatch(supplier)
    if found is None or not found[1]:
        return f"Organization: {supplier.replace('(', '[').replace(')', ']')}"
    return f"Organization: {found[1].replace('(', '[').replace(')', ']')} ({found[2]})"


def _license(one: Component, texts: dict[str, str]) -> str:
    """The expression; licences without one are referred to by a name of their own, with their text beside."""
    parts = []
    for said in one.licenses:
        if said.expression is not None:
            for name in _REFERENCE.findall(said.expression):
                texts.setdefault(name, name.removeprefix("LicenseRef-").removeprefix("debian-"))
            parts.append(said.expression)
        else:
            name = f"LicenseRef-text-{hashlib.sha256(said.text.encode()).hexdigest()[:12]}"
            texts[name] = said.text
            parts.append(name)
    if len(parts) > 1:
        return " AND ".join(f"({part})" for part in parts)
    return parts[0] if parts else _NOTHING


def _relationships(bom: Bom, ids: Mapping[str, str]) -> Iterator[dict[str, str]]:
    if bom.subject is not None:
        yield {
            "spdxElementId": "SPDXRef-DOCUMENT",
            "relationshipType": "DESCRIBES",
            "relatedSpdxElement": ids[bom.subject],
        }
    for one in bom.relations:
        if one.source in ids and one.target in ids:
            yield {
                "spdxElementId": ids[one.source],
                "relationshipType": _KINDS.get(one.kind, "OTHER"),
                "relatedSpdxElement": ids[one.target],
            }
