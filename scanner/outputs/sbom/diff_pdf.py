"""The comparison as a PDF to forward: A4, PDF/A-3u with the whole result as JSON inside, the same bytes every time.

The pages are the macro `sbom_diff` of `sbom-diff.section.j2`, which other reports can show as a section of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.model.canonical import canonical
from scanner.outputs._fonts import fonts
from scanner.outputs._pdf import ORIGIN, Attached, font_assets, instant, pdf_of
from scanner.outputs._templates import environment, template_text
from scanner.outputs.base import Output
from scanner.outputs.sbom._diff_view import view_of

__all__ = ["OUTPUT", "SHOWN"]

SHOWN = {"critical": 1000, "high": 1000, "medium": 400, "low": 150, "none": 0}
"""Changes of each weight that are listed: a document of a thousand pages is read by nobody. All are in the JSON."""


def _render(document: Mapping[str, Any]) -> bytes:
    attached = Attached("sbom-diff.json", "The whole comparison, as canonical JSON", canonical(dict(document)) + b"\n")
    created = instant(document["new"]["created"])
    html = (
        environment()
        .get_template("sbom-diff.pdf.html.j2")
        .render(
            view=view_of(document, SHOWN),
            created=created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            json_sha256=attached.sha256,
            fonts=fonts(),
            origin=ORIGIN,
            style=template_text("report.pdf.css") + template_text("sbom-diff.pdf.css"),
        )
    )
    return pdf_of(html, font_assets(), [attached], created)


OUTPUT = Output("pdf", "A4 pages to forward: PDF/A-3 with the whole result inside.", ".pdf", _render)
