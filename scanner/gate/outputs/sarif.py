"""The result as SARIF 2.1.0: what fails the gate or is shown. What is accepted is suppressed (§3.35), not left out.

It keeps GitHub's rules too: a location with all four numbers that is no path of the target, texts of 1,024 characters
at most, a help text, a fingerprint. Source: GitHub documentation, "SARIF support for code scanning".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from scanner.gate.classes import CLASSES
from scanner.gate.outputs import words
from scanner.model.canonical import canonical
from scanner.outputs._sarif import SCHEMA, TARGET_BASE, level, message, uri

__all__ = ["render"]

_MAX_TEXT = 1024
_STATES = {"failed": "error", "incomplete": "error", "warning": "note"}
_HELP = "The rule with its remedy: assay rules show RULE. What a class means: docs/gate.md."
_POLICY = "gate.yaml"
"""Where a requirement is said to stand: no path of this machine goes into a file that is shown elsewhere."""


def render(document: Mapping[str, Any]) -> bytes:
    """The log, canonical."""
    data = words.visible(document)
    results = [_difference(one) for one in words.shown(data)] + [_check(one) for one in words.broken(data)]
    if data["decision"] == "different":
        results.append(_result("gate-different", "error", data["sentence"], _POLICY, "different"))
    names = sorted({one["ruleId"] for one in results})
    numbers = {name: index for index, name in enumerate(names)}
    for one in results:
        one["ruleIndex"] = numbers[one["ruleId"]]
    titles = {one["rule"] or one["name"]: one["title"] for one in data["differences"]}
    driver = {
        "name": "Assay gate",
        "version": data["tool"]["version"],
        "rules": [_rule(name, titles.get(name, "")) for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"assay-gate/{data['evaluated_at']}"},
        "originalUriBaseIds": {TARGET_BASE: {"description": {"text": "The root of the inspected system."}}},
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {"decision": data["decision"], "sentence": data["sentence"], "lines": data["lines"]},
    }
    return canonical({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + b"\n"


def _rule(name: str, title: str) -> dict[str, Any]:
    text = message(title[:_MAX_TEXT].strip() or f"Requirement of the gate: {name.removeprefix('gate-')}")
    return {
        "id": name,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": _HELP},
    }


def _difference(one: Mapping[str, Any]) -> dict[str, Any]:
    severe = level(one["severity"]) if one["action"] in ("fail", "incomplete", "accepted") else "note"
    lines = [f"{label}: {text}" for label, text in words.lines(one)]
    head = f"{one['title']} ({one['class'].replace('_', ' ')}: {words.changes(one)}). {CLASSES[one['class']]}."
    name = one["rule"] or one["name"]
    where = f"rules/{one['rule']}.yaml" if one["rule"] else _POLICY
    found = _result(name, severe, "\n".join((head, *lines)), where, one["role"], one["name"], one["class"])
    if one["places"]:
        found["relatedLocations"] = [{"id": index, **_place(place)} for index, place in enumerate(one["places"], 1)]
    found["properties"] = {key: one[key] for key in ("class", "action", "severity", "before", "after", "controls")}
    if one["action"] == "accepted":
        text = dict(words.lines(one)).get("waiver", "")
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": text}]
    return found


def _place(place: str) -> dict[str, Any]:
    """Evidence on the target, as `path:line`."""
    path, colon, line = place.rpartition(":")
    numbered = bool(colon) and line.isascii() and line.isdigit() and 0 < int(line[:9]) < 2**31
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(path if numbered else place), "uriBaseId": TARGET_BASE}}
    if numbered:
        physical["region"] = {"startLine": int(line[:9])}
    return {"physicalLocation": physical, "message": {"text": message(place)}}


def _check(one: Mapping[str, Any]) -> dict[str, Any]:
    return _result(f"gate-{one['check']}", _STATES[one["state"]], one["text"], _POLICY, one["text"])


def _result(name: str, severe: str, text: str, where: str, *identity: str) -> dict[str, Any]:
    region = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    return {
        "ruleId": name,
        "kind": "fail",
        "level": severe,
        "message": {"text": message(text)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(where)}, "region": region}}],
        "partialFingerprints": {
            "primaryLocationLineHash": hashlib.sha256("\0".join((name, *identity)).encode()).hexdigest()
        },
    }
