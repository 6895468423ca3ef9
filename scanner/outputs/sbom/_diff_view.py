"""A comparison as the templates of HTML and PDF take it: safe text, changes grouped by weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.outputs._text import visible_tree
from scanner.supply_chain.comparing.matching import MATCHED_BY
from scanner.supply_chain.comparing.result import KINDS, LEVELS

__all__ = ["view_of"]

_NOT_SAID: Mapping[str, Any] = {"argument": "", "says": "", "warning": "", "others": [], "rule": ""}
"""The origin of a side in a document that says none."""
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


def _groups(document: Mapping[str, Any], shown: Mapping[str, int]) -> list[dict[str, Any]]:
    found = []
    for level in LEVELS:
        some = [change for change in document["changes"] if change["materiality"] == level]
        if some:
            found.append(
                {
                    "level": level,
                    "rank": LEVELS.index(level),
                    "count": len(some),
                    "changes": visible_tree(some[: shown[level]]),
                    "more": max(0, len(some) - shown[level]),
                    "open": level in LEVELS[:2] or (level != "none" and len(some) <= _OPEN),
                }
            )
    return found


def _quality(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    sides = document["old"]["quality"], document["new"]["quality"]
    return [(words, *(_percent(side[name]) for side in sides)) for name, words in _QUALITY]


def _percent(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10} %"


def view_of(document: Mapping[str, Any], shown: Mapping[str, int]) -> dict[str, Any]:
    """What `sbom-diff.html.j2` and the section of the PDF show. `shown`: changes listed of each weight."""
    origins = document.get("origins") or {}
    return {
        "diff": visible_tree({name: document[name] for name in ("old", "new", "summary", "notes", "policy")}),
        "origins": visible_tree({side: dict(origins.get(side) or _NOT_SAID) for side in ("old", "new")}),
        "incomplete": visible_tree(document["incomplete"]),
        "counts": document["counts"],
        "accounted": document["accounted"],
        "groups": _groups(document, shown),
        "suggestions": visible_tree(document["suggestions"][: shown["high"]]),
        "quality": _quality(document),
        "kinds": KINDS,
        "matched_by": MATCHED_BY,
    }
