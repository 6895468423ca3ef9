"""Every format of a gate result: the public readers understand it, and nothing that a target said is markup or a command."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import jsonschema_rs
import junitparser
import markdown_it
import pytest

from scanner.gate.outputs import github, registry, table
from scanner.model.errors import UsageError
from scanner.outputs.table import Style, wrapped
from scanner.schemas.generate import documents
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.sarif_checks import github_problems, problems
from tests.unit.gate.sides_lab import gate, note, record, side

POISON = (
    " ".join(PAYLOADS.values())
    + "\x1b[2J\r\n::error::owned\n::set-output name=x::y\u202e%0A::stop-commands::x ##[command]x"
)


def records(text: str = "") -> tuple[Any, Any]:
    old = [
        record("pass", "rule-a@00000001"),
        record("pass", "rule-b@00000001", rule_digest=""),
        record("fail", "rule-c@00000001"),
        record("fail", "rule-d@00000001"),
        record("fail", "rule-e@00000001"),
        record("pass", "rule-f@00000001", params={"n": 1}),
    ]
    new = [
        record(
            "fail", "rule-a@00000001", found=f"value {text}", title=text or "Title of it", expected=text or "value no"
        ),
        record("not_applicable", "rule-b@00000001", places=(f"/etc/{text}:7",)),
        record("fail", "rule-c@00000001", waiver={**note("2027-01-31"), "reason": text or "r"}),
        record("unknown", "rule-d@00000001", severity="low"),
        record("pass", "rule-e@00000001"),
        record("fail", "rule-f@00000002", params={"n": text or 2}),
    ]
    return side(*old), side(*new, complete=False, reasons=(f"something {text}",))


def document(text: str = "") -> dict[str, Any]:
    old, new = records(text)
    return gate(new, old).to_json()


DIFFERENT = gate(side(record("pass"), kind="tree"), side(record("pass"))).to_json()
MET = gate(side(record("pass")), side(record("pass"))).to_json()
ALL = [document(), document(POISON), DIFFERENT, MET, gate(side(record("fail")), None).to_json()]


@pytest.mark.parametrize("found", ALL)
def test_the_result_fits_its_schema(found: dict[str, Any]) -> None:
    assert list(jsonschema_rs.validator_for(documents()["gate"]).iter_errors(found)) == []
    assert json.loads(registry.render("json", found)) == found


def test_every_action_is_in_the_sample() -> None:
    assert set(document()["counts"]["actions"]) == {"fail", "incomplete", "warn", "accepted", "note"}


@pytest.mark.parametrize("name", registry.FORMATS)
@pytest.mark.parametrize("found", ALL)
def test_the_same_result_gives_the_same_bytes_and_names_what_fails(found: dict[str, Any], name: str) -> None:
    data = registry.render(name, found)
    assert data == registry.render(name, json.loads(json.dumps(found)))
    for one in found["differences"]:
        if one["action"] in ("fail", "incomplete"):
            assert one["rule"] in data.decode().replace("&#45;", "-")


def test_a_format_that_is_none() -> None:
    with pytest.raises(UsageError, match="no output format"):
        registry.render("pdf", document())


def test_the_sentence_comes_first() -> None:
    lines = table.text(document(), Style()).splitlines()
    assert lines[0].startswith("GATE NOT MET: The release does not pass: 1 regression, 1 applicability lost")
    assert lines[1] == "  high: Title of it [rule-a]: pass → fail"
    assert lines[3] == ""
    body = "\n".join(lines)
    assert "found before    value of pass" in body
    assert "found now       value" in body


def test_the_terminal_is_not_steered() -> None:
    shown = table.text(document(POISON), Style(colour=False))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert not any(line.strip().startswith("::") for line in shown.splitlines())
    assert "##[" not in shown


@pytest.mark.parametrize("found", ALL)
def test_sarif_keeps_the_standard(found: dict[str, Any]) -> None:
    data = registry.render("sarif", found)
    assert problems(data) == []
    (run,) = json.loads(data)["runs"]
    shown = [one for one in found["differences"] if one["action"] != "note"]
    checks = [one for one in found["checks"] if one["state"] != "ok"]
    assert len(run["results"]) == len(shown) + len(checks) + (found["decision"] == "different")
    suppressed = [one for one in run["results"] if "suppressions" in one]
    assert len(suppressed) == sum(one["action"] == "accepted" for one in shown)


@pytest.mark.parametrize("found", ALL)
def test_junit_as_a_public_reader_counts_it(found: dict[str, Any]) -> None:
    suites = list(junitparser.JUnitXml.fromstring(registry.render("junit", found)))
    cases = [case for suite in suites for case in suite]
    failed = {case.name for case in cases if any(isinstance(one, junitparser.Failure) for one in case.result)}
    wanted = {one["rule"] for one in found["differences"] if one["action"] == "fail"}
    assert wanted <= failed
    assert ("decision" in failed) == (found["decision"] == "not_met")
    assert len(cases) == 1 + len(found["differences"]) + len(found["checks"])
    for suite in suites:
        assert suite.tests == len(list(suite))


def test_no_control_character_reaches_xml() -> None:
    ET.fromstring(registry.render("junit", document(POISON)))


@pytest.mark.parametrize("found", ALL)
def test_gitlab_code_quality(found: dict[str, Any]) -> None:
    issues = json.loads(registry.render("gitlab", found))
    for one in issues:
        assert set(one) == {"description", "check_name", "fingerprint", "location", "severity"}
        assert one["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert one["location"]["lines"]["begin"] >= 1
        assert one["location"]["path"]
        assert not one["location"]["path"].startswith("/")
    assert len({one["fingerprint"] for one in issues}) == len(issues)
    assert bool(issues) == (found["decision"] != "met")


@pytest.mark.parametrize("found", ALL)
def test_markdown_holds_no_markup_of_the_target(found: dict[str, Any]) -> None:
    text = registry.render("markdown", found).decode()
    html = markdown_it.MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text)
    for tag in ("<script", "<img", "<a ", "<iframe", "<svg"):
        assert tag not in html.lower()
    assert html.count("<details>") == 1


@pytest.mark.parametrize("found", ALL)
def test_annotations_are_one_command_a_line(found: dict[str, Any]) -> None:
    lines = list(github.commands(found))
    assert all(line.startswith(("::error title=", "::warning title=", "::notice title=")) for line in lines)
    assert not any("\n" in line or "\r" in line for line in lines)
    for line in lines:
        head, _, message = line.removeprefix("::").partition("::")
        assert head.count(",") == 0
        assert "\n" not in message
    for level in ("error", "warning"):
        assert sum(line.startswith(f"::{level}") for line in lines) <= 10
    assert lines[0].startswith("::notice" if found["decision"] == "met" else "::error")


@pytest.mark.parametrize("found", ALL)
def test_github_takes_the_sarif(found: dict[str, Any]) -> None:
    assert github_problems(registry.render("sarif", found)) == []


def test_a_broken_word_begins_no_line_with_a_command() -> None:
    """A log of GitHub takes a line that begins with `::name::` for a command, wherever the text was broken."""
    for length in range(40, 130):
        found = document("A" * length + "::set-output name=decision::met")
        shown = table.render(found).decode()
        assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")], length


@pytest.mark.parametrize(("lead", "then"), [("", ""), ("  ", "    ")])
def test_every_wrapped_line_is_clean_and_none_is_lost(lead: str, then: str) -> None:
    lines = wrapped("A" * 20 + "::error::x and more", 20 + len(then), lead=lead, then=then)
    assert len(lines) > 1
    assert not [line for line in lines if line.lstrip().startswith("::")]
    assert all(line.startswith(then if number else lead) for number, line in enumerate(lines))
    assert wrapped("", 20) == []
