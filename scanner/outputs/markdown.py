"""Markdown for merge requests, release pages and tickets: the verdict first, then what is open, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.outputs._findings import ControlFinding, Finding, Reading, reading_of
from scanner.outputs._markdown import escaped, table
from scanner.outputs._words import (
    GROUPS,
    SEVERITIES,
    STATUS_WORDS,
    completeness_sentence,
    headline,
    kind_words,
    waived_sentence,
)
from scanner.outputs.base import Output

__all__ = ["OUTPUT", "SHOWN"]

SHOWN = 500
"""Rows of one table; a page of more is not rendered by the usual hosts."""


def _render(assessment: Mapping[str, Any]) -> bytes:
    return ("\n".join(_lines(reading_of(assessment))) + "\n").encode("utf-8")


def _lines(reading: Reading) -> Iterator[str]:
    yield f"# Assessment of {escaped(reading.target)}"
    yield from _verdict(reading)
    yield from _frameworks(reading)
    for status, heading in GROUPS:
        yield from _group(status, heading, [one for one in reading.results if one.status == status])
    yield from _waivers(reading.results)
    for name, about in reading.frameworks.items():
        controls = [one for one in reading.controls if one.framework == name]
        yield from _controls(f"Controls of {about.short or name}", controls)
    yield from _unread(reading)
    yield from _about(reading)


def _section(heading: str, lines: Iterator[str]) -> Iterator[str]:
    yield from ("", f"## {heading}", "")
    yield from lines


def _capped(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from table(head, rows[:SHOWN])
    if len(rows) > SHOWN:
        yield from ("", f"{len(rows) - SHOWN} more are in the assessment JSON.")


def _verdict(reading: Reading) -> Iterator[str]:
    completeness = reading.completeness
    expired = sum(one.waiver is not None and not one.waived for one in reading.results)
    waived = sum(one.waived for one in reading.results)
    half = sum(bool(one.half) for one in reading.results)
    words = headline(len(reading.failures()), int(completeness["judged"]), int(completeness["applicable"]))
    yield from ("", f"**{escaped(words)}**", "", escaped(completeness_sentence(completeness)))
    if not reading.complete:
        yield from ("", "**This assessment is incomplete.**", "")
        yield from (f"- {escaped(reason)}" for reason in reading.reasons)
    if half:
        yield from ("", f"{half} of the results rest on the persistent half: what is configured, not what runs.")
    if waived or expired:
        yield from ("", escaped(waived_sentence(waived, expired)))


def _frameworks(reading: Reading) -> Iterator[str]:
    rows = []
    for about in reading.frameworks.values():
        counts = ", ".join(f"{count} {STATUS_WORDS.get(word, word)}" for word, count in about.counts.items())
        title = " ".join(filter(None, (about.title, about.version)))
        rows.append((title, about.fit_words, counts, f"{about.rules_judged} of {about.rules_selected}"))
    if rows:
        head = ("framework", "fit to this target", "controls", "rules with a verdict")
        yield from _section("Frameworks", table(head, rows))


def _group(status: str, heading: str, results: Sequence[Finding]) -> Iterator[str]:
    ordered = sorted(results, key=lambda one: (SEVERITIES.index(one.severity), one.instance))
    if not ordered:
        return
    if status in ("pass", "not_applicable"):
        head: tuple[str, ...] = ("severity", "rule", "title", "status", "where")
        rows = [_closed(one) for one in ordered]
    else:
        head = ("severity", "rule", "title", "status", "expected", "found", "where", "waiver", "what to do")
        rows = [_open(one) for one in ordered]
    yield from _section(f"{heading} ({len(ordered)})", _capped(head, rows))


def _closed(one: Finding) -> tuple[str, ...]:
    return (one.severity, one.instance, one.title, one.status_words, one.locations)


def _open(one: Finding) -> tuple[str, ...]:
    waiver = (
        ""
        if one.waiver is None
        else f"{one.waiver['id']}{' until ' if one.waived else ' EXPIRED '}{one.waiver['expires']}"
    )
    return (
        one.severity,
        one.instance,
        one.title,
        one.status_words,
        one.expected,
        one.found,
        one.locations,
        waiver,
        one.remedy,
    )


def _waivers(results: Sequence[Finding]) -> Iterator[str]:
    waived = [one for one in results if one.waiver is not None]
    if waived:
        rows = [(one.instance, one.status_words, one.waiver_words) for one in waived]
        yield from _section("Waivers: the results keep their status", _capped(("rule", "status", "waiver"), rows))


def _controls(heading: str, controls: Sequence[ControlFinding]) -> Iterator[str]:
    if controls:
        rows = [
            (one.id, one.title, one.status_words, one.coverage.replace("_", " "), one.answered_words or one.note)
            for one in controls
        ]
        head = ("control", "title", "status", "coverage", "answer or note")
        yield from _section(f"{escaped(heading)} ({len(controls)})", _capped(head, rows))


def _unread(reading: Reading) -> Iterator[str]:
    if reading.unread:
        rows = [
            (str(one["fact"]), str(one["state"]).replace("_", " "), str(one["reason"]), str(one["rules"]))
            for one in reading.unread
        ]
        yield from _section("Not read, or not whole", _capped(("fact", "state", "why", "rules that ask it"), rows))


def _about(reading: Reading) -> Iterator[str]:
    rows = [
        ("target", reading.target),
        ("kind", kind_words(reading.kind)[0]),
        ("target digest", reading.target_digest),
        ("facts digest", reading.facts_digest),
        ("content digest", reading.content_digest),
        (
            "profiles",
            "; ".join(f"{one['id']} (fit: {one['fit']}, requires: {one['require']})" for one in reading.profiles),
        ),
        ("tool", f"{reading.tool} {reading.tool_version}"),
        ("evaluated at", reading.time),
    ]
    yield from _section("About", table(("what", "value"), [row for row in rows if row[1]]))


OUTPUT = Output("markdown", "Markdown for merge requests, release pages and tickets.", ".md", _render)
