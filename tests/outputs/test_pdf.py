"""The PDF report: what it says, what it carries, and that its bytes never differ."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.model.canonical import canonical
from scanner.model.errors import UsageError
from scanner.outputs._pdf import fetcher as own_files
from scanner.outputs.base import named
from scanner.outputs.pdf import OUTPUT
from tests.outputs.report_checks import ROOT, need_weasyprint, pdf_everything, pdf_streams, pdf_text, render_elsewhere
from tests.outputs.report_sample import NOW, sample

need_weasyprint()


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return OUTPUT.render(sample())


@pytest.fixture(scope="module")
def text(pdf: bytes) -> str:
    return pdf_text(pdf)


def test_it_is_found_by_name() -> None:
    assert named("pdf") is OUTPUT
    assert OUTPUT.suffix == ".pdf"


def test_it_is_pdf_a_3u_with_the_assessment_inside(pdf: bytes) -> None:
    assert pdf.startswith(b"%PDF-1.7")
    everything = pdf_everything(pdf)
    assert b'pdfaid:part="3"' in everything
    assert b'pdfaid:conformance="U"' in everything
    assert b"/OutputIntent" in everything
    assert canonical(sample()) + b"\n" in pdf_streams(pdf)
    assert b"/AFRelationship /Data" in everything
    assert b"assessment.json" in everything
    assert b"/application#2fjson" in everything


def test_dates_title_and_language_come_from_the_assessment(pdf: bytes) -> None:
    everything = pdf_everything(pdf)
    assert set(re.findall(rb"D:(\d{14})", everything)) == {re.sub(r"\D", "", NOW).encode()}
    assert b"VelaOS 2.4 \\(beta\\): evidence report, 2026-11-20" in everything
    assert re.search(rb"/Lang ?\(en\)", everything)
    titles = re.findall(rb"/Title \((.*?)\)", everything)
    for bookmark in (b"Summary", b"Failures and errors", b"Evidence index", b"How to verify", b"Waivers"):
        assert bookmark in titles


def test_every_font_is_embedded(pdf: bytes) -> None:
    everything = pdf_everything(pdf)
    assert len(re.findall(rb"/FontFile2 \d+", everything)) == len(re.findall(rb"/Type /FontDescriptor", everything)) > 0


def test_it_says_what_a_reader_asks(text: str) -> None:
    for words in (
        "4 of 9 applicable rules fail.",
        "This assessment is incomplete.",
        "1 rule ended in error",
        "by analogy velaos 10.1 says it is like rhel 10",
        "value one of no, prohibit-password",
        "/etc/ssh/sshd_config:12",
        "systemctl reload sshd",
        "What to do",
        "persistent half",
        "Persistent half: 2 of the results show only what is configured",
        "overclaim",
        "partly proven",
        "not evaluable",
        "W-12",
        "SEC-481",
        "expired",
        "Answered by a person",
        "malformed: offset 4096: no page",
        "Evidence index",
        "How to verify",
        "page 1 of",
        "none: the file may hold a secret",
    ):
        assert words in text, words


@pytest.mark.parametrize("word", ["fail", "error", "unknown", "manual", "pass", "pass in part", "not applicable"])
def test_every_status_is_there_in_words(text: str, word: str) -> None:
    assert f" {word} " in text


def test_words_that_a_scanner_may_not_say(text: str) -> None:
    assert "compliant" not in text.lower()
    assert "score" not in text.lower()
    assert not re.search(r"\d ?%(?! of applicable rules)", text)


def test_nothing_is_dropped(text: str) -> None:
    squeezed = text.replace(" ", "")  # a long id is broken over two lines
    for control in sample()["controls"]:
        assert control["id"] in squeezed, control["id"]


def test_the_same_bytes_everywhere(pdf: bytes, tmp_path: Path) -> None:
    assert OUTPUT.render(json.loads(json.dumps(sample(), sort_keys=True))) == pdf
    assert render_elsewhere("pdf", tmp_path) == pdf


def test_only_its_own_files_are_fetched() -> None:
    from weasyprint.urls import FatalURLFetchingError

    fetcher = own_files({"report:a.svg": ("image/svg+xml", b"<svg/>")})
    assert fetcher("report:a.svg").read() == b"<svg/>"
    for url in ("file:///etc/passwd", "http://127.0.0.1/", "data:text/css,a", "report:b.svg", "report:../a.svg"):
        with pytest.raises(FatalURLFetchingError):
            fetcher(url)


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(UsageError) as caught:
        OUTPUT.render(sample())
    assert "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in caught.value.hint


def test_without_its_fonts_it_uses_those_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.outputs._fonts.find_spec", lambda name: None)
    assert OUTPUT.render(sample()).startswith(b"%PDF-1.7")


def test_the_pack_of_the_budget_stays_small() -> None:
    """434 + 328 controls within 500 MB; how long it takes is for bench/ to say."""
    code = (
        "from tests.memory import high_water\n"
        "from tests.outputs.report_sample import large\n"
        "from scanner.outputs.pdf import OUTPUT\n"
        "assert len(OUTPUT.render(large())) < 4_000_000\n"
        "print(high_water())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert int(done.stdout) < 500 * 1024 * 1024
