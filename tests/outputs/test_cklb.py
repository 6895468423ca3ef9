"""The STIG checklist: the members STIG Viewer 3 writes, and what STIG Manager's own parser reads out of it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from scanner.model.errors import UsageError
from scanner.outputs.cklb import OUTPUT
from tests.outputs.checklist_matrix import HIPAA, NIST, STIG, case_of, checklist, official, reader, statuses, stig_id
from tests.outputs.finding_matrix import matrix

ROOT = {
    "title": str,
    "id": str,
    "stigs": list,
    "active": bool,
    "mode": int,
    "has_path": bool,
    "target_data": dict,
    "cklb_version": str,
}
TARGET = {
    **dict.fromkeys(("target_type", "host_name", "ip_address", "mac_address", "fqdn", "comments", "role"), str),
    **dict.fromkeys(("technology_area", "web_db_site", "web_db_instance"), str),
    "is_web_database": bool,
    "classification": type(None),
}
BENCHMARK = {
    **dict.fromkeys(("stig_name", "display_name", "stig_id", "release_info", "version", "uuid"), str),
    "reference_identifier": str,
    "size": int,
    "rules": list,
}
RULE = {
    **dict.fromkeys(("uuid", "stig_uuid", "STIGUuid", "stig_ref", "reference_identifier"), str),
    **dict.fromkeys(("group_id", "group_id_src", "group_title", "rule_id", "rule_id_src", "rule_version"), str),
    **dict.fromkeys(("rule_title", "weight", "classification", "severity", "discussion", "check_content"), str),
    **dict.fromkeys(("fix_text", "documentable", "false_positives", "false_negatives", "mitigations"), str),
    **dict.fromkeys(("mitigation_control", "potential_impacts", "third_party_tools", "responsibility"), str),
    **dict.fromkeys(("security_override_guidance", "ia_controls", "status", "finding_details", "comments"), str),
    **dict.fromkeys(("group_tree", "ccis", "legacy_ids"), list),
    **dict.fromkeys(("check_content_ref", "overrides"), dict),
    "target_key": type(None),
}
STATUS = {"pass": "not_a_finding", "fail": "open", "not_applicable": "not_applicable"}
READ = {"not_a_finding": "pass", "open": "fail", "not_applicable": "notapplicable", "not_reviewed": "notchecked"}


def written(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(OUTPUT.render(document))
    return found


def rules(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (stig,) = written(document)["stigs"]
    return {rule["rule_version"]: rule for rule in stig["rules"]}


def types(value: dict[str, Any]) -> dict[str, type]:
    return {key: type(one) for key, one in value.items()}


def test_every_member_that_stig_viewer_writes_and_no_other() -> None:
    found = written(checklist())
    assert types(found) == ROOT
    assert types(found["target_data"]) == TARGET
    assert found["cklb_version"] == "1.0"
    assert found["target_data"]["target_type"] == "Computing"
    (stig,) = found["stigs"]
    assert types(stig) == BENCHMARK
    assert stig["size"] == len(stig["rules"]) == len(statuses(checklist(), STIG))
    assert stig["release_info"] == "Release: 2 Benchmark Date: 01 Jul 2026"
    for rule in stig["rules"]:
        assert types(rule) == RULE
        assert rule["stig_uuid"] == rule["STIGUuid"] == stig["uuid"]
        assert rule["severity"] in ("high", "medium", "low")
        assert rule["rule_id_src"] == rule["rule_id"] + "_rule"
        assert rule["group_tree"][0]["id"] == rule["group_id"] == rule["group_id_src"]
        assert rule["check_content"], rule["rule_version"]
    ids = [found["id"], stig["uuid"], *(rule["uuid"] for rule in stig["rules"])]
    assert len(set(ids)) == len(ids)
    assert {uuid.UUID(one).version for one in ids} == {5}


def test_every_status_waiver_and_half() -> None:
    document = checklist()
    found, given = rules(document), statuses(document, STIG)
    assert set(found) == set(given)
    for control, rule in found.items():
        assert rule["status"] == STATUS.get(given[control], "not_reviewed"), control
        case = case_of(control)
        if case is None:
            continue
        details, comments = rule["finding_details"], rule["comments"]
        assert case.result.expected in details
        assert case.result.found in details
        assert ("persistent half" in details) == bool(case.half)
        assert ("Waiver W-12, accepted until 2027-03-31" in comments) == (case.waiver == "valid")
        assert ("Waiver W-3, EXPIRED on 2026-01-31" in comments) == (case.waiver == "expired")
        for piece in case.result.evidence:
            assert f"{piece.source}:{piece.line}" in details
            assert piece.sha256 is None or f"SHA-256 of {piece.source}: {piece.sha256}" in details


def test_what_is_only_shown_in_part_is_not_reviewed() -> None:
    document = checklist()
    found = rules(document)
    parts = [control for control, status in statuses(document, STIG).items() if status == "pass_in_part"]
    assert parts
    for control in parts:
        assert found[control]["status"] == "not_reviewed"
        assert found[control]["finding_details"].startswith("Assay: pass in part (persistent half). Coverage: partial.")


def test_stig_manager_reads_every_rule(tmp_path: Path) -> None:
    document = checklist()
    file = tmp_path / "a.cklb"
    file.write_bytes(OUTPUT.render(document))
    read = reader("stig_manager.cjs", "cklb", str(file))
    assert read["target"]["name"] == "vela-0042"
    assert read["target"]["noncomputing"] is False
    assert "by analogy" in read["target"]["description"]
    (stig,) = read["checklists"]
    assert (stig["benchmarkId"], stig["revisionStr"]) == ("RHEL_10_STIG", "V1R2")
    wanted = {rule["rule_id_src"]: rule for rule in rules(document).values()}
    assert {review["ruleId"] for review in stig["reviews"]} == set(wanted)
    for review in stig["reviews"]:
        rule = wanted[review["ruleId"]]
        assert review["result"] == READ[rule["status"]]
        assert review["detail"] == rule["finding_details"]
        assert review["comment"] == rule["comments"]


def test_what_holds_for_the_whole_checklist_stands_in_the_comments() -> None:
    comments = written(checklist())["target_data"]["comments"]
    assert "fit by analogy: velaos 10.1 says it is like rhel 10" in comments
    assert "This STIG is written for RHEL 10." in comments
    assert "rules rest on the persistent half" in comments
    assert "The profile chose 49 of 600 rules of this STIG; the others are not here." in comments
    assert "Assay's own wording" in comments
    assert "Not complete: 12 rules ended in error" in comments


@pytest.mark.parametrize(
    ("document", "words"),
    [(checklist(fit="foreign"), "does not apply to this target"), (matrix(), "holds no STIG")],
)
def test_a_stig_of_another_system_is_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        OUTPUT.render(document)
    assert caught.value.hint


def test_of_two_stigs_only_the_one_that_applies_is_written() -> None:
    document = checklist()
    document["summary"]["stig-other"] = {**document["summary"][STIG], "fit": "foreign", "short": "STIG other"}
    document["controls"].append({**document["controls"][0], "framework": "stig-other"})
    found = written(document)
    assert [stig["stig_id"] for stig in found["stigs"]] == ["RHEL_10_STIG"]
    assert "STIG other does not apply to this target and is left out." in found["target_data"]["comments"]


def test_other_frameworks_stay_out() -> None:
    text = OUTPUT.render(checklist()).decode()
    others = [*statuses(checklist(), NIST), *statuses(checklist(), HIPAA)]
    assert others
    assert not [control for control in others if f'"{control}"' in text]


def test_the_publishers_words_are_used_where_they_were_supplied() -> None:
    found = written(official(checklist()))
    (stig,) = found["stigs"]
    assert stig["release_info"] == "Release: 2 Benchmark Date: 01 Jul 2026"
    assert stig["reference_identifier"] == "5733"
    rule = next(rule for rule in stig["rules"] if rule["rule_version"] == stig_id(0))
    assert rule["rule_id_src"] == "SV-280000r1184000_rule"
    assert rule["rule_title"] == rule["group_title"] == "RHEL 10 must be official."
    assert rule["check_content"] == "Verify it:\n\n$ verify\n\nIf not, this is a finding."
    assert rule["fix_text"] == "Configure it."
    assert rule["discussion"] == "Because it must.\n\nSecond paragraph."
    assert (rule["ccis"], rule["legacy_ids"]) == (["CCI-000366"], ["V-1"])
    assert rule["status"] == "not_a_finding"
    comments = found["target_data"]["comments"]
    assert "are the publisher's where they were supplied" in comments
    assert "U_RHEL_10_V1R3_STIG.zip" in comments


def test_a_text_of_another_revision_gives_no_pass_under_its_id() -> None:
    document = official(checklist(), revised=True)
    found = written(document)
    (stig,) = found["stigs"]
    assert stig["release_info"] == "Release: 2 Benchmark Date: 01 Jul 2026"
    rule = next(rule for rule in stig["rules"] if rule["rule_version"] == stig_id(0))
    assert rule["rule_id_src"] == "SV-280000r1184000_rule"
    assert rule["status"] == "not_a_finding"
    assert "official" not in rule["rule_title"] + rule["check_content"]
    assert "The text supplied is of SV-280000r9999999_rule, another revision than was judged" in rule["comments"]
    assert "the rules judge by V1R2, revised controls keep our words" in found["target_data"]["comments"]
