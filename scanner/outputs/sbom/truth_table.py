"""Whether an SBOM describes its target, as text: the verdict, then each difference in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.base import Output
from scanner.outputs.table import Style, wrapped
from scanner.supply_chain.truth.result import KINDS

__all__ = ["OUTPUT", "SHOWN", "text"]

SHOWN = 20
"""Differences of one kind that are listed on a terminal."""

_VERDICTS = {
    "true": ("The SBOM describes the target.", "32"),
    "unknown": ("Nothing in the SBOM is untrue, but not everything can be known.", "33"),
    "untrue": ("The SBOM does not describe the target.", "31"),
}


def text(document: Mapping[str, Any], style: Style | None = None, shown: int | None = None) -> str:
    """The result as text; `shown` differences of each kind, None = all."""
    style = style or Style()
    return "\n".join(line.rstrip() for line in _lines(document, style, shown)).rstrip("\n") + "\n"


def _lines(document: Mapping[str, Any], style: Style, shown: int | None) -> Iterator[str]:
    says, colour = _VERDICTS[document["verdict"]]
    yield style.paint(says, colour)
    counts = document["counts"]
    yield (
        f"{counts['listed']} components are listed, {counts['listed_found']} of them were found; "
        f"{counts['installed']} are installed, {counts['installed_listed']} of them are listed."
    )
    for kind, words in KINDS.items():
        some = [one for one in document["differences"] if one["kind"] == kind]
        if not some:
            continue
        yield ""
        yield style.paint(f"{words}: {len(some)}", "1")
        for one in some[:shown]:
            yield from _wrapped(one["says"], style)
        if shown is not None and len(some) > shown:
            yield f"  and {len(some) - shown} more: -o table=PATH or -o json=PATH lists them"
    if document["unknown"]:
        yield ""
        yield style.paint("nobody can say:", "1")
        for one in document["unknown"]:
            examples = ", ".join(one["examples"])
            yield from _wrapped(
                f"{one['count']} {one['what']}: {one['why']}" + (f" ({examples})" if examples else ""), style
            )
    if document["notes"]:
        yield ""
        for note in document["notes"]:
            yield from _wrapped(f"note: {note}", style)


def _wrapped(line: str, style: Style) -> list[str]:
    return wrapped(line, style.width, lead="  ", then="    ")


def _render(document: Mapping[str, Any]) -> bytes:
    return text(document).encode("utf-8")


OUTPUT = Output("table", "Plain text with every difference in a sentence.", ".txt", _render)
