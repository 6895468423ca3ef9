"""The PDF that a buyer reads and an auditor re-performs: PDF/A-3u with the assessment JSON inside, same bytes ever."""

from __future__ import annotations

import gc
import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scanner.files import read_bytes
from scanner.model.canonical import canonical
from scanner.model.errors import UsageError
from scanner.outputs._charts import SHAPES, WIDTH
from scanner.outputs._fonts import fonts
from scanner.outputs._templates import environment, template_text
from scanner.outputs._view import view_of
from scanner.outputs.base import Output

if TYPE_CHECKING:
    from weasyprint.urls import URLFetcher

__all__ = ["OUTPUT"]

_ORIGIN = "report:"
"""Scheme of the report's own files; nothing outside `_assets` can be fetched, whatever a text says."""

COLOURS = {
    "pass": "#00705a",
    "pass_in_part": "#4f766f",
    "fail": "#b33a06",
    "overclaim": "#b33a06",
    "error": "#8b2468",
    "unknown": "#7a5b00",
    "manual": "#2c5aa0",
    "not_applicable": "#6a7078",
}
COVERAGE_COLOURS = {
    "automated": "#16191d",
    "partial": "#6d747d",
    "manual": "#9fa6ae",
    "inherited": "#bfc4c9",
    "not_applicable": "#d8dadd",
    "not_yet": "#efefec",
}
_STROKES = {
    "f": 'fill="{c}"',
    "k": 'fill="none" stroke="#ffffff" stroke-width="1.9" stroke-linecap="round"',
    "o": 'fill="none" stroke="{c}" stroke-width="1.6" stroke-linecap="round"',
    "d": 'fill="none" stroke="{c}" stroke-width="1.4" stroke-dasharray="2.6 2"',
    "l": 'fill="none" stroke="{c}" stroke-width="1.6" stroke-linecap="round"',
}


def _symbol(name: str) -> bytes:
    shape = SHAPES[name]
    for letter, stroke in _STROKES.items():
        shape = shape.replace(f'class="{letter}"', stroke.format(c=COLOURS[name]))
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">{shape}</svg>'.encode()


def _assets() -> dict[str, tuple[str, bytes]]:
    """Every file the report may use: URL -> (media type, bytes)."""
    found = {f"{_ORIGIN}{name}.svg": ("image/svg+xml", _symbol(name)) for name in SHAPES}
    found.update({f"{_ORIGIN}{font.name}": ("font/ttf", read_bytes(font.path)) for font in fonts()})
    return found


def _fetcher(assets: Mapping[str, tuple[str, bytes]]) -> URLFetcher:
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class OwnFiles(URLFetcher):  # type: ignore[misc]
        """Serves the report's own files; anything else ends the rendering."""

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
            if url not in assets:
                raise FatalURLFetchingError(f"the report may not fetch {url!r}")
            kind, data = assets[url]
            return URLFetcherResponse(url, data, {"Content-Type": kind})

    return OwnFiles(allowed_protocols=(), fail_on_errors=True)


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise UsageError(
            f"the PDF report needs Pango and HarfBuzz: {error}",
            hint="apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
        ) from error
    return weasyprint


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)


@contextmanager
def _still(now: datetime) -> Iterator[None]:
    """The clock of the font library held still (it stamps the fonts it makes), and no garbage collection meanwhile.

    A document is hundreds of thousands of objects, none of them garbage before the end: collecting costs a quarter
    of the time. WeasyPrint leaves the file of its colour profile to be closed by nobody: that warning is not ours.
    """
    before, collecting = os.environ.get("SOURCE_DATE_EPOCH"), gc.isenabled()
    os.environ["SOURCE_DATE_EPOCH"] = str(int(now.timestamp()))
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
    finally:
        if collecting:
            gc.enable()
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def _render(assessment: Mapping[str, Any]) -> bytes:
    weasyprint = _weasyprint()
    from weasyprint.text.fonts import FontConfiguration

    data = canonical(dict(assessment)) + b"\n"
    digest = hashlib.sha256(data).hexdigest()
    assets = _assets()
    html = (
        environment()
        .get_template("report.pdf.html.j2")
        .render(
            report=view_of(assessment),
            assessment_sha256=digest,
            fonts=fonts(),
            origin=_ORIGIN,
            colours=COLOURS,
            coverage_colours=COVERAGE_COLOURS,
            bar_width=WIDTH,
            style=template_text("report.pdf.css"),
        )
    )
    created = _instant(str(assessment["evaluated_at"]))
    attachment = weasyprint.Attachment(
        string=data,
        name="assessment.json",
        description="The assessment that this report shows, as canonical JSON",
        created=created,
        modified=created,
        relationship="Data",
    )
    with _still(created):
        page = weasyprint.HTML(string=html, base_url=f"{_ORIGIN}page", url_fetcher=_fetcher(assets))
        document = page.render(font_config=FontConfiguration())
        document.metadata.attachments = [attachment]
        pdf = document.write_pdf(pdf_variant="pdf/a-3u", pdf_identifier=digest[:32].encode("ascii"))
    assert isinstance(pdf, bytes)
    return pdf


OUTPUT = Output(
    "pdf", "The report to forward: PDF/A-3 with every control, the evidence index and the JSON inside.", ".pdf", _render
)
