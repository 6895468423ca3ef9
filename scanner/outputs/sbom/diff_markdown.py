"""The comparison for a merge request or a release page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.outputs._text import visible
from scanner.outputs.base import Output
from scanner.supply_chain.comparing.result import KINDS, LEVELS

__all__ = ["OUTPUT"]

SHOWN = 500
"""Changes of one weight that are listed; a page of more is not rendered by the usual hosts."""

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>&:@/$^=\"'])")


def escaped(value: str) -> str:
    """Text that Markdown shows as it is: every punctuation mark that could begin markup, a link or a mention is
    written as a character reference, so that no dialect takes it for one."""
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", visible(value[:300]))


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield "# SBOM comparison"
    yield ""
    yield from (f"- {escaped(line)}" for line in document["summary"])
    yield ""
    yield "| | old | new |"
    yield "|---|---|---|"
    for label, name in (("document", "source"), ("of", "name"), ("version", "version"), ("made", "created")):
        yield f"| {label} | {escaped(document['old'][name])} | {escaped(document['new'][name])} |"
    yield f"| components | {document['old']['components']} | {document['new']['components']} |"
    yield f"| SHA-256 | {escaped(document['old']['sha256'])} | {escaped(document['new']['sha256'])} |"
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
    if document["notes"]:
        yield ""
        yield "## Not compared, or left out in reading"
        yield ""
        yield from (f"- {escaped(note)}" for note in document["notes"][:SHOWN])
    policy = document["policy"]
    yield ""
    yield f"Policy {escaped(policy['id'])}, {escaped(policy['digest'])}"


def _render(document: Mapping[str, Any]) -> bytes:
    return ("\n".join(_lines(document)) + "\n").encode("utf-8")


OUTPUT = Output("md", "Markdown with the summary and tables by weight.", ".md", _render)
