"""The HTML report: what it says, that it stands alone, that anyone can read it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from scanner.outputs._templates import template_text
from scanner.outputs.base import named
from scanner.outputs.html import OUTPUT
from tests.outputs.report_checks import Page, render_elsewhere
from tests.outputs.report_sample import large, sample


@pytest.fixture(scope="module")
def html() -> str:
    return OUTPUT.render(sample()).decode("utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_it_is_found_by_name() -> None:
    assert named("html") is OUTPUT
    assert OUTPUT.suffix == ".html"


def test_the_verdict_comes_first(page: Page) -> None:
    words = page.words()
    order = ["VelaOS 2.4 (beta)", "4 of 9 applicable rules fail.", "This assessment is incomplete.", "Fit: by analogy"]
    places = [words.index(text) for text in order]
    assert places == sorted(places)
    assert places[-1] < words.index("Failures")
    assert "1 rule ended in error: something needed could not be read" in words
    assert "velaos 10.1 says it is like rhel 10" in words


def test_a_failure_says_what_a_reader_asks(page: Page) -> None:
    words = page.words()
    for text in (
        "each sshd.options with keyword permitrootlogin: value one of no, prohibit-password",
        "keyword permitrootlogin, value yes, at /etc/ssh/sshd_config:12",
        "A password that can be tried over the network will be tried.",
        "systemctl reload sshd",
        "Disruption: restart.",
        "Set the value in a drop-in file and reload the service.",
    ):
        assert text in words
    assert re.search(r"sha256 [0-9a-f]{64}", words)
    assert "no digest: it would help to guess a secret" in words


@pytest.mark.parametrize("word", ["fail", "error", "unknown", "manual", "pass", "pass in part", "not applicable"])
def test_every_status_is_a_word_beside_a_symbol(html: str, word: str) -> None:
    mark = word.replace(" ", "_")
    assert re.search(rf'<span class="st {mark}"><svg [^>]*><use href="#m-{mark}"/></svg>{word}', html)


def test_waivers_halves_and_claims_are_shown(page: Page) -> None:
    words = page.words()
    for text in (
        "W-12",
        "The maintenance port stays open",
        "SEC-481",
        "Waiver expired",
        "waived",
        "persistent half",
        "pass (persistent half), running half not seen",
        "Persistent half: 2 of the results show only what is configured",
        "claim: overclaim",
        "The mechanism named cannot see this.",
        "Answered by a person:",
        "minutes of 1 October",
        *("proven", "partly proven", "refuted", "overclaim", "not evaluable", "external"),
        *("automated", "partial", "manual", "inherited", "not yet"),
        "malformed: offset 4096: no page",
    ):
        assert text in words


def test_every_result_and_control_is_there_once(page: Page) -> None:
    kinds = [attributes.get("data-item") for _, attributes in page.tags]
    assert kinds.count("result") == len(sample()["results"])
    assert kinds.count("control") == len(sample()["controls"])


def test_links_lead_somewhere_inside(page: Page) -> None:
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in ("href", "src", "action", "data"):
            if name in attributes:
                assert attributes[name].startswith("#"), attributes
                assert attributes[name][1:] in ids, attributes


def test_the_policy_allows_this_script_and_style_and_nothing_else(html: str, page: Page) -> None:
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not any("style" in attributes for _, attributes in page.tags)


def test_it_needs_nothing_else() -> None:
    for name in ("report.css", "report.js"):
        text = template_text(name)
        assert "http:" not in text
        assert "https:" not in text
        assert "@import" not in text
        assert "url(" not in text
        assert "</" not in text


def test_without_scripts_everything_is_visible(page: Page) -> None:
    hidden = [attributes.get("id", tag) for tag, attributes in page.tags if "hidden" in attributes]
    assert hidden == ["svg", "filters"]


def test_people_who_listen_can_read_it(page: Page) -> None:
    tags = dict(page.tags)
    assert tags["html"]["lang"] == "en"
    assert {"title", "main", "nav", "header", "footer"} <= set(tags)
    for tag, attributes in page.tags:
        if tag == "section":
            assert attributes["aria-labelledby"] in page.ids()
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_text_has_enough_contrast_in_light_and_dark() -> None:
    blocks = re.findall(r":root \{(.*?)\}", template_text("report.css"), re.DOTALL)[:2]
    for block in blocks:
        colours = dict(re.findall(r"--([\w]+): (#[0-9a-f]{6})", block))
        assert len(colours) > 12
        for name, colour in colours.items():
            if name in ("paper", "raise", "line", "hair", "alarm", "code"):
                continue
            for ground in ("paper", "raise"):
                assert _contrast(colour, colours[ground]) >= 4.5, (name, ground)
        assert _contrast(colours["ink"], colours["alarm"]) >= 4.5
        assert _contrast(colours["soft"], colours["code"]) >= 4.5


def test_words_that_a_scanner_may_not_say(page: Page) -> None:
    words = page.words().lower()
    assert "compliant" not in words
    assert "score" not in words
    assert not re.search(r"\d ?%(?! of the applicable rules must)", words)


def test_the_same_bytes_everywhere(tmp_path: Path) -> None:
    here = OUTPUT.render(sample())
    assert OUTPUT.render(sample()) == here
    assert OUTPUT.render(json.loads(json.dumps(sample(), sort_keys=True))) == here
    assert render_elsewhere("html", tmp_path) == here


def test_a_complete_assessment_is_called_complete() -> None:
    words = Page(OUTPUT.render(large(10, 10)).decode()).words()
    assert "The assessment is complete." in words
    assert "incomplete" not in words
