"""Official texts: read from files in their publishers' form, checked against a catalog, carried by a document."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jsonschema_rs
import pytest

from scanner.engine.content import load
from scanner.frameworks import catalog as catalogs
from scanner.frameworks.texts import official, source_of, with_texts, without_texts
from scanner.frameworks.texts_import import File, imported
from scanner.model.canonical import canonical
from scanner.model.control import Control, Framework
from scanner.model.errors import InputError, UsageError
from scanner.schemas.generate import documents
from tests.publisher_files import catalog, control, profile, rule, stig, zipped

SCHEMA = jsonschema_rs.validator_for(documents()["texts"])


def framework(id_: str, version: str, *controls: Control, benchmark: str = "") -> Framework:
    named = {"id": benchmark} if benchmark else {}
    known = {one.id: one for one in controls}
    return Framework(id_, id_, id_, version, "p", "s", "own_words", known, (), benchmark=named)


def ours(id_: str, **props: str) -> Control:
    return Control(id_, "ours", "automated", props=props)


STIG = framework(
    "stig-x", "V1R2", ours("X-1", rule="SV-1r2_rule"), ours("X-2", rule="SV-2r1_rule"), benchmark="RHEL_10_STIG"
)
NIST = framework("nist-800-53-r5", "5.1.1", ours("AC-2"), ours("AC-2(1)"), ours("AC-3"))
KNOWN = {one.id: one for one in (STIG, NIST)}


def one(*files: tuple[str, bytes], known: dict[str, Framework] = KNOWN, wanted: str = "") -> dict[str, Any]:
    found = imported([File(*file) for file in files], known, wanted)
    assert len(found) == 1
    document = next(iter(found.values()))
    assert SCHEMA.is_valid(document), next(iter(SCHEMA.iter_errors(document)))
    return document


def test_a_stig_with_all_that_checklists_need() -> None:
    data = stig(rule("X-1"), rule("X-2", "SV-2r1_rule", group="V-2"))
    found = one(("down/U_X.xml", data))
    assert found["framework"] == "stig-x"
    assert (found["title"], found["benchmark"], found["version"]) == ("X STIG", "RHEL_10_STIG", "1")
    assert found["release"] == "Release: 2 Benchmark Date: 01 Jul 2026"
    assert (found["source"], found["member"]) == ("U_X.xml", "")
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    assert found["check"] == {
        "ours": "V1R2",
        "theirs": "V1R2",
        "same": True,
        **{key: [] for key in ("new", "gone", "revised", "missing")},
    }
    assert found["controls"]["X-1"] == {
        "id": "X-1",
        "title": "The system must do X-1.",
        "text": "",
        "discussion": "Why <name> matters.",
        "group_id": "V-1",
        "group_title": "SRG-OS-000001-GPOS-00001",
        "rule_id": "SV-1r2_rule",
        "severity": "medium",
        "weight": "10.0",
        "check": "Look at X-1 & more.",
        "check_id": "C-1r1_chk",
        "check_file": "X_STIG.xml",
        "fix": "Do X-1:\n\n$ sudo do <it>",
        "fix_id": "F-1r1_fix",
        "reference": "5733",
        "ccis": ["CCI-000366", "CCI-001199"],
        "legacy_ids": ["SV-99001", "V-99002"],
        "documentable": "false",
        "mitigations": "none",
    }


def test_a_zip_of_the_publisher_names_its_member() -> None:
    name = "U_X_Manual_STIG/U_X_STIG_V1R2_Manual-xccdf.xml"
    packed = zipped((name, stig(rule("X-1"))))
    found = one(("U_X_V1R2_STIG.zip", packed))
    assert (found["source"], found["member"]) == ("U_X_V1R2_STIG.zip", name)
    assert found["sha256"] == hashlib.sha256(packed).hexdigest()


def test_another_release_is_told_id_by_id() -> None:
    data = stig(rule("X-1", "SV-1r3_rule"), rule("X-3", "SV-3r1_rule"), release="3")
    check = one(("a.xml", data))["check"]
    assert (check["ours"], check["theirs"], check["same"]) == ("V1R2", "V1R3", False)
    assert (check["new"], check["gone"], check["revised"]) == (["X-3"], ["X-2"], ["X-1"])


def test_a_catalog_gives_statements_as_printed() -> None:
    found = one(("c.json", catalog(control("ac-2", "AC-2", controls=[control("ac-2.1", "AC-2(1)")]))))
    assert found["framework"] == "nist-800-53-r5"
    assert (found["version"], found["release"]) == ("5.1.1+u4", "2024-02-04T23:16:00Z")
    assert found["check"]["same"] is True
    assert list(found["controls"]) == ["AC-2", "AC-2(1)"]
    assert found["controls"]["AC-2"] == {
        "id": "AC-2",
        "title": "Title of AC-2",
        "text": "Tell [Assignment: organization-defined people]:\n"
        "a. Review [Selection (one or more): after [Assignment: organization-defined time period]; never]; and\n"
        "  1. Deeper.",
        "discussion": "See AC-3.\n\nMore.",
        "oscal_id": "ac-2",
    }


def test_a_whole_catalog_has_no_new_controls_and_a_baseline_has() -> None:
    whole = catalog(control("ac-2", "AC-2"), control("ac-3", "AC-3"), control("pm-1", "PM-1"))
    alone = one(("c.json", whole))
    assert (list(alone["controls"]), alone["check"]["new"]) == (["AC-2", "AC-3"], [])
    chosen = one(("c.json", whole), ("p.json", profile("ac-2", "pm-1", "zz-1")))
    assert list(chosen["controls"]) == ["AC-2", "PM-1"]
    assert chosen["check"]["new"] == ["PM-1"]
    assert chosen["check"]["gone"] == ["AC-2(1)", "AC-3"]
    assert chosen["check"]["missing"] == ["zz-1"]
    assert [(one["source"], one["title"]) for one in chosen["profiles"]] == [("p.json", "Baseline")]


def test_profiles_take_together_and_set_values() -> None:
    whole = catalog(control("ac-2", "AC-2", controls=[control("ac-2.1", "AC-2(1)")]), control("ac-3", "AC-3"))
    sets = {"set-parameters": [{"param-id": "ac-2_odp.01", "values": ["30 days"]}]}
    found = one(("c.json", whole), ("p.json", profile("ac-2", modify=sets)), ("q.json", profile("ac-3")))
    assert list(found["controls"]) == ["AC-2", "AC-3"]
    assert "a. Review [Selection (one or more): after 30 days; never]; and" in found["controls"]["AC-2"]["text"]


@pytest.mark.parametrize(
    ("imports", "taken"),
    [
        ([{"include-all": {}}], ["AC-2", "AC-2(1)", "AC-3"]),
        ([{"include-all": {}, "exclude-controls": [{"with-ids": ["ac-2"]}]}], ["AC-2(1)", "AC-3"]),
        ([{"include-controls": [{"with-ids": ["ac-2"], "with-child-controls": "yes"}]}], ["AC-2", "AC-2(1)"]),
        ([{"include-controls": [{"matching": [{"pattern": "ac-2*"}]}]}], ["AC-2", "AC-2(1)"]),
        ([{"href": "#x"}], ["AC-2", "AC-2(1)", "AC-3"]),
    ],
)
def test_what_a_profile_can_take(imports: list[dict[str, Any]], taken: list[str]) -> None:
    whole = catalog(control("ac-2", "AC-2", controls=[control("ac-2.1", "AC-2(1)")]), control("ac-3", "AC-3"))
    body = {"metadata": {"version": "5.1.1"}, "imports": imports}
    found = one(("c.json", whole), ("p.json", json.dumps({"profile": body}).encode()))
    assert list(found["controls"]) == taken


def test_a_withdrawn_control_has_no_text() -> None:
    gone = control("ac-3", "AC-3")
    gone["props"].append({"name": "status", "value": "withdrawn"})
    found = one(("c.json", catalog(control("ac-2", "AC-2"), gone)))
    assert found["check"]["gone"] == ["AC-2(1)", "AC-3"]


LOOP = control("ac-2", "AC-2", params=[{"id": "ac-2_prm_1", "label": "{{ insert: param, ac-2_prm_1 }}"}])
BOMB = control(
    "ac-2",
    "AC-2",
    params=[
        {"id": "ac-2_prm_1", "label": "{{ insert: param, p0 }}"},
        *({"id": f"p{step}", "label": f"{{{{ insert: param, p{step + 1} }}}}" * 30} for step in range(9)),
        {"id": "p9", "label": "x" * 30},
    ],
)
DEEP: dict[str, Any] = {"name": "statement", "prose": "x"}
for _ in range(60):
    DEEP = {"name": "statement", "parts": [DEEP]}
INNER: dict[str, Any] = control("ac-2", "AC-2")
for _ in range(60):
    INNER = {"id": "g", "controls": [INNER]}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no file that can be imported"),
        (b"%PDF-1.7", "no file that can be imported"),
        (b"<Benchmark", "not XML"),
        (b'<?xml version="1.0"?><!DOCTYPE Benchmark [<!ENTITY a "b">]><Benchmark/>', "DTD"),
        ('<?xml version="1.0"?><!DOCTYPE B SYSTEM "file:///etc/passwd"><B/>'.encode("utf-16"), "DTD"),
        (b"<data-stream-collection/>", "not <Benchmark>"),
        (stig(), "no Group with a Rule"),
        (stig(rule("X-1"), rule("X-1")), "two rules have the id 'X-1'"),
        (stig(rule("")), "has none"),
        (b"<Benchmark>" + b"<a>" * 100 + b"</a>" * 100 + b"</Benchmark>", "one inside the other"),
        (stig(rule("Y-1"), rule("Y-2"), benchmark="Y"), "controls of no framework here"),
        (zipped(), "holds 0 files"),
        (zipped(("a-xccdf.xml", b"<a/>"), ("b-xccdf.xml", b"<a/>")), "holds 2 files"),
        (zipped(("U_A_STIG.zip", b"x")), "holds 0 files"),
        (zipped(("a-xccdf.xml", stig(rule("X-1"))))[:-30], "not a zip that can be read"),
        (b"{", "not JSON"),
        (b'{"catalog": {}, "catalog": {}}', "stands twice"),
        (b'{"catalog": {"a": NaN}}', "no number"),
        (b'{"catalog": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"component-definition": {}}', "neither an OSCAL catalog nor a profile"),
        (b'{"catalog": []}', "neither an OSCAL catalog nor a profile"),
        (catalog(), "no control stands in it"),
        (catalog(control("ac-2", "AC-2"), control("ac-99", "AC-2")), "two controls are called AC-2"),
        (catalog(control("ac-2", "AC-2"), version="4.0.1"), "another edition"),
        (catalog(control("zz-2", "ZZ-2")), "controls of no framework here"),
        (catalog(LOOP), "part of itself"),
        (catalog(BOMB), "longer than"),
        (catalog(control("ac-2", "AC-2", parts=[DEEP])), "nested deeper"),
        (catalog(INNER), "nested deeper"),
    ],
)
def test_what_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        imported([File("given", data)], KNOWN)
    assert caught.value.where.startswith("given")


def test_a_member_that_unpacks_without_end_is_refused() -> None:
    packed = zipped(("a-xccdf.xml", bytes(65 * 1024 * 1024)))
    assert len(packed) < 100_000
    with pytest.raises(InputError, match="unpacks to more"):
        imported([File("given", packed)], KNOWN)


def test_a_zip_of_too_many_members_is_not_opened() -> None:
    packed = zipped(*((f"{number}", b"") for number in range(10_001)))
    with pytest.raises(InputError, match="more than 10000 members"):
        imported([File("given", packed)], KNOWN)


@pytest.mark.parametrize("value", [None, 5, "x", [], [5], {"a": 5}])
@pytest.mark.parametrize("key", ["id", "title", "params", "props", "parts", "controls"])
def test_a_control_of_a_wrong_form_gives_no_traceback(key: str, value: object) -> None:
    try:
        found = imported([File("c", catalog(control("ac-3", "AC-3"), control("ac-2", "AC-2", **{key: value})))], KNOWN)
    except InputError:
        return
    assert SCHEMA.is_valid(next(iter(found.values())))


@pytest.mark.parametrize(
    "value", [None, 5, "x", {}, [5], [{"include-controls": 5}], [{"include-controls": [{"with-ids": 5}]}]]
)
def test_a_profile_of_a_wrong_form_chooses_nothing_more(value: object) -> None:
    body = {"profile": {"metadata": {"version": "5.1.1"}, "imports": value, "modify": value}}
    files = [File("c", catalog(control("ac-2", "AC-2"))), File("p", json.dumps(body).encode())]
    with pytest.raises(InputError, match="that the profiles choose"):
        imported(files, KNOWN)


def test_a_profile_of_another_edition_or_without_its_catalog_is_refused() -> None:
    with pytest.raises(InputError, match=r"has version 4\.0, the catalog 5\.1\.1"):
        imported([File("c", catalog(control("ac-2", "AC-2"))), File("p", profile("ac-2", version="4.0"))], KNOWN)
    with pytest.raises(UsageError, match="1 profiles and 0 catalogs"):
        imported([File("p", profile("ac-2"))], KNOWN)


def test_two_files_of_one_framework_are_refused() -> None:
    with pytest.raises(UsageError, match=r"a\.xml and b\.xml are both texts of stig-x"):
        imported([File("a.xml", stig(rule("X-1"))), File("b.xml", stig(rule("X-1")))], KNOWN)


def test_frameworks_that_fit_alike_must_be_named() -> None:
    twin = {"one": framework("one", "1", ours("Y-1")), "two": framework("two", "1", ours("Y-1"))}
    data = stig(rule("Y-1"), benchmark="Y")
    with pytest.raises(UsageError, match="one and two alike"):
        imported([File("a.xml", data)], twin)
    assert one(("a.xml", data), known=twin, wanted="two")["framework"] == "two"


def test_the_shipped_catalogs_know_their_publishers() -> None:
    known = catalogs.frameworks(load())
    some = list(known["stig-rhel10"].controls.values())[:3]
    found = one(("a.xml", stig(*(rule(each.id, each.props["rule"]) for each in some))), known=known)
    assert (found["framework"], found["check"]["same"], found["check"]["revised"]) == ("stig-rhel10", True, [])
    assert one(("c.json", catalog(control("ac-2", "AC-2"))), known=known)["framework"] == "nist-800-53-r5"


def test_a_document_carries_the_texts_of_its_frameworks() -> None:
    document = one(("a.xml", stig(rule("X-1"))))
    assessment = {"schema": "x", "summary": {"stig-x": {}}, "results": []}
    carried = with_texts(assessment, {"stig-x": document, "other": document})
    assert list(carried["texts"]) == ["stig-x"]
    text = official(carried, "stig-x", "X-1")
    assert text is not None
    assert (text.title, text.ccis, text.text) == ("The system must do X-1.", ("CCI-000366", "CCI-001199"), "")
    source = source_of(carried, "stig-x")
    assert source is not None
    assert source.digest == "sha256:" + hashlib.sha256(canonical(document)).hexdigest()
    assert source.matches is True
    assert without_texts(carried) == assessment


def test_nobody_is_quoted_who_was_not_supplied() -> None:
    assessment = {"summary": {"stig-x": {}}}
    assert with_texts(assessment, {}) == assessment
    assert official(assessment, "stig-x", "X-1") is None
    assert source_of(assessment, "stig-x") is None
    carried = with_texts(assessment, {"stig-x": one(("a.xml", stig(rule("X-1"))))})
    assert official(carried, "stig-x", "X-2") is None


def test_texts_of_a_stranger_in_an_assessment_file_are_dropped() -> None:
    assert with_texts({"summary": {}, "texts": {"stig-x": 5}}, {}) == {"summary": {}}
