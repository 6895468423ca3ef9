"""Answers of people to controls that no machine can judge, in their own file.

An answer never changes a status: the control stays manual, and every output says that a person answered, who, when, and
until when it holds. A control that rules decide on their own takes no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from scanner.engine import yaml_text
from scanner.engine.holding import is_day, is_meant
from scanner.model.control import Framework
from scanner.model.errors import ContentError
from scanner.model.records import dataclass
from scanner.model.result import ControlResult

__all__ = ["VERDICTS", "Answer", "answer_controls", "load_answers"]

VERDICTS = ("met", "not_met", "not_applicable")

_REQUIRED = ("framework", "control", "verdict", "by", "date", "valid_until", "statement")
_OPTIONAL = ("target", "evidence")
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What `by` said of a control on `date`. `target`: pattern over the host name or system id; `valid_until`: last day
    on which it holds, UTC; `evidence`: documents with name and SHA-256."""

    framework: str
    control: str
    verdict: str
    by: str
    date: str
    valid_until: str
    statement: str
    target: str = "*"
    evidence: tuple[Mapping[str, str], ...] = ()
    source: str = ""


def load_answers(data: bytes, where: str, known: Mapping[str, Framework]) -> tuple[Answer, ...]:
    """The answers of a file. Raises ContentError with file and line, for a control that does not exist too."""
    document = yaml_text.load(data, where)
    if (
        not isinstance(document, dict)
        or document.get("schema") != "answers/v1"
        or set(document) - {"schema", "answers"}
    ):
        raise ContentError("an answer file has `schema: answers/v1` and a list `answers`", where=where)
    listed = document.get("answers") or []
    if not isinstance(listed, list):
        raise ContentError("`answers` is a list", where=f"{where}:{yaml_text.place(data, ('answers',))}")
    found: list[Answer] = []
    asked: set[tuple[str, str, str]] = set()
    lines = yaml_text.places(data, "answers") if listed else ()
    for line, raw in zip(lines, listed, strict=True):
        place = f"{where}:{line}"
        answer = _answer(raw, place)
        framework = known.get(answer.framework)
        if framework is None:
            raise ContentError(f"there is no framework {answer.framework!r}", where=place, hint=", ".join(known))
        if answer.control not in framework.controls:
            raise ContentError(f"{answer.framework} has no control {answer.control!r}", where=place)
        question = (answer.framework, answer.control, answer.target)
        if question in asked:
            raise ContentError(
                f"{answer.framework} {answer.control} is answered twice for the same targets", where=place
            )
        asked.add(question)
        found.append(answer)
    return tuple(found)


def _answer(raw: Any, place: str) -> Answer:
    if not isinstance(raw, dict):
        raise ContentError("an answer is a mapping", where=place)
    missing = [key for key in _REQUIRED if not str(raw.get(key) or "").strip()]
    if missing:
        raise ContentError(f"`{missing[0]}` is missing", where=place, hint="docs/frameworks.md describes the form")
    unknown = set(raw) - set(_REQUIRED) - set(_OPTIONAL)
    if unknown:
        raise ContentError(f"`{sorted(unknown)[0]}` is no part of an answer", where=place)
    for key, value in raw.items():
        if key != "evidence" and isinstance(value, list | dict):
            raise ContentError(f"`{key}` is text", where=place)
    if raw["verdict"] not in VERDICTS:
        raise ContentError(f"`verdict` is one of {', '.join(VERDICTS)}", where=place)
    for key in ("date", "valid_until"):
        if not is_day(str(raw[key])):
            raise ContentError(f"`{key}` is a day as 2027-01-31, not {raw[key]!r}", where=place)
    if str(raw["valid_until"]) < str(raw["date"]):
        raise ContentError("`valid_until` lies before `date`", where=place)
    texts = {key: str(raw[key]) for key in (*_REQUIRED, "target") if key in raw}
    return Answer(**texts, evidence=_evidence(raw.get("evidence"), place), source=place)


def _evidence(raw: Any, place: str) -> tuple[Mapping[str, str], ...]:
    documents = raw or []
    if not isinstance(documents, list):
        raise ContentError("`evidence` is a list of {name, sha256}", where=place)
    found = []
    for one in documents:
        if not isinstance(one, dict) or set(one) != {"name", "sha256"} or not str(one["name"]).strip():
            raise ContentError("`evidence` is a list of {name, sha256}", where=place)
        if not _DIGEST.fullmatch(str(one["sha256"])):
            raise ContentError(f"`sha256` of {one['name']} is 64 hexadecimal digits", where=place)
        found.append({"name": str(one["name"]), "sha256": str(one["sha256"])})
    return tuple(found)


def answer_controls(
    controls: Sequence[ControlResult], answers: Sequence[Answer], identity: Mapping[str, Any], today: str
) -> tuple[ControlResult, ...]:
    """The controls with the answers that are for them. `today` is an ISO day; what no longer or not yet holds is shown
    as such."""
    mine = [answer for answer in answers if is_meant(answer.target, identity)]
    # An answer for this very target stands before one for all.
    by_control: dict[tuple[str, str], Answer] = {}
    for answer in sorted(mine, key=lambda one: (one.target == "*", one.target, one.date)):
        by_control.setdefault((answer.framework, answer.control), answer)
    return tuple(_answered(control, by_control.get((control.framework, control.id)), today) for control in controls)


def _answered(control: ControlResult, answer: Answer | None, today: str) -> ControlResult:
    if answer is None or control.coverage == "automated":
        return control
    return replace(
        control,
        answered={
            "verdict": answer.verdict,
            "by": answer.by,
            "date": answer.date,
            "valid_until": answer.valid_until,
            "holds": answer.date <= today <= answer.valid_until,
            "statement": answer.statement,
            "evidence": [dict(one) for one in answer.evidence],
        },
    )
