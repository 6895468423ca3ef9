"""The comparison for a merge request or a release page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.outputs import _markdown
from scanner.outputs._text import visible
from scanner.outputs.base import Output
from scanner.supply_chain.comparing.result import KINDS, LEVELS

__all__ = ["OUTPUT", "SHOWN", "escaped"]

SHOWN = 500
"""Changes of one weight that are listed; a page of more is not rendered by the usual hosts."""


def escaped(value: str) -> str:
    """Text that Markdown shows as it is, at most 300 characters of it."""
    return _markdown.escaped(visible(value[:300]))


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield "# SBOM comparison"
    yield ""
    yield from (f"- {escaped(line)}" for line in document["summary"])
    yield ""
    origins = document.get("origins") or {}
    for side in origins.values():
        if side["warning"]:
            yield f"> **{escaped(side['argument'])}: {escaped(side['warning'])}**"
            yield ""
    yield "| | old | new |"
    yield "|---|---|---|"
    for label, name in (("document", "source"), ("of", "name"), ("version", "version"), ("made", "created")):
        yield f"| {label} | {escaped(document['old'][name])} | {escaped(document['new'][name])} |"
    yield f"| components | {document['old']['components']} | {document['new']['components']} |"
    yield f"| SHA-256 | {escaped(document['old']['sha256'])} | {escaped(document['new']['sha256'])} |"
    if origins:
        yield f"| comes from | {escaped(origins['old']['says'])} | {escaped(origins['new']['says'])} |"
    for level in LEVELS:
        some = [change for change in document["changes"] if change["materiality"] == level]
        if some:
            yield from _group(level, some)
    yield from _rest(document)


def _group(level: str, changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield f"## {level.capitalize()} ({len(changes)})"
    yield ""
    yield "| what | component | before | after | why it matters |"
    yield "|---|---|---|---|---|"
    for change in changes[:SHOWN]:
        cells = (change["name"] or change["identity"], change["before"], change["after"], change["reason"])
        yield f"| {KINDS[change['kind']]} | {' | '.join(escaped(cell) for cell in cells)} |"
    if len(changes) > SHOWN:
        yield ""
        yield f"{len(changes) - SHOWN} more are in the JSON output."


def _rest(document: Mapping[str, Any]) -> Iterator[str]:
    if document["suggestions"]:
        yield ""
        yield "## Perhaps the same under another name"
        yield ""
        for one in document["suggestions"][:SHOWN]:
            old, new = (escaped(", ".join(one[side])) for side in ("old", "new"))
            yield f"- {one['kind']}, {one['score']} of 100: {old} → {new} ({escaped('; '.join(one['reasons']))})"
    notes = list(dict.fromkeys([*document["notes"], *document["incomplete"]]))
    if notes:
        yield ""
        yield "## Not compared, or left out in reading"
        yield ""
        yield from (f"- {escaped(note)}" for note in notes[:SHOWN])
    policy = document["policy"]
    yield ""
    yield f"Policy {escaped(policy['id'])}, {escaped(policy['digest'])}"


def _render(document: Mapping[str, Any]) -> bytes:
    return ("\n".join(_lines(document)) + "\n").encode("utf-8")


OUTPUT = Output("md", "Markdown with the summary and tables by weight.", ".md", _render)
