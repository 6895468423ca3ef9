"""SPDX 3.0: elements in any order, inline elements, vulnerabilities, licences, and what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanner.model.errors import InputError
from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.model import Bom, License, Relation, Vulnerability

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
CREATION = {"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1", "created": "2026-01-31T00:00:00Z"}
PACKAGE = {"type": "software_Package", "spdxId": "urn:a", "creationInfo": "_:c", "name": "a"}


def load(*elements: Any, context: Any = CONTEXT) -> Bom:
    return open_bom(json.dumps({"@context": context, "@graph": [CREATION, *elements]}).encode(), "test")


def relation(kind: str, source: Any, *targets: Any, type_: str = "Relationship", **more: Any) -> dict[str, Any]:
    return {
        "type": type_,
        "spdxId": f"urn:r-{kind}",
        "from": source,
        "relationshipType": kind,
        "to": list(targets),
    } | more


def dropped(bom: Bom) -> dict[tuple[str, str], int]:
    return {(entry.what, entry.why): entry.count for entry in bom.dropped}


@pytest.mark.parametrize(
    ("type_", "purpose", "expected"),
    [
        ("software_Package", "operatingSystem", "operating-system"),
        ("software_Package", "deviceDriver", "device-driver"),
        ("software_Package", "firmware", "firmware"),
        ("software_Package", "archive", "library"),
        ("software_Package", None, "library"),
        ("software_File", "executable", "file"),
        ("ai_AIPackage", "model", "machine-learning-model"),
        ("dataset_DatasetPackage", None, "data"),
        ("https://spdx.org/rdf/3.0.1/terms/Software/Package", "library", "library"),
    ],
)
def test_types(type_: str, purpose: str | None, expected: str) -> None:
    extra = {"software_primaryPurpose": purpose} if purpose else {}
    (component,) = load(PACKAGE | {"type": type_} | extra).components
    assert component.type == expected


def test_inline_elements() -> None:
    bom = load(
        {
            "type": "SpdxDocument",
            "spdxId": "urn:doc",
            "creationInfo": {
                "type": "CreationInfo",
                "specVersion": "3.0.0",
                "created": "2025-01-01T00:00:00Z",
                "createdBy": [{"type": "Person", "name": "Jane"}],
                "createdUsing": [{"type": "Tool", "spdxId": "urn:tool", "name": "maker"}],
            },
            "rootElement": [PACKAGE | {"suppliedBy": {"type": "Organization", "name": "Acme"}}],
            "element": ["urn:b", {"type": "software_Package", "spdxId": "urn:b", "name": "b"}],
        },
        relation("dependsOn", "urn:a", {"type": "software_Package", "@id": "_:x", "name": "x"}, "urn:b"),
    )
    assert {(entry.ref, entry.supplier) for entry in bom.components} == {("urn:a", "Acme"), ("urn:b", ""), ("_:x", "")}
    assert set(bom.relations) == {Relation("urn:a", "depends_on", "_:x"), Relation("urn:a", "depends_on", "urn:b")}
    assert (bom.spec, bom.created, bom.authors, bom.tools) == ("3.0.0", "2025-01-01T00:00:00Z", ("Jane",), ("maker",))
    assert bom.subject == "urn:a"
    assert bom.dropped == ()


def test_root_through_collections_and_lifecycle() -> None:
    bom = load(
        {"type": "SpdxDocument", "spdxId": "urn:doc", "rootElement": ["urn:sbom"], "import": [{}, {}]},
        {
            "type": "software_Sbom",
            "spdxId": "urn:sbom",
            "rootElement": ["urn:sbom", "urn:a"],
            "software_sbomType": ["build"],
        },
        PACKAGE,
    )
    assert (bom.subject, bom.lifecycle, bom.serial) == ("urn:a", "build", "urn:doc")
    assert dropped(bom) == {("external document reference", "has no place in the model"): 2}


@pytest.mark.parametrize(
    ("kind", "scope", "expected"),
    [
        ("dependsOn", None, Relation("urn:a", "depends_on", "urn:b")),
        ("dependsOn", "build", Relation("urn:b", "build_dependency_of", "urn:a")),
        ("dependsOn", "test", Relation("urn:b", "test_dependency_of", "urn:a")),
        ("contains", None, Relation("urn:a", "contains", "urn:b")),
        ("generates", None, Relation("urn:b", "generated_from", "urn:a")),
        ("hasVariant", None, Relation("urn:b", "variant_of", "urn:a")),
        ("hasOptionalDependency", None, Relation("urn:b", "optional_dependency_of", "urn:a")),
        ("hasPrerequisite", None, Relation("urn:a", "has_prerequisite", "urn:b")),
        ("trainedOn", None, Relation("urn:a", "trained_on", "urn:b")),
    ],
)
def test_kinds(kind: str, scope: str | None, expected: Relation) -> None:
    more = {"scope": scope} if scope else {}
    bom = load(PACKAGE, PACKAGE | {"spdxId": "urn:b"}, relation(kind, "urn:a", "urn:b", **more))
    assert bom.relations == (expected,)


def test_completeness_is_kept() -> None:
    bom = load(
        PACKAGE, PACKAGE | {"spdxId": "urn:b"}, relation("dependsOn", "urn:a", "urn:b", completeness="incomplete")
    )
    assert bom.components[0].properties == {"assay:composition:dependencies": "incomplete"}


def test_relations_that_lead_nowhere_are_counted() -> None:
    bom = load(
        relation("dependsOn", "urn:a", "urn:gone", "https://spdx.org/rdf/3.0.1/terms/Core/NoneElement"),
        relation("dependsOn", "urn:a"),
        relation("no word", "urn:a", "urn:b"),
        relation("contains", ["urn:a"], 7),
        PACKAGE,
    )
    assert bom.relations == ()
    assert dropped(bom) == {
        ("relationship", "has an end that is no package or file of the document"): 1,
        ("relationship", "ends at NONE or NOASSERTION"): 1,
        ("relationship", "lacks an end or a type"): 3,
        ("reference", "is no text"): 1,
    }


def license_element(kind: str, identifier: str, /, **members: Any) -> dict[str, Any]:
    profile = "simplelicensing" if kind.startswith("Simple") or kind == "LicenseExpression" else "expandedlicensing"
    found = {"type": f"{profile}_{kind}", "spdxId": identifier}
    return found | {(key if key == "name" else f"expandedlicensing_{key}"): value for key, value in members.items()}


MIT, GPL = "https://spdx.org/licenses/MIT", "https://spdx.org/licenses/GPL-2.0-only"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([license_element("ConjunctiveLicenseSet", "urn:l", member=[MIT, GPL])], "GPL-2.0-only AND MIT"),
        (
            [
                license_element("ConjunctiveLicenseSet", "urn:l", member=[MIT, "urn:d"]),
                license_element("DisjunctiveLicenseSet", "urn:d", member=[MIT, GPL]),
            ],
            "(GPL-2.0-only OR MIT) AND MIT",
        ),
        (
            [
                license_element(
                    "WithAdditionOperator",
                    "urn:l",
                    subjectExtendableLicense=GPL,
                    subjectAddition="https://spdx.org/licenses/Classpath-exception-2.0",
                )
            ],
            "GPL-2.0-only WITH Classpath-exception-2.0",
        ),
        ([license_element("ListedLicense", "https://spdx.org/licenses/Zlib", name="zlib License")], None),
        ([license_element("CustomLicense", "urn:l", name="GPLv2")], "GPL-2.0-only"),
        ([license_element("ConjunctiveLicenseSet", "urn:l", member=["urn:l", MIT])], None),
    ],
)
def test_licence_elements(elements: list[dict[str, Any]], expected: str | None) -> None:
    bom = load(PACKAGE, relation("hasDeclaredLicense", "urn:a", "urn:l"), *elements)
    found = [entry.expression for entry in bom.components[0].licenses if entry.expression]
    assert found == ([expected] if expected else [])


def test_licence_individuals_and_strays() -> None:
    bom = load(
        PACKAGE,
        relation(
            "hasDeclaredLicense", "urn:a", "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"
        ),
        relation("hasDeclaredLicense", "urn:a", "https://spdx.org/licenses/MIT"),
        relation("hasConcludedLicense", "urn:a", "expandedlicensing_NoneLicense"),
        relation("hasConcludedLicense", "urn:gone", MIT),
    )
    assert bom.components[0].licenses == (License("MIT", "MIT", "declared"),)
    assert dropped(bom) == {
        ("declared licence", "NOASSERTION"): 1,
        ("concluded licence", "NONE"): 1,
        ("licence", "is stated for no package or file of the document"): 1,
    }


VULNERABILITY = {
    "type": "security_Vulnerability",
    "spdxId": "urn:v",
    "externalIdentifier": [
        {"externalIdentifierType": "securityOther", "identifier": "GHSA-x"},
        {"externalIdentifierType": "cve", "identifier": "CVE-2026-1"},
    ],
}


def vex(name: str, kind: str, *targets: str, source: str = "urn:v", **more: Any) -> dict[str, Any]:
    return relation(kind, source, *targets, type_=f"security_{name}VulnAssessmentRelationship", **more)


@pytest.mark.parametrize(
    ("name", "kind", "state"),
    [
        ("VexAffected", "affects", "affected"),
        ("VexNotAffected", "doesNotAffect", "not_affected"),
        ("VexFixed", "fixedIn", "fixed"),
        ("VexUnderInvestigation", "underInvestigationFor", "under_investigation"),
    ],
)
def test_vex(name: str, kind: str, state: str) -> None:
    bom = load(
        vex(name, kind, "urn:a", suppliedBy="urn:o", security_justificationType="componentNotPresent"),
        vex("CvssV2", "hasAssessmentFor", "urn:a", security_score=4.0),
        vex("CvssV3", "hasAssessmentFor", "urn:a", security_score=9.8, security_severity="critical"),
        VULNERABILITY,
        PACKAGE,
        {"type": "Organization", "spdxId": "urn:o", "name": "Acme"},
    )
    (found,) = bom.vulnerabilities
    assert found == Vulnerability(
        "CVE-2026-1", ("urn:a",), state, "componentNotPresent", "critical", "9.8", "Acme", "/@graph/1"
    )


def test_vulnerabilities_without_statement() -> None:
    bom = load(
        PACKAGE,
        VULNERABILITY,
        {"type": "security_Vulnerability", "spdxId": "urn:w", "name": "GHSA-y"},
        relation("hasAssociatedVulnerability", "urn:a", "urn:v"),
        vex("VexAffected", "affects", "urn:gone", source="urn:z/CVE-2026-3"),
        vex("VexAffected", "affects", "urn:a", security_withdrawnTime="2026-01-01T00:00:00Z"),
        vex("Epss", "hasAssessmentFor", "urn:a"),
    )
    assert [(entry.id, entry.affects, entry.state) for entry in bom.vulnerabilities] == [
        ("CVE-2026-3", (), "affected"),
        ("CVE-2026-1", ("urn:a",), "unknown"),
        ("GHSA-y", (), "unknown"),
    ]
    assert dropped(bom) == {
        ("assessment", "is withdrawn"): 1,
        ("assessment", "is neither VEX nor CVSS"): 1,
        ("affected element", "is no package or file of the document"): 1,
    }


def test_what_is_left_out_is_counted() -> None:
    bom = load(
        PACKAGE | {"comment": "x", "ai_domain": ["a", "b"], "software_contentIdentifier": [{}], "homemade": 1},
        PACKAGE | {"software_packageUrl": "no purl", "verifiedUsing": [{"algorithm": "sha1", "hashValue": "x"}]},
        {"type": "software_Snippet", "spdxId": "urn:s"},
        {"type": "Annotation", "spdxId": "urn:n"},
        {"type": "build_Build", "spdxId": "urn:b"},
        {"type": "Homemade"},
        {"type": ["x"]},
        {},
        "text",
    )
    assert [entry.ref for entry in bom.components] == ["urn:a", "urn:a#2"]
    assert bom.components[0].properties["spdx:comment"] == "x"
    assert dropped(bom) == {
        ("statement on a model or data set", "has no place in the model"): 2,
        ("member", "is not read"): 1,
        ("content identifier", "has no place in the model"): 1,
        ("purl", "is no package URL; kept as the property assay:purl-as-written"): 1,
        ("hash", "is no digest of its algorithm"): 1,
        ("reference", "names more than one component; relations to it go to the first"): 1,
        ("snippet", "has no place in the model"): 1,
        ("annotation", "has no place in the model"): 1,
        ("build", "has no place in the model"): 1,
        ("element", "has no place in the model"): 3,
        ("element", "is no object"): 1,
    }


@pytest.mark.parametrize("value", [None, 7, True, "text", [], {}, [[]], [None], [{}], {"type": []}])
def test_no_shape_of_a_member_breaks_the_reader(value: Any) -> None:
    members = "name suppliedBy originatedBy verifiedUsing externalIdentifier software_packageUrl supportLevel"
    bom = load(
        PACKAGE | dict.fromkeys(members.split(), value),
        {"type": "SpdxDocument", "spdxId": "urn:d", "rootElement": value, "element": value, "dataLicense": value},
        {"type": "security_Vulnerability", "spdxId": "urn:v", "externalIdentifier": value, "name": value},
        relation("affects", value, value, type_="security_VexAffectedVulnAssessmentRelationship", suppliedBy=value),
        relation(value, "urn:a", "urn:a") if isinstance(value, str) else PACKAGE,
        license_element("ConjunctiveLicenseSet", "urn:l", member=value),
        relation("hasDeclaredLicense", "urn:a", "urn:l", completeness=value, scope=value),
        relation("dependsOn", "urn:a", "urn:a", completeness=value, scope=value, comment=value),
        {"type": value, "spdxId": value},
        PACKAGE | {"spdxId": value, "@id": "urn:b"},
    )
    assert "urn:a" in {entry.ref for entry in bom.components}


def test_a_document_of_one_element() -> None:
    bom = open_bom(json.dumps({"@context": CONTEXT} | PACKAGE).encode(), "x")
    assert [entry.name for entry in bom.components] == ["a"]
    assert bom.spec == "3.0.1"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"@context": "https://spdx.org/rdf/3.1.0/spdx-context.jsonld", "@graph": []}, "SPDX version '3.1.0'"),
        ({"@context": CONTEXT, "@graph": {}}, "no list"),
        ({"@context": CONTEXT, "@graph": [CREATION | {"specVersion": "4.0"}]}, "SPDX version '4.0'"),
        ({"@context": "https://example.org/own.jsonld", "@graph": []}, "no SBOM"),
    ],
)
def test_refused(document: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_bom(json.dumps(document).encode(), "x")


def test_shared_licence_sets_end() -> None:
    sets = [
        license_element("ConjunctiveLicenseSet", f"urn:{n}", member=[f"urn:{n + 1}", f"urn:{n + 1}"]) for n in range(60)
    ]
    bom = load(PACKAGE, relation("hasDeclaredLicense", "urn:a", "urn:0"), *sets)
    assert bom.components[0].licenses == ()
    assert dropped(bom) == {("licence", "is nested too deeply, in a circle, or too long"): 1}
