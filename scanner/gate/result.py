"""The result of a gate as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.gate.comparing import Difference
from scanner.model.records import dataclass

__all__ = ["DECISIONS", "EXIT_CODES", "GATE_SCHEMA", "STATES", "Check", "Decided", "Gate"]

GATE_SCHEMA = "assay/gate/v1"
EXIT_CODES: Mapping[str, int] = {"met": 0, "not_met": 1, "incomplete": 3, "different": 3}
DECISIONS = tuple(EXIT_CODES)
STATES = ("failed", "incomplete", "warning", "ok")


@dataclass(frozen=True, slots=True)
class Check:
    """Something that the gate looks at beside the comparison. `state`: one of STATES."""

    check: str
    state: str
    text: str

    def to_json(self) -> dict[str, str]:
        """The entry of `checks`."""
        return {"check": self.check, "state": self.state, "text": self.text}


@dataclass(frozen=True, slots=True)
class Decided:
    """A difference and what the gate does about it (one of `classes.ACTIONS`)."""

    difference: Difference
    action: str

    def to_json(self) -> dict[str, Any]:
        """The entry of `differences`."""
        return {**self.difference.to_json(), "action": self.action}


@dataclass(frozen=True, slots=True)
class Gate:
    """The decision with all it rests on.

    `sentence` and up to two more `lines` say why; `new` and `baseline` say what was compared; `different`: why the two
    could not be.
    """

    decision: str
    sentence: str
    lines: tuple[str, ...]
    tool: Mapping[str, str]
    evaluated_at: str
    policy: Mapping[str, str]
    rejudged: bool
    new: Mapping[str, Any]
    baseline: Mapping[str, Any] | None
    different: tuple[str, ...]
    notes: tuple[str, ...]
    differences: tuple[Decided, ...]
    unchanged: int
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """As design.md has them: 0 met, 1 not met, 3 incomplete or different."""
        return EXIT_CODES[self.decision]

    def to_json(self) -> dict[str, Any]:
        """As in `assay/gate/v1`."""
        return {
            "schema": GATE_SCHEMA,
            "decision": self.decision,
            "exit_code": self.exit_code,
            "sentence": self.sentence,
            "lines": list(self.lines),
            "tool": dict(self.tool),
            "evaluated_at": self.evaluated_at,
            "policy": dict(self.policy),
            "rejudged": self.rejudged,
            "new": dict(self.new),
            "baseline": dict(self.baseline) if self.baseline is not None else None,
            "different": list(self.different),
            "notes": list(self.notes),
            "counts": {"classes": self._counts("klass"), "actions": self._counts("action")},
            "unchanged": self.unchanged,
            "differences": [one.to_json() for one in self.differences],
            "checks": [one.to_json() for one in self.checks],
        }

    def _counts(self, key: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in self.differences:
            word = one.action if key == "action" else one.difference.klass
            found[word] = found.get(word, 0) + 1
        return dict(sorted(found.items()))
