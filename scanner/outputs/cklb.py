"""STIG checklist (.cklb) as STIG Viewer 3 saves it: opened there by hand, or imported by STIG Manager and eMASS.

DISA publishes no definition. The members are those of files that STIG Viewer 3 saved; importers match a rule by
`rule_id_src` and by the release that `version` and `release_info` name, so both come from the catalog of one pinned
release. A checklist is written only for a STIG that applies to the target's system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from scanner.frameworks.texts import without_texts
from scanner.model.canonical import canonical
from scanner.model.errors import UsageError
from scanner.outputs._controls import Checked, Section, sections_of, wording
from scanner.outputs._findings import Reading, reading_of
from scanner.outputs._identifiers import assessment_digest, identifier
from scanner.outputs._text import visible, visible_tree
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_STATUS = {"pass": "not_a_finding", "fail": "open", "not_applicable": "not_applicable"}
"""Statuses that say something. All others, a part that passed too, stay `not_reviewed`: nobody has shown the whole."""
_SEVERITY = {"critical": "high", "info": "low", "": "medium"}
_MAX_HOST = 255  # STIG Manager refuses more
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(without_texts(assessment))
    named = {visible(name): name for name, about in assessment["summary"].items() if about.get("benchmark")}
    stigs = [section for section in sections_of(assessment, reading) if section.about.id in named]
    applying = [section for section in stigs if section.about.fit != "foreign"]
    if not applying:
        raise _nothing_applies(stigs)
    seed = assessment_digest(assessment)
    checklist = {
        "title": f"{reading.target}: {', '.join(section.about.short for section in applying)}",
        "id": identifier(seed, "cklb"),
        "stigs": [_stig(_benchmark(assessment, named[section.about.id]), section, seed) for section in applying],
        # What STIG Viewer 3 writes for a checklist that is open in its own list.
        "active": True,
        "mode": 2,
        "has_path": False,
        "target_data": _target(reading, _comments(reading, stigs, named, assessment)),
        "cklb_version": "1.0",
    }
    return canonical(checklist) + b"\n"


def _nothing_applies(stigs: Sequence[Section]) -> UsageError:
    if not stigs:
        return UsageError(
            "cklb: the assessment holds no STIG",
            hint="scan with --profile stig; for other frameworks write -o xccdf=… or -o hdf=…",
        )
    about = stigs[0].about
    return UsageError(
        f"cklb: {about.short} does not apply to this target ({about.fit_reason})",
        hint="a checklist is written only for a STIG of the target's system; "
        "DISA has the General Purpose Operating System SRG for others",
    )


def _comments(
    reading: Reading, stigs: Sequence[Section], named: Mapping[str, str], assessment: Mapping[str, Any]
) -> Iterator[str]:
    """What holds for the whole checklist, the most needed first: importers keep the first 255 characters."""
    for section in stigs:
        about, chosen = section.about, len(section.controls)
        if about.fit == "foreign":
            yield f"{about.short} does not apply to this target and is left out."
            continue
        yield f"{about.short} {about.version}, fit {about.fit_words}. {about.fit_note}".rstrip()
        if section.half:
            yield f"{section.half} rules rest on the persistent half (what is configured), not on the running system."
        whole = assessment["summary"][named[about.id]].get("catalog")
        if isinstance(whole, int) and chosen < whole:
            yield f"The profile chose {chosen} of {whole} rules of this STIG; the others are not here."
    yield f"Assessed by {reading.tool} {reading.tool_version} at {reading.time}."
    yield f"Target: {reading.target} ({reading.kind})."
    yield f"facts sha256 {reading.facts_digest}; rules and controls sha256 {reading.content_digest}."
    yield wording(assessment, stigs)
    for reason in reading.reasons:
        yield f"Not complete: {reason}."


def _target(reading: Reading, comments: Iterable[str]) -> dict[str, Any]:
    return {
        "target_type": "Computing",
        "host_name": reading.target[:_MAX_HOST],
        "ip_address": "",
        "mac_address": "",
        "fqdn": "",
        "comments": "\n".join(comments),
        "role": "None",
        "is_web_database": False,
        "technology_area": "",
        "web_db_site": "",
        "web_db_instance": "",
        "classification": None,
    }


def _stig(benchmark: Mapping[str, str], section: Section, seed: str) -> dict[str, Any]:
    title = benchmark["title"]
    short = title.removesuffix(" Security Technical Implementation Guide")
    stig = identifier(seed, "cklb", section.about.id)
    ref = f"{title} :: Version {benchmark['version']}, {benchmark['release_info']}"
    source = f"{short.replace(' ', '_')}_STIG.xml"
    return {
        "stig_name": title,
        "display_name": short,
        "stig_id": benchmark["id"],
        "release_info": benchmark["release_info"],
        "version": benchmark["version"],
        "uuid": stig,
        "reference_identifier": next((one.text.reference for one in section.controls if one.text.reference), ""),
        "size": len(section.controls),
        "rules": [
            {**_rule(one, ref, source), "uuid": identifier(stig, one.id), "stig_uuid": stig, "STIGUuid": stig}
            for one in section.controls
        ],
    }


def _benchmark(assessment: Mapping[str, Any], framework: str) -> dict[str, str]:
    """How the STIG is named: by the release that the rules judge by, whatever texts were supplied."""
    about = visible_tree(assessment["summary"][framework]["benchmark"])
    year, month, day = about["date"].split("-")
    about["release_info"] = f"Release: {about['release']} Benchmark Date: {day} {_MONTHS[int(month) - 1]} {year}"
    return dict(about)


def _rule(one: Checked, ref: str, source: str) -> dict[str, Any]:
    text, props = one.text, one.props
    group = text.group_id or str(props.get("vuln", one.id))
    rule = text.rule_id or str(props.get("rule", one.id))
    srg = text.group_title or ", ".join(props.get("srg", ()))
    return {
        "target_key": None,
        "stig_ref": ref,
        "group_id": group,
        "group_id_src": group,
        "group_title": one.title,
        "group_tree": [{"id": group, "title": srg, "description": "<GroupDescription></GroupDescription>"}],
        "rule_id": rule.removesuffix("_rule"),
        "rule_id_src": rule,
        "rule_version": one.id,
        "rule_title": one.title,
        "weight": text.weight or "10.0",
        "classification": "Unclassified",
        "severity": _SEVERITY.get(one.severity, one.severity),
        "discussion": one.discussion,
        "check_content": one.check,
        "check_content_ref": {"href": text.check_file or source, "name": "M"},
        "fix_text": one.fix,
        "ccis": list(text.ccis or props.get("cci", ())),
        "legacy_ids": list(text.legacy_ids),
        "reference_identifier": text.reference,
        "documentable": text.documentable or "false",
        "false_positives": text.false_positives,
        "false_negatives": text.false_negatives,
        "mitigations": text.mitigations,
        "mitigation_control": text.mitigation_control,
        "potential_impacts": text.potential_impacts,
        "third_party_tools": text.third_party_tools,
        "responsibility": text.responsibility,
        "security_override_guidance": text.severity_override_guidance,
        "ia_controls": text.ia_controls,
        "status": _STATUS.get(one.status, "not_reviewed"),
        "overrides": {},
        "finding_details": one.details,
        "comments": one.comments,
    }


OUTPUT = Output("cklb", "STIG checklist for STIG Viewer 3, STIG Manager and eMASS.", ".cklb", _render)
