"""The matrix for a merge request or a release page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.sbom.diff_markdown import SHOWN, escaped
from scanner.supply_chain.comparing.result import KINDS, LEVELS

__all__ = ["OUTPUT"]


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    base, variants, counts = document["base"], document["variants"], document["counts"]
    yield "# SBOM comparison of several releases"
    yield ""
    yield f"Base: {escaped(base['name'] or base['source'])} {escaped(base['version'])} ({escaped(base['source'])})"
    yield ""
    yield (
        f"{counts['changes']} different changes, {counts['in_all']} of them in all releases, "
        f"{counts['in_one']} in only one."
    )
    for one in document.get("origins") or ():
        if one["warning"]:
            yield ""
            yield f"> **{escaped(one['argument'])}: {escaped(one['warning'])}**"
    yield ""
    yield f"| | release | document | {' | '.join(LEVELS)} | nowhere else |"
    yield f"|---|---|---|{'---|' * len(LEVELS)}---|"
    for number, one in enumerate(variants, 1):
        side, levels = one["side"], one["counts"]["materiality"]
        title = f"{escaped(side['name'] or side['source'])} {escaped(side['version'])}"
        cells = " | ".join(str(levels[level]) for level in LEVELS)
        yield f"| {number} | {title} | {escaped(side['source'])} | {cells} | {one['own']} |"
    yield ""
    yield f"| what | component | before | after | {' | '.join(str(n) for n in range(1, len(variants) + 1))} |"
    yield f"|---|---|---|---|{'---|' * len(variants)}"
    for row in document["rows"][:SHOWN]:
        cells = " | ".join(cell["materiality"] if cell else "–" for cell in row["cells"])
        texts = " | ".join(escaped(text) for text in (row["name"] or row["identity"], row["before"], row["after"]))
        yield f"| {KINDS[row['kind']]} | {texts} | {cells} |"
    if len(document["rows"]) > SHOWN:
        yield ""
        yield f"{len(document['rows']) - SHOWN} more are in the JSON output."
    if document["incomplete"]:
        yield ""
        yield "## Not compared, or left out in reading"
        yield ""
        yield from (f"- {escaped(reason)}" for reason in document["incomplete"][:SHOWN])
    yield ""
    yield f"Policy {escaped(document['policy']['id'])}, {escaped(document['policy']['digest'])}"


def _render(document: Mapping[str, Any]) -> bytes:
    return ("\n".join(_lines(document)) + "\n").encode("utf-8")


OUTPUT = Output("md", "Markdown with a table of changes and releases.", ".md", _render)
