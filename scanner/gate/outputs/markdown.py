"""The result as Markdown: a comment on a merge request, or the summary of a pipeline step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.gate.outputs import words
from scanner.outputs._markdown import escaped, table

__all__ = ["render"]

_ROWS = 100
"""Rows of a table; GitHub cuts a comment at 65,536 characters, and all of it stands in the JSON."""
_CELL = 300
_MARKS = {"met": "✅", "not_met": "❌", "incomplete": "⚠️", "different": "⚠️"}


def render(document: Mapping[str, Any]) -> bytes:
    """The Markdown, in UTF-8."""
    return ("\n".join(_lines(words.visible(document))) + "\n").encode()


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {_MARKS[data['decision']]} {escaped(words.headline(data))}"
    yield ""
    for line in data["lines"]:
        yield f"- {escaped(line)}"
    broken = words.broken(data)
    if broken:
        yield ""
        yield from table(("requirement", "state", "why"), [_check(one) for one in broken[:_ROWS]])
    for heading, some in words.groups(data):
        yield ""
        yield f"### {heading} ({len(some)})"
        yield ""
        yield from table(("severity", "rule", "class", "status", "before", "now"), [_row(one) for one in some[:_ROWS]])
        if len(some) > _ROWS:
            yield f"\nand {len(some) - _ROWS} more: see the JSON."
    yield ""
    yield "<details><summary>What was compared</summary>"
    yield ""
    yield from table(("side", "what", "kind", "profiles", "evidence", "verified"), _sides(data))
    yield ""
    for note in (*data["different"], *data["notes"]):
        yield f"- {escaped(note)}"
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in data["counts"]["classes"].items())
    yield f"- {data['unchanged']} rules unchanged{escaped('; ' + counts) if counts else ''}"
    yield ""
    yield "</details>"


def _check(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["check"].replace("_", " "), one["state"], _cut(one["text"])


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    now = one["found"] or one["reason"]
    where = f" ({', '.join(one['places'])})" if one["places"] else ""
    waiver = dict(words.lines(one)).get("waiver", "")
    return (
        one["severity"],
        f"{one['title']} [{one['rule'] or one['name']}]",
        one["class"].replace("_", " "),
        words.changes(one),
        _cut(one["found_before"]),
        _cut(f"{now}{where}{f'; waiver {waiver}' if waiver else ''}"),
    )


def _sides(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for label in ("new", "baseline"):
        side = data[label]
        for one in side["targets"] if side else ():
            yield (
                label,
                f"{one['name']} ({side['name']})",
                one["kind"],
                ", ".join(one["profiles"]),
                one["facts_digest"],
                side["verified"],
            )


def _cut(text: str) -> str:
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
