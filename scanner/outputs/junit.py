"""JUnit XML, so that a pipeline shows rules as tests. No standard exists; testmoapp/junitxml collects what tools share.

A rule is a test. Nothing that is not known is a plain (passed) test: error and unknown are errors, manual and not
applicable are skipped. A waived failure stays a failure. Controls that no rule judges follow, a suite a framework:
always skipped, with what a person answered.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from scanner.outputs._findings import ControlFinding, Finding, Reading, reading_of, unique
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_OUTCOMES = {"pass": "", "fail": "failure", "error": "error", "unknown": "error"}
"""Status -> element of the test case. Everything else is skipped."""


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    suites = [_rules(reading), *_unjudged(reading)]
    root = ET.Element("testsuites", {"name": f"assay {reading.target}", **_sum(suites)})
    root.extend(suites)
    ET.indent(root, " ")
    body: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def _rules(reading: Reading) -> ET.Element:
    """The results. Where a rule has one instance, its test is called by the rule id: names stay from run to run."""
    several = Counter(one.rule for one in reading.results)
    names = unique(one.rule if several[one.rule] == 1 else one.instance for one in reading.results)
    about = {
        "target": reading.target,
        "target_kind": reading.kind,
        "target_digest": reading.target_digest,
        "facts_digest": reading.facts_digest,
        "content_digest": reading.content_digest,
        "evaluated_at": reading.time,
        "complete": "yes" if reading.complete else f"NO: {'; '.join(reading.reasons)}",
        **{f"profile {one['id']}": f"requires: {one['require']}; fit: {one['fit']}" for one in reading.profiles},
        **{f"fit {name}": about.fit_words for name, about in reading.frameworks.items()},
    }
    cases = [_result(name, one, reading) for name, one in zip(names, reading.results, strict=True)]
    return _suite("rules", about, cases, reading)


def _unjudged(reading: Reading) -> list[ET.Element]:
    """A suite for each framework with the controls that rest on no result, or that a person has answered."""
    found = []
    for framework, about in reading.frameworks.items():
        mine = [one for one in reading.controls if one.framework == framework and (not one.results or one.answered)]
        names = unique(f"{framework} {one.id}" for one in mine)
        cases = [_control(name, one, reading) for name, one in zip(names, mine, strict=True)]
        if cases:
            found.append(_suite(framework, {"title": about.title, "fit": about.fit_words}, cases, reading))
    return found


def _suite(name: str, about: Mapping[str, str], cases: Iterable[ET.Element], reading: Reading) -> ET.Element:
    suite = ET.Element("testsuite", {"name": name})
    _properties(suite, about)
    suite.extend(cases)
    suite.attrib.update(_count(suite))
    # A time zone is what older readers of this field refuse; the instant in UTC stands in the properties.
    suite.attrib.update({"time": "0", "timestamp": reading.time.removesuffix("Z"), "hostname": reading.target})
    return suite


def _count(suite: ET.Element) -> dict[str, str]:
    words = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    counts = {name: sum(case.find(tag) is not None for case in suite.iter("testcase")) for name, tag in words.items()}
    return {name: str(count) for name, count in {"tests": len(suite.findall("testcase")), **counts}.items()}


def _sum(suites: Iterable[ET.Element]) -> dict[str, str]:
    total: Counter[str] = Counter()
    for suite in suites:
        total.update({name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")})
    return {name: str(total[name]) for name in ("tests", "failures", "errors", "skipped")} | {"time": "0"}


def _properties(parent: ET.Element, about: Mapping[str, str]) -> None:
    given = {name: value for name, value in about.items() if value}
    if given:
        holder = ET.SubElement(parent, "properties")
        for name, value in given.items():
            ET.SubElement(holder, "property", {"name": name, "value": value})


def _result(name: str, one: Finding, reading: Reading) -> ET.Element:
    case = _case(f"{reading.target}.{one.area or 'rules'}", name)
    about = {
        "title": one.title,
        "status": one.status,
        "severity": one.severity,
        "half": one.half,
        "instance": one.instance,
        "controls": "; ".join(f"{framework} {control}" for framework, control in one.controls),
        "waiver": one.waiver_words,
        "claim_verdict": one.claim_verdict,
        "evidence_sha256": "; ".join(sorted({place.sha256 for place in one.places if place.sha256})),
    }
    _properties(case, about)
    text = "\n".join((one.title, *one.lines, f"To do: {one.remedy}"))
    tag = _OUTCOMES.get(one.status, "skipped")
    if tag:
        waived = "WAIVED: " if one.waived else "WAIVER EXPIRED: " if one.waiver is not None else ""
        message = f"{waived}{one.status_words}: {one.title}: {one.found}"
        attributes = {"message": message} if tag == "skipped" else {"message": message, "type": _type(one)}
        ET.SubElement(case, tag, attributes).text = text
    else:
        ET.SubElement(case, "system-out").text = text
    return case


def _type(one: Finding) -> str:
    return f"{one.status}.{one.severity}"


def _control(name: str, one: ControlFinding, reading: Reading) -> ET.Element:
    case = _case(f"{reading.target}.{one.framework}", name)
    _properties(
        case, {"title": one.title, "status": one.status, "coverage": one.coverage, "answered": one.answered_words}
    )
    coverage = one.coverage.replace("_", " ")
    words = [
        f"not judged by a rule ({coverage}): {one.status_words}",
        one.answered_words or "nobody answered",
        one.note,
    ]
    ET.SubElement(case, "skipped", {"message": "; ".join(filter(None, words))}).text = one.title
    return case


def _case(classname: str, name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": classname, "name": name, "time": "0"})


OUTPUT = Output("junit", "JUnit XML: rules as tests, for pipelines.", ".xml", _render)
