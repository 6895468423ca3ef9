"""SARIF: the standard's rules, every status, and what GitHub does with a file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanner.outputs import sarif_github
from scanner.outputs.sarif import OUTPUT
from scanner.outputs.sarif_github import NOT_JUDGED
from scanner.outputs.sarif_github import OUTPUT as GITHUB
from tests.outputs.finding_matrix import by_instance, hostile, matrix, only, passing, with_statuses
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import SEVERITIES, large, result, sample
from tests.outputs.sarif_checks import github_problems, problems

KINDS = {"pass": "pass", "fail": "fail", "unknown": "review", "manual": "review", "not_applicable": "notApplicable"}


def run_of(data: bytes) -> dict[str, Any]:
    (run,) = json.loads(data)["runs"]
    return dict(run)


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    return run_of(OUTPUT.render(matrix()))


@pytest.fixture(scope="module")
def alerts() -> list[dict[str, Any]]:
    return list(run_of(GITHUB.render(matrix()))["results"])


@pytest.mark.parametrize("document", [matrix(), sample(), large(), hostile(), hostile(words=True)])
def test_both_outputs_keep_the_standard(document: dict[str, Any]) -> None:
    assert problems(OUTPUT.render(document)) == []
    assert problems(GITHUB.render(document)) == []
    assert github_problems(GITHUB.render(document)) == []


def test_every_status_has_its_kind_and_its_words(run: dict[str, Any]) -> None:
    expected = by_instance()
    found = {one["properties"]["instance"]: one for one in run["results"]}
    assert set(found) == {name for name, case in expected.items() if case.status != "error"}
    for name, one in found.items():
        case = expected[name]
        assert one["kind"] == KINDS[case.status]
        assert (one["level"] == "none") == (case.status != "fail")
        assert one["properties"]["status"] == case.status
        assert one["properties"].get("half", "") == case.half
        assert ("persistent half" in one["message"]["text"]) == bool(case.half)


def test_an_error_is_a_notification_and_no_result(run: dict[str, Any]) -> None:
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    told = [one for one in invocation["toolExecutionNotifications"] if "associatedRule" in one]
    assert {one["properties"]["instance"] for one in told} == {
        name for name, case in by_instance().items() if case.status == "error"
    }
    assert {one["level"] for one in told} == {"error"}
    assert run_of(OUTPUT.render(with_statuses("pass")))["invocations"][0]["executionSuccessful"] is True


def test_only_a_failure_with_a_valid_waiver_is_suppressed(run: dict[str, Any]) -> None:
    expected = by_instance()
    suppressed = {one["properties"]["instance"] for one in run["results"] if "suppressions" in one}
    assert suppressed == {name for name, case in expected.items() if case.status == "fail" and case.waiver == "valid"}
    for one in run["results"]:
        case = expected[one["properties"]["instance"]]
        assert ("waiver" in one["properties"]) == (case.waiver != "none")
        assert ("EXPIRED" in one["message"]["text"]) == (case.waiver == "expired")
    (note,) = next(one["suppressions"] for one in run["results"] if "suppressions" in one)
    assert note["status"] == "accepted"
    assert note["properties"]["expires"] == "2027-03-31"


def test_controls_are_taxa_with_status_fit_and_answers(run: dict[str, Any]) -> None:
    taxonomies = {one["name"]: one for one in run["taxonomies"]}
    assert taxonomies["cis-rhel10"]["properties"]["fit"] == "by_analogy"
    assert "by analogy" in taxonomies["cis-rhel10"]["shortDescription"]["text"]
    taxa = {one["id"]: one for one in taxonomies["cis-rhel10"]["taxa"]}
    assert taxa["9.1"]["properties"]["status"] == "manual"
    assert taxa["9.1"]["properties"]["answered"]["by"] == "A. Reviewer"
    assert "by a person" in taxa["9.1"]["shortDescription"]["text"]
    assert "does NOT hold" in taxa["9.2"]["shortDescription"]["text"]
    assert "answered" not in taxa["9.3"]["properties"]
    assert taxa["2.1"]["properties"]["status"] == "pass_in_part"


def test_evidence_is_located_on_the_target(run: dict[str, Any]) -> None:
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uriBaseId"] == "TARGET"
    assert not location["artifactLocation"]["uri"].startswith("/")
    assert location["region"] == {"startLine": 12}
    hashes = [one.get("hashes") for one in run["artifacts"]]
    assert any(hashes)
    assert None in hashes  # what may hold a secret has no digest


def test_github_gets_failures_and_what_was_not_judged(alerts: list[dict[str, Any]]) -> None:
    failures = {name for name, case in by_instance().items() if case.status == "fail"}
    shown = {one["properties"]["instance"] for one in alerts if one["ruleId"] != NOT_JUDGED}
    assert shown == failures
    (gap,) = [one for one in alerts if one["ruleId"] == NOT_JUDGED]
    assert gap["level"] == "error"
    assert "6 error, 6 unknown, 6 manual" in gap["message"]["text"]
    assert "INCOMPLETE" in gap["message"]["text"]


def test_a_waived_failure_is_an_alert_that_says_so(alerts: list[dict[str, Any]]) -> None:
    expected = by_instance()
    for one in alerts:
        if one["ruleId"] == NOT_JUDGED:
            continue
        case = expected[one["properties"]["instance"]]
        first = one["message"]["text"].splitlines()[0]
        mark = {"none": "(fail).", "valid": "(fail, waived).", "expired": "(fail, waiver expired)."}[case.waiver]
        assert first.endswith(mark)
        assert bool(one.get("suppressions")) == (case.waiver == "valid")


def test_nothing_is_added_where_everything_was_judged() -> None:
    assert run_of(GITHUB.render(with_statuses("pass", "not_applicable")))["results"] == []
    (gap,) = run_of(GITHUB.render(with_statuses("pass", "unknown")))["results"]
    assert gap["ruleId"] == NOT_JUDGED
    assert gap["level"] == "note"


def test_an_alert_points_at_the_rule_and_keeps_its_fingerprint() -> None:
    first, again = (run_of(GITHUB.render(only(result(300, "fail"), passing(301))))["results"][0] for _ in range(2))
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("rules/sample/")
    assert first["partialFingerprints"] == again["partialFingerprints"]
    assert first["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uriBaseId"] == "TARGET"
    document = only(result(300, "fail"))
    document["target"]["identity"]["host_name"] = "another"
    other = run_of(GITHUB.render(document))
    assert other["results"][0]["partialFingerprints"] != first["partialFingerprints"]
    assert (
        other["automationDetails"]["id"] != run_of(GITHUB.render(only(result(300, "fail"))))["automationDetails"]["id"]
    )


def test_severities_are_found_again() -> None:
    def score(severity: str) -> float:
        (rule,) = run_of(GITHUB.render(only(result(300, "fail", severity=severity))))["tool"]["driver"]["rules"]
        return float(rule["properties"]["security-severity"])

    scores = {severity: score(severity) for severity in SEVERITIES}
    assert (
        scores["critical"] > 9.0 > scores["high"] >= 7.0 > scores["medium"] >= 4.0 > scores["low"] > scores["info"] > 0
    )


@pytest.mark.parametrize(("limit", "value"), [("MAX_RESULTS", 3), ("MAX_GZIP", 2000)])
def test_what_exceeds_a_limit_is_left_out_worst_last_and_said(
    limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [result(300 + index, "fail", severity=severity) for index, severity in enumerate(SEVERITIES)]
    monkeypatch.setattr(sarif_github, limit, value)
    shown = run_of(GITHUB.render(only(*failures)))["results"]
    assert shown[-1]["ruleId"] == NOT_JUDGED
    assert f"{len(SEVERITIES) - len(shown) + 1} failures left out" in shown[-1]["message"]["text"]
    assert [one["properties"]["severity"] for one in shown[:-1]] == list(SEVERITIES)[: len(shown) - 1]
    assert 1 < len(shown) < 5


def test_long_texts_are_cut_to_what_github_takes() -> None:
    document = only(result(300, "fail"))
    for rule in document["rules"].values():
        rule["rationale"] = "a reason " * 200
    assert github_problems(GITHUB.render(document)) == []


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_no_payload_changes_the_shape(name: str) -> None:
    def shape(data: bytes) -> list[Any]:
        run = run_of(data)
        return [len(run["results"]), sorted(run), [sorted(one) for one in run["results"]]]

    for output in (OUTPUT, GITHUB):
        data = output.render(hostile(name))
        assert shape(data) == shape(output.render(sample()))
        assert problems(data) == []


def test_a_link_in_evidence_is_no_link() -> None:
    one = result(300, "fail")
    document = only(one)
    document["results"][0]["found"] = "[click](http://192.0.2.1/) and [x](1)"
    for output in (OUTPUT, GITHUB):
        (shown,) = run_of(output.render(document))["results"]
        assert "](" not in shown["message"]["text"]
        assert shown["properties"]["found"] == "[click](http://192.0.2.1/) and [x](1)"
        assert problems(output.render(document)) == []


def test_the_checkers_find_mistakes() -> None:
    log = json.loads(OUTPUT.render(matrix()))
    passed = next(one for one in log["runs"][0]["results"] if one["kind"] == "pass")
    passed["level"] = "error"
    assert any("3.27.10" in text for text in problems(json.dumps(log).encode()))
    passed["surprise"] = 1
    assert problems(json.dumps(log).encode())
    assert any("would be an alert" in text for text in github_problems(OUTPUT.render(matrix())))
    alert = json.loads(GITHUB.render(matrix()))
    del alert["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["endColumn"]
    alert["runs"][0]["tool"]["driver"]["rules"][0]["help"]["text"] = ""
    assert len(github_problems(json.dumps(alert).encode())) == 2
