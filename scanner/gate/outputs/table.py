"""The result for a terminal: the sentence first, why in two more lines, then the differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.gate.outputs import words
from scanner.outputs.table import Style, clean, wrapped

__all__ = ["render", "text"]

_COLOURS = {"met": "1;32", "not_met": "1;31", "incomplete": "1;33", "different": "1;33"}
_SYMBOLS = {"fail": "✗", "incomplete": "?", "warn": "!", "accepted": "≈", "note": "·"}
_MAX = 320
"""Characters of one line; all of it stands in the JSON."""
_STATES = {"failed": "✗", "incomplete": "?", "warning": "!"}


def render(document: Mapping[str, Any]) -> bytes:
    """The text without colours, in UTF-8."""
    return text(document, Style()).encode()


def text(document: Mapping[str, Any], style: Style) -> str:
    """The text as wide as the terminal."""
    data = words.visible(document)
    lines = [style.paint(clean(words.headline(data)), _COLOURS[data["decision"]])]
    lines += [f"  {clean(line)}" for line in data["lines"]]
    lines += ["", *_compared(data)]
    broken = words.broken(data)
    lines += [""] if broken else []
    for check in broken:
        lines.append(f"{_STATES[check['state']]} {check['check'].replace('_', ' ')}: {clean(check['text'])}")
    for heading, some in words.groups(data):
        lines += ["", style.paint(f"{heading} ({len(some)})", "1")]
        for one in some:
            lines += _difference(one, style)
    lines += ["", *_last(data)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _compared(data: Mapping[str, Any]) -> Iterator[str]:
    for label, side in (("new", data["new"]), ("baseline", data["baseline"])):
        if side is None:
            continue
        names = ", ".join(f"{one['name']} ({one['kind']}, {'+'.join(one['profiles'])})" for one in side["targets"])
        verified = f"; {side['verified']}" if side["verified"] else ""
        yield f"{label:<8}  {clean(side['name'])}: {side['source']} of {clean(names)}{clean(verified)}"
        if side["accepted"]:
            at, by, reason = (clean(side["accepted"].get(key, "")) for key in ("at", "by", "reason"))
            yield f"{'':<8}  accepted {at} by {by}: {reason}"
    yield f"policy    {clean(data['policy']['where'])}, as of {data['evaluated_at']}"
    for note in (*data["different"], *data["notes"]):
        yield f"note      {clean(note)}"


def _difference(one: Mapping[str, Any], style: Style) -> Iterator[str]:
    name = one["rule"] or one["name"]
    role = "" if one["role"] == "target" else f"{one['role']}: "
    head = f"{_SYMBOLS[one['action']]} {one['severity']}: {role}{one['title']}  [{name}]"
    yield f"  {clean(head)}"
    yield f"      {one['class'].replace('_', ' ')}: {words.changes(one)}"
    for label, line in words.lines(one):
        lead = f"      {label:<16}"
        shown = clean(line) if len(line) <= _MAX else clean(line[:_MAX]) + "…"
        yield from wrapped(shown, style.width, lead=lead, then=" " * len(lead))


def _last(data: Mapping[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in data["counts"]["classes"].items())
    if data["decision"] != "different":
        yield f"{data['unchanged']} rules unchanged" + (f"; {counts}." if counts else ".")
