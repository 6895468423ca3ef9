"""Schema validity, the published field lists, and the sentences on quality."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from scanner.supply_chain.checking import Check, FieldResult, check, schemas
from scanner.supply_chain.checking.result import SchemaResult
from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.model import Bom, Component, Relation

FULL: dict[str, Any] = {
    "type": "library",
    "bom-ref": "a",
    "name": "a",
    "version": "1",
    "purl": "pkg:generic/a@1",
    "manufacturer": {"name": "Acme", "url": ["https://acme.example"]},
    "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
    "licenses": [{"expression": "MIT", "acknowledgement": "concluded"}],
    "externalReferences": [
        {
            "type": "distribution",
            "url": "https://example.com/a",
            "hashes": [{"alg": "SHA-512", "content": "cd" * 64}],
        }
    ],
    "properties": [
        {"name": "bsi:component:filename", "value": "a.so"},
        {"name": "bsi:component:executable", "value": "executable"},
        {"name": "bsi:component:archive", "value": "no archive"},
        {"name": "bsi:component:structured", "value": "unstructured"},
    ],
}
METADATA: dict[str, Any] = {
    "timestamp": "2026-01-31T00:00:00Z",
    "lifecycles": [{"phase": "build"}],
    "tools": {"components": [{"type": "application", "name": "maker", "version": "1.0"}]},
    "manufacturer": {"name": "Acme", "contact": [{"email": "sbom@acme.example"}]},
    "component": {**FULL, "bom-ref": "root", "name": "root", "purl": "pkg:generic/root@1"},
}
DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 1,
    "metadata": METADATA,
    "components": [FULL],
    "dependencies": [{"ref": "root", "dependsOn": ["a"]}],
    "compositions": [{"aggregate": "complete", "dependencies": ["root", "a"]}],
}


def _checked(**changes: Any) -> Check:
    data = json.dumps({**DOCUMENT, **changes}).encode()
    return check(open_bom(data, "x.json"), data)


def _field(result: Check, list_id: str, scope: str, field: str) -> FieldResult:
    (fields,) = [one.fields for one in result.lists if one.id == list_id]
    (found,) = [one for one in fields if one.id == field and one.scope == scope]
    return found


def test_a_full_document_meets_every_list() -> None:
    result = _checked()
    assert result.schema.state == "valid"
    assert {one.id: one.state for one in result.lists} == {
        "ntia-2021": "met",
        "cisa-2026": "met",
        "bsi-tr-03183-2": "met",
    }
    assert [one.id for one in result.quality if one.good is False] == []
    assert json.loads(json.dumps(result.to_json()))["lists"][0]["fields"][0]["percent"] == 100


@pytest.mark.parametrize(
    ("lost", "list_id", "field"),
    [
        ("manufacturer", "ntia-2021", "supplier"),
        ("version", "ntia-2021", "version"),
        ("purl", "ntia-2021", "identifier"),
        ("manufacturer", "cisa-2026", "producer"),
        ("hashes", "cisa-2026", "hash"),
        ("licenses", "cisa-2026", "licence"),
        ("manufacturer", "bsi-tr-03183-2", "creator"),
        ("licenses", "bsi-tr-03183-2", "distribution-licence"),
        ("externalReferences", "bsi-tr-03183-2", "hash"),
        ("properties", "bsi-tr-03183-2", "filename"),
        ("properties", "bsi-tr-03183-2", "executable"),
        ("properties", "bsi-tr-03183-2", "archive"),
        ("properties", "bsi-tr-03183-2", "structured"),
    ],
)
def test_a_component_without_a_field_is_named(lost: str, list_id: str, field: str) -> None:
    poor = {key: value for key, value in FULL.items() if key != lost}
    result = _checked(components=[poor])
    found = _field(result, list_id, "component", field)
    assert (found.state, found.present, found.total, found.percent, found.unknown) == ("partly", 1, 2, 50, 0)
    assert [(one.ref, one.place) for one in found.examples] == [("a", "/components/0")]
    assert {one.id: one.state for one in result.lists}[list_id] == "missing"


@pytest.mark.parametrize(
    ("lost", "list_id", "field"),
    [
        ("manufacturer", "ntia-2021", "author"),
        ("timestamp", "ntia-2021", "timestamp"),
        ("tools", "cisa-2026", "tool"),
        ("lifecycles", "cisa-2026", "context"),
        ("manufacturer", "bsi-tr-03183-2", "creator"),
        ("timestamp", "bsi-tr-03183-2", "timestamp"),
    ],
)
def test_a_document_without_a_field(lost: str, list_id: str, field: str) -> None:
    result = _checked(metadata={key: value for key, value in METADATA.items() if key != lost})
    assert _field(result, list_id, "document", field).state == "missing"


def test_every_list_names_its_edition() -> None:
    text = {one.id: one.edition for one in _checked().lists}
    assert "29 July 2026" in text["cisa-2026"]
    assert "replaced by" in text["ntia-2021"]
    assert "2.1.0" in text["bsi-tr-03183-2"]


def test_what_is_stated_as_unknown_is_no_gap_where_the_list_allows_that() -> None:
    poor = {key: value for key, value in FULL.items() if key not in ("hashes", "manufacturer", "licenses")}
    said = "Component Producer; Component Hash Value; Component License"
    poor["properties"] = [*FULL["properties"], {"name": "assay:unknown", "value": said}]
    result = _checked(components=[poor])
    for field in ("producer", "hash", "hash-algorithm", "licence"):
        found = _field(result, "cisa-2026", "component", field)
        assert (found.state, found.present, found.unknown, found.total) == ("unknown_stated", 1, 1, 2)
    assert [one.state for one in result.lists] == ["unknown_stated", "missing", "missing"]
    assert _field(result, "ntia-2021", "component", "supplier").state == "partly"


def test_only_what_is_named_is_stated_as_unknown() -> None:
    poor = {key: value for key, value in FULL.items() if key != "hashes"}
    poor["properties"] = [{"name": "assay:unknown", "value": "Component License"}]
    found = _field(
        _checked(components=[poor, {**FULL, "bom-ref": "b", "version": "unknown"}]), "cisa-2026", "component", "hash"
    )
    assert (found.state, found.unknown, [one.ref for one in found.examples]) == ("partly", 0, ["a"])
    version = _field(_checked(components=[{**FULL, "version": "unknown"}]), "cisa-2026", "component", "version")
    assert (version.state, version.unknown) == ("unknown_stated", 1)


def test_a_signature_stands_beside_a_document() -> None:
    found = _field(_checked(), "cisa-2026", "document", "author-signature")
    assert (found.state, found.level) == ("not_checked", "beside")
    assert "assay verify" in found.reason


def test_completeness_and_uri_of_bsi() -> None:
    silent = _checked(compositions=[])
    found = _field(silent, "bsi-tr-03183-2", "component", "dependencies-complete")
    assert (found.state, found.level) == ("missing", "required")
    unknown = _checked(compositions=[{"aggregate": "unknown", "dependencies": ["root", "a"]}])
    assert _field(unknown, "bsi-tr-03183-2", "component", "dependencies-complete").state == "met"
    without = {key: value for key, value in DOCUMENT.items() if key != "serialNumber"}
    data = json.dumps(without).encode()
    result = check(open_bom(data, "x.json"), data)
    assert _field(result, "bsi-tr-03183-2", "document", "uri").state == "missing"
    assert {one.id: one.state for one in result.lists}["bsi-tr-03183-2"] == "met"


def test_other_rules_of_bsi() -> None:
    vulnerable = _checked(vulnerabilities=[{"id": "CVE-2026-1"}])
    assert _field(vulnerable, "bsi-tr-03183-2", "document", "no-vulnerabilities").state == "missing"
    assert _field(_checked(specVersion="1.5"), "bsi-tr-03183-2", "document", "format").state == "missing"
    wrong = [{"name": "bsi:component:executable", "value": "yes"}]
    assert (
        _field(
            _checked(components=[{**FULL, "properties": wrong}]), "bsi-tr-03183-2", "component", "executable"
        ).present
        == 1
    )


@pytest.mark.parametrize("word", ["", "NOASSERTION", "unknown", "N/A", " none "])
def test_words_that_say_nothing_do_not_count(word: str) -> None:
    result = _checked(components=[{**FULL, "version": word, "manufacturer": {"name": word}}])
    assert _field(result, "ntia-2021", "component", "version").present == 1
    assert _field(result, "ntia-2021", "component", "supplier").present == 1


@pytest.mark.parametrize("created", ["", "2026", "2026-01-31", "yesterday", "2026-01-31T00:00:00"])
def test_a_timestamp_is_an_instant(created: str) -> None:
    result = _checked(metadata={**METADATA, "timestamp": created})
    assert _field(result, "ntia-2021", "document", "timestamp").state == "missing"


def test_forgeable_digests_do_not_count() -> None:
    result = _checked(components=[{**FULL, "hashes": [{"alg": "MD5", "content": "ab" * 16}]}])
    assert _field(result, "cisa-2026", "component", "hash").present == 2
    assert _field(result, "cisa-2026", "component", "hash-algorithm").present == 1
    assert "digest-weak" in [one.id for one in result.quality]


def test_a_document_without_components_meets_no_list() -> None:
    data = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6"}).encode()
    result = check(open_bom(data, "x"), data)
    assert {one.state for one in result.lists} == {"missing"}
    assert _field(result, "ntia-2021", "component", "name").state == "missing"


def test_examples_are_bounded() -> None:
    result = _checked(components=[{"type": "library", "name": str(number)} for number in range(500)])
    found = _field(result, "ntia-2021", "component", "version")
    assert (found.present, found.total, found.percent, len(found.examples)) == (1, 501, 0, 20)


def test_percent_is_a_hundred_only_for_all() -> None:
    result = _checked(components=[FULL] * 999 + [{**FULL, "version": ""}])
    assert _field(result, "ntia-2021", "component", "version").percent == 99


def test_quality_in_sentences() -> None:
    result = _checked(
        components=[FULL, {**FULL, "bom-ref": "b"}, {"type": "library", "name": "lonely", "bom-ref": "c"}],
        dependencies=[{"ref": "root", "dependsOn": ["a", "gone"]}],
    )
    said = {one.id: (one.part, one.whole, one.good) for one in result.quality}
    assert said["purl"] == (3, 4, False)
    assert said["unmatchable"] == (1, 4, False)
    assert said["reachable"] == (2, 4, False)
    assert said["repeated"] == (1, 4, False)
    assert said["broken-relations"] == (1, 2, False)
    assert all(str(one.part) in one.text for one in result.quality)


def test_a_document_that_names_no_product() -> None:
    result = _checked(metadata={})
    assert [one.good for one in result.quality if one.id == "subject"] == [False]


def test_schema_problems_have_a_place() -> None:
    result = _checked(components=[{"type": "nonsense", "name": "a"}, {"name": "b"}])
    assert result.schema.state == "invalid"
    assert {one.place for one in result.schema.problems} == {"/components/0/type", "/components/1"}
    assert result.schema.count == 2


def test_schema_problems_are_bounded() -> None:
    result = _checked(components=[{"name": str(number)} for number in range(2000)])
    assert (result.schema.count, result.schema.more, len(result.schema.problems)) == (1000, True, 50)


@pytest.mark.parametrize("spec", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_every_version_has_its_schema(spec: str) -> None:
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{spec}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": spec,
        "version": 1,
        "components": [{"type": "library", "name": "a", "version": "1"}],
    }
    if spec == "1.2":
        document["$schema"] = "http://cyclonedx.org/schema/bom-1.2b.schema.json"
    if spec == "1.3":
        document["$schema"] = "http://cyclonedx.org/schema/bom-1.3a.schema.json"
    data = json.dumps(document).encode()
    result = check(open_bom(data, "x"), data).schema
    assert (result.state, result.problems) == ("valid", ())
    assert spec in result.schema
    spoiled = json.dumps({**document, "no-such-field": 1}).encode()
    assert check(open_bom(spoiled, "x"), spoiled).schema.state == "invalid"


def test_a_schema_that_is_not_there_is_said() -> None:
    bom = Bom("cyclonedx", "9.9", "json", "", ())
    assert schemas.validate(bom, b"{}").state == "not_checked"


def test_spdx_is_said_to_be_unchecked() -> None:
    bom = Bom("spdx", "2.3", "json", "", (Component("a", "a"),), (Relation("a", "depends_on", "a"),))
    result = check(bom, b"{}")
    assert (result.schema.state, bool(result.schema.reason)) == ("not_checked", True)
    assert _field(result, "bsi-tr-03183-2", "component", "executable").state == "not_checked"
    assert _field(result, "bsi-tr-03183-2", "document", "format").state == "missing"


def test_xml_is_checked_when_lxml_is_there() -> None:
    good = (
        b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components><component type="library">'
        b"<name>a</name></component></components></bom>"
    )
    wrong = good.replace(b'"library"', b'"nonsense"')
    states = [check(open_bom(data, "x"), data).schema.state for data in (good, wrong)]
    there = importlib.util.find_spec("lxml") is not None
    assert states == (["valid", "invalid"] if there else ["not_checked", "not_checked"])


@pytest.mark.skipif(
    importlib.util.find_spec("lxml") is None, reason="XML schemas are checked by lxml, which is not there"
)
def test_xml_problems_have_a_place_and_are_counted() -> None:
    def document(*types: str) -> bytes:
        parts = "".join(f'<component type="{type_}">\n<name>{n}</name></component>' for n, type_ in enumerate(types))
        head = '<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">'
        return f"{head}<components>{parts}</components></bom>".encode()

    def schema(data: bytes) -> SchemaResult:
        return check(open_bom(data, "x"), data).schema

    late = schema(document(*["library"] * 1000, "nonsense"))
    (problem,) = late.problems
    assert (late.state, late.count, late.more) == ("invalid", 1, False)
    assert "nonsense" in problem.message
    number = int(problem.place.removeprefix("line ").partition(",")[0])
    assert 800 < number <= 1001
    many = schema(document(*["nonsense"] * 1500))
    assert (many.count, many.more, len(many.problems)) == (schemas.COUNTED, True, schemas.SHOWN)
    wide = document("library").decode().encode("utf-16")
    assert schema(wide).state == "valid"


@pytest.mark.skipif(
    importlib.util.find_spec("lxml") is None, reason="XML schemas are checked by lxml, which is not there"
)
def test_nothing_outside_an_xml_document_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    for declaration in (
        f'<!DOCTYPE bom [<!ENTITY x SYSTEM "{secret.as_uri()}">]>',
        f'<!DOCTYPE bom SYSTEM "{secret.as_uri()}">',
    ):
        data = (
            f'{declaration}<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components>'
            '<component type="library"><name>&x;</name></component></components></bom>'
        ).encode()
        bom = Bom("cyclonedx", "1.6", "xml", "", ())  # as if a loader had let it pass
        assert "canary" not in str(schemas.validate(bom, data))
