"""Two sets of verdicts side by side, and what must be explained of their differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

__all__ = ["KINDS", "Comparison", "Reason", "Row", "Verdict", "combined", "compare", "load_reasons"]

JUDGED = ("pass", "fail")
# Of several results behind one public rule the first of these that occurs is the verdict.
_ORDER = ("fail", "error", "unknown", "pass", "notchecked", "notapplicable")
NONE = "none"
"""No rule of ours has that alias."""

KINDS = {
    "pass": "we pass what oscap fails",
    "notapplicable": "we say not applicable of what oscap fails",
    "unjudged": "we do not judge what oscap judges",
    "fail": "we fail what oscap passes",
}
"""Kinds of difference, in words; all but the last need a reason."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one scanner says of one rule, in XCCDF words, why where it says so, and which instance of ours it was."""

    status: str
    why: str = ""
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rules (patterns of public ids) may differ in one way; `trees` and `releases` narrow where it holds."""

    kind: str
    rules: tuple[str, ...]
    text: str
    trees: tuple[str, ...] = ("*",)
    releases: tuple[int, ...] = ()

    def covers(self, kind: str, rule: str, tree: str, release: int) -> bool:
        """Whether it explains this difference."""
        return (
            kind == self.kind
            and any(fnmatchcase(rule, pattern) for pattern in self.rules)
            and any(fnmatchcase(tree, pattern) for pattern in self.trees)
            and (not self.releases or release in self.releases)
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One public rule: both verdicts, the kind of their difference (None: they do not contradict), the reason."""

    rule: str
    theirs: str
    ours: str
    kind: str | None
    reason: str | None
    why: str

    @property
    def unexplained(self) -> bool:
        """Whether somebody must look at it."""
        return self.kind not in (None, "fail") and self.reason is None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows of one tree, by rule."""

    tree: str
    rows: tuple[Row, ...]

    def matrix(self) -> dict[tuple[str, str], int]:
        """(their status, ours) -> number of rules."""
        return dict(sorted(Counter((row.theirs, row.ours) for row in self.rows).items()))

    def of_kind(self, kind: str) -> list[Row]:
        """The rows that differ in this way."""
        return [row for row in self.rows if row.kind == kind]

    def judged(self, whose: str) -> int:
        """Rules with pass or fail by `theirs` or `ours`."""
        return sum(getattr(row, whose) in JUDGED for row in self.rows)

    def settled(self) -> list[Row]:
        """Rules that we judge and oscap cannot (error, unknown, not checked, not applicable for want of a probe)."""
        return [row for row in self.rows if row.ours in JUDGED and row.theirs not in JUDGED]

    def agreement(self) -> tuple[int, int]:
        """(equal verdicts, rules that both judge)."""
        both = [row for row in self.rows if row.theirs in JUDGED and row.ours in JUDGED]
        return sum(row.theirs == row.ours for row in both), len(both)


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of all that stand behind a public rule; `none` when there is none."""
    for status in _ORDER:
        for verdict in verdicts:
            if verdict.status == status:
                return verdict
    return Verdict(NONE)


def compare(
    tree: str,
    release: int,
    theirs: Mapping[str, Verdict],
    ours: Mapping[str, Sequence[Verdict]],
    reasons: Iterable[Reason],
) -> Comparison:
    """Every rule that oscap selected, with our verdict beside it."""
    known = list(reasons)
    rows = []
    for rule in sorted(theirs):
        status, mine = theirs[rule].status, combined(ours.get(rule, ()))
        kind = _kind(status, mine.status)
        why = next((one.text for one in known if kind and one.covers(kind, rule, tree, release)), None)
        said = f"{mine.instance}: {mine.why}" if mine.instance else ""
        rows.append(Row(rule, status, mine.status, kind, why, said))
    return Comparison(tree, tuple(rows))


def _kind(theirs: str, ours: str) -> str | None:
    if theirs not in JUDGED or theirs == ours:
        return None
    if ours == "pass" or (ours == "notapplicable" and theirs == "fail"):
        return ours
    if ours == "fail":
        return ours
    return None if ours == "notapplicable" else "unjudged"


def load_reasons(path: Path) -> list[Reason]:
    """The reasons of a file. Raises ValueError for one that is not complete."""
    found = []
    for number, entry in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1):
        left = set(entry) - {"kind", "rules", "reason", "trees", "releases"}
        if left or entry.get("kind") not in KINDS or not entry.get("rules") or not entry.get("reason", "").strip():
            raise ValueError(f"{path.name}, entry {number}: kind ({', '.join(KINDS)}), rules and reason are needed")
        found.append(
            Reason(
                entry["kind"],
                tuple(entry["rules"]),
                " ".join(entry["reason"].split()),
                tuple(entry.get("trees", ["*"])),
                tuple(entry.get("releases", [])),
            )
        )
    return found
