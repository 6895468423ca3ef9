"""The drawings of the report as numbers: bars of frameworks, severities and SBOM changes; the template draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner.outputs._charts import Segment, stacked
from scanner.outputs._words import SEVERITIES

__all__ = ["ASSESSED", "Bar", "assessed", "of_changes", "of_severities"]

ASSESSED = ("rules", "rules_in_part", "person", "not_applicable", "not_assessed")
"""How far a control was assessed; the last is what nobody answered, whatever the reason."""

_JUDGED = ("pass", "fail", "pass_in_part")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, what it is made of (word and count, in order), and the segments."""

    name: str
    counts: tuple[tuple[str, int], ...]
    segments: tuple[Segment, ...]
    total: int


def assessed(name: str, controls: Sequence[Mapping[str, Any]]) -> Bar:
    """How the controls of a framework were assessed, and how many were not."""
    words = [_assessed(control) for control in controls]
    return _bar(name, [(word, words.count(word)) for word in ASSESSED])


def _assessed(control: Mapping[str, Any]) -> str:
    if control["status"] in _JUDGED:
        return "rules" if control["coverage"] == "automated" else "rules_in_part"
    if control["status"] == "not_applicable":
        return "not_applicable"
    answered = control.get("answered")
    return "person" if answered and answered["holds"] else "not_assessed"


def of_severities(failed: Mapping[str, tuple[int, int]]) -> tuple[Bar, ...]:
    """One bar a severity, as long as its share of the longest: failures without and with a valid waiver."""
    longest = max((sum(pair) for pair in failed.values()), default=0)
    words = [*SEVERITIES, *sorted(failed.keys() - set(SEVERITIES))]
    found = []
    for word in words:
        bare, waived = failed.get(word, (0, 0))
        rest = longest - bare - waived
        bar = _bar(word, [("fail", bare), ("waived", waived), ("rest", rest)])
        shown = tuple(one for one in bar.segments if one.mark != "rest")
        found.append(Bar(word, (("fail", bare), ("waived", waived)), shown, bare + waived))
    return tuple(found)


def of_changes(diff: Mapping[str, Any]) -> Bar:
    """The components of two releases: the same, changed, added, removed."""
    counts = diff["accounted"]
    return _bar("changes", [(word, int(counts[word])) for word in ("unchanged", "changed", "added", "removed")])


def _bar(name: str, counts: Sequence[tuple[str, int]]) -> Bar:
    present = tuple((word, count) for word, count in counts if count)
    return Bar(name, present, stacked(present), sum(count for _, count in present))
