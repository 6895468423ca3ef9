"""OSCAL component-definition: what the target implements, as far as this assessment has shown it.

A system security plan takes requirements over from here as implemented. So only controls that pass are listed, and
those of which a part passes, marked `partial`; every other control stands, with its status, in the properties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scanner.frameworks.texts import without_texts
from scanner.model.canonical import canonical
from scanner.outputs._controls import Checked, Section, sections_of, wording
from scanner.outputs._findings import reading_of
from scanner.outputs._identifiers import assessment_digest, identifier, target_name
from scanner.outputs._oscal import (
    Json,
    catalogs,
    control_ids,
    framework_props,
    inventory_item,
    line,
    metadata,
    prop,
    without_empty,
)
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_IMPLEMENTED = {"pass": "implemented", "pass_in_part": "partial"}


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(without_texts(assessment))
    sections = sections_of(assessment, reading)
    target, seed = target_name(assessment), assessment_digest(assessment)
    resources = catalogs(sections, seed)
    shown = [section for section in sections if any(one.status in _IMPLEMENTED for one in section.controls)]
    item = inventory_item(reading, identifier(target, "component"))
    document = {
        "uuid": identifier(seed, "component-definition"),
        "metadata": metadata(reading, f"Component definition: {reading.target}", wording(assessment, sections)),
        "components": [
            without_empty(
                {
                    "uuid": item["uuid"],
                    "type": "software",
                    "title": line(reading.target),
                    "description": f"{item['description']}, as assessed at {reading.time}.",
                    "props": item["props"]
                    + [one for section in sections for one in _not_shown(section, section in shown)],
                    "control-implementations": [
                        _implementation(section, resources[section.about.id]["uuid"], target) for section in shown
                    ],
                }
            ),
            {
                "uuid": identifier(target, "validation"),
                "type": "validation",
                "title": line(f"{reading.tool} {reading.tool_version}"),
                "description": "The scanner whose rules showed what is listed here.",
                "props": [prop("content-sha256", reading.content_digest)],
            },
        ],
        "back-matter": {"resources": list(resources.values())},
    }
    return canonical({"component-definition": document}) + b"\n"


def _not_shown(section: Section, implemented: bool) -> Sequence[Json]:
    """The properties of a framework of which nothing was shown: there is no implementation that could hold them."""
    return [] if implemented else [*framework_props(section.about), *map(_open, _others(section))]


def _others(section: Section) -> list[Checked]:
    return [one for one in section.controls if one.status not in _IMPLEMENTED]


def _open(one: Checked) -> Json:
    waivers = [result.waiver_words for result in one.finding.results if result.waiver]
    words = [
        one.title,
        f"Not shown to be implemented: {one.finding.status_words}.",
        one.finding.answered_words,
        *waivers,
    ]
    return prop("control-status", one.id, kind=one.status, remarks="\n".join(filter(None, words)))


def _implementation(section: Section, source: str, target: str) -> Json:
    about = section.about
    ids = control_ids(section.controls)
    implemented = [one for one in section.controls if one.status in _IMPLEMENTED]
    half = f" {section.half} controls rest on the persistent half alone." if section.half else ""
    return {
        "uuid": identifier(target, "implementation", about.id),
        "source": f"#{source}",
        "description": f"{about.title} {about.version}; fit {about.fit_words}. {about.fit_note}".rstrip()
        + f" {len(implemented)} of {len(section.controls)} controls were shown, in whole or in part.{half}",
        "props": [*framework_props(about), *map(_open, _others(section))],
        "implemented-requirements": [_requirement(one, ids[one.id], target) for one in implemented],
    }


def _requirement(one: Checked, control: str, target: str) -> Json:
    return {
        "uuid": identifier(target, "requirement", one.about.id, one.id),
        "control-id": control,
        "description": "\n".join(filter(None, [one.title, one.details, one.comments])),
        "props": [
            {"name": "implementation-status", "value": _IMPLEMENTED[one.status]},
            prop("control-id", one.id),
            prop("control-status", one.id, kind=one.status),
            prop("coverage", one.finding.coverage),
            *([prop("persistent-half", one.finding.half)] if one.finding.half else []),
            *(prop("rule", result.instance) for result in one.finding.results),
        ],
    }


OUTPUT = Output("oscal-component", "OSCAL component-definition: what was shown to be implemented.", ".json", _render)
