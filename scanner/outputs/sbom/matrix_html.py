"""The matrix as one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.outputs._text import visible_tree
from scanner.outputs.base import Output
from scanner.outputs.sbom._page import page
from scanner.supply_chain.comparing.result import KINDS, LEVELS

__all__ = ["OUTPUT"]

SHOWN = 3000
"""Changes that the page lists; all of them are in the JSON output."""


def _render(document: Mapping[str, Any]) -> bytes:
    kept = ("base", "variants", "incomplete", "policy")
    return page(
        "sbom-diff-matrix.html.j2",
        matrix=visible_tree({name: document[name] for name in kept}),
        origins=visible_tree(list(document.get("origins") or ())),
        counts=document["counts"],
        rows=visible_tree(document["rows"][:SHOWN]),
        more=max(0, len(document["rows"]) - SHOWN),
        kinds=KINDS,
        ranks={level: min(rank, 3) for rank, level in enumerate(LEVELS)},
    )


OUTPUT = Output("html", "One HTML file for people; needs no server and runs no script.", ".html", _render)
