"""The result as JUnit XML: the decision, each difference and each requirement is a test. What fails the gate fails."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from scanner.gate.outputs import words
from scanner.outputs._findings import unique

__all__ = ["render"]

_TAGS = {"fail": "failure", "incomplete": "error", "failed": "failure", "accepted": "skipped"}


def render(document: Mapping[str, Any]) -> bytes:
    """The XML, in UTF-8."""
    data = words.visible(document)
    differences = data["differences"]
    names = unique(one["rule"] or one["name"] for one in differences)
    cases = [_difference(name, one) for name, one in zip(names, differences, strict=True)]
    checks = [
        _check(name, one) for name, one in zip(unique(c["check"] for c in data["checks"]), data["checks"], strict=True)
    ]
    suites = [_suite("decision", [_decision(data)], data), _suite("differences", cases, data)]
    suites.append(_suite("requirements", checks, data))
    root = ET.Element("testsuites", {"name": "assay gate"})
    root.extend(suites)
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def _suite(name: str, cases: Sequence[ET.Element], data: Mapping[str, Any]) -> ET.Element:
    suite = ET.Element("testsuite", {"name": name, "tests": str(len(cases))})
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(counted, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", "0")
    suite.set("timestamp", data["evaluated_at"].removesuffix("Z"))
    suite.extend(cases)
    return suite


def _decision(data: Mapping[str, Any]) -> ET.Element:
    """The verdict itself: without it a gate that could not compare would show no failing test."""
    case = ET.Element("testcase", {"classname": "assay.gate", "name": "decision", "time": "0"})
    if data["decision"] != "met":
        tag = "failure" if data["decision"] == "not_met" else "error"
        child = ET.SubElement(case, tag, {"message": words.headline(data), "type": data["decision"]})
        child.text = "\n".join((*data["lines"], *data["different"]))
    return case


def _difference(name: str, one: Mapping[str, Any]) -> ET.Element:
    case = ET.Element("testcase", {"classname": f"assay.gate.{one['role']}", "name": name, "time": "0"})
    body = "\n".join((one["title"], *(f"{label}: {text}" for label, text in words.lines(one))))
    message = f"{one['class'].replace('_', ' ')}: {words.changes(one)}: {one['title']}"
    _outcome(case, _TAGS.get(one["action"], ""), message, one["class"], body)
    return case


def _check(name: str, one: Mapping[str, Any]) -> ET.Element:
    case = ET.Element("testcase", {"classname": "assay.gate.requirements", "name": name, "time": "0"})
    tag = "error" if one["state"] == "incomplete" else _TAGS.get(one["state"], "")
    _outcome(case, tag, one["text"], one["check"], one["text"])
    return case


def _outcome(case: ET.Element, tag: str, message: str, kind: str, body: str) -> None:
    if not tag:
        ET.SubElement(case, "system-out").text = body
        return
    attributes = {"message": message} if tag == "skipped" else {"message": message, "type": kind}
    ET.SubElement(case, tag, attributes).text = body
