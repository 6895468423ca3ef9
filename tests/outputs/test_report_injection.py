"""Evidence is never markup: hostile text in every field of an assessment, and nothing of it lives."""

from __future__ import annotations

import re
import unicodedata

import pytest

from scanner.outputs._text import visible
from scanner.outputs.html import OUTPUT as HTML
from tests.outputs.report_checks import Page, need_weasyprint, pdf_everything, pdf_text
from tests.outputs.report_poison import PAYLOADS, poisoned
from tests.outputs.report_sample import sample

HARMLESS = "zzz"
ALLOWED_ATTRIBUTES = {
    "aria-hidden aria-label aria-labelledby aria-live autocomplete charset class content d data-f data-group data-item",
    "data-s data-v datetime for height hidden href http-equiv id lang name open placeholder preserveaspectratio r role rx",
    "scope spellcheck tabindex type value viewbox width x y cx cy",
}
ATTRIBUTES = {word for line in ALLOWED_ATTRIBUTES for word in line.split()}


@pytest.fixture(scope="module")
def benign() -> Page:
    return Page(HTML.render(poisoned(HARMLESS)).decode())


def test_the_poison_reaches_every_field(benign: Page) -> None:
    assert len(PAYLOADS) >= 15
    # Title, target, rule, expected, found, evidence, waiver, control, note, unread: all of it is on the page.
    assert benign.words().count(HARMLESS) > 400


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_html_keeps_its_structure(name: str, benign: Page) -> None:
    page = Page(HTML.render(poisoned(PAYLOADS[name])).decode())
    assert page.shape() == benign.shape()
    shown = re.sub(r"\s+", " ", visible(PAYLOADS[name])).strip()
    assert page.words().count(shown) > 400


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_html_stays_harmless_when_even_status_words_are_hostile(name: str) -> None:
    html = HTML.render(poisoned(PAYLOADS[name], words=True)).decode()
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == 1
    assert tags.count("style") == 1
    assert not {"img", "iframe", "object", "embed", "base", "link", "a:href", "math", "foreignobject"} & set(tags)
    for tag, attributes in page.tags:
        assert set(attributes) <= ATTRIBUTES, (tag, attributes)
        assert attributes.get("href", "#").startswith("#")
    bad = {char for char in html if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn") and char != "\n"}
    assert not bad


def test_the_script_and_the_policy_never_depend_on_evidence() -> None:
    def fixed_parts(html: str) -> list[str]:
        return re.findall(r"<script>.*?</script>|<style>.*?</style>|<meta http-equiv[^>]*>", html, re.DOTALL)

    plain = fixed_parts(HTML.render(sample()).decode())
    assert len(plain) == 3
    assert fixed_parts(HTML.render(poisoned(PAYLOADS["end_script"], words=True)).decode())[:3] == plain


@pytest.mark.parametrize("words", [False, True])
def test_the_pdf_carries_every_payload_as_text_only(words: bool) -> None:
    need_weasyprint()
    from scanner.outputs.pdf import OUTPUT as PDF

    # A fetch of anything foreign would end the rendering.
    pdf = PDF.render(poisoned(*PAYLOADS.values(), words=words))
    everything = pdf_everything(pdf)
    objects = re.sub(rb"stream\r?\n.*?endstream", b"", pdf, flags=re.DOTALL)
    for word in (rb"/S\s*/JavaScript", rb"/Launch\b", rb"/S\s*/URI", rb"/GoToR", rb"/SubmitForm", rb"/OpenAction"):
        structure = re.sub(rb"\((?:[^()\\]|\\.)*\)", b"()", objects)
        assert not re.search(word, structure), word
    assert everything.count(b"/Type /Filespec") == 1
    text = re.sub(r"\s", "", pdf_text(pdf))
    for name in PAYLOADS:
        shown = re.sub(r"\s", "", visible(PAYLOADS[name]))
        assert shown in text, name
    assert "8337" not in text
    assert "root:x:0:0" not in text
    assert not re.search(r"[\x00-\x1f\u202e]", text)
