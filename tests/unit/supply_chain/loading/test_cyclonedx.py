"""CycloneDX of every version, in JSON and XML, clean and dirty."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.model import Bom, Component, License, Relation, Vulnerability

SHA256 = "ab" * 32


def load(spec: str = "1.6", **parts: Any) -> Bom:
    document = {"bomFormat": "CycloneDX", "specVersion": spec, **parts}
    return open_bom(json.dumps(document).encode(), "x.json")


def xml(body: str, spec: str = "1.6", attributes: str = "") -> Bom:
    return open_bom(f'<bom xmlns="http://cyclonedx.org/schema/bom/{spec}" {attributes}>{body}</bom>'.encode(), "x.xml")


def one(**fields: Any) -> tuple[Component, list[tuple[str, str, int]]]:
    bom = load(components=[{"type": "library", "name": "a", **fields}])
    return bom.components[0], [(drop.what, drop.why, drop.count) for drop in bom.dropped]


@pytest.mark.parametrize("spec", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_every_version_in_both_encodings(spec: str) -> None:
    component = {"type": "library", "bom-ref": "r", "name": "n", "version": "1", "purl": "pkg:npm/n@1"}
    first = load(spec, components=[component])
    second = xml(
        '<components><component type="library" bom-ref="r"><name>n</name><version>1</version>'
        "<purl>pkg:npm/n@1</purl></component></components>",
        spec,
    )
    assert first.spec == second.spec == spec
    assert first.components == (Component("r", "n", "1", purl="pkg:npm/n@1", place="/components/0"),)
    assert second.components == (Component("r", "n", "1", purl="pkg:npm/n@1", place="/bom/components/component[1]"),)


JSON_DOCUMENT: dict[str, Any] = {
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 3,
    "metadata": {
        "timestamp": "2026-01-31T00:00:00Z",
        "lifecycles": [{"phase": "build"}, {"phase": "operations"}],
        "tools": {
            "components": [{"type": "application", "name": "maker", "version": "2"}],
            "services": [{"name": "cloud"}],
        },
        "manufacturer": {"name": "Maker Ltd", "contact": [{"email": "sbom@example.com"}]},
        "authors": [{"name": "Ann"}],
        "supplier": {"name": "Vendor"},
        "licenses": [{"license": {"id": "CC0-1.0"}}],
        "component": {
            "type": "firmware",
            "bom-ref": "root",
            "name": "device",
            "version": "1.0",
            "components": [{"type": "library", "bom-ref": "inner", "name": "inner"}],
        },
    },
    "components": [
        {
            "type": "library",
            "bom-ref": "a",
            "group": "g",
            "name": "a",
            "version": "1",
            "manufacturer": {"name": "Acme", "url": ["https://acme.example"]},
            "hashes": [{"alg": "SHA-256", "content": SHA256.upper()}],
            "licenses": [{"license": {"name": "Apache 2.0", "acknowledgement": "declared"}}],
            "cpe": "cpe:2.3:a:g:a:1:*:*:*:*:*:*:*",
            "swid": {"tagId": "tag", "name": "a"},
            "purl": "pkg:rpm/rhel/a@1?distro=rhel-9&arch=noarch",
            "externalReferences": [
                {
                    "type": "distribution",
                    "url": "https://example.com/a.rpm",
                    "hashes": [{"alg": "SHA-512", "content": "cd" * 64}],
                }
            ],
            "properties": [{"name": "cdx:lifecycle:milestone:endOfSupport", "value": "2030-06-30T00:00:00Z"}],
            "components": [{"type": "file", "bom-ref": "b", "name": "/usr/lib/a.so"}],
        }
    ],
    "services": [{"bom-ref": "s", "name": "svc", "services": [{"bom-ref": "s2", "name": "inner"}]}],
    "dependencies": [
        {"ref": "root", "dependsOn": ["a", "s", "a"]},
        {"ref": "a", "dependsOn": ["b"], "provides": ["inner"]},
    ],
    "compositions": [{"aggregate": "complete", "assemblies": ["root"], "dependencies": ["a"]}],
    "vulnerabilities": [
        {
            "id": "CVE-2026-1",
            "source": {"name": "NVD"},
            "ratings": [{"severity": "medium", "score": 5}, {"severity": "high", "score": 7.5, "method": "CVSSv31"}],
            "analysis": {"state": "not_affected", "justification": "code_not_reachable"},
            "affects": [{"ref": "a"}, {"ref": "a"}],
        }
    ],
}

XML_DOCUMENT = f"""
<metadata><timestamp>2026-01-31T00:00:00Z</timestamp>
 <lifecycles><lifecycle><phase>build</phase></lifecycle><lifecycle><phase>operations</phase></lifecycle></lifecycles>
 <tools><components><component type="application"><name>maker</name><version>2</version></component></components>
 <services><service><name>cloud</name></service></services></tools>
 <authors><author><name>Ann</name></author></authors>
 <component type="firmware" bom-ref="root"><name>device</name><version>1.0</version>
  <components><component type="library" bom-ref="inner"><name>inner</name></component></components></component>
 <manufacturer><name>Maker Ltd</name><contact><email>sbom@example.com</email></contact></manufacturer>
 <supplier><name>Vendor</name></supplier><licenses><license><id>CC0-1.0</id></license></licenses></metadata>
<components><component type="library" bom-ref="a"><manufacturer><name>Acme</name><url>https://acme.example</url>
 </manufacturer><group>g</group><name>a</name><version>1</version>
 <hashes><hash alg="SHA-256">{SHA256.upper()}</hash></hashes>
 <licenses><license acknowledgement="declared"><name>Apache 2.0</name></license></licenses>
 <cpe>cpe:2.3:a:g:a:1:*:*:*:*:*:*:*</cpe><purl>pkg:rpm/rhel/a@1?distro=rhel-9&amp;arch=noarch</purl>
 <swid tagId="tag" name="a"/>
 <externalReferences><reference type="distribution"><url>https://example.com/a.rpm</url>
 <hashes><hash alg="SHA-512">{"cd" * 64}</hash></hashes></reference></externalReferences>
 <properties><property name="cdx:lifecycle:milestone:endOfSupport">2030-06-30T00:00:00Z</property></properties>
 <components><component type="file" bom-ref="b"><name>/usr/lib/a.so</name></component></components></component>
</components>
<services><service bom-ref="s"><name>svc</name><services><service bom-ref="s2"><name>inner</name></service></services>
</service></services>
<dependencies><dependency ref="root"><dependency ref="a"/><dependency ref="s"/><dependency ref="a"/></dependency>
<dependency ref="a"><dependency ref="b"/><provides ref="inner"/></dependency></dependencies>
<compositions><composition><aggregate>complete</aggregate><assemblies><assembly ref="root"/></assemblies>
<dependencies><dependency ref="a"/></dependencies></composition></compositions>
<vulnerabilities><vulnerability><id>CVE-2026-1</id><source><name>NVD</name></source>
<ratings><rating><score>5</score><severity>medium</severity></rating>
<rating><score>7.5</score><severity>high</severity><method>CVSSv31</method></rating></ratings>
<analysis><state>not_affected</state><justification>code_not_reachable</justification></analysis>
<affects><target><ref>a</ref></target><target><ref>a</ref></target></affects></vulnerability></vulnerabilities>
"""


def _whole(encoding: str) -> Bom:
    if encoding == "json":
        return load(**JSON_DOCUMENT)
    return xml(XML_DOCUMENT, attributes='serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79" version="3"')


@pytest.mark.parametrize("encoding", ["json", "xml"])
def test_a_whole_document(encoding: str) -> None:
    bom = _whole(encoding)
    root, inner, a, b = bom.components
    assert (bom.subject, bom.name, bom.created, bom.lifecycle) == ("root", "device", "2026-01-31T00:00:00Z", "build")
    assert bom.serial == "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79/3"
    assert bom.authors == ("Maker Ltd <sbom@example.com>", "Ann")
    assert bom.tools == ("maker 2", "cloud")
    assert bom.licenses == ("CC0-1.0",)
    assert (root.type, root.supplier, root.properties) == ("firmware", "Vendor", {"assay:composition": "complete"})
    assert (inner.ref, inner.parent) == ("inner", "root")
    assert (a.group, a.supplier, a.end_of_support) == ("g", "Acme", "2030-06-30")
    assert a.purl == "pkg:rpm/rhel/a@1?arch=noarch&distro=rhel-9"
    assert a.hashes == {"sha256": SHA256}
    assert a.licenses == (License("Apache 2.0", "Apache-2.0", "declared"),)
    assert a.cpes == ("cpe:2.3:a:g:a:1:*:*:*:*:*:*:*",)
    assert a.properties["assay:swid"] == "tag"
    assert a.properties["assay:contact:manufacturer"] == "https://acme.example"
    assert a.properties["assay:reference:distribution"] == "https://example.com/a.rpm"
    assert a.properties["assay:reference:distribution:sha512"] == "cd" * 64
    assert a.properties["assay:composition:dependencies"] == "complete"
    assert (b.type, b.parent) == ("file", "a")
    assert set(bom.relations) == {
        Relation("root", "depends_on", "a"),
        Relation("a", "depends_on", "b"),
        Relation("a", "provides", "inner"),
    }
    (found,) = bom.vulnerabilities
    assert found == Vulnerability(
        "CVE-2026-1", ("a",), "not_affected", "code_not_reachable", "high", "7.5", "NVD", found.place
    )
    assert {(drop.what, drop.count) for drop in bom.dropped} == {
        ("component swid", 1),
        ("service", 2),
        ("dependency", 1),
        ("lifecycle", 1),
    }


def test_json_and_xml_say_the_same() -> None:
    from dataclasses import replace

    def plain(bom: Bom) -> Bom:
        return replace(
            bom,
            encoding="",
            sha256="",
            source="",
            components=tuple(replace(one, place="") for one in bom.components),
            vulnerabilities=tuple(replace(one, place="") for one in bom.vulnerabilities),
            dropped=tuple(sorted((replace(one, place="") for one in bom.dropped), key=str)),
            relations=tuple(sorted(bom.relations, key=str)),
        )

    assert plain(_whole("json")) == plain(_whole("xml"))


def test_the_order_of_members_changes_nothing_but_places() -> None:
    turned = dict(reversed(JSON_DOCUMENT.items()))
    first, second = load(**JSON_DOCUMENT), load(**turned)
    assert first.components == second.components
    assert set(first.relations) == set(second.relations)


def test_a_subject_that_is_listed_too_keeps_its_ref_in_any_order() -> None:
    parts = {
        "metadata": {"component": {"type": "application", "bom-ref": "r", "name": "product"}},
        "components": [
            {"type": "library", "bom-ref": "r", "name": "listed", "components": [{"name": "child", "bom-ref": "c"}]}
        ],
        "dependencies": [{"ref": "r", "dependsOn": ["c"]}],
    }
    for one_order in (parts, dict(reversed(parts.items()))):
        bom = load(**one_order)
        assert [(one.ref, one.name, one.parent) for one in bom.components] == [
            ("r", "product", None),
            ("r#2", "listed", None),
            ("c", "child", "r#2"),
        ]
        assert bom.subject == "r"
        assert bom.relations == (Relation("r", "depends_on", "c"),)
        assert [drop.what for drop in bom.dropped if drop.what == "reference"] == ["reference"]


def test_repeated_refs_are_made_unique_and_counted() -> None:
    bom = load(components=[{"type": "library", "name": name, "bom-ref": "x"} for name in "abc"])
    assert [one.ref for one in bom.components] == ["x", "x#2", "x#3"]
    (drop,) = bom.dropped
    assert (drop.what, drop.count, drop.place) == ("reference", 2, "/components/1")


def test_missing_refs_are_made_of_the_content() -> None:
    parts = [{"type": "library", "name": name, "version": "1"} for name in ("a", "b", "a")]
    assert [one.ref for one in load(components=parts).components] == ["assay:/a@1", "assay:/b@1", "assay:/a@1#2"]
    assert load(components=parts).dropped == ()


def test_components_keep_their_order_depth_first() -> None:
    tree = [
        {"type": "library", "name": "a", "components": [{"type": "file", "name": "b"}, {"type": "file", "name": "c"}]},
        {"type": "library", "name": "d", "components": []},
    ]
    bom = load(components=tree)
    assert [one.name for one in bom.components] == ["a", "b", "c", "d"]
    assert [one.place for one in bom.components] == [
        "/components/0",
        "/components/0/components/0",
        "/components/0/components/1",
        "/components/1",
    ]


@pytest.mark.parametrize(
    ("value", "expected", "drops"),
    [
        ([{"alg": "sha256", "content": SHA256}], {"sha256": SHA256}, []),
        ([{"alg": "SHA_256", "content": f" {SHA256.upper()}\n"}], {"sha256": SHA256}, []),
        ([{"alg": "BLAKE3", "content": "abcd"}], {"blake3": "abcd"}, []),
        ([{"alg": "SHA-256", "content": "abc"}], {}, ["is no digest of its algorithm"]),
        ([{"alg": "SHA-256", "content": "zz" * 32}], {}, ["is no digest of its algorithm"]),
        ([{"alg": "CRC32", "content": "abcdef01"}], {}, ["of an algorithm that CycloneDX does not name"]),
        ([{"alg": "SHA-256"}], {}, ["has no algorithm or no content"]),
        ([5, None], {}, ["is no object"]),
        (5, {}, ["stands where a list belongs"]),
        ({"alg": "MD5", "content": "ab" * 16}, {"md5": "ab" * 16}, []),
        (
            [{"alg": "MD5", "content": "ab" * 16}, {"alg": "MD5", "content": "cd" * 16}],
            {"md5": "ab" * 16},
            ["contradicts another of the same algorithm"],
        ),
    ],
)
def test_hashes(value: Any, expected: dict[str, str], drops: list[str]) -> None:
    component, dropped = one(hashes=value)
    assert component.hashes == expected
    assert [why for _, why, _ in dropped] == drops


@pytest.mark.parametrize(
    ("value", "expected", "drops"),
    [
        ([{"license": {"id": "MIT"}}], [License("MIT", "MIT")], 0),
        ([{"license": {"name": "MIT"}}], [License("MIT", "MIT")], 0),
        ([{"license": {"name": "Acme EULA"}}], [License("Acme EULA")], 0),
        ([{"license": {"url": "https://example.com/l"}}], [License("https://example.com/l")], 0),
        (
            [{"expression": "MIT or apache-2.0", "acknowledgement": "concluded"}],
            [License("MIT or apache-2.0", "Apache-2.0 OR MIT", "concluded")],
            0,
        ),
        ([{"license": {"id": "NotALicence"}}], [License("NotALicence")], 0),
        ([{"license": {}}, {"license": 5}, 7], [], 3),
        ([{"id": "MIT"}], [License("MIT", "MIT")], 0),
    ],
)
def test_licences(value: Any, expected: list[License], drops: int) -> None:
    component, dropped = one(licenses=value)
    assert list(component.licenses) == expected
    assert sum(count for _, _, count in dropped) == drops


def test_an_invalid_purl_is_counted_and_kept_as_written() -> None:
    component, dropped = one(purl="npm/lodash")
    assert component.purl is None
    assert component.properties == {"assay:purl-as-written": "npm/lodash"}
    assert [what for what, _, _ in dropped] == ["purl"]


def test_cpe_names_of_syft_properties_are_taken_over() -> None:
    rows = [{"name": "syft:cpe23", "value": f"cpe:2.3:a:{name}:x:1:*:*:*:*:*:*:*"} for name in "abca"]
    component, dropped = one(cpe=rows[0]["value"], properties=[*rows, {"name": "syft:cpe23", "value": "none"}])
    assert component.cpes == tuple(row["value"] for row in rows[:3])
    assert dropped == [("cpe", "is no CPE name", 1)]


def test_purls_with_qualifiers_in_another_order_are_equal() -> None:
    first, _ = one(purl="pkg:deb/debian/a@1?distro=debian-12&arch=amd64")
    second, _ = one(purl="pkg:deb/debian/a@1?arch=amd64&distro=debian-12")
    assert first.purl == second.purl


@pytest.mark.parametrize(
    ("fields", "supplier"),
    [
        ({"supplier": {"name": "S"}, "manufacturer": {"name": "M"}}, "S"),
        ({"manufacturer": {"name": "M"}, "publisher": "P"}, "M"),
        ({"publisher": "P", "author": "A"}, "P"),
        ({"authors": [{"name": "A"}]}, "A"),
        ({"author": "A"}, "A"),
        ({"supplier": {}, "publisher": "P"}, "P"),
        ({"supplier": {"url": ["https://s.example"]}}, "https://s.example"),
        ({"supplier": None}, ""),
        ({}, ""),
    ],
)
def test_supplier(fields: dict[str, Any], supplier: str) -> None:
    assert one(**fields)[0].supplier == supplier


def test_values_of_the_wrong_type_are_never_text() -> None:
    bom = load(
        components=[
            {"type": 5, "name": ["x"], "version": 1.5, "group": {}, "scope": None, "cpe": 7, "bom-ref": 12},
            "text",
            None,
        ],
        dependencies=["x", {"ref": "12", "dependsOn": "12"}, {"ref": "12", "dependsOn": [None, 5, "12"]}],
        vulnerabilities=[{"description": "no id"}, 5],
    )
    (component,) = bom.components
    assert (component.ref, component.name, component.version, component.group) == ("12", "", "1.5", "")
    assert component.cpes == ()
    assert bom.relations == (Relation("12", "depends_on", "12"),)
    assert bom.vulnerabilities == ()
    assert {(drop.what, drop.count) for drop in bom.dropped} >= {("component", 2), ("vulnerability", 1)}


def test_edges_to_nothing_are_counted_apart_from_edges_to_services() -> None:
    bom = load(
        components=[{"type": "library", "name": "a", "bom-ref": "a"}],
        services=[{"bom-ref": "s", "name": "s"}],
        dependencies=[{"ref": "a", "dependsOn": ["s", "gone"]}, {"ref": "lost", "dependsOn": ["a"]}],
    )
    assert bom.relations == ()
    assert sorted((drop.why, drop.count) for drop in bom.dropped if drop.what == "dependency") == [
        ("is one of a service", 1),
        ("names a component that is not in the document", 2),
    ]


def test_unknown_fields_are_counted_under_one_name() -> None:
    component, dropped = one(**{"foo": 1, "bar": 2, "pedigree": {}})
    assert component.name == "a"
    assert sorted((what, count) for what, _, count in dropped) == [("component field", 2), ("component pedigree", 1)]


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ({"analysis": {"state": "resolved"}}, "fixed"),
        ({"analysis": {"state": "resolved_with_pedigree"}}, "fixed"),
        ({"analysis": {"state": "exploitable"}}, "affected"),
        ({"analysis": {"state": "in_triage"}}, "under_investigation"),
        ({"analysis": {"state": "false_positive"}}, "not_affected"),
        ({"analysis": {"state": "made_up"}}, "unknown"),
        ({"analysis": 5}, "unknown"),
        ({}, "unknown"),
        ({"affects": [{"ref": "a", "versions": [{"version": "1", "status": "unaffected"}]}]}, "not_affected"),
        (
            {"affects": [{"ref": "a", "versions": [{"status": "unaffected"}, {"status": "affected"}]}]},
            "affected",
        ),
        ({"affects": [{"ref": "a", "versions": [{"status": "unaffected"}, {"status": "unknown"}]}]}, "unknown"),
    ],
)
def test_vulnerability_states(value: dict[str, Any], state: str) -> None:
    (found,) = load(vulnerabilities=[{"id": "CVE-2026-2", **value}]).vulnerabilities
    assert found.state == state


@pytest.mark.parametrize(
    ("ratings", "severity", "score"),
    [
        ([], "", ""),
        ([{"severity": "info"}], "none", ""),
        ([{"severity": "unknown", "score": 3}], "", "3.0"),
        ([{"severity": "critical"}, {"severity": "low", "score": "9.9"}], "critical", ""),
        ([{"severity": "high", "score": 70}], "high", ""),
        ([{"severity": "high", "score": "NaN"}], "high", ""),
        ([{"score": "1e400"}], "", ""),
    ],
)
def test_ratings(ratings: list[Any], severity: str, score: str) -> None:
    (found,) = load(vulnerabilities=[{"id": "CVE-2026-2", "ratings": ratings}]).vulnerabilities
    assert (found.severity, found.score) == (severity, score)


def test_elements_of_other_namespaces_are_counted() -> None:
    bom = xml(
        '<components><component type="library"><name>a</name><v:x xmlns:v="urn:v">1</v:x></component>'
        '<v:y xmlns:v="urn:v"/></components><v:z xmlns:v="urn:v"/>'
    )
    assert [one.name for one in bom.components] == ["a"]
    assert [(drop.what, drop.count) for drop in bom.dropped] == [("extension", 3)]


def test_old_tools_and_expressions_in_xml() -> None:
    bom = xml(
        "<metadata><tools><tool><vendor>v</vendor><name>t</name><version>1</version></tool></tools></metadata>"
        '<components><component type="library"><name>a</name><licenses><expression>MIT OR ISC</expression></licenses>'
        "</component></components>",
        "1.2",
    )
    assert bom.tools == ("t 1",)
    assert bom.components[0].licenses == (License("MIT OR ISC", "ISC OR MIT"),)
