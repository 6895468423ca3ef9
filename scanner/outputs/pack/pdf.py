"""The report of a bundle as PDF/A-3a: tagged, with page numbers, the assessments inside, the same bytes ever."""

from __future__ import annotations

from scanner.model.canonical import canonical
from scanner.outputs._fonts import fonts
from scanner.outputs._pdf import ORIGIN, Attached, instant, pdf_of
from scanner.outputs._templates import template_text
from scanner.outputs.pack.model import Pack
from scanner.outputs.pack.rendering import filled, words_of
from scanner.outputs.pack.view import PackView, pack_view
from scanner.outputs.pdf import report_assets

__all__ = ["render"]

VARIANT = "pdf/a-3a"


def render(pack: Pack) -> bytes:
    """The file. Raises UsageError when the libraries are missing."""
    view = pack_view(pack)
    logo = pack.brand.logo
    words = words_of(pack.brand)
    html = filled(
        "pack.pdf.html.j2",
        view,
        pdf=True,
        fonts=fonts(),
        origin=ORIGIN,
        logo=f"{ORIGIN}logo",
        running_digest=_quoted(_running_digest(view)),
        page_word=_quoted(words("running.page")),
        of_word=_quoted(words("running.of")),
        style=template_text("pack.pdf.css"),
    )
    kind = {"png": "image/png", "svg": "image/svg+xml"}
    own = {f"{ORIGIN}logo": (kind[logo.kind], logo.data)} if logo else {}
    attached = [
        Attached(f"assessment-{number:02}.json", "An assessment that this report shows", canonical(data) + b"\n")
        for number, data in enumerate((dict(subject.assessment) for subject in pack.subjects), 1)
    ]
    return pdf_of(html, report_assets() | own, attached, instant(pack.created_at), VARIANT)


def _running_digest(view: PackView) -> str:
    first = view.targets[0].digest
    return f"{first} +{view.more}" if view.more else first


def _quoted(text: str) -> str:
    """Text for a string of the style sheet: letters and digits of any script, and nothing that could end the string."""
    return "".join(char for char in text if char.isalnum() or char in ":+ ")
