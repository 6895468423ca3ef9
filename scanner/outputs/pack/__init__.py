"""The report of a whole bundle, as PDF and as HTML: what a buyer forwards and an auditor starts from."""

from __future__ import annotations

from scanner.outputs.pack.model import Pack

__all__ = ["render_html", "render_pdf"]


def render_pdf(pack: Pack) -> bytes:
    """PDF/A-3a with the assessments inside. Raises UsageError when the libraries of PDF are missing."""
    from scanner.outputs.pack.pdf import render

    return render(pack)


def render_html(pack: Pack) -> bytes:
    """One HTML file with the same sections, and filters; it needs nothing else."""
    from scanner.outputs.pack.html import render

    return render(pack)
