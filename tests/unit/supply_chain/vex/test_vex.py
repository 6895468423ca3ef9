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
from scanner.supply_chain.model import Bom, Component, Vulnerability
from scanner.supply_chain.vex import applying
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


# --- products that are named by CPE or in words only ---------------------------------------------------------------

CPE = "cpe:2.3:a:openssl:openssl:3.0.7:*:*:*:*:*:*:*"


def named_product(*more: Component, **fields: Any) -> Bom:
    """A product with one package that a vulnerability affects, known by CPE name, by name and version, not by URL."""
    app = component("app", "2.0", ref="app", type="application", purl="pkg:oci/app@2.0", cpes=("cpe:/a:acme:app:2.0",))
    openssl = component("OpenSSL", "3.0.7", ref="ssl", purl=None, cpes=(CPE,), **{"supplier": "Acme, Inc.", **fields})
    flaw = Vulnerability(CVE, ("ssl",), "affected", severity="high")
    return replace(bom(app, openssl, *more, subject="app", serial="urn:uuid:1234"), vulnerabilities=(flaw,))


def told(product: Bom, document: Any) -> tuple[str, str, str]:
    """State and how it was applied, and the note on what could not be matched."""
    diff = compare(replace(product, vulnerabilities=()), product, vex=[read(document)])
    (change,) = [change for change in diff.changes if change.kind == "vulnerability_appeared"]
    note = next((note for note in diff.notes if "could not be matched" in note), "")
    return change.facts["state"], change.facts["applied_by"], note


def by_cpe(name: str, **more: Any) -> dict[str, Any]:
    return openvex(said("not_affected", {"@id": "urn:x", "identifiers": {"cpe23": name}}, **more))


@pytest.mark.parametrize(
    "name",
    [
        CPE,
        "cpe:/a:openssl:openssl:3.0.7",
        "cpe:/a:OpenSSL:openssl",  # every version
        "cpe:2.3:a:openssl:openssl:*:*:*:*:*:*:*:*",
        r"cpe:2.3:a:openssl:openssl:3\.0\.7:*:*:*:*:*:*:*",
    ],
)
def test_a_cpe_name_that_fits_one_package_applies_and_says_so(name: str) -> None:
    assert told(named_product(), by_cpe(name)) == ("not_affected", "cpe", "")
    product = named_product()
    diff = compare(replace(product, vulnerabilities=()), product, vex=[read(by_cpe(name))])
    assert any("applied by CPE name" in change.after for change in diff.changes)


@pytest.mark.parametrize(
    "name",
    [
        "cpe:/a:openssl:openssl:3.0.8",
        "cpe:/o:openssl:openssl:3.0.7",
        "cpe:/a:other:openssl:3.0.7",
        "cpe:2.3:a:openssl:openssl:3.0.7:sp1:*:*:*:*:*:*",
        "cpe:2.3:a:openssl:openssl:3.0.*:*:*:*:*:*:*:*",  # wildcards inside a value
        "cpe:2.3:a:openssl:*:*:*:*:*:*:*:*:*",
        "cpe:2.3:a:openssl",
        "cpe:/a:openssl",
        "cpe:/%",
    ],
)
def test_a_cpe_name_of_something_else_never_calms_and_is_listed(name: str) -> None:
    state_, _, note = told(named_product(), by_cpe(name))
    assert state_ == "affected"
    assert f"{CVE} of {name}: no component is called so" in note


def test_a_cpe_name_that_fits_two_packages_is_listed_as_ambiguous() -> None:
    twin = component("openssl-fips", "3.0.7", cpes=(CPE,))
    state_, _, note = told(named_product(twin), by_cpe(CPE))
    assert state_ == "affected"
    assert "fits 2 components of different packages" in note


def test_architectures_of_one_package_are_one_package() -> None:
    purls = (f"pkg:deb/debian/openssl@3.0.7?arch={arch}" for arch in ("amd64", "arm64"))
    one, two = (component("openssl", "3.0.7", ref=purl, purl=purl, cpes=(CPE,)) for purl in purls)
    plain = replace(bom(one, two), vulnerabilities=(Vulnerability(CVE, (one.ref, two.ref), "affected"),))
    diff = compare(replace(plain, vulnerabilities=()), plain, vex=[read(by_cpe(CPE))])
    assert [change.facts["state"] for change in diff.changes] == ["not_affected"] * 2


def test_a_package_url_that_does_not_fit_is_not_outvoted_by_a_cpe_name() -> None:
    named = {"identifiers": {"purl": "pkg:generic/openssl@3.0.7", "cpe23": CPE}}
    assert told(named_product(), openvex(said("not_affected", named)))[0] == "affected"
    helper = {"purl": "pkg:generic/openssl@3.0.7", "cpe": CPE}
    assert told(named_product(), named_in_words(helper=helper))[0] == "affected"
    helper = {"hashes": [{"file_hashes": [{"algorithm": "sha256", "value": "ab" * 32}]}], "cpe": CPE}
    assert told(named_product(), named_in_words(helper=helper))[0] == "affected"


def named_in_words(vendor: str = "Acme", name: str = "openssl", version: str = "3.0.7", **more: Any) -> dict[str, Any]:
    """A CSAF document whose product has a place in the tree and nothing else."""
    leaf: dict[str, Any] = {"product_id": "p", "name": f"{vendor} {name} {version}"}
    if "helper" in more:
        leaf["product_identification_helper"] = more["helper"]
    branch: dict[str, Any] = {"category": "product_version", "name": version, "product": leaf}
    for category, word in (("product_name", name), ("vendor", vendor)):
        branch = {"category": category, "name": word, "branches": [branch]}
    return {
        "document": {"category": "csaf_vex", "publisher": {"name": "Acme"}},
        "product_tree": {"branches": [branch]},
        "vulnerabilities": [{"cve": CVE, "product_status": {"known_not_affected": ["p"]}}],
    }


def test_a_name_and_version_that_fit_one_package_apply_and_say_so() -> None:
    assert told(named_product(), named_in_words()) == ("not_affected", "name", "")
    assert told(named_product(supplier=""), named_in_words("Someone")) == ("not_affected", "name", "")
    own = {"type": "library", "bom-ref": "x", "name": "openssl", "version": "3.0.7"}
    assert told(named_product(), cyclonedx("x", components=[own]))[:2] == ("not_affected", "name")


@pytest.mark.parametrize(
    ("vendor", "name", "version"),
    [("Acme", "openssl", "3.0.8"), ("Acme", "libressl", "3.0.7"), ("Other", "openssl", "3.0.7"), ("", "openssl", "3")],
)
def test_another_name_version_or_vendor_never_calms_and_is_listed(vendor: str, name: str, version: str) -> None:
    state_, _, note = told(named_product(), named_in_words(vendor, name, version))
    assert state_ == "affected"
    assert f"{name} {version}: no component is called so" in note


def test_a_name_that_fits_two_packages_is_listed_as_ambiguous() -> None:
    state_, _, note = told(named_product(component("openssl", "3.0.7")), named_in_words())
    assert state_ == "affected"
    assert "Acme openssl 3.0.7: fits 2 components of different packages" in note


def test_a_product_named_by_cpe_encloses_its_parts() -> None:
    part = {"@id": "urn:x", "identifiers": {"cpe23": CPE}}
    inside = {"@id": "urn:y", "identifiers": {"cpe22": "cpe:/a:acme:app:2.0"}, "subcomponents": [part]}
    assert told(named_product(), openvex(said("not_affected", inside)))[0] == "not_affected"
    elsewhere = {**inside, "identifiers": {"cpe22": "cpe:/a:acme:app:3.0"}}
    assert told(named_product(), openvex(said("not_affected", elsewhere)))[0] == "affected"
    assert told(named_product(), openvex(said("fixed", elsewhere)))[0] == "affected"


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


@pytest.mark.parametrize(
    ("products", "limit", "problem"),
    [
        (["pkg:npm/x"], "MAX_APPLIED", "fit more than 100 components"),
        ([f"pkg:npm/x@9.{number}" for number in range(6)], "MAX_LOOKS", "more than 100 components to be looked at"),
    ],
)
def test_a_small_document_cannot_stand_for_more_than_a_machine_holds(
    monkeypatch: pytest.MonkeyPatch, products: list[str], limit: str, problem: str
) -> None:
    monkeypatch.setattr(applying, limit, 100)
    plain = bom(
        *(component("x", f"1.{number}", ref=f"x{number}", purl=f"pkg:npm/x@1.{number}") for number in range(30))
    )
    document = read(openvex(*(said("affected", *products) for _ in range(4))))
    with pytest.raises(InputError, match=problem):
        compare(plain, plain, vex=[document])
    monkeypatch.setattr(applying, limit, 1000)
    expected = 0 if limit == "MAX_LOOKS" else 30
    assert len(compare(plain, plain, vex=[document]).changes) == expected
