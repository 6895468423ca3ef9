"""Outputs of SBOM comparisons: whole, the same every time, and deaf to what names say."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import pytest

from scanner.outputs.sbom.diff_table import text
from scanner.outputs.sbom.registry import FORMATS, named
from scanner.outputs.table import Style
from scanner.schemas.generate import documents
from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.comparing.series import timeline
from scanner.supply_chain.model import Bom, Component, Dropped, Vulnerability
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


@pytest.fixture(scope="module")
def hostile() -> dict[str, Any]:
    return compare(*poisoned()).to_json()


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


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in ("diff", "timeline") for name in FORMATS[kind]])
def test_the_same_comparison_gives_the_same_bytes(kind: str, name: str) -> None:
    def render() -> bytes:
        made = compare(*plain()) if kind == "diff" else timeline(plain())
        return named(kind, name).render(made.to_json())

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


def test_html_takes_nothing_for_markup(hostile: dict[str, Any]) -> None:
    data = named("diff", "html").render(hostile).decode()
    page = Page()
    page.feed(data)
    assert not page.tags & {"script", "img", "svg", "iframe"}
    assert not {name for name in page.attributes if name.startswith("on")}
    assert data.count("</style>") == 1
    assert "{{ 7*7 }}" in "".join(page.text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", data)


def test_html_allows_nothing_to_run(hostile: dict[str, Any]) -> None:
    data = named("diff", "html").render(hostile).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', data)
    assert policy.startswith("default-src &#39;none&#39;; style-src &#39;sha256-")
    assert "script-src" not in policy


@pytest.mark.parametrize("name", ["table", "csv", "md", "html"])
def test_text_outputs_hold_no_control_characters(hostile: dict[str, Any], name: str) -> None:
    data = named("diff", name).render(hostile).decode()
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", data)


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


def test_markdown_takes_nothing_for_markup(hostile: dict[str, Any]) -> None:
    data = named("diff", "md").render(hostile).decode()
    assert not re.search(r"<(?!br)[a-zA-Z/!]|\]\(|javascript:|https?:|@everyone|`", data)
    tables = [line for line in data.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} <= {4, 6}
    assert all(line.startswith(("# SBOM", "## ")) for line in data.splitlines() if line.startswith("#"))


def test_no_cell_of_a_spreadsheet_is_a_formula(hostile: dict[str, Any]) -> None:
    for kind, document in (("diff", hostile), ("timeline", timeline(poisoned()).to_json())):
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
