"""SPDX 2 as text: bytes of other encodings, tags in any order, and the tricks of an attacker; read or refused."""

from __future__ import annotations

import copy
import json
import os
import random

import pytest

from scanner.model.errors import InputError
from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.loading.spdx_rdf import MAX_RDF
from scanner.supply_chain.loading.spdx_yaml import MAX_YAML
from scanner.supply_chain.model import Bom, Relation
from tests.unit.supply_chain.loading.spdx_writers import SPDX_2
from tests.unit.supply_chain.loading.test_spdx_dirty import dropped
from tests.unit.supply_chain.loading.test_spdx_encodings import DOCUMENT

TURNS = 400 if os.environ.get("ASSAY_LONG") else 40
"""Truncations and bit flips of each encoding."""

HEAD = """SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: test
DocumentNamespace: https://example.org/test
Creator: Tool: hand
Created: 2026-01-31T00:00:00Z
"""


def from_tags(text: str) -> Bom:
    return open_bom((HEAD + text).encode(), "test")


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


def test_an_rdf_document_that_takes_too_much_memory_is_refused() -> None:
    with pytest.raises(InputError, match="more than 48 MiB"):
        from_rdf("<!--" + "x" * MAX_RDF + "-->")


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
    for turn in range(TURNS):
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
    assert loaded < TURNS


def test_loading_changes_nothing_between_runs() -> None:
    data = SPDX_2["json"](copy.deepcopy(DOCUMENT))
    assert open_bom(data, "x") == open_bom(data, "x")
