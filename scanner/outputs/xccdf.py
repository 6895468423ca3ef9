"""XCCDF 1.2 (NIST IR 7275 revision 4): a Benchmark with a group for each framework, one TestResult over all of them.

`oscap xccdf validate` and `oscap xccdf generate report` read it, and STIG Manager. One TestResult, as these readers
take one of a file and leave the rest; each framework has its own group and its own score. A rule is a control, so
every control is there, assessed or not. STIG rules carry DISA's own rule ids, by which checklists find them.

A waiver is no `override`: an override says that a result was changed, which a waiver never does, and the Schematron of
oscap refuses a file in which one rule-result has an override and another has not. It stands in the message and, for
machines, in the metadata of its rule-result.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.frameworks.texts import without_texts
from scanner.outputs._controls import Checked, Section, sections_of, wording
from scanner.outputs._findings import Reading, reading_of
from scanner.outputs._identifiers import assessment_digest, identifier, token, tokens
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_XCCDF = "http://checklists.nist.gov/xccdf/1.2"
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_CCI = "http://cyber.mil/cci"
_OURS = "urn:assay:xccdf"
_CHECKS = "urn:assay:rules"
_BENCHMARK = "xccdf_assay_benchmark_assessment"
_PROFILE = "xccdf_assay_profile_assessment"
_RESULT = {"pass": "pass", "fail": "fail", "error": "error", "not_applicable": "notapplicable", "manual": "notchecked"}
"""A part that passed is `unknown`, as everything not named here: the whole control was not shown."""
_SEVERITY = {"critical": "high", "": "unknown"}
_MESSAGE = {"pass": "info", "notapplicable": "info", "notchecked": "info", "fail": "error"}
_SCORED = ("pass", "fail", "error", "unknown")
_IDENTITY = ("host_name", "os_id", "os_version", "os_name", "image_version", "variant_id", "arch", "platform")
_REGISTERED = ("host_name", "os_name", "os_version")


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(without_texts(assessment))
    sections = sections_of(assessment, reading)
    named = tokens(section.about.id for section in sections)
    ids = _rule_ids(sections)
    root = ET.Element("Benchmark", {"xmlns": _XCCDF, "id": _BENCHMARK, "resolved": "true", "xml:lang": "en"})
    ET.SubElement(root, "status", date=reading.time[:10]).text = "draft"
    _add(root, "title", f"Assessment of {reading.target} by {_names(sections)}")
    _add(root, "description", "\n".join(_description(reading, sections, wording(assessment, sections))))
    _add(root, "version", identifier(assessment_digest(assessment), "xccdf"))
    metadata = ET.SubElement(root, "metadata")
    _add(metadata, "dc:creator", f"{reading.tool} {reading.tool_version}", **{"xmlns:dc": _DUBLIN_CORE})
    profile = ET.SubElement(root, "Profile", id=_PROFILE)
    _add(profile, "title", _names(sections))
    for section in sections:
        ET.SubElement(profile, "select", idref=f"xccdf_assay_group_{named[section.about.id]}", selected="true")
    for section in sections:
        _group(root, section, f"xccdf_assay_group_{named[section.about.id]}", ids[section.about.id])
    _test_result(root, reading, sections, ids)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text + b"\n"


def _add(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _names(sections: Sequence[Section]) -> str:
    return ", ".join(section.about.short for section in sections)


def _description(reading: Reading, sections: Sequence[Section], words: str) -> Iterator[str]:
    yield f"Assessed by {reading.tool} {reading.tool_version} at {reading.time}."
    for section in sections:
        yield f"{section.about.short}: fit {section.about.fit_words}."
    yield f"Rules and controls: sha256 {reading.content_digest}."
    yield words
    for reason in reading.reasons:
        yield f"Not complete: {reason}."


# ---- the benchmark -------------------------------------------------------------------------------------------------


def _rule_ids(sections: Sequence[Section]) -> dict[str, dict[str, str]]:
    """Framework -> control id -> XCCDF rule id: DISA's own for a STIG rule, unless it is taken, else ours."""
    found: dict[str, dict[str, str]] = {}
    taken: set[str] = set()
    for section in sections:
        framework, short = token(section.about.id), tokens(one.id for one in section.controls)
        mine = found[section.about.id] = {}
        for one in section.controls:
            given = str(one.text.rule_id or one.props.get("rule") or "")
            disa = bool(given) and token(given) == given and given not in taken
            taken.add(given)
            own = f"xccdf_assay_rule_{framework}-{short[one.id]}"
            mine[one.id] = f"xccdf_mil.disa.stig_rule_{given}" if disa else own
    return found


def _group(root: ET.Element, section: Section, group_id: str, ids: Mapping[str, str]) -> None:
    group = ET.SubElement(root, "Group", id=group_id)
    _add(group, "title", f"{section.about.title} {section.about.version}")
    _add(group, "description", "\n".join(_about(section)))
    for one in section.controls:
        _rule(group, one, ids[one.id])


def _about(section: Section) -> Iterator[str]:
    about = section.about
    yield f"Fit of the framework to the target: {about.fit_words}. {about.fit_note}".rstrip()
    yield f"{about.rules_judged} of {about.rules_selected} selected rules got a real verdict (pass or fail)."
    if section.half:
        yield f"{section.half} results rest on the persistent half alone (what is configured, not what runs)."
    outside = len(section.controls) - len(_scored(section))
    if outside:
        yield f"The score leaves out {outside} controls that do not apply or that a person must answer."


def _rule(group: ET.Element, one: Checked, rule_id: str) -> None:
    rule = ET.SubElement(group, "Rule", id=rule_id, severity=_severity(one), weight="10.0", selected="true")
    _add(rule, "version", one.id)
    _add(rule, "title", f"{one.id} {one.title}")
    if one.discussion:
        _add(rule, "description", one.discussion)
    _idents(rule, one)
    if one.fix:
        _add(rule, "fixtext", one.fix)
    if one.text.check:
        _add(ET.SubElement(rule, "check", system=_CHECKS), "check-content", one.text.check)
    else:
        _checks(rule, one)


def _severity(one: Checked) -> str:
    return _SEVERITY.get(one.severity, one.severity)


def _idents(parent: ET.Element, one: Checked) -> None:
    for cci in one.props.get("cci", ()):
        _add(parent, "ident", cci, system=_CCI)
    for control in one.props.get("nist", ()):
        _add(parent, "ident", control, system="urn:nist:sp800-53:rev5")


def _checks(parent: ET.Element, one: Checked) -> None:
    """The rule instances behind a control; without any, a check that names none."""
    check = ET.SubElement(parent, "check", system=_CHECKS)
    names = " ".join(result.instance for result in one.finding.results)
    if names:
        ET.SubElement(check, "check-content-ref", href="urn:assay:assessment", name=names)


# ---- results -------------------------------------------------------------------------------------------------------


def _test_result(
    root: ET.Element, reading: Reading, sections: Sequence[Section], ids: Mapping[str, Mapping[str, str]]
) -> None:
    version = token(reading.tool_version).strip("_")
    result = ET.SubElement(
        root,
        "TestResult",
        {
            "id": "xccdf_assay_testresult_assessment",
            "end-time": reading.time,
            "test-system": f"cpe:/a:assay:assay:{version}",
        },
    )
    ET.SubElement(result, "benchmark", href=f"#{_BENCHMARK}", id=_BENCHMARK)
    _add(result, "title", f"{reading.target}: {_names(sections)}")
    ET.SubElement(result, "profile", idref=_PROFILE)
    _add(result, "target", reading.target)
    facts = ET.SubElement(result, "target-facts")
    for name, value in _facts(reading):
        _add(facts, "fact", value, name=name, type="string")
    for section in sections:
        for one in section.controls:
            _rule_result(result, one, ids[section.about.id][one.id], reading.time)
    for section in sections:
        _score(result, section)


def _facts(reading: Reading) -> Iterator[tuple[str, str]]:
    for key in _IDENTITY:
        if reading.identity.get(key):
            space = "urn:xccdf:fact:asset:identifier" if key in _REGISTERED else "urn:assay:fact"
            yield f"{space}:{key}", str(reading.identity[key])
    yield "urn:assay:fact:kind", reading.kind
    yield "urn:assay:fact:facts_sha256", reading.facts_digest
    if reading.target_digest:
        yield "urn:assay:fact:target_sha256", reading.target_digest


def _rule_result(parent: ET.Element, one: Checked, rule_id: str, time: str) -> None:
    outcome = _outcome(one)
    result = ET.SubElement(parent, "rule-result", idref=rule_id, time=time, severity=_severity(one), weight="10.0")
    _add(result, "result", outcome)
    _idents(result, one)
    _waivers(result, one)
    text = "\n".join(part for part in (one.details, one.comments) if part)
    _add(result, "message", text, severity=_MESSAGE.get(outcome, "warning"))
    _checks(result, one)


def _outcome(one: Checked) -> str:
    return _RESULT.get(one.status, "unknown")


def _waivers(parent: ET.Element, one: Checked) -> None:
    waived = [result for result in one.finding.results if result.waiver]
    metadata = ET.SubElement(parent, "metadata") if waived else parent
    for result in waived:
        given: Mapping[str, Any] = result.waiver or {}
        words = {key: str(given[key]) for key in ("id", "owner", "approver", "ticket", "expires") if given.get(key)}
        state = {"instance": result.instance, "expired": "false" if result.waived else "true"}
        _add(metadata, "assay:waiver", str(given["reason"]), **{"xmlns:assay": _OURS}, **words, **state)


def _scored(section: Section) -> list[str]:
    return [outcome for outcome in map(_outcome, section.controls) if outcome in _SCORED]


def _score(result: ET.Element, section: Section) -> None:
    """The flat unweighted model of the specification for one framework: an unknown or an error counts as no pass."""
    scored = _scored(section)
    system = f"urn:assay:scoring:flat-unweighted:{token(section.about.id)}"
    _add(result, "score", f"{scored.count('pass')}.0", system=system, maximum=f"{len(scored)}.0")


OUTPUT = Output("xccdf", "XCCDF 1.2 Benchmark with its TestResult, for SCAP tools.", ".xml", _render)
