"""SPDX 2 documents as they really come: everything is read, or counted as left out."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.model import Bom, License, Relation
from tests.unit.supply_chain.loading.spdx_writers import Doc


def from_json(**members: Any) -> Bom:
    doc = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "test"} | members
    return open_bom(json.dumps(doc).encode(), "test")


def one(package: Doc) -> Bom:
    return from_json(packages=[{"SPDXID": "SPDXRef-a", "name": "a"} | package])


def dropped(bom: Bom) -> dict[tuple[str, str], int]:
    return {(entry.what, entry.why): entry.count for entry in bom.dropped}


# --- identifiers and relations --------------------------------------------------------------------------------------


def test_packages_without_identifier_are_kept() -> None:
    bom = from_json(packages=[{"name": "a"}, {"name": "a"}, {"name": "b", "SPDXID": 7}, {"name": "c", "SPDXID": []}])
    assert [entry.ref for entry in bom.components] == ["assay:a", "assay:a#2", "7", "assay:c"]
    assert dropped(bom)["identifier", "is missing; made from the name"] == 3


def test_repeated_identifiers_are_kept_apart() -> None:
    bom = from_json(
        packages=[{"SPDXID": "SPDXRef-a", "name": name} for name in ("one", "two", "three")],
        relationships=[
            {"spdxElementId": "SPDXRef-a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-a"}
        ],
    )
    assert [(entry.ref, entry.name) for entry in bom.components] == [
        ("SPDXRef-a", "one"),
        ("SPDXRef-a#2", "two"),
        ("SPDXRef-a#3", "three"),
    ]
    assert bom.relations == (Relation("SPDXRef-a", "depends_on", "SPDXRef-a"),)
    assert dropped(bom)["reference", "names more than one component; relations to it go to the first"] == 2


def test_relations_that_lead_nowhere_are_counted() -> None:
    def relation(source: Any, kind: Any, target: Any) -> Doc:
        return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}

    bom = from_json(
        packages=[{"SPDXID": "SPDXRef-a", "name": "a"}],
        relationships=[
            relation("SPDXRef-a", "DEPENDS_ON", "SPDXRef-gone"),
            relation("SPDXRef-a", "DEPENDS_ON", "DocumentRef-x:SPDXRef-b"),
            relation("SPDXRef-a", "DEPENDS_ON", "NONE"),
            relation("SPDXRef-a", "GENERATED_FROM", "NOASSERTION"),
            relation("SPDXRef-DOCUMENT", "AMENDS", "SPDXRef-a"),
            relation("SPDXRef-a", "", "SPDXRef-a"),
            relation(None, "CONTAINS", "SPDXRef-a"),
            relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-gone"),
            relation("SPDXRef-a", "x; DROP TABLE", "SPDXRef-a"),
            "text",
            None,
        ],
    )
    assert bom.relations == ()
    assert bom.subject is None
    assert dropped(bom) == {
        ("relationship", "has an end that is no package or file of the document"): 1,
        ("relationship", "ends in another document"): 1,
        ("relationship", "ends at NONE or NOASSERTION"): 2,
        ("relationship", "has the document itself as an end"): 1,
        ("relationship", "has no type"): 2,
        ("relationship", "lacks an end"): 1,
        ("relationship", "is no object"): 2,
        ("described element", "is not in the document"): 1,
    }


@pytest.mark.parametrize(
    ("written", "kind", "reversed_"),
    [
        ("DEPENDS_ON", "depends_on", False),
        ("DEPENDENCY_OF", "depends_on", True),
        ("dependency_of", "depends_on", True),
        ("dependencyOf", "depends_on", True),
        ("CONTAINED_BY", "contains", True),
        ("GENERATES", "generated_from", True),
        ("ANCESTOR_OF", "descendant_of", True),
        ("PREREQUISITE_FOR", "has_prerequisite", True),
        ("DEV_DEPENDENCY_OF", "dev_dependency_of", False),
        ("OTHER", "other", False),
        ("MADE_UP_BY_A_TOOL", "made_up_by_a_tool", False),
    ],
)
def test_kinds_and_directions(written: str, kind: str, reversed_: bool) -> None:
    bom = from_json(
        packages=[{"SPDXID": "SPDXRef-a", "name": "a"}, {"SPDXID": "SPDXRef-b", "name": "b"}],
        relationships=[{"spdxElementId": "SPDXRef-a", "relationshipType": written, "relatedSpdxElement": "SPDXRef-b"}],
    )
    ends = ("SPDXRef-b", "SPDXRef-a") if reversed_ else ("SPDXRef-a", "SPDXRef-b")
    assert bom.relations == (Relation(ends[0], kind, ends[1]),)


def test_one_statement_in_two_ways_is_one_relation() -> None:
    bom = from_json(
        packages=[{"SPDXID": "SPDXRef-a", "name": "a", "hasFiles": ["SPDXRef-f"]}],
        files=[{"SPDXID": "SPDXRef-f", "fileName": "./f"}],
        documentDescribes=["SPDXRef-a"],
        relationships=[
            {"spdxElementId": "SPDXRef-a", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-f"},
            {"spdxElementId": "SPDXRef-f", "relationshipType": "CONTAINED_BY", "relatedSpdxElement": "SPDXRef-a"},
            {
                "spdxElementId": "SPDXRef-a",
                "relationshipType": "DESCRIBED_BY",
                "relatedSpdxElement": "SPDXRef-DOCUMENT",
            },
        ],
    )
    assert bom.relations == (Relation("SPDXRef-a", "contains", "SPDXRef-f"),)
    assert bom.subject == "SPDXRef-a"
    assert bom.dropped == ()


@pytest.mark.parametrize("order", list(itertools.permutations(("SPDXRef-f", "SPDXRef-b", "SPDXRef-a"))))
def test_of_several_described_elements_one_package_is_the_subject_in_any_order(order: tuple[str, ...]) -> None:
    bom = from_json(
        packages=[{"SPDXID": "SPDXRef-a", "name": "a"}, {"SPDXID": "SPDXRef-b", "name": "b"}],
        files=[{"SPDXID": "SPDXRef-f", "fileName": "./f"}],
        documentDescribes=list(order),
    )
    assert bom.subject == "SPDXRef-a"
    assert dropped(bom) == {("described element", "is a further one: the model has one subject"): 2}


def test_the_only_package_is_the_subject_without_a_word() -> None:
    assert one({}).subject == "SPDXRef-a"
    assert from_json(packages=[{"name": "a"}, {"name": "b"}]).subject is None


# --- values ---------------------------------------------------------------------------------------------------------


def refs(*purls: str) -> list[Doc]:
    return [
        {"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": purl} for purl in purls
    ]


def test_purls_are_canonical_and_none_is_lost() -> None:
    bom = one(
        {"externalRefs": refs("not a purl", "pkg:RPM/fedora/curl@8?distro=f40&arch=x86_64", "pkg:rpm/redhat/curl@8")}
    )
    (component,) = bom.components
    assert component.purl == "pkg:rpm/fedora/curl@8?arch=x86_64&distro=f40"
    assert component.properties == {"assay:purl-as-written": "not a purl", "assay:purl#2": "pkg:rpm/redhat/curl@8"}
    assert len(bom.dropped) == 2


def test_the_same_purl_in_other_order_is_no_further_one() -> None:
    bom = one({"externalRefs": refs("pkg:deb/debian/a@1?arch=x&distro=y", "pkg:deb/debian/a@1?distro=y&arch=x")})
    assert bom.components[0].properties == {}
    assert bom.dropped == ()


def test_hashes() -> None:
    bom = one(
        {
            "checksums": [
                {"algorithm": "sha-256", "checksumValue": "AB" * 32},
                {"algorithm": "SHA3_256", "checksumValue": "cd" * 32},
                {"algorithm": "BLAKE2b-256", "checksumValue": " ef" + "ef" * 31 + " "},
                {"algorithm": "SHA256", "checksumValue": "ab" * 32},
                {"algorithm": "SHA256", "checksumValue": "ff" * 32},
                {"algorithm": "SHA1", "checksumValue": "ab" * 32},
                {"algorithm": "MD5", "checksumValue": "zz" * 16},
                {"algorithm": "", "checksumValue": "ab"},
                {"algorithm": "MD5"},
                "text",
            ]
        }
    )
    assert bom.components[0].hashes == {"sha256": "ab" * 32, "sha3-256": "cd" * 32, "blake2b-256": "ef" * 32}
    assert dropped(bom) == {
        ("hash", "is the second, different one of its algorithm"): 1,
        ("hash", "is no digest of its algorithm"): 3,
        ("hash", "has no algorithm"): 1,
        ("hash", "is no object"): 1,
    }


@pytest.mark.parametrize(
    ("text", "name", "mail"),
    [
        ("Organization: Acme (UK) (info@example.org)", "Acme (UK)", "info@example.org"),
        ("Organization: Acme (UK)", "Acme (UK)", ""),
        ("Person: Jane Doe ()", "Jane Doe", ""),
        ("ORGANISATION : Acme", "Acme", ""),
        ("Acme GmbH", "Acme GmbH", ""),
        ("NOASSERTION", "", ""),
        ("  ", "", ""),
    ],
)
def test_suppliers(text: str, name: str, mail: str) -> None:
    (component,) = one({"supplier": text}).components
    assert (component.supplier, component.properties.get("assay:contact:supplier", "")) == (name, mail)


def test_a_person_it_comes_from_is_no_supplier() -> None:
    (component,) = one({"originator": "Person: Jane Doe (j@example.org)"}).components
    assert component.supplier == ""
    assert component.properties["spdx:originator"] == "Jane Doe"


OWN = [
    {"licenseId": "LicenseRef-gpl", "name": "GPLv2", "extractedText": "GNU GENERAL\nPUBLIC"},
    {"licenseId": "LicenseRef-short", "name": "NOASSERTION", "extractedText": "Public domain, do as you like"},
    {"licenseId": "LicenseRef-long", "extractedText": "Copyright\nall rights reserved"},
]


@pytest.mark.parametrize(
    ("text", "license_"),
    [
        ("LicenseRef-gpl", License("GPLv2", "GPL-2.0-only", "declared")),
        ("MIT OR LicenseRef-gpl", License("MIT OR LicenseRef-gpl", "GPL-2.0-only OR MIT", "declared")),
        ("LicenseRef-short", License("Public domain, do as you like", None, "declared")),
        ("LicenseRef-long", License("LicenseRef-long", None, "declared")),
        ("LicenseRef-unknown", License("LicenseRef-unknown", None, "declared")),
        ("(MIT AND LicenseRef-long)", License("(MIT AND LicenseRef-long)", "LicenseRef-long AND MIT", "declared")),
        ("as is, no warranty", License("as is, no warranty", None, "declared")),
        ("mit and Apache-2.0", License("mit and Apache-2.0", "Apache-2.0 AND MIT", "declared")),
    ],
)
def test_licences(text: str, license_: License) -> None:
    bom = from_json(
        packages=[{"SPDXID": "SPDXRef-a", "name": "a", "licenseDeclared": text, "licenseConcluded": "NONE"}],
        hasExtractedLicensingInfos=OWN,
    )
    assert bom.components[0].licenses == (license_,)
    assert (("licence", "its LicenseRef is not explained in the document") in dropped(bom)) == (
        text == "LicenseRef-unknown"
    )


def test_every_member_that_is_left_out_is_counted() -> None:
    bom = from_json(
        packages=[
            {
                "SPDXID": "SPDXRef-a",
                "name": "a",
                "versionInfo": 1.5,
                "comment": "c",
                "licenseComments": "lc",
                "attributionTexts": ["x", "y"],
                "annotations": [{}, {}, {}],
                "homemade": {"deep": [1]},
                "licenseInfoFromFiles": ["NOASSERTION"],
                "copyrightText": ["list"],
                "packageVerificationCode": {
                    "packageVerificationCodeValue": "AA",
                    "packageVerificationCodeExcludedFiles": ["./x"],
                },
                "externalRefs": [{"referenceType": "swid", "referenceLocator": "x"}, {"referenceType": None}],
            }
        ],
        snippets=[{"SPDXID": "SPDXRef-s"}, "text"],
        annotations=[{}],
        revieweds=[{}, {}],
        externalDocumentRefs=[{}],
        creationInfo={"created": "2026-01-01T00:00:00Z", "creators": ["Tool: a"], "licenseListVersion": "3.25"},
    )
    assert dropped(bom) == {
        ("annotation", "has no place in the model"): 4,
        ("attribution text", "has no place in the model"): 2,
        ("member", "is unknown to SPDX 2"): 1,
        ("licence found in files", "has no place in the model"): 1,
        ("copyright", "is no text"): 1,
        ("verification code", "leaves files out; their names are not kept"): 1,
        ("external reference", "is neither package URL nor CPE"): 2,
        ("snippet", "has no place in the model"): 2,
        ("review", "has no place in the model"): 2,
        ("external document reference", "has no place in the model"): 1,
        ("version of the licence list", "has no place in the model"): 1,
    }
    assert bom.components[0].version == "1.5"
    assert bom.components[0].properties["spdx:comment"] == "c"
    assert bom.components[0].properties["spdx:licenseComments"] == "lc"


def test_comments_of_files_are_kept_and_those_of_relations_are_counted() -> None:
    bom = from_json(
        files=[{"SPDXID": "SPDXRef-f", "fileName": "./a", "comment": " why "}, {"SPDXID": "SPDXRef-g", "comment": 5.5}],
        relationships=[
            {
                "spdxElementId": "SPDXRef-f",
                "relationshipType": "CONTAINS",
                "relatedSpdxElement": "SPDXRef-g",
                "comment": "x",
            }
        ],
    )
    assert [one.properties for one in bom.components] == [{"spdx:comment": "why"}, {"spdx:comment": "5.5"}]
    assert dropped(bom)["comment", "has no place in the model"] == 1


@pytest.mark.parametrize("value", [None, 7, True, "text", [], {}, [[]], [None], [{}], {"a": []}])
def test_no_shape_of_a_member_breaks_the_reader(value: Any) -> None:
    members = "name versionInfo supplier originator checksums externalRefs licenseConcluded copyrightText hasFiles"
    package = dict.fromkeys(
        [*members.split(), "packageVerificationCode", "filesAnalyzed", "primaryPackagePurpose"], value
    )
    tops = dict.fromkeys(["documentDescribes", "hasExtractedLicensingInfos", "creationInfo", "files"], value)
    bom = from_json(packages=[package], relationships=value, snippets=value, dataLicense=value, **tops)
    assert bom.components[0].place == "/packages/0"
