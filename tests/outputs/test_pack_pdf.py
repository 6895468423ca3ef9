"""The report of a bundle as PDF: what it claims is checked on the file, and its bytes never differ."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter

from scanner.model.canonical import canonical
from scanner.outputs.pack import render_pdf
from scanner.outputs.pack.model import Brand
from scanner.outputs.pack.texts import flat, shipped
from tests.outputs.pack_sample import CREATED, POLICY, pack
from tests.outputs.pdf_archive import outside, problems
from tests.outputs.report_checks import ROOT, need_weasyprint, pdf_streams, pdf_text
from tests.outputs.report_poison import PAYLOADS, poisoned
from tests.outputs.report_sample import sample

need_weasyprint()


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return render_pdf(pack())


@pytest.fixture(scope="module")
def text(pdf: bytes) -> str:
    return pdf_text(pdf)


@pytest.fixture(scope="module", params=[("de", "A4"), ("en", "letter")], ids="-".join)
def other(request: pytest.FixtureRequest) -> bytes:
    """Two targets, in another language or on other paper."""
    language, paper = request.param
    return render_pdf(pack(sample(), sample(), brand=Brand(language=language, paper=paper)))


def test_it_is_what_it_claims_to_be(pdf: bytes) -> None:
    assert problems(pdf) == []


def test_so_it_is_in_another_language_and_on_other_paper(other: bytes) -> None:
    assert problems(other) == []
    assert outside(other) == []


def test_the_paper_is_the_one_that_was_asked_for(pdf: bytes, other: bytes) -> None:
    sizes = {
        tuple(round(float(side)) for side in PdfReader(io.BytesIO(one)).pages[3].mediabox[2:]) for one in (pdf, other)
    }
    assert sizes <= {(595, 842), (612, 792)}
    assert (595, 842) in sizes


def test_no_text_leaves_the_page(pdf: bytes) -> None:
    assert outside(pdf) == []
    assert outside(pdf, 100.0) != []  # the check can see


def _untagged(root: Any, _pages: Any) -> None:
    del root["/StructTreeRoot"]


def _mute(root: Any, _pages: Any) -> None:
    del root["/Lang"]


def _lonely(root: Any, _pages: Any) -> None:
    root["/AF"][0].get_object().pop("/AFRelationship")


def _colourless(root: Any, _pages: Any) -> None:
    del root["/OutputIntents"]


def _unembedded(_root: Any, pages: Any) -> None:
    font = next(iter(pages[0]["/Resources"]["/Font"].values())).get_object()
    inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
    del inner["/FontDescriptor"].get_object()["/FontFile2"]


def _tagless_page(_root: Any, pages: Any) -> None:
    del pages[2]["/StructParents"]


DAMAGES: dict[str, Callable[[Any, Any], None]] = {
    "not tagged": _untagged,
    "no language": _mute,
    "does not say what it is": _lonely,
    "no output intent": _colourless,
    "is not embedded": _unembedded,
    "page 3 has no tags": _tagless_page,
}


@pytest.mark.parametrize("said", DAMAGES)
def test_the_check_sees_each_damage(pdf: bytes, said: str) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    DAMAGES[said](writer._root_object, writer.pages)
    out = io.BytesIO()
    writer.write(out)
    assert any(said in problem for problem in problems(out.getvalue()))


def test_the_assessments_ride_inside(pdf: bytes) -> None:
    assert canonical(sample()) + b"\n" in pdf_streams(pdf)
    assert set(re.findall(rb"D:(\d{14})", pdf)) == {re.sub(r"\D", "", CREATED).encode()}


def test_the_first_page_answers(text: str) -> None:
    first = text.partition("Contents")[0]
    for words in (
        "VelaOS 2.4 (beta)",
        "disk image",
        sample()["target"]["digest"],
        "collected 2026-11-19 09:30:00 UTC",
        "judged 2026-11-20",
        "packed 2026-11-21 08:00:00 UTC",
        "assay 0.1.0",
        "What is open",
        "4 rules fail",
        "1 critical, 1 high, 1 medium, 1 low",
        "2 claims of the vendor are refuted or overclaims.",
        "1 waiver has expired.",
        "1 assessment is incomplete.",
        "Redacted at level network; 3 values are hidden",
        "1 shipped rule or control was replaced",
        "by analogy velaos 10.1 says it is like rhel 10",
        "exact the target is velaos 10.1",
        "NOT assessed",
        "page 1 of",
    ):
        assert words in first, words


def test_every_section_is_there_and_says_its_thing(text: str) -> None:
    for title in shipped("en")["section"].values():
        assert title in text, title
    for words in (
        "pass (persistent half)",
        "by a person",
        "met, says A. Reviewer on 2026-10-01",
        "holds until 2027-10-01",
        POLICY,
        "E. Muster",
        "rpmdb: malformed: offset 4096",
        "max_file",
        "external",
        "overclaim",
        "missing",
        "not checked this is no SBOM",
        "cannot be verified here",
        "not verified no wanted signer signed it",
        "sbom-diff/02-other.json",
        "unknown, no selected rule asked",
        "assay bundle verify pack.zip --key vendor.pub --reports",
        "follows the pack of 2026-08-01",
        "publisher's texts were not imported",
    ):
        assert words in text, words


def test_words_that_a_scanner_may_not_say(text: str) -> None:
    said = text.lower() + " ".join(flat(shipped("en")).values()).lower()
    assert "compliant" not in said
    assert "konform" not in " ".join(flat(shipped("de")).values()).lower()


def test_nothing_is_dropped(text: str) -> None:
    squeezed = text.replace(" ", "")
    for control in sample()["controls"]:
        assert control["id"] in squeezed, control["id"]


def test_bookmarks_name_every_section(pdf: bytes) -> None:
    outline = PdfReader(io.BytesIO(pdf)).outline
    titles = [re.sub(r"^\d+\s*", "", str(one["/Title"])) for one in outline if not isinstance(one, list)]
    assert set(shipped("en")["section"].values()) <= set(titles)


def test_the_same_bytes_everywhere(pdf: bytes, tmp_path: Path) -> None:
    code = (
        "import os, sys; os.umask(0o027)\n"
        "from scanner.outputs.pack import render_pdf\n"
        "from tests.outputs.pack_sample import pack\n"
        "sys.stdout.buffer.write(render_pdf(pack()))\n"
    )
    changed = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "4242",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "LANG": "de_DE.UTF-8",
        "HOME": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=changed, capture_output=True, check=True)
    assert done.stdout == pdf


@pytest.mark.parametrize("name", ("ansi", "bidi", "css", "end_style"))
def test_hostile_evidence_changes_nothing(name: str) -> None:
    assert problems(render_pdf(pack(poisoned(PAYLOADS[name])))) == []


def test_the_pack_of_the_budget_stays_small() -> None:
    """434 + 328 controls within 500 MB; how long it takes is for bench/ to say."""
    code = (
        "from tests.memory import high_water\n"
        "from scanner.outputs.pack import render_pdf\n"
        "from tests.outputs.pack_sample import budget\n"
        "assert len(render_pdf(budget())) < 4_000_000\n"
        "print(high_water())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert int(done.stdout) < 500 * 1024 * 1024
