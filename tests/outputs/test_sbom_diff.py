"""Outputs of SBOM comparisons: whole, the same every time, and deaf to what names say."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from scanner.model.canonical import canonical
from scanner.outputs._templates import environment
from scanner.outputs.sbom._diff_view import view_of
from scanner.outputs.sbom.diff_pdf import SHOWN
from scanner.outputs.sbom.diff_table import text
from scanner.outputs.sbom.registry import FORMATS, named
from scanner.outputs.table import Style
from scanner.schemas.generate import documents
from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.comparing.matrix import compare_with_each
from scanner.supply_chain.comparing.series import timeline
from scanner.supply_chain.inputs.origin import Origin
from scanner.supply_chain.model import Bom, Component, Dropped, Vulnerability
from tests.outputs.report_checks import ROOT, need_weasyprint, pdf_everything, pdf_streams, pdf_text
from tests.unit.supply_chain.comparing.bom_maker import bom, component

POISON = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg/onload=alert(1)>",
    "</style><script>1</script>",
    "{{ 7*7 }}{% raw %}",
    "[click](javascript:alert(1))",
    "![x](http://example.invalid/x.png)",
    "`code` | cell | <b>bold</b>",
    "@everyone #1 https://example.invalid",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202eevil\u2066",
    "line\nbreak\r\n# heading",
    "=HYPERLINK(\"http://example.invalid\")",
    "+1+1",
    "@SUM(1)",
    "\t=1",
    "-2+3",
    "::stop-commands::x",
    "a ::add-mask::e ##[group]g ##vso[task.setvariable variable=a]b",
)  # fmt: skip


def poisoned() -> tuple[Bom, Bom]:
    old, new = [], []
    for number, payload in enumerate(POISON):
        name = f"{payload}{number}" if number % 2 else payload
        old.append(Component(f"{payload}-{number}", name, payload, supplier=payload, place=payload, purl=None))
        new.append(Component(f"n{number}", name, f"2{payload}", supplier=f"x{payload}", place=payload, group=payload))
    flaw = Vulnerability(POISON[0], ("n0",), "affected", POISON[1], "critical", POISON[2], POISON[3])
    dropped = (Dropped(POISON[0], POISON[9], POISON[6]),)
    return (
        bom(*old, component("gone-" + POISON[0], "1"), name=POISON[0], source=POISON[9], created=POISON[1]),
        bom(*new, component("here-" + POISON[0], "1"), name=POISON[1], source=POISON[10], vulnerabilities=(flaw,), dropped=dropped),
    )  # fmt: skip


def origin(number: int = 0) -> dict[str, Any]:
    said = POISON[number % len(POISON)]
    other = {
        "statement": said,
        "state": "unsigned",
        "type": said,
        "place": said,
        "created": said,
        "components": 1,
        "problem": said,
    }
    return Origin(said, "attested", said, "unsigned", said, said, said, (said,), (other,), said).to_json()


@pytest.fixture(scope="module")
def hostile() -> dict[str, Any]:
    return compare(*poisoned()).to_json() | {"origins": {"old": origin(0), "new": origin(9)}}


@pytest.fixture(scope="module")
def hostile_matrix() -> dict[str, Any]:
    old, new = poisoned()
    return compare_with_each(old, [new, old, bom(name=POISON[2])]).to_json() | {
        "origins": [origin(one) for one in range(4)]
    }


def plain() -> tuple[Bom, Bom]:
    old = bom(
        component("a", "1.0.0"),
        component("b", "1.0.0"),
        component("c", "1.0.0", licenses=["MIT"]),
        name="device",
        source="old.json",
    )
    new = bom(
        component("a", "2.0.0"),
        component("c", "1.0.0", licenses=["AGPL-3.0-only"]),
        component("d", "1.0.0"),
        name="device",
        source="new.json",
    )
    return old, new


@pytest.mark.parametrize("given", [plain, poisoned, lambda: (bom(), bom())])
def test_the_document_has_the_published_schema(given: Any) -> None:
    schemas = documents()
    old, new = given()
    diff = jsonschema_rs.validator_for(schemas["sbom-diff"])
    diff.validate(json.loads(named("diff", "json").render(compare(old, new).to_json())))
    line = jsonschema_rs.validator_for(schemas["sbom-timeline"])
    line.validate(json.loads(named("timeline", "json").render(timeline([old, new, old]).to_json())))
    matrix = jsonschema_rs.validator_for(schemas["sbom-matrix"])
    matrix.validate(json.loads(named("matrix", "json").render(compare_with_each(old, [new, old]).to_json())))


def test_origins_have_the_published_schema(hostile: dict[str, Any], hostile_matrix: dict[str, Any]) -> None:
    schemas = documents()
    for name, document in (("sbom-diff", hostile), ("sbom-matrix", hostile_matrix)):
        validator = jsonschema_rs.validator_for(schemas[name])
        validator.validate(document)
        spoiled = json.loads(json.dumps(document))
        first = spoiled["origins"]["old"] if name == "sbom-diff" else spoiled["origins"][0]
        first["signature"] = "surely"
        assert not validator.is_valid(spoiled)


MADE = {
    "diff": lambda: compare(*plain()),
    "timeline": lambda: timeline(plain()),
    "matrix": lambda: compare_with_each(plain()[0], plain()),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in MADE for name in FORMATS[kind]])
def test_the_same_comparison_gives_the_same_bytes(kind: str, name: str) -> None:
    if name == "pdf":
        need_weasyprint()

    def render() -> bytes:
        return named(kind, name).render(MADE[kind]().to_json())

    assert render() == render()


class Page(HTMLParser):
    """Counts the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(params=["diff", "matrix"])
def poisoned_page(request: pytest.FixtureRequest, hostile: dict[str, Any], hostile_matrix: dict[str, Any]) -> str:
    return named(request.param, "html").render(hostile if request.param == "diff" else hostile_matrix).decode()


def test_html_takes_nothing_for_markup(poisoned_page: str) -> None:
    page = Page()
    page.feed(poisoned_page)
    assert not page.tags & {"script", "img", "svg", "iframe"}
    assert not {name for name in page.attributes if name.startswith("on")}
    assert poisoned_page.count("</style>") == 1
    assert "{{ 7*7 }}" in "".join(page.text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", poisoned_page)


def test_html_allows_nothing_to_run(poisoned_page: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', poisoned_page)
    assert policy.startswith("default-src &#39;none&#39;; style-src &#39;sha256-")
    assert "script-src" not in policy


@pytest.mark.parametrize("name", ["table", "csv", "md", "html"])
def test_text_outputs_hold_no_control_characters(
    hostile: dict[str, Any], hostile_matrix: dict[str, Any], name: str
) -> None:
    for kind, document in (("diff", hostile), ("matrix", hostile_matrix)):
        data = named(kind, name).render(document).decode()
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", data)


def test_a_log_shows_no_command_to_a_ci_service(hostile: dict[str, Any]) -> None:
    """GitHub takes `::name::` at the beginning of a line for one, after spaces too; Azure `##[` and `##vso[`."""
    for width in range(60, 100):
        shown = text(hostile, Style(width=width))
        assert not re.search(r"(?m)^\s*::[a-z]|##\[|##vso\[", shown)
    assert "stop-commands" in shown and "[group]g" in shown


def test_the_terminal_colours_are_our_own(hostile: dict[str, Any]) -> None:
    shown = text(hostile, Style(colour=True), 20)
    assert set(re.findall(r"\x1b\[[^m]*m?", shown)) <= {
        "\x1b[1m",
        "\x1b[0m",
        "\x1b[1;31m",
        "\x1b[31m",
        "\x1b[33m",
        "\x1b[36m",
        "\x1b[1;33m",
    }


@pytest.mark.parametrize(("kind", "widths"), [("diff", {4, 6}), ("matrix", {8, 10})])
def test_markdown_takes_nothing_for_markup(
    hostile: dict[str, Any], hostile_matrix: dict[str, Any], kind: str, widths: set[int]
) -> None:
    data = named(kind, "md").render(hostile if kind == "diff" else hostile_matrix).decode()
    assert not re.search(r"<(?!br)[a-zA-Z/!]|\]\(|javascript:|https?:|@everyone|`", data)
    tables = [line for line in data.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} <= widths
    assert all(line.startswith(("# SBOM", "## ")) for line in data.splitlines() if line.startswith("#"))


def test_no_cell_of_a_spreadsheet_is_a_formula(hostile: dict[str, Any], hostile_matrix: dict[str, Any]) -> None:
    documents = ("diff", hostile), ("matrix", hostile_matrix), ("timeline", timeline(poisoned()).to_json())
    for kind, document in documents:
        rows = list(csv.reader(io.StringIO(named(kind, "csv").render(document).decode(), newline="")))
        assert len({len(row) for row in rows}) == 1
        cells = [cell for row in rows for cell in row]
        assert any("HYPERLINK" in cell for cell in cells)
        assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]


def test_a_terminal_shows_the_weightiest_and_says_what_it_left_out() -> None:
    many = [component(f"p{number}", "1.0.0") for number in range(50)]
    shown = text(compare(bom(), bom(*many, component("x", licenses=["AGPL-3.0-only"]))).to_json(), Style(), 5)
    assert shown.index("HIGH: 1") < shown.index("LOW: 50")
    assert "and 45 more" in shown
    assert "p49" not in shown


def test_the_summary_is_for_buyers() -> None:
    lines = compare(*plain()).summary
    assert lines[0] == "device compared with device: of 3 components, 1 added, 1 removed, 1 updated; 0 unchanged."
    assert "Licences: 1 component new under copyleft or proprietary terms: c." in lines
    assert compare(bom(name="x"), bom(name="x")).summary == ("x and x: no difference in 0 components.",)


# ---- what nobody may overlook ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["table", "md", "html", "pdf"])
def test_an_unverified_sbom_is_said_before_the_changes(name: str) -> None:
    unsigned = Origin("new.oci", "attested", "an OCI layout", "unsigned", "sha256:" + "1" * 64, "sha256:" + "2" * 64)
    document = compare(*plain()).to_json()
    document["origins"] = {"old": Origin("old.json", "document", "text").to_json(), "new": unsigned.to_json()}
    if name == "pdf":
        need_weasyprint()
        shown = pdf_text(named("diff", name).render(document))
    else:
        shown = named("diff", name).render(document).decode()
    warning = shown.index("nobody signed it: it proves nothing")
    assert 0 < warning < shown.index("newer version")
    assert shown.count("nobody checked who made it") == 0


def test_what_a_target_did_not_let_us_read_stands_in_every_output() -> None:
    document = compare(*plain()).to_json() | {"incomplete": ["disk.raw: 1 x package database: damaged"]}
    for name in ("table", "html", "md"):
        assert "package database" in named("diff", name).render(document).decode()


# ---- PDF -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pdf(hostile: dict[str, Any]) -> bytes:
    need_weasyprint()
    return named("diff", "pdf").render(hostile)


def test_the_pdf_is_pdf_a_3u_with_the_comparison_inside(pdf: bytes, hostile: dict[str, Any]) -> None:
    everything = pdf_everything(pdf)
    assert b'pdfaid:part="3"' in everything
    assert b'pdfaid:conformance="U"' in everything
    assert canonical(hostile) + b"\n" in pdf_streams(pdf)
    assert b"sbom-diff.json" in everything
    assert b"/JavaScript" not in everything
    assert b"/URI" not in everything


def test_the_pdf_takes_nothing_for_markup(pdf: bytes) -> None:
    shown = pdf_text(pdf).replace(" ", "")
    assert "<script>alert(1)</script>" in shown
    assert "{{7*7}}" in shown


def test_the_pdf_states_the_time_of_the_new_document_and_no_other() -> None:
    need_weasyprint()
    old, new = plain()
    document = compare(old, replace(new, created="2026-01-31T10:00:00Z")).to_json()
    everything = pdf_everything(named("diff", "pdf").render(document))
    assert set(re.findall(rb"D:(\d{14})", everything)) == {b"20260131100000"}


def test_the_section_of_the_pdf_can_stand_in_another_report() -> None:
    old, new = plain()
    view = view_of(compare(old, replace(new, created="2026-01-31T10:00:00Z")).to_json(), SHOWN)
    module = environment().get_template("sbom-diff.section.j2").module
    html = str(module.sbom_diff(view, "diff.json"))  # type: ignore[attr-defined]
    assert html.lstrip().startswith("<section")
    assert "1 stands in diff.json." in html  # those of no weight are only counted


def test_the_pdf_is_the_same_in_another_surrounding(tmp_path: Path) -> None:
    need_weasyprint()
    code = (
        "import os, sys; os.umask(0o027)\n"
        "from tests.outputs.test_sbom_diff import plain\n"
        "from scanner.outputs.sbom.registry import named\n"
        "from scanner.supply_chain.comparing.compare import compare\n"
        "sys.stdout.buffer.write(named('diff', 'pdf').render(compare(*plain()).to_json()))\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "4242",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "HOME": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert done.stdout == named("diff", "pdf").render(compare(*plain()).to_json())
