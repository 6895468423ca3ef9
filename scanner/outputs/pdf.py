"""The PDF that a buyer reads and an auditor re-performs: PDF/A-3u with the assessment JSON inside, same bytes ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.model.canonical import canonical
from scanner.outputs._charts import SHAPES, WIDTH
from scanner.outputs._fonts import fonts
from scanner.outputs._pdf import ORIGIN, Attached, font_assets, instant, pdf_of
from scanner.outputs._templates import environment, template_text
from scanner.outputs._view import view_of
from scanner.outputs.base import Output

__all__ = ["COLOURS", "OUTPUT", "report_assets"]

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


def report_assets() -> dict[str, tuple[str, bytes]]:
    """Every file a report may use, which is symbols and fonts: URL -> (media type, bytes)."""
    found = {f"{ORIGIN}{name}.svg": ("image/svg+xml", _symbol(name)) for name in SHAPES}
    return found | font_assets()


def _render(assessment: Mapping[str, Any]) -> bytes:
    about = "The assessment that this report shows, as canonical JSON"
    attached = Attached("assessment.json", about, canonical(dict(assessment)) + b"\n")
    html = (
        environment()
        .get_template("report.pdf.html.j2")
        .render(
            report=view_of(assessment),
            assessment_sha256=attached.sha256,
            fonts=fonts(),
            origin=ORIGIN,
            colours=COLOURS,
            coverage_colours=COVERAGE_COLOURS,
            bar_width=WIDTH,
            style=template_text("report.pdf.css"),
        )
    )
    return pdf_of(html, report_assets(), [attached], instant(str(assessment["evaluated_at"])))


OUTPUT = Output(
    "pdf", "The report to forward: PDF/A-3 with every control, the evidence index and the JSON inside.", ".pdf", _render
)
