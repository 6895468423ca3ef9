"""Markdown: what it says, and that no text in it is ever markup, in CommonMark with tables and links."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from scanner.outputs.markdown import OUTPUT, SHOWN
from tests.outputs.finding_matrix import by_instance, harmless, hostile, matrix, only, with_statuses
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import large, result, sample

LIVE = {
    "html_block",
    "html_inline",
    "link_open",
    "image",
    "code_inline",
    "code_block",
    "fence",
    "blockquote_open",
    "hr",
}


def tokens(document: dict[str, Any]) -> list[Token]:
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found = []
    for token in reader.parse(OUTPUT.render(document).decode("utf-8")):
        found += [token, *(token.children or ())]
    return found


def text(document: dict[str, Any]) -> str:
    return "\n".join(token.content for token in tokens(document) if token.type in ("text", "text_special"))


def rows(document: dict[str, Any]) -> list[list[str]]:
    """The cells of every table row, as they are shown."""
    found: list[list[str]] = []
    for token in tokens(document):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found and token.map and token.level > 3:
            found[-1].append("".join(child.content for child in token.children or ()))
    return found


def section(document: dict[str, Any], heading: str) -> str:
    (found,) = re.findall(
        rf"^## {heading}[^\n]*\n(.*?)(?=^## |\Z)", OUTPUT.render(document).decode(), re.MULTILINE | re.DOTALL
    )
    return str(found)


def test_the_verdict_comes_first() -> None:
    lines = OUTPUT.render(sample()).decode().splitlines()
    shown = text(sample())
    assert lines[0].startswith("# Assessment of vela")
    assert shown.index("4 of 9 applicable rules fail.") < shown.index("This assessment is incomplete.")
    assert shown.index("This assessment is incomplete.") < shown.index("Failures")
    assert "by analogy: velaos 10.1 says it is like rhel 10" in shown
    assert "2 of the results rest on the persistent half" in shown


def test_every_result_stands_in_its_group_with_half_and_waiver() -> None:
    document, expected = matrix(), by_instance()
    found = {row[1]: row for row in rows(document) if len(row) in (5, 9) and row[1] in expected}
    assert set(found) == set(expected)
    for name, row in found.items():
        case = expected[name]
        assert row[3].startswith(case.status.replace("_", " "))
        assert ("persistent half" in row[3]) == bool(case.half)
        if case.status not in ("pass", "not_applicable"):
            assert (
                row[7]
                == {"none": "", "valid": "W-12 until 2027-03-31", "expired": "W-3 EXPIRED 2026-01-31"}[case.waiver]
            )
    waived = {row[0]: row[2] for row in rows(document) if len(row) == 3 and row[0] in expected}
    assert set(waived) == {name for name, case in expected.items() if case.waiver != "none"}


def test_controls_say_who_answered() -> None:
    found = {row[0]: row for row in rows(matrix()) if len(row) == 5}
    assert found["9.1"][2] == found["9.3"][2] == "manual"
    assert "by a person: met, says A. Reviewer" in found["9.1"][4]
    assert "does NOT hold" in found["9.2"][4]
    assert found["9.4"][3] == "not yet"


def test_what_is_not_known_is_said_to_be() -> None:
    assert "Unknown: nobody could look (6)" in OUTPUT.render(matrix()).decode()
    assert "Errors: something needed could not be read (6)" in OUTPUT.render(matrix()).decode()
    assert "No rule got a verdict." in text(with_statuses("unknown"))
    assert "audit.runtime" in section(sample(), "Not read, or not whole")


def test_a_long_table_is_cut_and_says_so() -> None:
    document = only(*(result(number, "fail") for number in range(400, 400 + SHOWN + 7)))
    assert "7 more are in the assessment JSON." in section(document, "Failures")
    assert section(document, "Failures").count("\n|") == SHOWN + 2


@pytest.mark.parametrize("document", [sample(), matrix(), large()])
def test_tables_are_whole(document: dict[str, Any]) -> None:
    width = 0
    for line in OUTPUT.render(document).decode().splitlines():
        cells = line.count("|")
        if not line.startswith("|"):
            width = 0
        else:
            assert width in (0, cells)
            width = cells


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_no_payload_is_live(name: str, words: bool) -> None:
    made = tokens(hostile(name, words=words))
    assert not LIVE & {token.type for token in made}
    if not words:
        plain = tokens(harmless())
        shape = [token.type for token in made if not token.type.startswith(("text", "softbreak"))]
        assert shape == [token.type for token in plain if not token.type.startswith(("text", "softbreak"))]


@pytest.mark.parametrize(
    "payload",
    (
        *(
            "[x](javascript:alert(1))",
            "![x](http://192.0.2.1/x.png)",
            "<http://192.0.2.1/>",
            "http://192.0.2.1/",
            "`a`",
        ),
        *("| a | b |", "\\|", "**b** __c__ ~~d~~", "# h", "- item", "1. item", "> q", "@someone #12 GH-1", "&lt;b&gt;"),
        *("[x]: http://192.0.2.1/", "$x^2$", "a  \nb", "***", "<!-- x -->", ":smile:", "user/repo#1"),
    ),
)
def test_markdown_in_evidence_is_shown_as_text(payload: str) -> None:
    document = only(result(300, "fail"))
    document["results"][0]["found"] = payload
    document["target"]["identity"]["host_name"] = payload
    assert not LIVE & {token.type for token in tokens(document)}
    (row,) = [row for row in rows(document) if len(row) == 9 and row[1].startswith("auditd")]
    assert row[5] == payload.replace("\n", " ").strip()
    for mark in "<>[]*_`~@#$":
        assert mark not in section(document, "Failures").replace("&#", "")
