"""OSCAL assessment-results: one result for each framework, one finding for each control that was judged.

OSCAL knows two states only. Satisfied is a control that passes; everything that is not known is not-satisfied with the
reason `other` and words that say why. Controls that do not apply, or that a person must answer, get no finding: each is
listed as a property of the result and as excluded from the reviewed controls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scanner.frameworks.texts import without_texts
from scanner.model.canonical import canonical
from scanner.outputs._controls import Checked, Section, sections_of, wording
from scanner.outputs._findings import Reading, reading_of
from scanner.outputs._identifiers import assessment_digest, identifier
from scanner.outputs._oscal import (
    Json,
    catalogs,
    control_ids,
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

_STATE = {"pass": ("satisfied", "pass"), "fail": ("not-satisfied", "fail")}
_NO_FINDING = ("not_applicable", "manual")


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(without_texts(assessment))
    sections = sections_of(assessment, reading)
    seed = assessment_digest(assessment)
    plan = identifier(seed, "no-plan")
    document = {
        "uuid": identifier(seed, "assessment-results"),
        "metadata": metadata(reading, f"Assessment of {reading.target}", wording(assessment, sections)),
        "import-ap": {"href": f"#{plan}"},
        "results": [_result(reading, section, identifier(seed, "result", section.about.id)) for section in sections],
        "back-matter": {
            "resources": [
                {
                    "uuid": plan,
                    "title": "No assessment plan",
                    "description": "There is none. The profiles in the metadata say what was assessed.",
                },
                *catalogs(sections, seed).values(),
            ]
        },
    }
    return canonical({"assessment-results": document}) + b"\n"


def _definitions(reading: Reading, tool: str, item: str, platform: str) -> Json:
    return {
        "inventory-items": [inventory_item(reading, item)],
        "assessment-assets": tool_assets(reading, tool, platform),
    }


def _result(reading: Reading, section: Section, uuid: str) -> Json:
    about, controls = section.about, section.controls
    tool, item = identifier(uuid, "tool"), identifier(uuid, "target")
    ids = control_ids(controls)
    results = {result.instance: result for one in controls for result in one.finding.results}
    observed = {name: identifier(uuid, "observation", name) for name in sorted(results)}
    risks = {name: identifier(uuid, "risk", name) for name in observed if results[name].waiver is not None}
    judged = [one for one in controls if one.status not in _NO_FINDING]
    half = sum(bool(result.half) for result in results.values())
    description = [
        f"{len(judged)} of {len(controls)} controls have a finding.",
        f"Fit: {about.fit_words}. {about.fit_note}".rstrip(),
        f"{half} results rest on the persistent half alone (what is configured, not what runs)." if half else "",
    ]
    return without_empty(
        {
            "uuid": uuid,
            "title": line(f"{about.title} {about.version} ({about.fit.replace('_', ' ')}): {reading.target}"),
            "description": " ".join(filter(None, description)),
            "start": reading.time,
            "end": reading.time,
            "props": framework_props(about) + _unassessed(controls),
            "local-definitions": _definitions(reading, tool, item, identifier(uuid, "platform")),
            "reviewed-controls": {"control-selections": [_selection(controls, ids)]},
            "observations": [
                *(observation(results[name], reading, uuid=observed[name], tool=tool, item=item) for name in observed),
                *(_interview(one, uuid, item, reading.time) for one in controls if one.finding.answered),
            ],
            "risks": [
                risk(results[name], uuid=risks[name], status="open", observed=[observed[name]]) for name in risks
            ],
            "findings": [_finding(one, ids[one.id], uuid, observed, risks) for one in judged],
        }
    )


def _unassessed(controls: Sequence[Checked]) -> list[Json]:
    """Every control without a finding, by name: one that does not apply, or that waits for a person."""
    return [
        prop("control-status", one.id, kind=one.status, remarks="\n".join(filter(None, [one.title, one.comments])))
        for one in controls
        if one.status in _NO_FINDING
    ]


def _selection(controls: Sequence[Checked], ids: Mapping[str, str]) -> Json:
    """The controls with a finding; OSCAL wants all or some included, and then the exceptions."""
    judged = [{"control-id": ids[one.id]} for one in controls if one.status not in _NO_FINDING]
    others = [{"control-id": ids[one.id]} for one in controls if one.status in _NO_FINDING]
    return {
        "description": "Controls that were judged; each excluded one stands with its reason in the properties here.",
        **({"include-controls": judged} if judged else {"include-all": {}}),
        **({"exclude-controls": others} if others else {}),
    }


def _finding(one: Checked, control: str, seed: str, observed: Mapping[str, str], risks: Mapping[str, str]) -> Json:
    state, reason = _STATE.get(one.status, ("not-satisfied", "other"))
    names = [result.instance for result in one.finding.results]
    interviews = [_interview_id(seed, one)] if one.finding.answered else []
    nist = "oscal" in one.props
    return without_empty(
        {
            "uuid": identifier(seed, "finding", one.id),
            "title": line(f"{one.id} {one.title}"),
            "description": f"{one.finding.status_words}: {one.title}",
            "props": [
                prop("control-id", one.id),
                prop("control-status", one.id, kind=one.status),
                prop("coverage", one.finding.coverage),
                *([prop("persistent-half", one.finding.half)] if one.finding.half else []),
                *(prop("cci", cci) for cci in one.props.get("cci", ())),
                *(prop(key, one.props[key]) for key in ("vuln", "rule") if key in one.props),
            ],
            "target": {
                "type": "statement-id" if nist else "objective-id",
                "target-id": f"{control}_smt" if nist else control,
                "title": line(one.title),
                "status": {"state": state, "reason": reason, "remarks": _why(one)},
            },
            "related-observations": [
                {"observation-uuid": uuid} for uuid in [*(observed[name] for name in names), *interviews]
            ],
            "related-risks": [{"risk-uuid": risks[name]} for name in names if name in risks],
        }
    )


def _why(one: Checked) -> str:
    words = [one.finding.status_words + "."]
    if one.status not in _STATE:
        words.append("Not shown to be satisfied: this is no failure that was seen.")
    if not one.finding.results:
        words.append("No rule judged this control.")
    return "\n".join(filter(None, [" ".join(words), one.comments]))


def _interview_id(seed: str, one: Checked) -> str:
    return identifier(seed, "interview", one.id)


def _interview(one: Checked, seed: str, item: str, time: str) -> Json:
    """What a person answered. It changes no state: the reader weighs it."""
    answered = one.finding.answered
    assert answered is not None
    return without_empty(
        {
            "uuid": _interview_id(seed, one),
            "title": line(f"Answer to {one.id}"),
            "description": one.finding.answered_words,
            "props": [
                prop("control-id", one.id),
                prop("answered-by", answered["by"]),
                prop("answered-on", answered["date"]),
                prop("verdict", answered["verdict"], kind="holds" if answered["holds"] else "no-longer-holds"),
            ],
            "methods": ["INTERVIEW"],
            "types": ["control-objective"],
            "subjects": [{"subject-uuid": item, "type": "inventory-item"}],
            "relevant-evidence": [
                {"description": line(paper["name"]), "props": [prop("sha256", paper["sha256"])]}
                for paper in answered["evidence"]
            ],
            "collected": time,
        }
    )


OUTPUT = Output("oscal", "OSCAL assessment-results, for GRC tools.", ".json", _render)
