"""SPDX 2 documents as they really come, and as an attacker would write them: read with everything counted, or refused."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from scanner.model.errors import InputError
from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.loading.spdx_yaml import MAX_YAML
from scanner.supply_chain.model import Bom, License, Relation
from tests.unit.supply_chain.loading.spdx_writers import SPDX_2, Doc
from tests.unit.supply_chain.loading.test_spdx_encodings import DOCUMENT

HEAD = """SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: test
DocumentNamespace: https://example.org/test
Creator: Tool: hand
Created: 2026-01-31T00:00:00Z
"""


def from_json(**members: Any) -> Bom:
    doc = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "test"} | members
    return open_bom(json.dumps(doc).encode(), "test")


def one(package: Doc) -> Bom:
    return from_json(packages=[{"SPDXID": "SPDXRef-a", "name": "a"} | package])


def from_tags(text: str) -> Bom:
    return open_bom((HEAD + text).encode(), "test")


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


def test_of_several_described_elements_the_first_package_is_the_subject() -> None:
    bom = from_json(
        packages=[{"SPDXID": "SPDXRef-a", "name": "a"}, {"SPDXID": "SPDXRef-b", "name": "b"}],
        files=[{"SPDXID": "SPDXRef-f", "fileName": "./f"}],
        documentDescribes=["SPDXRef-f", "SPDXRef-b", "SPDXRef-a"],
    )
    assert bom.subject == "SPDXRef-b"
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
        ("comment", "has no place in the model"): 1,
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


@pytest.mark.parametrize("value", [None, 7, True, "text", [], {}, [[]], [None], [{}], {"a": []}])
def test_no_shape_of_a_member_breaks_the_reader(value: Any) -> None:
    members = "name versionInfo supplier originator checksums externalRefs licenseConcluded copyrightText hasFiles"
    package = dict.fromkeys(
        [*members.split(), "packageVerificationCode", "filesAnalyzed", "primaryPackagePurpose"], value
    )
    tops = dict.fromkeys(["documentDescribes", "hasExtractedLicensingInfos", "creationInfo", "files"], value)
    bom = from_json(packages=[package], relationships=value, snippets=value, dataLicense=value, **tops)
    assert bom.components[0].place == "/packages/0"


# --- bytes and texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", SPDX_2)
def test_byte_order_mark_and_line_ends(encoding: str) -> None:
    plain = SPDX_2[encoding](DOCUMENT)
    dirty = b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")
    assert [c.name for c in open_bom(dirty, "x").components] == [c.name for c in open_bom(plain, "x").components]


@pytest.mark.parametrize("encoding", ["json", "tag-value", "yaml"])
@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf_16(encoding: str, mark: str) -> None:
    plain = SPDX_2[encoding](DOCUMENT)
    wide = ("\ufeff" + plain.decode()).encode(mark)
    expected, found = open_bom(plain, "x"), open_bom(wide, "x")
    assert found.components == expected.components
    assert found.dropped == expected.dropped


def test_latin_1_in_tag_value_is_read_and_counted() -> None:
    data = (HEAD + "PackageName: Größe\nSPDXID: SPDXRef-a\n").encode("latin-1")
    bom = open_bom(data, "x")
    assert bom.components[0].name == "Größe"
    assert dropped(bom) == {("text", "is not UTF-8; the document was read as Latin-1"): 1}


def test_a_wrapped_document_is_unwrapped() -> None:
    bom = open_bom(json.dumps({"sbom": DOCUMENT}).encode(), "x")
    assert len(bom.components) == 4
    assert bom.components[0].place == "/sbom/packages/0"


# --- tag-value ------------------------------------------------------------------------------------------------------


def test_tags_out_of_order_and_unknown() -> None:
    bom = from_tags(
        """PackageVersion: 0
# a comment
PackageName: a
SPDXID: SPDXRef-a
PackageHomemade: x
this is no tag
PackageVersion: 1.0
PackageVersion: 2.0
SPDXID: SPDXRef-again
  PackageSupplier :   Organization: Acme
Relationship: SPDXRef-a CONTAINS
ExternalRef: SECURITY cpe23Type
PackageVerificationCode: what?
RelationshipComment: x
Reviewer: Person: J
ReviewDate: today
Annotator: Person: J
SPDXREF: SPDXRef-a
SnippetSPDXID: SPDXRef-s
SnippetComment: x
LicenseName: early
PackageChecksum: SHA1: """
        + "a" * 40
    )
    (component,) = bom.components
    assert (component.ref, component.version, component.supplier) == ("SPDXRef-a", "1.0", "Acme")
    assert component.hashes == {"sha1": "a" * 40}
    assert component.place == "line 10"
    assert dropped(bom) == {
        ("tag", "stands before what it could belong to"): 2,
        ("tag", "is unknown to SPDX 2"): 1,
        ("line", "is no tag with a value"): 1,
        ("tag", "stands twice for one element; the first counts"): 2,
        ("relationship", "is not two ends and a type"): 1,
        ("external reference", "is not a category, a type and a locator"): 1,
        ("verification code", "is no digest"): 1,
        ("comment", "has no place in the model"): 1,
        ("review", "has no place in the model"): 1,
        ("annotation", "has no place in the model"): 1,
        ("snippet", "has no place in the model"): 1,
    }


def test_text_over_several_lines() -> None:
    bom = from_tags(
        "PackageName: a\nSPDXID: SPDXRef-a\nPackageDescription: <text>one\nPackageName: no tag\n\nlast</text> rest\n"
    )
    assert bom.components[0].description == "one\nPackageName: no tag\n\nlast"
    assert len(bom.components) == 1


def test_text_without_end_is_refused() -> None:
    with pytest.raises(InputError, match=r"line 8: <text> without </text>"):
        from_tags("DocumentComment: <text>one\ntwo\n")


def test_files_belong_to_the_package_before_them() -> None:
    bom = from_tags(
        "FileName: ./0\nSPDXID: SPDXRef-0\nPackageName: a\nSPDXID: SPDXRef-a\nFileName: ./1\nSPDXID: SPDXRef-1\n"
        "PackageName: b\nSPDXID: SPDXRef-b\nFileName: ./2\nSPDXID: SPDXRef-2\n"
    )
    assert bom.relations == (
        Relation("SPDXRef-a", "contains", "SPDXRef-1"),
        Relation("SPDXRef-b", "contains", "SPDXRef-2"),
    )
    assert len(bom.components) == 5


# --- tricks ---------------------------------------------------------------------------------------------------------


def yaml_bomb() -> bytes:
    lines = ["spdxVersion: SPDX-2.3", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (yaml_bomb(), "aliases stand for more"),
        (b"spdxVersion: SPDX-2.3\na: &a [*a]\n", "alias to nothing"),
        (b"spdxVersion: SPDX-2.3\na: *b\n", "not YAML|alias to nothing"),
        (b"spdxVersion: SPDX-2.3\nname: a\nname: b\n", "stands twice"),
        (b"spdxVersion: SPDX-2.3\n[a, b]: c\n", "key that is no text"),
        (b"spdxVersion: SPDX-2.3\na: " + b"[" * 100_000, "nested deeper"),
        (b"spdxVersion: SPDX-2.3\na: [\n", "not YAML"),
        (b"spdxVersion: SPDX-2.3\n---\nname: b\n", "second document"),
        (b"- a\n- |\n x\nspdxVersion: SPDX-2.3\n", "not YAML"),
        (b"spdxVersion: SPDX-9.9\n", "SPDX version"),
        (b"SPDXVersion: SPDX-3.0\n", "SPDX version"),
        (b'{"spdxVersion": "SPDX-2.3", "packages": [', "not JSON"),
        (b'{"spdxVersion": "SPDX-2.3", "spdxVersion": "SPDX-2.2"}', "stands twice"),
        (b'{"spdxVersion": null}', "SPDX version"),
        (b'{"spdxVersion": "SPDX-2.3", "x": ' + b"[" * 100_000, "nested too deeply|not JSON"),
        (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Document><spdxVersion>SPDX-2.3</spdxVersion></Document>',
            "DTD",
        ),
        (b"<Document><spdxVersion>SPDX-2.3</spdxVersion>", "not XML"),
        (b"<Document><spdxVersion>SPDX-2.3</spdxVersion>" + b"<a>" * 1000 + b"</a>" * 1000 + b"</Document>", "nested"),
    ],
)
def test_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_bom(data, "x")


def test_a_yaml_document_that_takes_too_long_is_refused() -> None:
    with pytest.raises(InputError, match="more than 64 MiB") as caught:
        open_bom(b"spdxVersion: SPDX-2.3\n# " + b"x" * MAX_YAML, "x")
    assert "JSON" in caught.value.hint


def test_few_aliases_are_what_they_stand_for() -> None:
    bom = open_bom(
        b"spdxVersion: SPDX-2.3\npackages:\n- &p {name: a, SPDXID: SPDXRef-a, versionInfo: 1.10}\n- *p\n", "x"
    )
    assert [(entry.name, entry.version) for entry in bom.components] == [("a", "1.10"), ("a", "1.10")]


RDF_HEAD = (
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:spdx='http://spdx.org/rdf/terms#'>"
    "<spdx:SpdxDocument rdf:about='https://example.org/d#SPDXRef-DOCUMENT'><spdx:specVersion>SPDX-2.3</spdx:specVersion>"
)


def from_rdf(document: str, rest: str = "") -> Bom:
    return open_bom(f"{RDF_HEAD}{document}</spdx:SpdxDocument>{rest}</rdf:RDF>".encode(), "x")


def test_nested_rdf() -> None:
    """Packages inside relationships inside packages, as the Java tools write them; 2,000 deep."""
    deep, end = "", ""
    for number in range(2000):
        deep += (
            "<spdx:relationship><spdx:Relationship><spdx:relationshipType "
            "rdf:resource='http://spdx.org/rdf/terms#relationshipType_dependsOn'/><spdx:relatedSpdxElement>"
            f"<spdx:Package rdf:about='https://example.org/d#SPDXRef-{number}' spdx:name='p{number}'>"
        )
        end += "</spdx:Package></spdx:relatedSpdxElement></spdx:Relationship></spdx:relationship>"
    bom = from_rdf(deep + end)
    assert [entry.name for entry in bom.components] == [f"p{number}" for number in range(2000)]
    assert len(bom.relations) == 1999


def test_licence_sets_in_rdf_without_end() -> None:
    sets = "".join(
        f"<spdx:ConjunctiveLicenseSet rdf:nodeID='n{number}'><spdx:member rdf:nodeID='n{number + 1}'/>"
        f"<spdx:member rdf:nodeID='n{number + 1}'/></spdx:ConjunctiveLicenseSet>"
        for number in range(40)
    )
    circle = "<spdx:DisjunctiveLicenseSet rdf:nodeID='n40'><spdx:member rdf:nodeID='n0'/></spdx:DisjunctiveLicenseSet>"
    package = "<spdx:Package rdf:about='https://example.org/d#SPDXRef-a'><spdx:name>a</spdx:name>"
    package += "<spdx:licenseDeclared rdf:nodeID='n0'/></spdx:Package>"
    bom = from_rdf("", sets + circle + package)
    assert bom.components[0].licenses == ()
    assert dropped(bom)["licence", "is nested too deeply, in a circle, or too long"] == 1


def test_other_documents_in_rdf() -> None:
    bom = from_rdf(
        "<spdx:externalDocumentRef><spdx:ExternalDocumentRef><spdx:externalDocumentId>DocumentRef-x"
        "</spdx:externalDocumentId><spdx:spdxDocument rdf:resource='https://example.org/other'/>"
        "</spdx:ExternalDocumentRef></spdx:externalDocumentRef>"
        "<spdx:describesPackage><spdx:Package rdf:about='https://example.org/d#SPDXRef-a'><spdx:name>a</spdx:name>"
        "<spdx:relationship><spdx:Relationship><spdx:relationshipType "
        "rdf:resource='http://spdx.org/rdf/terms#relationshipType_contains'/>"
        "<spdx:relatedSpdxElement rdf:resource='https://example.org/other#SPDXRef-b'/>"
        "</spdx:Relationship></spdx:relationship></spdx:Package></spdx:describesPackage>"
    )
    assert bom.subject == "SPDXRef-a"
    assert dropped(bom)["relationship", "ends in another document"] == 1


def test_rdf_needs_one_document() -> None:
    with pytest.raises(InputError, match="2 SpdxDocument"):
        from_rdf("", "<spdx:SpdxDocument rdf:about='https://example.org/e#SPDXRef-DOCUMENT'/>")


@pytest.mark.parametrize("encoding", SPDX_2)
def test_damage_is_refused_or_read_but_never_breaks(encoding: str) -> None:
    plain = SPDX_2[encoding](DOCUMENT)
    dice = random.Random(5)
    loaded = 0
    for turn in range(60):
        data = bytearray(plain)
        if turn % 2:
            del data[dice.randrange(len(data)) :]
        else:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        try:
            bom = open_bom(bytes(data), "x")
        except InputError:
            continue
        loaded += 1
        known = {entry.ref for entry in bom.components}
        assert all(entry.source in known and entry.target in known for entry in bom.relations)
        assert len(known) == len(bom.components)
    assert loaded < 60


def test_loading_changes_nothing_between_runs() -> None:
    data = SPDX_2["json"](copy.deepcopy(DOCUMENT))
    assert open_bom(data, "x") == open_bom(data, "x")
