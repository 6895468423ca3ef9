"""One HTML file that needs nothing else and runs nothing: summary, documents, changes by weight, what was left out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from scanner.outputs._templates import environment, template_text
from scanner.outputs._text import visible_tree
from scanner.outputs.base import Output
from scanner.supply_chain.comparing.matching import MATCHED_BY
from scanner.supply_chain.comparing.result import KINDS, LEVELS

__all__ = ["OUTPUT"]

SHOWN = 3000
"""Changes of one weight that the page lists; all of them are in the JSON output."""
_OPEN = 60
"""Up to so many changes a group stands open."""

_QUALITY = (
    ("version", "with a version"),
    ("purl", "with a package URL"),
    ("supplier", "with a supplier"),
    ("license", "with a licence"),
    ("hash", "with a hash"),
    ("relation", "named by a relation"),
)


def _groups(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for level in LEVELS:
        some = [change for change in document["changes"] if change["materiality"] == level]
        if some:
            found.append(
                {
                    "level": level,
                    "rank": LEVELS.index(level),
                    "count": len(some),
                    "changes": visible_tree(some[:SHOWN]),
                    "more": max(0, len(some) - SHOWN),
                    "open": level in LEVELS[:2] or (level != "none" and len(some) <= _OPEN),
                }
            )
    return found


def _quality(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    sides = document["old"]["quality"], document["new"]["quality"]
    return [(words, *(_percent(side[name]) for side in sides)) for name, words in _QUALITY]


def _percent(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10} %"


def _render(document: Mapping[str, Any]) -> bytes:
    from markupsafe import Markup

    style = template_text("report.css") + template_text("sbom-diff.css")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    text = (
        environment()
        .get_template("sbom-diff.html.j2")
        .render(
            diff=visible_tree({name: document[name] for name in ("old", "new", "summary", "notes", "policy")}),
            counts=document["counts"],
            accounted=document["accounted"],
            groups=_groups(document),
            suggestions=visible_tree(document["suggestions"][:SHOWN]),
            quality=_quality(document),
            kinds=KINDS,
            matched_by=MATCHED_BY,
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            style=Markup(style),  # noqa: S704 - our own file: escaped, its hash would not match
        )
    )
    return text.encode("utf-8")


OUTPUT = Output("html", "One HTML file for people; needs no server and runs no script.", ".html", _render)
