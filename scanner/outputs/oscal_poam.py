"""OSCAL plan of action and milestones: what is open, one item each, for those who follow it up.

Items are the results that fail (with the status of their waiver), those nobody could judge (risk `investigating`: what
is not known is neither a weakness nor a strength), and for each framework the controls that wait for a person or rule.
The id of an item holds for this target as long as the rule instance does: the next plan names it the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.frameworks.texts import without_texts
from scanner.model.canonical import canonical
from scanner.outputs._controls import Checked, Section, sections_of, wording
from scanner.outputs._findings import Finding, Reading, reading_of
from scanner.outputs._identifiers import assessment_digest, identifier, target_name
from scanner.outputs._oscal import (
    Json,
    catalogs,
    framework_props,
    inventory_item,
    line,
    metadata,
    observation,
    prop,
    risk,
    tool_assets,
    without_empty,
)
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_RISK = {"fail": "open", "error": "investigating", "unknown": "investigating"}
_WORDS = {"fail": "Fails", "error": "Could not be read", "unknown": "Not known"}
_SHOWN = ("pass", "not_applicable")


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(without_texts(assessment))
    sections = sections_of(assessment, reading)
    target, seed = target_name(assessment), assessment_digest(assessment)
    tool, item = identifier(seed, "poam", "tool"), identifier(target, "target")
    # The manual ones stand with their controls; one that serves no control has none to stand with.
    listed = [one for one in reading.results if one.status in _RISK]
    observed = {one.instance: identifier(seed, "poam", "observation", one.instance) for one in listed}
    document = without_empty(
        {
            "uuid": identifier(seed, "poam"),
            "metadata": metadata(reading, f"Plan of action: {reading.target}", wording(assessment, sections)),
            "system-id": {"identifier-type": "urn:assay:target", "id": identifier(target)},
            "local-definitions": {
                "inventory-items": [inventory_item(reading, item)],
                "assessment-assets": tool_assets(reading, tool, identifier(seed, "poam", "platform")),
            },
            "observations": [
                observation(one, reading, uuid=observed[one.instance], tool=tool, item=item) for one in listed
            ],
            "risks": [
                risk(
                    one,
                    uuid=identifier(target, "risk", one.instance),
                    status=_RISK[one.status],
                    observed=[observed[one.instance]],
                    remedy=identifier(target, "remedy", one.instance),
                )
                for one in listed
            ],
            "poam-items": [
                *(_item(one, target, observed[one.instance]) for one in listed),
                *(item for section in sections for item in _waiting(section, target)),
            ]
            or [_nothing_open(reading, target)],
            "back-matter": {"resources": list(catalogs(sections, seed).values())},
        }
    )
    return canonical({"plan-of-action-and-milestones": document}) + b"\n"


def _item(one: Finding, target: str, observed: str) -> Json:
    state = [prop("half", one.half, remarks=one.half_words)] if one.half else []
    return {
        "uuid": identifier(target, "item", one.instance),
        "title": line(f"{_WORDS[one.status]}: {one.title}"),
        "description": "\n".join(one.lines),
        "props": [
            prop("rule", one.rule),
            prop("instance", one.instance),
            prop("status", one.status),
            prop("severity", one.severity),
            *state,
            *(prop("control-id", control, kind=framework) for framework, control in one.controls),
        ],
        "related-observations": [{"observation-uuid": observed}],
        "related-risks": [{"risk-uuid": identifier(target, "risk", one.instance)}],
    }


def _waiting(section: Section, target: str) -> Iterator[Json]:
    """Controls that no rule decides: one item each where a person said `not met`, and one for all that wait."""
    about, waiting = section.about, []
    for one in section.controls:
        answered = one.finding.answered
        if answered and answered["holds"] and answered["verdict"] == "not_met":
            yield _not_met(one, target)
        elif _waits(one):
            waiting.append(one)
    if waiting:
        yield {
            "uuid": identifier(target, "waiting", about.id),
            "title": line(f"{about.short}: {len(waiting)} controls that no rule decided and no person answered"),
            "description": f"Nobody has shown these controls of {about.title}; each stands in the properties.",
            "props": framework_props(about) + [_property(one) for one in waiting],
        }


def _waits(one: Checked) -> bool:
    """Whether something is left that neither a rule shows nor a valid answer covers."""
    if one.finding.answered and one.finding.answered["holds"]:
        return False
    decided = one.status in _SHOWN or any(result.status in _RISK for result in one.finding.results)
    return not decided


def _property(one: Checked) -> Json:
    words = [one.title, one.finding.note, one.finding.answered_words]
    return prop("control-id", one.id, kind=one.status, remarks="\n".join(filter(None, words)))


def _not_met(one: Checked, target: str) -> Json:
    return {
        "uuid": identifier(target, "answer", one.about.id, one.id),
        "title": line(f"Not met, says a person: {one.about.short} {one.id} {one.title}"),
        "description": one.finding.answered_words,
        "props": [prop("control-id", one.id, kind=one.about.id), prop("status", one.status)],
    }


def _nothing_open(reading: Reading, target: str) -> Json:
    """OSCAL wants an item; this one says that there is none."""
    return {
        "uuid": identifier(target, "nothing-open"),
        "title": "Nothing is open",
        "description": f"Each of {len(reading.results)} results passes or does not apply; no control waits.",
    }


OUTPUT = Output("oscal-poam", "OSCAL plan of action and milestones: what is open.", ".json", _render)
