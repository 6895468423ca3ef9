"""Judging again: what a snapshot and content give, held against the assessment that was made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scanner.bundle.openings import PREFIX
from scanner.engine.content import Content
from scanner.frameworks.inputs import evaluate, inputs_of
from scanner.model.canonical import canonical
from scanner.model.fact import Fact
from scanner.model.result import Assessment, Result, result_from
from scanner.model.snapshot import Snapshot, fact_json
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["TOKEN", "Difference", "judged_again", "sentence"]

_NAMED = 5
_TAKEN = ("status", "facets", "half", "explanation", "expected", "found", "evidence")
"""What is taken of a result that rests on hidden values."""

TOKEN = re.compile(PREFIX.encode() + rb"[0-9a-f]{64}")
"""What stands for a hidden value."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two assessments differ: `results` (instances of rules), `controls` (framework and id), other `parts`."""

    results: tuple[str, ...]
    controls: tuple[str, ...]
    parts: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.results or self.controls or self.parts)


def judged_again(
    snapshot: Snapshot, content: Content, assessment: Mapping[str, Any], taken: Sequence[str] = ()
) -> Difference:
    """How the assessment differs from what its own inputs give of the snapshot: not at all when every byte is the same.

    `taken`: results that rest on values which were hidden. Here they must be open (unknown or error); what the
    assessment says of them is taken, and everything else judged. Another version of Assay writes another `tool`: that
    alone is no difference. Raises InputError, ContentError, UsageError when it cannot be judged, RefusedError.
    """
    inputs = inputs_of(assessment, content)
    given = _given(snapshot, evaluate(snapshot, content, inputs), assessment, taken) if taken else None
    again = evaluate(snapshot, content, inputs, given=given).to_json()
    again["tool"] = {"name": "assay", "version": assessment["tool"]["version"]}
    if canonical(again) == canonical(dict(assessment)):
        return Difference((), (), ())
    found = Difference(
        _changed(_by(assessment["results"], "instance"), _by(again["results"], "instance")),
        _changed(_by(assessment["controls"], "framework", "id"), _by(again["controls"], "framework", "id")),
        tuple(
            sorted(
                part
                for part in {*again, *assessment} - {"results", "controls"}
                if again.get(part) != assessment.get(part)
            )
        ),
    )
    # Other bytes are a difference, even where no name tells which: entries in another order, or twice.
    return found or Difference((), (), ("order of entries",))


def _given(
    snapshot: Snapshot, judged: Assessment, assessment: Mapping[str, Any], taken: Sequence[str]
) -> dict[str, Result]:
    """The results that are taken: verdict, words and places as they are stated, everything else as it is judged here.

    Raises RefusedError for one that the evidence still decides, or that rests on nothing hidden.
    """
    now = {one.instance: one for one in judged.results}
    stated = {one["instance"]: one for one in assessment["results"]}
    found = {}
    for name in taken:
        if name not in stated or name not in now or now[name].status not in ("unknown", "error"):
            raise RefusedError(f"the result {name} is decided by the evidence, and is not judged again")
        if not any(_hides(snapshot.facts.get(fact)) for fact in now[name].facts):
            raise RefusedError(f"the result {name} does not rest on a hidden value, and is not judged again")
        word = result_from(stated[name])
        found[name] = replace(now[name], **{key: getattr(word, key) for key in _TAKEN})
    return found


def _hides(fact: Fact | None) -> bool:
    """Whether something in a fact was hidden."""
    return fact is not None and TOKEN.search(canonical(fact_json(fact))) is not None


def sentence(found: Difference) -> str:
    """The difference in words, the first few names of each kind."""
    words = {"results": found.results, "controls": found.controls, "parts": found.parts}
    return "; ".join(
        f"{len(names)} {kind} differ: {', '.join(names[:_NAMED])}{' …' if len(names) > _NAMED else ''}"
        for kind, names in words.items()
        if names
    )


def _by(items: Any, *keys: str) -> dict[str, Any]:
    return {" ".join(str(item[key]) for key in keys): item for item in items}


def _changed(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in sorted({*one, *other}) if one.get(name) != other.get(name))
