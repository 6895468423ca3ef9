"""The HTML report in a real browser: nothing hostile runs, filters work, it is usable when large, on paper and without scripts."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.outputs.html import OUTPUT
from tests.outputs.report_browser import CHROMIUM, Browser
from tests.outputs.report_checks import pdf_text
from tests.outputs.report_poison import PAYLOADS, poisoned
from tests.outputs.report_sample import large, sample

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

SHOWN = "[...document.querySelectorAll('[data-item={}]')].filter(node => node.checkVisibility()).length"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


def show(browser: Browser, folder: Path, assessment: dict[str, object]) -> None:
    path = folder / "report.html"
    path.write_bytes(OUTPUT.render(assessment))
    browser.open(path)


def choose(browser: Browser, field: str, value: str) -> None:
    browser.value(
        f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event('change')) }})(document.getElementById('f-{field}'))"
    )


def quiet(browser: Browser) -> None:
    """No dialog, no console line, no error, no request but for the file itself."""
    assert not browser.said("Page.javascriptDialogOpening", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    assert not browser.said("Log.entryAdded")
    requests = [event["params"]["request"]["url"] for event in browser.said("Network.requestWillBeSent")]
    assert all(url.startswith("file:///") and url.endswith("/report.html") for url in requests), requests


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_nothing_hostile_runs(browser: Browser, tmp_path: Path, name: str, words: bool) -> None:
    show(browser, tmp_path, poisoned(PAYLOADS[name], words=words))
    browser.value("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert browser.value("document.documentElement.hasAttribute('data-pwned')") is False
    assert browser.value("document.scripts.length") == 1
    assert browser.value("document.querySelectorAll('[onerror],[onload],[onfocus],[onmouseover]').length") == 0
    assert browser.value("document.getElementById('filters').hidden") is False
    quiet(browser)


def test_markup_that_got_in_would_still_not_run(browser: Browser, tmp_path: Path) -> None:
    """The second wall: even a script inside the page is stopped by the policy."""
    html = OUTPUT.render(sample()).replace(b"</main>", b"<script>document.title = 'pwned'</script></main>")
    path = tmp_path / "report.html"
    path.write_bytes(html)
    browser.open(path)
    assert browser.value("document.title") != "pwned"
    assert browser.said("Log.entryAdded")


def test_filters(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, sample())
    results, controls = SHOWN.format("result"), SHOWN.format("control")
    assert (browser.value(results), browser.value(controls)) == (12, 17)
    choose(browser, "status", "fail")
    assert (browser.value(results), browser.value(controls)) == (4, 4)
    choose(browser, "severity", "0")
    assert (browser.value(results), browser.value(controls)) == (1, 0)
    choose(browser, "severity", "")
    choose(browser, "framework", "1")
    assert (browser.value(results), browser.value(controls)) == (2, 2)
    assert browser.value("document.getElementById('f-count').textContent") == "2 of 12 results, 2 of 17 controls"
    browser.value("document.getElementById('f-clear').click()")
    assert browser.value(results) == 12
    browser.value(
        "new Promise(done => { const e = document.getElementById('f-text'); e.value = 'USBGUARD blocked';"
        " e.dispatchEvent(new Event('input')); setTimeout(done, 400) })"
    )
    assert browser.value(results) == 1
    quiet(browser)


def test_a_link_opens_what_it_leads_to(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, sample())
    choose(browser, "status", "fail")
    browser.value("location.hash = '#r9'; new Promise(done => setTimeout(done, 200))")
    assert browser.value("document.getElementById('r9').open") is True
    assert browser.value("document.getElementById('r9').checkVisibility()") is True


def test_everything_is_there_without_scripts(browser: Browser, tmp_path: Path) -> None:
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        show(browser, tmp_path, sample())
        assert browser.value("document.getElementById('filters').checkVisibility()") is False
        assert browser.value(SHOWN.format("result")) == 12
        assert browser.value(SHOWN.format("control")) == 17
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [320, 400, 800, 1280])
def test_no_width_scrolls_sideways(browser: Browser, tmp_path: Path, width: int) -> None:
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    try:
        show(browser, tmp_path, sample())
        browser.value("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert browser.value("document.documentElement.scrollWidth") <= width
    finally:
        browser.ask("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser: Browser, tmp_path: Path, scheme: str) -> None:
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        show(browser, tmp_path, sample())
        colour = browser.value("getComputedStyle(document.body).backgroundColor")
        assert colour == {"light": "rgb(252, 252, 250)", "dark": "rgb(19, 21, 24)"}[scheme]
    finally:
        browser.ask("Emulation.setEmulatedMedia", features=[])


def test_on_paper_the_failures_are_open_and_the_filters_gone(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, sample())
    text = pdf_text(base64.b64decode(browser.ask("Page.printToPDF")["data"]))
    assert "4 of 9 applicable rules fail." in text
    assert text.count("What to do") >= 5
    assert "rule, path, control, word" not in text


def test_1500_results_stay_usable(browser: Browser, tmp_path: Path) -> None:
    assessment = large()
    results = []
    for copy in range(4):
        for one in assessment["results"]:
            results.append({**one, "instance": f"{one['instance']}{copy or ''}"})
    assessment["results"] = results[:1500]
    show(browser, tmp_path, assessment)
    browser.value(
        "(() => { const e = document.getElementById('f-status');"
        " e.value = 'fail'; e.dispatchEvent(new Event('change')); return document.body.offsetHeight })()"
    )
    assert browser.value(SHOWN.format("result")) > 100
