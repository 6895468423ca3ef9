"""One HTML file that needs nothing else and runs nothing: summary, documents, changes by weight, what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.sbom._diff_view import view_of
from scanner.outputs.sbom._page import page
from scanner.supply_chain.comparing.result import LEVELS

__all__ = ["OUTPUT"]

SHOWN = 3000
"""Changes of one weight that the page lists; all of them are in the JSON output."""


def _render(document: Mapping[str, Any]) -> bytes:
    return page("sbom-diff.html.j2", **view_of(document, dict.fromkeys(LEVELS, SHOWN)))


OUTPUT = Output("html", "One HTML file for people; needs no server and runs no script.", ".html", _render)
