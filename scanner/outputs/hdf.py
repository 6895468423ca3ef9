"""HDF (Heimdall Data Format, the InSpec ExecJSON of MITRE's SAF): one profile for each framework, one control each.

Heimdall works a control's status out of its results: any error is Profile Error, else any failed is Failed, else any
passed is Passed, and only then does skipped count. A pass beside an unknown would read as Passed there. So what it
works out is held to our roll-up: where the control is no pass, passing parts are written as skipped, with words on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.frameworks.texts import without_texts
from scanner.model.canonical import canonical
from scanner.outputs._controls import Checked, Section, sections_of, wording
from scanner.outputs._findings import Finding, Reading, reading_of
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_IMPACT = {"critical": 0.9, "high": 0.7, "medium": 0.5, "low": 0.3, "info": 0.1, "": 0.5}
"""An impact of 0 reads as Not Applicable, so `info` is 0.1."""
_HOLDS = {"pass": ("pass", "fail", "error"), "fail": ("pass", "fail"), "error": ("pass", "fail", "error")}
"""Control status -> the result statuses that may stand as they are without changing what Heimdall works out."""
_STATUS = {"pass": "passed", "fail": "failed", "error": "error"}
_ATTESTED = {"met": "passed", "not_met": "failed"}


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(without_texts(assessment))
    sections = sections_of(assessment, reading)
    report = {
        "platform": {
            "name": str(reading.identity.get("os_id") or reading.target),
            "release": str(reading.identity.get("os_version") or ""),
            "target_id": reading.target,
        },
        "version": reading.tool_version,
        "statistics": {"controls": _statistics([one for section in sections for one in section.controls])},
        "profiles": [_profile(reading, section, wording(assessment, [section])) for section in sections],
        "passthrough": {
            "tool": reading.tool,
            "evaluated_at": reading.time,
            "target_sha256": reading.target_digest,
            "facts_sha256": reading.facts_digest,
            "content_sha256": reading.content_digest,
            "complete": reading.complete,
            "reasons": list(reading.reasons),
        },
    }
    return canonical(report) + b"\n"


def _statistics(controls: Sequence[Checked]) -> dict[str, dict[str, int]]:
    statuses = [one.status for one in controls]
    passed, failed = statuses.count("pass"), statuses.count("fail")
    counted = {"passed": passed, "failed": failed, "skipped": len(statuses) - passed - failed}
    return {word: {"total": total} for word, total in counted.items()}


def _profile(reading: Reading, section: Section, words: str) -> dict[str, Any]:
    about, half = section.about, section.half
    summary = [
        f"Fit: {about.fit_words}. {about.fit_note}".rstrip(),
        f"{about.rules_judged} of {about.rules_selected} selected rules got a real verdict.",
        f"{half} controls rest on the persistent half alone (what is configured, not what runs)." if half else "",
        words,
    ]
    return {
        "name": about.id,
        "title": f"{about.title} ({about.fit.replace('_', ' ')})" if about.fit != "exact" else about.title,
        "version": about.version,
        "summary": " ".join(line for line in summary if line),
        "sha256": reading.content_digest,
        "supports": [],
        "attributes": [],
        "groups": [],
        "status": "loaded",
        "controls": [_control(reading, one) for one in section.controls],
    }


def _control(reading: Reading, one: Checked) -> dict[str, Any]:
    control = {
        "id": one.id,
        "title": one.title,
        "desc": _description(one),
        "descriptions": [
            {"label": label, "data": data}
            for label, data in (("check", one.check), ("fix", one.fix), ("rationale", one.discussion))
            if data
        ],
        "impact": 0 if one.status == "not_applicable" else _IMPACT[one.severity],
        "refs": [],
        "tags": _tags(one),
        "code": "\n".join(result.instance for result in one.finding.results),
        "source_location": {"ref": one.about.id, "line": 0},
        "results": list(_results(one, reading.time)),
    }
    waived = [result for result in one.finding.results if result.waived]
    if waived:
        control["waiver_data"] = _waiver(waived)
    answered = one.finding.answered
    if answered and answered["holds"] and answered["verdict"] in _ATTESTED:
        control["attestation_data"] = {
            "control_id": one.id,
            "explanation": one.finding.answered_words,
            "frequency": f"holds until {answered['valid_until']}",
            "status": _ATTESTED[answered["verdict"]],
            "updated": answered["date"],
            "updated_by": answered["by"],
        }
    return control


def _description(one: Checked) -> str:
    """Heimdall shows this as the reason of a control that does not apply: then what was found comes first."""
    parts = [one.details, one.comments] if one.status == "not_applicable" else [one.discussion, one.comments]
    return "\n".join(part for part in parts if part)


def _tags(one: Checked) -> dict[str, Any]:
    props, finding = one.props, one.finding
    tags: dict[str, Any] = {
        "severity": one.severity or "medium",
        "nist": list(props.get("nist") or ([one.id] if "oscal" in props else [])),
        "assay": {
            "framework": one.about.id,
            "fit": one.about.fit,
            "status": one.status,
            "coverage": finding.coverage,
            "persistent_half": [result.instance for result in finding.results if result.half],
            "results": {result.instance: result.status for result in finding.results},
            "answered": finding.answered,
        },
    }
    named = {
        "cci": list(props.get("cci", ())),
        "gtitle": ", ".join(props.get("srg", ())),
        "gid": props.get("vuln"),
        "rid": one.text.rule_id or props.get("rule"),
        "stig_id": one.id if props.get("vuln") else None,
    }
    return tags | {key: value for key, value in named.items() if value}


# ---- results -------------------------------------------------------------------------------------------------------


def _results(one: Checked, time: str) -> Iterator[dict[str, Any]]:
    for result in one.finding.results:
        yield _result(one, result, time)
    if not one.finding.results:
        status = _STATUS.get(one.status, "skipped") if one.status != "pass" else "skipped"
        text = "\n".join(part for part in (one.details, one.comments) if part)
        said = {"skip_message": text} if status == "skipped" else {"message": text}
        yield {"code_desc": f"{one.id} {one.finding.title}", "start_time": time, "status": status, **said}


def _result(one: Checked, result: Finding, time: str) -> dict[str, Any]:
    text = "\n".join(result.lines)
    written: dict[str, Any] = {
        "code_desc": f"{result.instance}: {result.title}",
        "start_time": time,
        "resource": result.instance,
    }
    if result.status in _HOLDS.get(one.status, ("fail", "error")):
        return written | {"status": _STATUS[result.status], "message": text}
    if result.status in _STATUS:
        text = f"This part: {result.status_words}; the control: {one.finding.status_words}.\n{text}"
    return written | {"status": "skipped", "skip_message": text}


def _waiver(waived: Sequence[Finding]) -> dict[str, Any]:
    """`skipped_due_to_waiver` true would show the failure as Not Applicable: a waiver never changes a status."""
    waivers = [result.waiver for result in waived if result.waiver is not None]
    return {
        "expiration_date": min(str(waiver["expires"]) for waiver in waivers),
        "justification": "\n".join(dict.fromkeys(result.waiver_words for result in waived)),
        "message": f"accepted for {', '.join(result.instance for result in waived)}; the status stays as it is",
        "run": True,
        "skipped_due_to_waiver": False,
    }


OUTPUT = Output("hdf", "Heimdall Data Format, for Heimdall and the SAF tools.", ".json", _render)
