"""Two checkers of SARIF files, written from the standards: no installable package carries the OASIS schema.

`problems`: SARIF 2.1.0 plus errata 01 (§ names its sections), closed: a property that is not listed here is a mistake.
`github_problems`: GitHub documentation, "SARIF support for code scanning": limits, and fields that must not be empty.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

__all__ = ["github_problems", "problems"]

TEXT = {"type": "string"}
FILLED = {"type": "string", "minLength": 1}
INDEX = {"type": "integer", "minimum": 0}
BAG = {"type": "object"}  # §3.8


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name.replace("_", "$") if name.startswith("_") else name: form for name, form in properties.items()
        },
        "required": [name.replace("_", "$") if name.startswith("_") else name for name in required.split()],
        "additionalProperties": False,
    }


def _list(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


MESSAGE = _object("text", text=FILLED, markdown=FILLED)  # §3.11, §3.12
ARTIFACT = _object("uri", uri={"type": "string", "format": "uri-reference"}, uriBaseId=TEXT, index=INDEX)  # §3.4
POSITIVE = {"type": "integer", "minimum": 1}
REGION = _object(startLine=POSITIVE, startColumn=POSITIVE, endLine=POSITIVE, endColumn=POSITIVE)  # §3.30
LOCATION = _object(
    "",
    id=INDEX,
    physicalLocation=_object("artifactLocation", artifactLocation=ARTIFACT, region=REGION),
    message=MESSAGE,
)  # §3.28, §3.29
LEVEL = {"enum": ["none", "note", "warning", "error"]}
COMPONENT = _object("name", name=FILLED, index=INDEX)  # §3.54
DESCRIPTOR = _object(
    "id",
    id=FILLED,
    name=FILLED,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=_object(level=LEVEL),
    properties=BAG,
)  # §3.49
DRIVER = _object(
    "name",
    name=FILLED,
    fullName=FILLED,
    version=FILLED,
    semanticVersion=FILLED,
    shortDescription=MESSAGE,
    rules=_list(DESCRIPTOR, uniqueItems=True),
    taxa=_list(DESCRIPTOR, uniqueItems=True),
    supportedTaxonomies=_list(COMPONENT, uniqueItems=True),
    isComprehensive={"type": "boolean"},
    properties=BAG,
)  # §3.19
SUPPRESSION = _object(
    "kind",
    kind={"enum": ["inSource", "external"]},
    status={"enum": ["accepted", "underReview", "rejected"]},
    justification=TEXT,
    properties=BAG,
)  # §3.35
RESULT = _object(
    "message",
    ruleId=FILLED,
    ruleIndex=INDEX,
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
    level=LEVEL,
    message=MESSAGE,
    locations=_list(LOCATION, minItems=1),  # readers take the first of any list
    relatedLocations=_list(LOCATION, uniqueItems=True),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions=_list(SUPPRESSION, uniqueItems=True),
    taxa=_list(_object("id", id=FILLED, index=INDEX, toolComponent=COMPONENT), uniqueItems=True),
    properties=BAG,
)  # §3.27
INVOCATION = _object(
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    endTimeUtc={"type": "string", "format": "date-time"},
    toolExecutionNotifications=_list(
        _object("message", level=LEVEL, message=MESSAGE, associatedRule=_object(id=FILLED, index=INDEX), properties=BAG)
    ),
)  # §3.20, §3.58
RUN = _object(
    "tool",
    tool=_object("driver", driver=DRIVER),
    automationDetails=_object(id=FILLED),
    invocations=_list(INVOCATION),
    originalUriBaseIds={"type": "object", "additionalProperties": _object(description=MESSAGE)},
    artifacts=_list(
        _object(location=ARTIFACT, hashes={"type": "object", "additionalProperties": TEXT}), uniqueItems=True
    ),
    results=_list(RESULT),
    taxonomies=_list(DRIVER, uniqueItems=True),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    properties=BAG,
)  # §3.14
LOG = _object(
    "version runs", _schema={"type": "string", "format": "uri"}, version={"const": "2.1.0"}, runs=_list(RUN)
)  # §3.13


def problems(data: bytes) -> list[str]:
    """What is wrong with a file by SARIF 2.1.0."""
    log = json.loads(data)
    found = [
        f"{'/'.join(map(str, error.instance_path))}: {error.message[:120]}"
        for error in jsonschema_rs.validator_for(LOG, validate_formats=True, offline=True).iter_errors(log)
    ]
    return found or [text for run in log["runs"] for text in _run_problems(run)]


def _run_problems(run: dict[str, Any]) -> Iterator[str]:
    rules, artifacts, taxonomies = run["tool"]["driver"]["rules"], run.get("artifacts", []), run.get("taxonomies", [])
    ids = [rule["id"] for rule in rules]
    if len(set(ids)) != len(ids):
        yield "two rules have one id"
    for result in run["results"]:
        where = result["ruleId"]
        if ids[result["ruleIndex"]] != where:
            yield f"{where}: ruleIndex names another rule"
        if result.get("kind", "fail") != "fail" and result.get("level") != "none":
            yield f"{where}: a {result['kind']} with the level {result.get('level')} (§3.27.10)"
        if result.get("kind", "fail") == "fail" and result.get("level") == "none":
            yield f"{where}: a failure without a level"
        if re.search(r"\]\(", result["message"]["text"]):
            yield f"{where}: an embedded link (§3.11.6)"
        for location in result.get("locations", []):
            artifact = location["physicalLocation"]["artifactLocation"]
            if "index" in artifact and artifacts[artifact["index"]]["location"]["uri"] != artifact["uri"]:
                yield f"{where}: the index names another artifact (§3.4.5)"
            if "uriBaseId" in artifact and artifact["uriBaseId"] not in run["originalUriBaseIds"]:
                yield f"{where}: no such uriBaseId"
        for reference in result.get("taxa", []):
            taxonomy = taxonomies[reference["toolComponent"]["index"]]
            if taxonomy["name"] != reference["toolComponent"]["name"]:
                yield f"{where}: the index names another taxonomy"
            if taxonomy["taxa"][reference["index"]]["id"] != reference["id"]:
                yield f"{where}: the index names another taxon"


def github_problems(data: bytes) -> list[str]:
    """What GitHub would refuse, cut or not show."""
    log = json.loads(data)
    found = [] if len(gzip.compress(data)) <= 10_000_000 else ["more than 10 MB compressed"]
    found += [] if str(log.get("$schema", "")).endswith("sarif-schema-2.1.0.json") else ["no $schema"]
    found += [] if 1 <= len(log["runs"]) <= 20 else ["runs"]
    return found + [text for run in log["runs"] for text in _github_run(run)]


def _github_run(run: dict[str, Any]) -> Iterator[str]:
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    if len(rules) > 25_000 or len(results) > 25_000:
        yield "more than 25,000 rules or results"
    if not re.fullmatch(r".+/[^/]+", run.get("automationDetails", {}).get("id", "")):
        yield "automationDetails.id is no category/run"
    for rule in rules:
        yield from (f"{rule['id']}: {text}" for text in _github_rule(rule))
    for result in results:
        yield from (f"{result['ruleId']}: {text}" for text in _github_result(result))


def _github_rule(rule: dict[str, Any]) -> Iterator[str]:
    for name in ("shortDescription", "fullDescription"):
        if not 1 <= len(rule.get(name, {}).get("text", "").strip()) <= 1024:
            yield f"{name} is empty or longer than 1,024 characters"
    if not rule.get("help", {}).get("text", "").strip():
        yield "no help text"
    if len(rule.get("name", "")) > 255:
        yield "a name of more than 255 characters"
    properties = rule.get("properties", {})
    if len(properties.get("tags", [])) > 10:
        yield "more tags than are shown"
    score = properties.get("security-severity")
    if score is not None and not (isinstance(score, str) and 0.0 < float(score) <= 10.0):
        yield "security-severity is no text above 0.0 up to 10.0"
    if properties.get("precision", "high") not in ("very-high", "high", "medium", "low"):
        yield "precision"


def _github_result(result: dict[str, Any]) -> Iterator[str]:
    if result.get("kind", "fail") != "fail":
        yield "GitHub ignores kind: this would be an alert"
    if not result["message"]["text"].strip():
        yield "no message"
    if not result.get("partialFingerprints", {}).get("primaryLocationLineHash"):
        yield "no primaryLocationLineHash"
    if not 1 <= len(result.get("locations", [])) <= 10:
        yield "locations"
        return
    physical = result["locations"][0]["physicalLocation"]
    if physical["artifactLocation"]["uri"].startswith("/") or ":" in physical["artifactLocation"]["uri"]:
        yield "no path of the repository"
    if set(physical.get("region", {})) != {"startLine", "startColumn", "endLine", "endColumn"}:
        yield "a region needs all four numbers"
