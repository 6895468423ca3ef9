"""The report of a bundle as HTML, in a real browser: it runs nothing hostile, asks for nothing, and everyone can use it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.outputs.pack import render_html
from scanner.outputs.pack.model import Brand, Pack
from scanner.outputs.pack.texts import shipped
from tests.outputs.pack_sample import budget, pack
from tests.outputs.report_browser import CHROMIUM, Browser
from tests.outputs.report_checks import Page, pdf_text
from tests.outputs.report_poison import PAYLOADS, poisoned
from tests.outputs.report_sample import sample

browsing = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
AXE = _CACHE / "assay-tests" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
SHOWN = "[...document.querySelectorAll('[data-item={}]')].filter(node => node.checkVisibility()).length"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


def show(browser: Browser, folder: Path, shown: Pack | None = None) -> None:
    path = folder / "pack.html"
    path.write_bytes(render_html(shown or pack()))
    browser.open(path)


def quiet(browser: Browser) -> None:
    """No dialog, no console line, no error, no request but for the file itself and the logo inside it."""
    assert not browser.said("Page.javascriptDialogOpening", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    assert not browser.said("Log.entryAdded")
    requests = [event["params"]["request"]["url"] for event in browser.said("Network.requestWillBeSent")]
    assert all(url.startswith(("file:///", "data:image/png;")) for url in requests), requests


def choose(browser: Browser, field: str, value: str) -> None:
    browser.value(
        f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event('change')) }})(document.getElementById('f-{field}'))"
    )


def test_it_has_the_sections_of_the_pdf_and_every_link_leads_somewhere() -> None:
    page = Page(render_html(pack(sample(), sample())).decode())
    for title in shipped("en")["section"].values():
        assert title in page.words(), title
    ids = page.ids()
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert targets <= set(ids)
    assert "t1-cis-rhel10-5.1.20" in ids


def test_nothing_is_fetched_by_its_markup() -> None:
    page = Page(render_html(pack()).decode())
    policies = [one["content"] for tag, one in page.tags if one.get("http-equiv") == "Content-Security-Policy"]
    assert [policy.partition(";")[0] for policy in policies] == ["default-src 'none'"]
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object", "embed", "base")]
    assert [a["src"][:15] for tag, a in page.tags if "src" in a] == ["data:image/png;"]


def test_a_claim_that_no_rule_judges_is_never_shown_as_fine() -> None:
    odd = sample()
    control = next(one for one in odd["controls"] if one["id"] == "velaos.usb.guard")
    control.update(results=[], status="unknown", coverage="not_yet")
    html = render_html(pack(odd)).decode()
    row = html[html.index('id="t1-velaos-velaos.usb.guard"') :].partition("</tr>")[0]
    assert "not judged" in row
    assert 'data-s="unknown"' in row
    assert "proven" not in row


def test_the_same_bytes_again() -> None:
    assert render_html(pack(json.loads(json.dumps(sample(), sort_keys=True)))) == render_html(pack())


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_hostile_text_changes_no_structure(name: str) -> None:
    harmless = Page(render_html(pack(poisoned("harmless", words=False))).decode()).shape()
    assert Page(render_html(pack(poisoned(PAYLOADS[name], words=False))).decode()).shape() == harmless


@browsing
@pytest.mark.parametrize("name", ["script", "end_style", "image", "svg"])
def test_nothing_hostile_runs(browser: Browser, tmp_path: Path, name: str) -> None:
    show(browser, tmp_path, pack(poisoned(PAYLOADS[name])))
    assert browser.value("document.documentElement.hasAttribute('data-pwned')") is False
    assert browser.value("document.scripts.length") == 1
    quiet(browser)


@browsing
def test_filters(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path)
    findings, controls = SHOWN.format("result"), SHOWN.format("control")
    assert (browser.value(findings), browser.value(controls)) == (5, 17)
    choose(browser, "status", "error")
    assert (browser.value(findings), browser.value(controls)) == (1, 1)
    choose(browser, "status", "")
    choose(browser, "framework", "t1f1")
    assert (browser.value(findings), browser.value(controls)) == (2, 6)
    assert browser.value("document.getElementById('f-count').textContent") == "2 of 5 failures, 6 of 17 controls"
    browser.value("document.getElementById('f-clear').click()")
    assert browser.value(controls) == 17
    quiet(browser)


@browsing
def test_a_link_to_a_control_shows_it_whatever_is_filtered(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path)
    choose(browser, "status", "error")
    anchor = "t1-velaos-velaos.net.drop"
    assert browser.value(f"document.getElementById('{anchor}').checkVisibility()") is False
    browser.value(f"location.hash = '#{anchor}'; new Promise(done => setTimeout(done, 200))")
    assert browser.value(f"document.getElementById('{anchor}').checkVisibility()") is True


@browsing
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_everyone_can_use_it(browser: Browser, tmp_path: Path, scheme: str, language: str) -> None:
    """axe-core finds nothing serious, in the light and in the dark."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make test installs it")
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        show(browser, tmp_path, pack(sample(), sample(), brand=Brand(language=language)))
        browser.value(AXE.read_text() + "; true")
        found: list[dict[str, Any]] = browser.value("axe.run().then(found => found.violations)")
        assert browser.value("document.getElementById('filters').checkVisibility()") is True
    finally:
        browser.ask("Emulation.setEmulatedMedia", features=[])
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"]) for one in grave] == []


@browsing
def test_axe_sees_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make test installs it")
    path = tmp_path / "pack.html"
    path.write_bytes(render_html(pack()).replace(b' alt="ACME Procurement"', b""))
    browser.open(path)
    browser.value(AXE.read_text() + "; true")
    assert "image-alt" in browser.value("axe.run().then(found => found.violations.map(one => one.id))")


@browsing
@pytest.mark.parametrize("width", [320, 800, 1280])
def test_no_width_scrolls_sideways(browser: Browser, tmp_path: Path, width: int) -> None:
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    try:
        show(browser, tmp_path)
        assert browser.value("document.documentElement.scrollWidth") <= width
    finally:
        browser.ask("Emulation.clearDeviceMetricsOverride")


@browsing
def test_on_paper_the_filters_are_gone(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path)
    text = pdf_text(base64.b64decode(browser.ask("Page.printToPDF")["data"]))
    assert "4 of 9 applicable rules fail." in text
    assert "control, rule, path, word" not in text


@browsing
def test_a_large_pack_can_be_filtered(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, budget())
    choose(browser, "status", "fail")
    assert browser.value(SHOWN.format("control")) > 50
    quiet(browser)
