"""What the formats of a gate share: the verdict, which differences are shown, and their lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.outputs._text import visible_tree, written

__all__ = ["ACTION_WORDS", "SHOWN", "VERDICTS", "broken", "changes", "groups", "headline", "lines", "shown", "visible"]

VERDICTS: Mapping[str, str] = {
    "met": "GATE MET",
    "not_met": "GATE NOT MET",
    "incomplete": "GATE INCOMPLETE",
    "different": "GATE NOT DECIDED: NOT COMPARABLE",
}
ACTION_WORDS: Mapping[str, str] = {
    "fail": "Fails the gate",
    "incomplete": "Cannot be decided",
    "warn": "Shown, does not fail the gate",
    "accepted": "Accepted by a waiver; the status stays",
    "note": "For information",
}
SHOWN = ("fail", "incomplete", "warn", "accepted")
"""Actions whose differences every format lists; notes are counted, and stand in the JSON."""

_GOOD_NEWS = ("fixed", "improved")


def visible(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every text made visible and bounded."""
    found: dict[str, Any] = visible_tree(dict(document))
    return found


def headline(document: Mapping[str, Any]) -> str:
    """`GATE NOT MET: The release does not pass: 3 regression.`"""
    return f"{VERDICTS[document['decision']]}: {document['sentence']}"


def groups(
    document: Mapping[str, Any], actions: Sequence[str] = SHOWN
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """(heading, differences) of each action that has some, then what got better."""
    for action in actions:
        some = [one for one in document["differences"] if one["action"] == action]
        if some:
            yield ACTION_WORDS[action], some
    better = [one for one in document["differences"] if one["action"] == "note" and one["class"] in _GOOD_NEWS]
    if better:
        yield "Better than before", better


def shown(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The differences that every format lists, in order."""
    return [one for action in SHOWN for one in document["differences"] if one["action"] == action]


def broken(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Requirements beside the comparison that failed, could not be decided, or warn."""
    order = ("failed", "incomplete", "warning")
    return [one for state in order for one in document["checks"] if one["state"] == state]


def changes(one: Mapping[str, Any]) -> str:
    """`pass → fail`; of a failure without a baseline `fail` alone."""
    if one["class"] == "failure":
        return str(one["after"])
    return f"{one['before'].replace('_', ' ')} → {one['after'].replace('_', ' ')}"


def lines(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(label, text) of what a person wants to know about a difference."""
    if one["expected_before"] and one["expected_before"] != one["expected"]:
        yield "expected before", one["expected_before"]
    if one["expected"]:
        yield "expected", one["expected"]
    if one["found_before"]:
        yield "found before", one["found_before"]
    if one["found"]:
        yield "found now", one["found"]
    if one["places"]:
        yield "where", ", ".join(one["places"])
    if one["reason"]:
        yield "why", one["reason"]
    for name in sorted({*one["params_before"], *one["params"]}):
        before, now = one["params_before"].get(name), one["params"].get(name)
        if one["params_before"] and one["params"] and before != now:
            yield "parameter", f"{name}: {written(before)} before, {written(now)} now"
    waiver = one["waiver"]
    if waiver:
        state = "EXPIRED on" if waiver["expired"] else "holds until"
        owner = f", owner {waiver['owner']}" if waiver.get("owner") else ""
        reason = f": {waiver['reason']}" if waiver.get("reason") else ""
        yield "waiver", f"{waiver['id']} {state} {waiver['expires']}{owner}{reason}"
