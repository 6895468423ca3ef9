"""What an assessment was judged with, beside snapshot and content: enough to judge it again, elsewhere and later.

An assessment carries it as `inputs`; its clock is `evaluated_at`. The files of a user are carried as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from scanner.engine.content import Content
from scanner.engine.waivers import load_waivers
from scanner.frameworks.answers import load_answers
from scanner.frameworks.assess import assess
from scanner.frameworks.catalog import frameworks
from scanner.frameworks.profiles import from_file, profile
from scanner.frameworks.select import Selected, select
from scanner.model.control import Framework, Profile
from scanner.model.errors import InputError
from scanner.model.fact import Json
from scanner.model.records import dataclass
from scanner.model.result import Assessment, Result
from scanner.model.snapshot import Snapshot

__all__ = ["Inputs", "Text", "evaluate", "inputs_of", "selection"]


@dataclass(frozen=True, slots=True)
class Text:
    """A user's file: where it was read (for messages only) and its text."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """Profiles, parameters of the command line, waivers, answers, wanted completeness, and the clock (RFC 3339)."""

    profiles: tuple[Profile, ...]
    clock: str
    params: Mapping[str, str] = field(default_factory=dict)
    waivers: Text | None = None
    answers: Text | None = None
    min_coverage: int | None = None

    def to_json(self) -> dict[str, Json]:
        """The `inputs` of the assessment. The clock is not among them: it is the assessment's `evaluated_at`."""
        return {
            "profiles": [{"id": one.id, "document": one.document} for one in self.profiles],
            "params": dict(self.params),
            "min_coverage": self.min_coverage,
            "waivers": self.waivers.text if self.waivers else None,
            "answers": self.answers.text if self.answers else None,
        }


def inputs_of(assessment: Mapping[str, Any], content: Content) -> Inputs:
    """The inputs that an assessment (its checked JSON) carries. Raises InputError, ContentError, UsageError."""
    raw = assessment.get("inputs")
    if not raw:
        raise InputError(
            "the assessment does not carry the inputs it was judged with",
            hint="judge the snapshot anew with this version: assay evaluate snapshot.json -o json=assessment.json",
        )
    return Inputs(
        profiles=tuple(_profile(one, content) for one in raw["profiles"]),
        clock=assessment["evaluated_at"],
        params=raw["params"],
        waivers=Text("the waivers", raw["waivers"]) if raw["waivers"] is not None else None,
        answers=Text("the answers", raw["answers"]) if raw["answers"] is not None else None,
        min_coverage=raw["min_coverage"],
    )


def _profile(raw: Mapping[str, Any], content: Content) -> Profile:
    if raw["document"] is None:
        return profile(content, raw["id"])
    return from_file(content, raw["document"].encode(), f"profile {raw['id']}")


def evaluate(
    snapshot: Snapshot,
    content: Content,
    inputs: Inputs,
    chosen: tuple[Mapping[str, Framework], Selected] | None = None,
    given: Mapping[str, Result] | None = None,
) -> Assessment:
    """Judge a snapshot. `chosen`: frameworks and instances when they were selected before (to know what to collect);
    `given`: results that are not judged but taken (see `assess`)."""
    known, selected = chosen or selection(content, inputs.profiles, inputs.params)
    return assess(
        snapshot,
        content,
        known,
        inputs.profiles,
        selected,
        now=inputs.clock,
        waivers=load_waivers(inputs.waivers.text.encode(), inputs.waivers.where) if inputs.waivers else (),
        answers=load_answers(inputs.answers.text.encode(), inputs.answers.where, known) if inputs.answers else (),
        min_coverage=inputs.min_coverage,
        inputs=inputs.to_json(),
        given=given,
    )


def selection(
    content: Content, profiles: Sequence[Profile], params: Mapping[str, Any]
) -> tuple[Mapping[str, Framework], Selected]:
    """Every framework, and the instances that the profiles choose."""
    known = frameworks(content)
    return known, select(content, known, profiles, params)
