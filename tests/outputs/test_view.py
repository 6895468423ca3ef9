"""The view model: what the reports say, before any template."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.outputs import _words as words
from scanner.outputs._charts import SHAPES, WIDTH, stacked
from scanner.outputs._text import MAX_TEXT, visible, visible_tree, written
from scanner.outputs._view import view_of
from tests.outputs.report_sample import sample


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain /etc/passwd:1", "plain /etc/passwd:1"),
        ("Zürich – naïve", "Zürich – naïve"),
        ("a\x1b[31mb", "a‹U+001B›[31mb"),
        ("evil\u202efdp.exe", "evil‹U+202E›fdp.exe"),
        ("a\u2066b\u2069\u200b\ufeff", "a‹U+2066›b‹U+2069›‹U+200B›‹U+FEFF›"),
        ("nul\x00\x7f\x85", "nul‹U+0000›‹U+007F›‹U+0085›"),
        ("a\u2028b", "a‹U+2028›b"),
        ("lone\ud800", "lone‹U+D800›"),
        ("tag\U000e0041", "tag‹U+E0041›"),
        ("two\nlines\tand", "two lines and"),
    ],
)
def test_nothing_invisible_is_shown(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@given(st.text(alphabet=st.characters(), max_size=200))
def test_visible_text_is_printable_and_stays_visible(text: str) -> None:
    shown = visible(text)
    assert all(char.isprintable() or char.isspace() for char in shown)
    shown.encode("utf-8")
    assert visible(shown) == shown


def test_endless_text_is_cut_and_says_so() -> None:
    shown = visible("a" * (MAX_TEXT + 50))
    assert len(shown) < MAX_TEXT + 60
    assert "50 more characters" in shown


def test_values_are_written_for_people() -> None:
    assert written(None) == "not set"
    assert written(True) == "yes"
    assert written(["no", 2]) == "no, 2"
    assert written([]) == "none"
    assert written({"b": 1, "a": [2]}) == '{"a": [2], "b": 1}'
    assert visible_tree({"k\x1b": ["\u202e", 1, None, ("x",)]}) == {"k‹U+001B›": ["‹U+202E›", 1, None, ["x"]]}


@given(st.lists(st.integers(min_value=0, max_value=100_000), min_size=1, max_size=8))
def test_a_bar_is_filled_exactly_and_hides_nothing(counts: list[int]) -> None:
    segments = stacked([("pass", count) for count in counts])
    assert [one.count for one in segments] == [count for count in counts if count]
    if segments:
        assert sum(one.width for one in segments) == WIDTH
        assert min(one.width for one in segments) >= 8
        assert segments[0].x == 0
        assert all(a.x + a.width == b.x for a, b in pairwise(segments))


def test_every_status_has_a_symbol_of_its_own() -> None:
    assert set(words.MARKS) == set(SHAPES)
    assert len(set(SHAPES.values())) == len(SHAPES)
    assert set(words.ORDER) == set(words.STATUS_WORDS)
    assert set(words.CLAIM_MARKS) == set(words.CLAIM_WORDS)


@pytest.mark.parametrize(
    ("failed", "judged", "applicable", "text"),
    [
        (0, 0, 0, "No rule got a verdict."),
        (0, 0, 12, "No rule got a verdict."),
        (1, 3, 3, "1 of 3 applicable rules fails."),
        (4, 6, 9, "4 of 9 applicable rules fail."),
        (0, 6, 9, "Of 9 applicable rules 6 could be judged; none of those fails."),
        (0, 9, 9, "None of 9 applicable rules fails."),
    ],
)
def test_the_headline_never_says_more_than_was_judged(failed: int, judged: int, applicable: int, text: str) -> None:
    assert words.headline(failed, judged, applicable) == text


def test_completeness_counts_people_and_gaps_apart() -> None:
    text = words.completeness_sentence({"selected": 12, "applicable": 9, "judged": 6})
    assert text.startswith("12 rules selected. 3 of them need a person or do not apply.")
    assert "6 got a real verdict" in text
    assert "3 could not be judged" in text
    assert "could not" not in words.completeness_sentence({"selected": 9, "applicable": 9, "judged": 9})


def test_one_half_is_always_named() -> None:
    assert words.half_words("pass", "persistent half") == "persistent half"
    assert words.half_words("unknown", "persistent half") == "pass (persistent half), running half not seen"
    assert words.half_words("pass", None) == ""


@pytest.mark.parametrize(
    ("coverage", "judged", "method"),
    [
        ("automated", [("pass", {"persistent": "pass", "runtime": "not_required"})], "configuration"),
        ("automated", [("fail", {"persistent": "pass", "runtime": "fail"})], "configuration + running system"),
        ("automated", [("pass", {"persistent": "not_required", "runtime": "pass"})], "running system"),
        ("automated", [("unknown", {"persistent": "unknown", "runtime": "not_required"})], "not reached"),
        ("partial", [("not_applicable", {"persistent": "not_required"})], "applicability"),
        ("partial", [("manual", {"persistent": "not_required"})], "a person"),
        ("manual", [], "a person"),
        ("inherited", [], "the provider"),
        ("not_yet", [], "no rule yet"),
    ],
)
def test_the_method_is_what_was_done(coverage: str, judged: list[tuple[str, dict[str, str]]], method: str) -> None:
    assert words.method_words(coverage, judged) == method


def test_results_are_read_worst_first() -> None:
    view = view_of(sample())
    assert [group.status for group in view.groups] == ["fail", "error", "unknown", "manual", "pass", "not_applicable"]
    assert [one.severity for one in view.groups[0].results] == ["critical", "high", "medium", "low"]
    assert [one.anchor for group in view.groups for one in group.results] == [f"r{n}" for n in range(1, 13)]
    assert view.severities == (("critical", 1), ("high", 1), ("medium", 1), ("low", 1))
    assert [one.severity for one in view.worst] == ["critical", "high"]


def test_a_waiver_stands_beside_a_failure_and_hides_nothing() -> None:
    view = view_of(sample())
    assert {one.status for one in view.waivers} == {"fail"}
    assert {one.anchor for one in view.waivers} <= {one.anchor for one in view.groups[0].results}
    assert view.headline == "4 of 9 applicable rules fail."
    assert view.waived == "1 result carries a waiver and keeps its status; 1 waiver expired."


def test_evidence_is_numbered_by_source_and_shared() -> None:
    view = view_of(sample())
    assert [one.id for one in view.evidence] == [f"E{n:04d}" for n in range(1, len(view.evidence) + 1)]
    assert [one.source for one in view.evidence] == sorted(one.source for one in view.evidence)
    shadow = next(one for one in view.evidence if one.source == "/etc/shadow")
    assert shadow.sha256 is None
    wheres = {place.where for group in view.groups for one in group.results for place in one.places}
    assert "/etc/ssh/sshd_config:12" in wheres


def test_frameworks_carry_fit_coverage_and_claims() -> None:
    cis, claims = view_of(sample()).frameworks
    assert (cis.fit_word, cis.fit_reason) == ("by analogy", "velaos 10.1 says it is like rhel 10")
    assert [word for word, _ in cis.coverage] == ["automated", "partial", "manual", "inherited", "not yet"]
    assert [count.mark for count in cis.counts][:2] == ["fail", "error"]
    assert sum(count.count for count in cis.counts) == cis.total == len(cis.controls)
    assert claims.claims
    assert [one.word for one in claims.verdicts] == list(words.CLAIM_WORDS.values())
    assert claims.half == 1
    assert claims.controls[2].half == 1


def test_a_word_nobody_knows_is_never_better_than_unknown() -> None:
    strange = sample()
    strange["results"][0]["status"] = "splendid"
    strange["results"][1]["claim_verdict"] = "wonderful"
    strange["controls"][0]["status"] = "superb"
    strange["summary"]["velaos"]["fit"] = "perfect"
    view = view_of(strange)
    assert {one.mark for group in view.groups for one in group.results if one.status == "splendid"} == {"unknown"}
    assert view.frameworks[0].controls[0].mark == "unknown"
    assert view.frameworks[1].fit == "foreign"
    claims = {one.claim.word: one.claim.mark for group in view.groups for one in group.results if one.claim}
    assert claims["wonderful"] == "unknown"


def test_the_view_is_pure_and_blind_to_the_order_of_keys() -> None:
    first = sample()
    before = copy.deepcopy(first)
    view = view_of(first)
    assert first == before

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(list(value))}
        return [turned(item) for item in value] if isinstance(value, list) else value

    assert view_of(turned(first)) == view
    assert view_of(json.loads(json.dumps(first))) == view


def test_an_empty_assessment_has_a_view() -> None:
    empty = sample()
    empty.update(results=[], controls=[], rules={}, unread=[], profiles=[], summary={})
    empty["target"] = {"kind": "", "identity": {}, "digest": None, "layout": {}}
    empty["completeness"].update(selected=0, applicable=0, judged=0, counts={}, reasons=["profile x selects no rule"])
    view = view_of(empty)
    assert view.headline == "No rule got a verdict."
    assert view.name == "A system without a name"
    assert not (view.groups or view.frameworks or view.evidence)
