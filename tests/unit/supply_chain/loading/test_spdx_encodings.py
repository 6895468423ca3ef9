"""One document says the same in every encoding, and the same as the reference library reads."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from scanner.supply_chain.identity import identity
from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.model import Bom, Component, License, Relation
from tests.unit.supply_chain.loading.spdx_writers import ALL, SPACE_3, SPDX_2, Doc

SHA1 = "b" * 40
SHA256 = "0123456789abcdef" * 4

DOCUMENT: Doc = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "router-1.4",
    "documentNamespace": "https://example.org/sbom/router-1.4",
    "creationInfo": {
        "created": "2026-01-31T10:00:00Z",
        "creators": ["Tool: maker-2.1", "Organization: Example Devices (sbom@example.org)", "Person: Jane Doe ()"],
    },
    "packages": [
        {
            "SPDXID": "SPDXRef-image",
            "name": "router",
            "versionInfo": "1.4",
            "primaryPackagePurpose": "OPERATING-SYSTEM",
            "supplier": "Organization: Example Devices (sbom@example.org)",
            "downloadLocation": "NOASSERTION",
            "validUntilDate": "2031-12-31T00:00:00Z",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NONE",
        },
        {
            "SPDXID": "SPDXRef-zlib",
            "name": "zlib1g",
            "versionInfo": "1:1.2.13.dfsg-1",
            "supplier": "NOASSERTION",
            "originator": "Organization: Debian",
            "downloadLocation": "git+https://example.org/zlib.git@v1.2.13",
            "homepage": "https://zlib.net/",
            "licenseConcluded": "Zlib",
            "licenseDeclared": "LicenseRef-zlib",
            "copyrightText": "(c) Jean-loup Gailly <zlib@example.org> & Mark Adler\nand others",
            "description": "compression library: größe",
            "builtDate": "2025-05-01T00:00:00Z",
            "releaseDate": "2025-05-02T00:00:00Z",
            "checksums": [
                {"algorithm": "SHA1", "checksumValue": SHA1.upper()},
                {"algorithm": "SHA256", "checksumValue": SHA256},
            ],
            "externalRefs": [
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "cpe23Type",
                    "referenceLocator": "cpe:2.3:a:zlib:zlib:1.2.13:*:*:*:*:*:*:*",
                },
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?distro=debian-12&arch=amd64",
                },
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:generic/zlib@1.2.13",
                },
            ],
            "packageVerificationCode": {"packageVerificationCodeValue": "d" * 40},
        },
        {
            "SPDXID": "SPDXRef-curl",
            "name": "curl",
            "versionInfo": "8.5.0",
            "downloadLocation": "https://example.org/curl-8.5.0.tar.gz",
            "supplier": "Person: Daniel (daniel@example.org)",
            "licenseConcluded": "LicenseRef-house OR MIT",
            "licenseDeclared": "curl",
            "copyrightText": "NOASSERTION",
            "primaryPackagePurpose": "APPLICATION",
        },
    ],
    "files": [
        {
            "SPDXID": "SPDXRef-file",
            "fileName": "./usr/bin/curl",
            "fileTypes": ["BINARY"],
            "checksums": [{"algorithm": "SHA1", "checksumValue": "c" * 40}],
            "licenseConcluded": "MIT",
            "copyrightText": "NOASSERTION",
        }
    ],
    "hasExtractedLicensingInfos": [
        {"licenseId": "LicenseRef-zlib", "name": "zlib/libpng License", "extractedText": "This software is\nprovided"},
        {"licenseId": "LicenseRef-house", "name": "House License", "extractedText": "All rights\nreserved"},
    ],
    "relationships": [
        {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}
        for source, kind, target in (
            ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image"),
            ("SPDXRef-image", "CONTAINS", "SPDXRef-curl"),
            ("SPDXRef-zlib", "CONTAINED_BY", "SPDXRef-image"),
            ("SPDXRef-zlib", "DEPENDENCY_OF", "SPDXRef-curl"),
            ("SPDXRef-curl", "DEPENDS_ON", "SPDXRef-image"),
            ("SPDXRef-zlib", "BUILD_DEPENDENCY_OF", "SPDXRef-image"),
            ("SPDXRef-curl", "GENERATES", "SPDXRef-file"),
            ("SPDXRef-curl", "DYNAMIC_LINK", "SPDXRef-zlib"),
            ("SPDXRef-curl", "VARIANT_OF", "SPDXRef-image"),
        )
    ],
}

EXPECTED = {
    "SPDXRef-image": Component(
        ref="SPDXRef-image",
        name="router",
        version="1.4",
        type="operating-system",
        supplier="Example Devices",
        end_of_support="2031-12-31",
        properties={
            "spdx:primaryPackagePurpose": "OPERATING-SYSTEM",
            "spdx:validUntilDate": "2031-12-31T00:00:00Z",
            "assay:contact:supplier": "sbom@example.org",
        },
    ),
    "SPDXRef-zlib": Component(
        ref="SPDXRef-zlib",
        name="zlib1g",
        version="1:1.2.13.dfsg-1",
        purl="pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=debian-12",
        supplier="Debian",
        licenses=(License("Zlib", "Zlib", "concluded"), License("zlib/libpng License", None, "declared")),
        hashes={"sha1": SHA1, "sha256": SHA256},
        cpes=("cpe:2.3:a:zlib:zlib:1.2.13:*:*:*:*:*:*:*",),
        copyright="(c) Jean-loup Gailly <zlib@example.org> & Mark Adler\nand others",
        description="compression library: größe",
        properties={
            "assay:reference:vcs": "git+https://example.org/zlib.git@v1.2.13",
            "assay:purl#2": "pkg:generic/zlib@1.2.13",
            "spdx:homepage": "https://zlib.net/",
            "spdx:builtDate": "2025-05-01T00:00:00Z",
            "spdx:releaseDate": "2025-05-02T00:00:00Z",
            "spdx:originator": "Debian",
            "spdx:packageVerificationCode": "d" * 40,
        },
    ),
    "SPDXRef-curl": Component(
        ref="SPDXRef-curl",
        name="curl",
        version="8.5.0",
        type="application",
        supplier="Daniel",
        licenses=(
            License("LicenseRef-house OR MIT", "LicenseRef-house OR MIT", "concluded"),
            License("curl", "curl", "declared"),
        ),
        properties={
            "assay:reference:distribution": "https://example.org/curl-8.5.0.tar.gz",
            "assay:contact:supplier": "daniel@example.org",
            "spdx:primaryPackagePurpose": "APPLICATION",
        },
    ),
    "SPDXRef-file": Component(
        ref="SPDXRef-file",
        name="./usr/bin/curl",
        type="file",
        licenses=(License("MIT", "MIT", "concluded"),),
        hashes={"sha1": "c" * 40},
        properties={"spdx:fileTypes": "BINARY"},
    ),
}
RELATIONS = {
    Relation("SPDXRef-image", "contains", "SPDXRef-curl"),
    Relation("SPDXRef-image", "contains", "SPDXRef-zlib"),
    Relation("SPDXRef-curl", "depends_on", "SPDXRef-zlib"),
    Relation("SPDXRef-curl", "depends_on", "SPDXRef-image"),
    Relation("SPDXRef-zlib", "build_dependency_of", "SPDXRef-image"),
    Relation("SPDXRef-file", "generated_from", "SPDXRef-curl"),
    Relation("SPDXRef-curl", "dynamic_link", "SPDXRef-zlib"),
    Relation("SPDXRef-curl", "variant_of", "SPDXRef-image"),
}
FIELDS = (
    "ref name version type group purl supplier licenses hashes cpes scope copyright description end_of_support "
    "properties parent"
)


def load(encoding: str, doc: Doc = DOCUMENT) -> Bom:
    return open_bom(ALL[encoding](doc), "test")


def short(ref: str) -> str:
    return ref.removeprefix(SPACE_3)


def facts(bom: Bom) -> dict[str, dict[str, Any]]:
    """Everything of the components but their places; what SPDX 3.0 has no member for, or says in other words, left out."""
    found = {}
    for one in bom.components:
        values = {name: getattr(one, name) for name in FIELDS.split()} | {"ref": short(one.ref)}
        values["properties"] = {
            name: value
            for name, value in one.properties.items()
            if not (bom.encoding == "json-ld" and name.startswith("assay:contact:"))
        }
        found[short(one.ref)] = values
    return found


def expected(encoding: str) -> dict[str, dict[str, Any]]:
    found = {ref: {name: getattr(one, name) for name in FIELDS.split()} for ref, one in EXPECTED.items()}
    if encoding == "json-ld":
        for values in found.values():
            left_out = ("assay:contact:supplier", "spdx:fileTypes")
            values["properties"] = {key: text for key, text in values["properties"].items() if key not in left_out}
    return found


@pytest.mark.parametrize("encoding", ALL)
def test_components(encoding: str) -> None:
    assert facts(load(encoding)) == expected(encoding)


@pytest.mark.parametrize("encoding", ALL)
def test_relations_and_subject(encoding: str) -> None:
    bom = load(encoding)
    assert {Relation(short(one.source), one.kind, short(one.target)) for one in bom.relations} == RELATIONS
    assert len(bom.relations) == len(RELATIONS)
    assert short(bom.subject or "") == "SPDXRef-image"


@pytest.mark.parametrize("encoding", ALL)
def test_the_document_itself(encoding: str) -> None:
    bom = load(encoding)
    assert (bom.format, bom.encoding, bom.name) == ("spdx", encoding, "router-1.4")
    assert bom.spec == ("3.0.1" if encoding == "json-ld" else "2.3")
    space = "https://example.org/sbom/router-1.4"
    assert bom.serial == (SPACE_3 + "SPDXRef-DOCUMENT" if encoding == "json-ld" else space)
    assert bom.created == "2026-01-31T10:00:00Z"
    assert bom.authors == ("Example Devices", "Jane Doe")
    assert bom.tools == ("maker-2.1",)
    assert bom.licenses == ("CC0-1.0",)
    assert bom.source == "test"
    assert len(bom.sha256) == 64


@pytest.mark.parametrize("encoding", SPDX_2)
def test_what_says_nothing_is_counted(encoding: str) -> None:
    counted = {(one.what, one.why): one.count for one in load(encoding).dropped}
    assert counted == {
        ("downloadLocation", "NOASSERTION"): 1,
        ("declared licence", "NOASSERTION"): 1,
        ("copyright", "NONE"): 1,
        ("copyright", "NOASSERTION"): 2,
        ("supplier", "NOASSERTION"): 1,
        ("purl", "is a further one of the component; kept as the property assay:purl#2 …"): 1,
    }


@pytest.mark.parametrize("encoding", ALL)
def test_identities_do_not_depend_on_the_encoding(encoding: str) -> None:
    assert sorted(identity(one) for one in load(encoding).components) == [
        "component:application//curl",
        "component:file///usr/bin/curl",
        "component:operating-system//router",
        "pkg:deb/debian/zlib1g?arch=amd64",
    ]


@pytest.mark.parametrize("encoding", SPDX_2)
@pytest.mark.parametrize("version", ["SPDX-2.2", "SPDX-2.1"])
def test_older_versions(encoding: str, version: str) -> None:
    bom = load(encoding, DOCUMENT | {"spdxVersion": version})
    assert bom.spec == version.removeprefix("SPDX-")
    assert len(bom.components) == 4


SUFFIXES = {"json": ".json", "yaml": ".yaml", "xml": ".xml", "tag-value": ".spdx", "rdf": ".rdf.xml"}


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # its parser generator leaves a file open
@pytest.mark.parametrize("encoding", SPDX_2)
def test_the_reference_library_reads_the_same(encoding: str, tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file

    doc = copy.deepcopy(DOCUMENT)
    doc["packages"][1]["copyrightText"] = "(c) somebody"
    doc["packages"][1]["checksums"][0]["checksumValue"] = SHA1  # it takes no upper-case digests
    path = tmp_path / f"document{SUFFIXES[encoding]}"
    path.write_bytes(SPDX_2[encoding](doc))
    theirs = parse_file(str(path))
    ours = load(encoding, doc)
    assert {(one.spdx_id, one.name, one.version or "") for one in theirs.packages} == {
        (one.ref, one.name, one.version) for one in ours.components if one.type != "file"
    }
    assert {one.spdx_id for one in theirs.files} == {one.ref for one in ours.components if one.type == "file"}
    for package in theirs.packages:
        own = next(one for one in ours.components if one.ref == package.spdx_id)
        assert {one.algorithm.name.lower(): one.value.lower() for one in package.checksums} == dict(own.hashes)
        cpes = [one.locator for one in package.external_references if one.reference_type == "cpe23Type"]
        assert tuple(cpes) == own.cpes
    known = {"DEPENDS_ON": "depends_on", "CONTAINS": "contains", "VARIANT_OF": "variant_of"}
    assert {
        Relation(one.spdx_element_id, known[one.relationship_type.name], str(one.related_spdx_element_id))
        for one in theirs.relationships
        if one.relationship_type.name in known
    } <= set(ours.relations)
