"""SARIF for GitHub code scanning: failures only, inside GitHub's limits.

GitHub ignores `kind`, so a pass would show as an alert; and an upload without alerts reads as "all is well", so one
more alert says what has no verdict. Source of the limits and of the fields that must be there: GitHub documentation,
"SARIF support for code scanning".
"""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scanner.model.canonical import canonical
from scanner.outputs._findings import NOT_KNOWN, Finding, Reading, reading_of
from scanner.outputs._markdown import escaped
from scanner.outputs._sarif import (
    SCHEMA,
    TARGET_BASE,
    automation_id,
    device_location,
    driver,
    level,
    message,
    result_properties,
    rule_index,
    rule_properties,
    suppressions,
    uri,
)
from scanner.outputs._words import SEVERITIES, STATUS_WORDS, number
from scanner.outputs.base import Output

__all__ = ["MAX_GZIP", "MAX_RESULTS", "NOT_JUDGED", "OUTPUT"]

MAX_RESULTS = 25_000
MAX_GZIP = 10_000_000
_MAX_TEXT = 1024
_MAX_TAGS = 10
_MAX_RELATED = 100

NOT_JUDGED = "assay-not-judged"
"""Rule of the one alert that is no failure of the target: part of the assessment has no verdict."""


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    failures = sorted(reading.failures(), key=lambda one: (SEVERITIES.index(one.severity), one.instance))
    kept = failures[: MAX_RESULTS - 1]
    data = _log(reading, kept, len(failures))
    while len(data) > MAX_GZIP and len(gzip.compress(data, mtime=0)) > MAX_GZIP:
        kept = kept[: len(kept) // 2]
        data = _log(reading, kept, len(failures))
    return data


def _log(reading: Reading, kept: Sequence[Finding], failed: int) -> bytes:
    rules = rule_index(kept)
    numbers = {name: index for index, name in enumerate(rules)}
    listed = [_rule(one) for one in rules.values()]
    results = [_result(one, numbers, reading) for one in kept]
    if gap := _gap(reading, failed - len(kept)):
        listed.append(_gap_rule())
        results.append(_gap_result(gap, len(numbers), reading))
    run = {
        "tool": {"driver": driver(reading, listed)},
        "automationDetails": {"id": automation_id(reading)},
        "originalUriBaseIds": {TARGET_BASE: {"description": {"text": "The root of the inspected system."}}},
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {"factsDigest": reading.facts_digest, "fit": reading.fit_words},
    }
    return canonical({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + b"\n"


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def _rule(one: Finding) -> dict[str, Any]:
    title = one.title or one.rule
    tags = ["security", "compliance", *filter(None, [one.area]), *sorted({framework for framework, _ in one.controls})]
    return {
        "id": one.rule,
        "shortDescription": {"text": message(_short(title))},
        "fullDescription": {"text": message(_short(one.rationale or title))},
        "help": {
            "text": message("\n".join((one.remedy or title, *one.commands, *one.references))),
            "markdown": _help(one, title),
        },
        "defaultConfiguration": {"level": level(one.severity)},
        "properties": rule_properties(one, tags[:_MAX_TAGS]),
    }


def _help(one: Finding, title: str) -> str:
    parts = [f"**{escaped(title)}**", escaped(one.rationale), escaped(one.remedy)]
    parts += [f"- {escaped(text)}" for text in (*one.commands, *one.references)]
    return "\n\n".join(filter(None, parts))


def _result(one: Finding, numbers: Mapping[str, int], reading: Reading) -> dict[str, Any]:
    found = {
        "ruleId": one.rule,
        "ruleIndex": numbers[one.rule],
        "kind": "fail",
        "level": level(one.severity),
        # The first sentence is all that GitHub shows of a message in a list.
        "message": {"text": message("\n".join((f"{one.title or one.rule} ({_mark(one)}).", *one.lines)))},
        "locations": [_deciding(f"rules/{one.area}/{one.rule}.yaml" if one.area else f"rules/{one.rule}.yaml")],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(reading.target, one.instance)},
        "properties": result_properties(one),
    }
    if one.places:
        found["relatedLocations"] = [
            {"id": index, **device_location(place)} for index, place in enumerate(one.places[:_MAX_RELATED], 1)
        ]
    if suppressed := suppressions(one):
        found["suppressions"] = suppressed
    return found


def _mark(one: Finding) -> str:
    return "fail, waived" if one.waived else "fail, waiver expired" if one.waiver is not None else "fail"


def _deciding(path: str) -> dict[str, Any]:
    """The file of the repository that decides: a path on the device is no file of it. All four numbers are required."""
    region = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    return {"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": region}}


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()


# ---- what has no verdict ---------------------------------------------------------------------------------------------


def _gap(reading: Reading, left_out: int) -> str:
    """What an empty list of alerts would hide, in sentences; empty when every rule got its verdict."""
    counted = Counter(one.status for one in reading.results if one.status in NOT_KNOWN)
    lines = list(reading.reasons)
    if counted:
        words = ", ".join(f"{counted[status]} {STATUS_WORDS[status]}" for status in NOT_KNOWN if counted[status])
        lines.append(f"{number(sum(counted.values()), 'rule')} without a verdict: {words}")
    if left_out:
        lines.append(f"{number(left_out, 'failure')} left out to stay inside GitHub's limits")
    return "\n".join(lines)


def _gap_rule() -> dict[str, Any]:
    text = "Rules that could not be judged are neither passed nor failed."
    return {
        "id": NOT_JUDGED,
        "shortDescription": {"text": "Part of the assessment has no verdict"},
        "fullDescription": {"text": text},
        "help": {"text": f"{text} The assessment says of each why: assay explain assessment.json RULE"},
        "defaultConfiguration": {"level": "note"},
        "properties": {"tags": ["compliance"], "precision": "very-high", "problem.severity": "recommendation"},
    }


def _gap_result(gap: str, index: int, reading: Reading) -> dict[str, Any]:
    state = "is complete" if reading.complete else "is INCOMPLETE"
    return {
        "ruleId": NOT_JUDGED,
        "ruleIndex": index,
        "kind": "fail",
        "level": "note" if reading.complete else "error",
        "message": {"text": message(f"Part of the assessment of {reading.target} has no verdict; it {state}.\n{gap}")},
        "locations": [_deciding("rules")],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(reading.target, NOT_JUDGED)},
        "properties": {"completeness": dict(reading.completeness)},
    }


OUTPUT = Output(
    "sarif-github",
    "SARIF for GitHub code scanning: failures only, and one alert on what was not judged.",
    ".sarif",
    _render,
)
