"""VEX documents: what is read, what it applies to, and what must never calm."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.errors import InputError
from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.model import Bom, Vulnerability
from scanner.supply_chain.vex.model import VexDocument
from scanner.supply_chain.vex.opening import open_vex
from tests.unit.supply_chain.comparing.bom_maker import bom, component

CVE = "CVE-2026-0001"


def read(document: Any) -> VexDocument:
    return open_vex(json.dumps(document).encode(), "vex.json")


def openvex(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "x",
        "author": "Acme",
        "statements": list(statements),
        **more,
    }


def said(status: str, *products: Any, **more: Any) -> dict[str, Any]:
    return {"vulnerability": {"name": CVE}, "status": status, "products": list(products), **more}


def product() -> Bom:
    """A product with one package that a vulnerability affects."""
    app = component("app", "2.0", ref="app", type="application", purl="pkg:oci/app@2.0")
    openssl = component("openssl", "3.0.7-16", ref="ssl", purl="pkg:rpm/redhat/openssl@3.0.7-16?arch=x86_64&epoch=1")
    flaw = Vulnerability(CVE, ("ssl",), "affected", severity="high")
    return replace(bom(app, openssl, subject="app", serial="urn:uuid:1234"), vulnerabilities=(flaw,))


def state(document: Any) -> str:
    """What counts for the package once the document stands beside the new release."""
    plain = product()
    diff = compare(replace(plain, vulnerabilities=()), plain, vex=[read(document)])
    (change,) = [change for change in diff.changes if change.kind == "vulnerability_appeared"]
    return change.facts["state"]


PURL = "pkg:rpm/redhat/openssl@3.0.7-16?arch=x86_64&epoch=1"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (said("not_affected", {"@id": PURL}, justification="component_not_present"), "not_affected"),
        (said("fixed", PURL), "fixed"),
        (said("fixed", {"identifiers": {"purl": "pkg:rpm/redhat/openssl"}}), "fixed"),
        (said("not_affected", {"@id": "pkg:oci/app@2.0", "subcomponents": [{"@id": PURL}]}), "not_affected"),
        # Another version, architecture, epoch, package, product: none of these says anything about this one.
        (said("not_affected", "pkg:rpm/redhat/openssl@3.0.7-17?arch=x86_64&epoch=1"), "affected"),
        (said("not_affected", "pkg:rpm/redhat/openssl@3.0.7-16?arch=aarch64&epoch=1"), "affected"),
        (said("not_affected", "pkg:rpm/redhat/openssl@3.0.7-16?epoch=2"), "affected"),
        (said("not_affected", "pkg:rpm/fedora/openssl@3.0.7-16"), "affected"),
        (said("not_affected", {"@id": "pkg:oci/other@1", "subcomponents": [{"@id": PURL}]}), "affected"),
        (said("not_affected", {"@id": "pkg:oci/app@1.0", "subcomponents": [{"@id": PURL}]}), "affected"),
        (said("not_affected", {"@id": "ssl"}), "affected"),
        (said("not_affected"), "affected"),
        (said("harmless", PURL), "affected"),
    ],
)
def test_a_statement_holds_for_what_it_names_only(statement: dict[str, Any], expected: str) -> None:
    assert state(openvex(statement)) == expected


def test_the_worst_of_contradicting_statements_counts() -> None:
    assert state(openvex(said("not_affected", PURL), said("under_investigation", PURL))) == "under_investigation"


def test_a_rating_of_the_sbom_outlives_a_statement_without_one() -> None:
    plain = product()
    diff = compare(replace(plain, vulnerabilities=()), plain, vex=[read(openvex(said("affected", PURL)))])
    (change,) = [change for change in diff.changes if change.kind == "vulnerability_appeared"]
    assert (change.facts["severity"], change.materiality) == ("high", "high")


def test_what_concerns_nothing_is_noted() -> None:
    document = read(openvex(said("fixed", "pkg:npm/absent@1"), said("fixed", {}), said("nonsense", PURL)))
    diff = compare(product(), product(), vex=[document])
    assert any("1 of 1 VEX statements concern nothing" in note for note in diff.notes)
    assert [(one.what, one.why) for one in document.dropped] == [
        ("product", "has no identifier"),
        ("statement", "has no status of OpenVEX"),
    ]
    assert len(diff.incomplete) == 1


def csaf(status: dict[str, list[str]], **more: Any) -> dict[str, Any]:
    helper = {"purl": PURL}
    branches = [
        {"category": "vendor", "name": "v", "branches": [
            {"category": "product_version", "name": "p", "product": {"product_id": "ssl", "name": "openssl", "product_identification_helper": helper}},
            {"category": "product_version", "name": "q", "product": {"product_id": "any", "name": "openssl", "product_identification_helper": {"purl": "pkg:rpm/redhat/openssl"}}},
            {"category": "product_name", "name": "a", "product": {"product_id": "app", "name": "app", "product_identification_helper": {"purl": "pkg:oci/app@2.0"}}},
            {"category": "product_name", "name": "e", "product": {"product_id": "el", "name": "EL", "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:9"}}},
        ]},
    ]  # fmt: skip
    relationships = [
        {"category": "default_component_of", "product_reference": part, "relates_to_product_reference": whole,
         "full_product_name": {"product_id": f"{whole}:{part}", "name": f"{part} of {whole}"}}
        for part in ("ssl", "any") for whole in ("app", "el")
    ]  # fmt: skip
    return {
        "document": {
            "category": "csaf_vex",
            "publisher": {"name": "Acme"},
            "tracking": {"current_release_date": "2026-01-01"},
        },
        "product_tree": {"branches": branches, "relationships": relationships},
        "vulnerabilities": [{"cve": CVE, "product_status": status, **more}],
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"known_not_affected": ["ssl"]}, "not_affected"),
        ({"known_not_affected": ["app:ssl"]}, "not_affected"),
        ({"known_not_affected": ["app:any"]}, "not_affected"),
        ({"fixed": ["el:ssl"]}, "fixed"),
        # In a product that this is not, or nobody can tell it is: only an exact version that is said to be fixed counts.
        ({"known_not_affected": ["el:ssl"]}, "affected"),
        ({"known_not_affected": ["el:any"]}, "affected"),
        ({"fixed": ["el:any"]}, "affected"),
        ({"known_not_affected": ["nothing"]}, "affected"),
    ],
)
def test_csaf_statements_hold_in_their_product_only(status: dict[str, list[str]], expected: str) -> None:
    assert state(csaf(status)) == expected


def test_csaf_details() -> None:
    scores = [{"products": ["ssl"], "cvss_v3": {"baseScore": 9.8, "baseSeverity": "CRITICAL"}}]
    flags = [{"label": "component_not_present", "product_ids": ["ssl"]}]
    (statement,) = read(csaf({"known_not_affected": ["ssl"]}, scores=scores, flags=flags)).statements
    flaw = statement.vulnerability
    assert (flaw.id, flaw.state, flaw.justification, flaw.severity, flaw.score, flaw.source) == (
        CVE, "not_affected", "component_not_present", "critical", "9.8", "Acme",
    )  # fmt: skip


def cyclonedx(ref: str, **more: Any) -> dict[str, Any]:
    flaw = {"id": CVE, "analysis": {"state": "not_affected"}, "affects": [{"ref": ref}]}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "vulnerabilities": [flaw], **more}


def test_cyclonedx_statements_reach_by_link_or_package_url() -> None:
    assert state(cyclonedx("urn:cdx:1234/1#ssl")) == "not_affected"
    assert state(cyclonedx("ssl", serialNumber="urn:uuid:1234")) == "not_affected"
    own = {"type": "library", "bom-ref": "x", "name": "openssl", "version": "3.0.7-16", "purl": PURL}
    assert state(cyclonedx("x", components=[own])) == "not_affected"


def test_a_ref_of_another_document_means_nothing_here() -> None:
    assert state(cyclonedx("ssl")) == "affected"
    assert state(cyclonedx("urn:cdx:9999/1#ssl")) == "affected"
    own = {"type": "library", "bom-ref": "ssl", "name": "something else", "version": "1"}
    assert state(cyclonedx("ssl", components=[own])) == "affected"


@pytest.mark.parametrize("data", [b"", b"{}", b"<x/>", b"[]", b'{"@context": 1}', b'{"document": {"category": "x"}}'])
def test_what_is_no_vex_document_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        open_vex(data, "vex.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", PURL, "affected", CVE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "vulnerability",
                    "products",
                    "status",
                    "@id",
                    "name",
                    "cve",
                    "product_status",
                    "fixed",
                    "branches",
                    "product",
                    "product_id",
                    "relationships",
                    "flags",
                    "scores",
                    "identifiers",
                    "subcomponents",
                    "full_product_name",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_any_content_is_read_or_counted(one: Any, two: Any) -> None:
    for document in (
        {"@context": "https://openvex.dev/ns", "statements": one},
        {"document": {"category": "csaf_vex"}, "product_tree": one, "vulnerabilities": [two]},
    ):
        found = read(document)
        assert all(statement.vulnerability.id for statement in found.statements)
        compare(product(), product(), vex=[found])
