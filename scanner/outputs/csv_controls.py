"""CSV, a row a control of a framework, with its roll-up, its coverage and what a person answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from scanner.model.result import STATUSES
from scanner.outputs._findings import ControlFinding, Reading, reading_of
from scanner.outputs.base import Output
from scanner.outputs.sbom._cells import written

__all__ = ["COLUMNS", "OUTPUT"]

_ANSWER = ("verdict", "by", "date", "valid_until", "holds", "statement")

COLUMNS = (
    *("target", "target_digest", "facts_digest", "framework", "framework_version", "fit", "fit_reason", "control_id"),
    *("title", "status", "status_words", "coverage", "rules", *(f"rules_{status}" for status in STATUSES)),
    *("rules_persistent_half", "rules_waived", "rule_ids", *(f"answer_{name}" for name in _ANSWER), "answer_evidence"),
    *("note", "evaluated_at"),
)


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    return written([COLUMNS, *_rows(reading)])


def _rows(reading: Reading) -> Iterator[list[str]]:
    for one in reading.controls:
        about = reading.frameworks.get(one.framework)
        counted = Counter(result.status for result in one.results)
        yield [
            reading.target,
            reading.target_digest,
            reading.facts_digest,
            one.framework,
            about.version if about else "",
            about.fit if about else "",
            about.fit_reason if about else "",
            one.id,
            one.title,
            one.status,
            one.status_words,
            one.coverage,
            str(len(one.results)),
            *(str(counted[status]) for status in STATUSES),
            str(one.half),
            str(sum(result.waived for result in one.results)),
            "; ".join(result.instance for result in one.results),
            *_answer(one),
            one.note,
            reading.time,
        ]


def _answer(one: ControlFinding) -> list[str]:
    if not one.answered:
        return [""] * (len(_ANSWER) + 1)
    said = {**one.answered, "holds": "yes" if one.answered["holds"] else "no"}
    papers = "; ".join(f"{paper['name']} sha256:{paper['sha256']}" for paper in said["evidence"])
    return [*(str(said[name]) for name in _ANSWER), papers]


OUTPUT = Output("csv-controls", "CSV: a row a control, with coverage and people's answers.", ".csv", _render)
