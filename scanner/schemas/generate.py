"""Writes the published JSON schemas from the model, and `rules/schema.json` for editors.

`python -m scanner.schemas.generate` writes, `--check` only compares (exit 1 when a file differs).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scanner.engine.conditions import OPERATORS
from scanner.engine.rule_form import RULE_SCHEMA
from scanner.frameworks.answers import VERDICTS
from scanner.model.control import COVERAGE, FITS
from scanner.model.fact import STATES
from scanner.model.result import ASSESSMENT_SCHEMA, CONTROL_STATUSES, STATUSES
from scanner.model.rule import PARAM_TYPES, SEVERITIES
from scanner.model.snapshot import SNAPSHOT_SCHEMA
from scanner.schemas.bundle import bundle, bundle_verify, openings
from scanner.schemas.conflicts import conflicts
from scanner.schemas.forms import COUNT as _COUNT
from scanner.schemas.forms import TEXT as _TEXT
from scanner.schemas.forms import TEXTS as _TEXTS
from scanner.schemas.forms import list_of as _list
from scanner.schemas.forms import map_of as _map
from scanner.schemas.forms import object_of as _object
from scanner.schemas.gate import gate, gate_baseline, gate_policy
from scanner.schemas.release import release
from scanner.schemas.sbom_check import sbom_check
from scanner.schemas.sbom_diff import sbom_diff, sbom_matrix, sbom_timeline
from scanner.schemas.sbom_truth import sbom_truth
from scanner.schemas.target import target
from scanner.schemas.texts import texts
from scanner.schemas.verification import verification

__all__ = ["documents"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_INSTANT = {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$"}
_NULL_TEXT = {"type": ["string", "null"]}
_EVIDENCE = _object(
    {"source": _TEXT, "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"}},
    {"line": {"type": "integer", "minimum": 1}, "offset": _COUNT},
)
_TOOL = _object({"name": {"const": "assay"}, "version": _TEXT})
_TARGET = _object({"kind": _TEXT, "identity": {"type": "object"}, "digest": _NULL_TEXT, "layout": {"type": "object"}})
_BENCHMARK = _object(
    {
        **dict.fromkeys(("id", "title", "version", "release"), _TEXT),
        "date": {"type": "string", "pattern": "^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$"},
    }
)
_FACET_STATUS = {"enum": [*STATUSES, "not_required"]}


def _snapshot() -> dict[str, Any]:
    fact = _object(
        {
            "state": {"enum": list(STATES)},
            "value": True,
            "facet": {"enum": ["persistent", "runtime"]},
            "reason": _NULL_TEXT,
            "evidence": _list(_EVIDENCE),
        },
        {"gaps": _TEXTS},
    )
    return _object(
        {
            "schema": {"const": SNAPSHOT_SCHEMA},
            "tool": _TOOL,
            "target": _TARGET,
            "facts": _map(fact),
            "limits": {"type": "object"},
            "facts_digest": _DIGEST,
            "run": _object({"collected_at": _INSTANT, "clock": _TEXT, "collectors": _list({"type": "object"})}),
        }
    )


def _result() -> dict[str, Any]:
    waiver = _object(
        {"id": _TEXT, "reason": _TEXT, "owner": _TEXT, "expires": _TEXT, "expired": {"type": "boolean"}},
        {
            "approver": _NULL_TEXT,
            "ticket": _NULL_TEXT,
            **dict.fromkeys(("control", "created", "compensating"), _TEXT),
        },
    )
    return _object(
        {
            "instance": {"type": "string", "pattern": "^[a-z0-9-]+@[0-9a-f]{8}$"},
            "rule": _TEXT,
            "title": _TEXT,
            "upstream": _TEXTS,
            "status": {"enum": list(STATUSES)},
            "facets": _object({"persistent": _FACET_STATUS, "runtime": _FACET_STATUS}),
            "half": _NULL_TEXT,
            "params": {"type": "object"},
            "param_sources": _map(_TEXT),
            "severity": {"enum": list(SEVERITIES)},
            "explanation": _TEXT,
            "expected": _TEXT,
            "found": _TEXT,
            "evidence": _list(_EVIDENCE),
            "facts": _TEXTS,
            "waiver": {"anyOf": [{"type": "null"}, waiver]},
            "claim_verdict": _NULL_TEXT,
        }
    )


def _answer() -> dict[str, Any]:
    return _object(
        {
            **dict.fromkeys(("by", "date", "valid_until", "statement"), _TEXT),
            "verdict": {"enum": list(VERDICTS)},
            "holds": {"type": "boolean"},
            "evidence": _list(_object({"name": _TEXT, "sha256": _TEXT})),
        }
    )


def _assessment() -> dict[str, Any]:
    control = _object(
        {
            "framework": _TEXT,
            "id": _TEXT,
            "title": _TEXT,
            "status": {"enum": list(CONTROL_STATUSES)},
            "coverage": {"enum": list(COVERAGE)},
            "results": _TEXTS,
            "note": _TEXT,
            "answered": {"anyOf": [_answer(), {"type": "null"}]},
        },
        {
            "props": _object(
                {},
                {"vuln": _TEXT, "rule": _TEXT, "severity": _TEXT, "oscal": _TEXT}
                | dict.fromkeys(("srg", "cci", "nist"), _TEXTS),
            )
        },
    )
    summary = _object(
        {
            **dict.fromkeys(("title", "short", "version", "kind", "fit_reason", "fit_note"), _TEXT),
            "fit": {"enum": list(FITS)},
            "controls": _COUNT,
            "answered": _COUNT,
            "persistent_half": _COUNT,
            "counts": _map(_COUNT),
            "coverage": _map(_COUNT),
            "results": _map(_COUNT),
            "rules_selected": _COUNT,
            "rules_judged": _COUNT,
        },
        {"publisher": _TEXT, "source": _TEXT, "catalog": _COUNT, "benchmark": _BENCHMARK},
    )
    completeness = _object(
        {
            "complete": {"type": "boolean"},
            "reasons": _TEXTS,
            "selected": _COUNT,
            "judged": _COUNT,
            "applicable": _COUNT,
            "percent": {"type": "integer", "minimum": 0, "maximum": 100},
            "counts": _map(_COUNT),
            "persistent_half": _COUNT,
        }
    )
    return _object(
        {
            "schema": {"const": ASSESSMENT_SCHEMA},
            "tool": _TOOL,
            "content_digest": _DIGEST,
            "target": _TARGET,
            "facts_digest": _DIGEST,
            "profiles": _list(
                _object(
                    {"id": _TEXT, "fit": {"enum": list(FITS)}, "require": _TEXT, "extends": _TEXTS, "left_out": _TEXTS}
                )
            ),
            "evaluated_at": _INSTANT,
            "summary": _map(summary),
            "completeness": completeness,
            "results": _list(_result()),
            "controls": _list(control),
            "rules": _map(
                _object(
                    {
                        "title": _TEXT,
                        "severity": {"enum": list(SEVERITIES)},
                        "area": _TEXT,
                        "rationale": _TEXT,
                        "mappings": _map(_TEXTS),
                        "remediation": _object({"summary": _TEXT, "commands": _TEXTS, "disruption": _TEXT}),
                        "references": _TEXTS,
                        "claim_notes": _map(_TEXT),
                    },
                    {"digest": _DIGEST},
                )
            ),
            "unread": _list(_object({"fact": _TEXT, "state": _TEXT, "reason": _TEXT, "rules": _COUNT})),
        },
        {
            "inputs": _object(
                {
                    "profiles": _list(_object({"id": _TEXT, "document": _NULL_TEXT})),
                    "params": _map(_TEXT),
                    "min_coverage": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
                    "waivers": _NULL_TEXT,
                    "answers": _NULL_TEXT,
                }
            ),
        },
    )


def _rule() -> dict[str, Any]:
    outcome = {"enum": ["pass", "fail", "not_applicable"]}
    condition = {"$ref": "#/$defs/condition"}
    record = {"$ref": "#/$defs/record"}
    clause = {"$ref": "#/$defs/clause"}
    operators: dict[str, Any] = dict.fromkeys(OPERATORS, True)
    table: dict[str, Any] = {"where": record, "each": record, "count": True, "if_empty": outcome}
    param = _object(
        {"type": {"enum": list(PARAM_TYPES)}, "default": True, "about": _TEXT},
        {"alias": _TEXTS, "public": {"type": "object"}},
        closed=True,
    )
    case = _object(
        {"name": True, "expect": {"enum": list(STATUSES)}, "facts": {"type": "object"}},
        {"target": _TEXT, "params": {"type": "object"}, "facets": {"type": "object"}, "says": _TEXT},
        closed=True,
    )
    fact_clause = _object(
        {"fact": _TEXT},
        {
            **operators,
            **table,
            "has": record,
            "any": _list(condition),
            "all": _list(condition),
            "not": condition,
            "if_absent": outcome,
            "says": _TEXT,
        },
        closed=True,
    )
    joined = [
        _object({"all": _list(clause)}, {"says": _TEXT}, closed=True),
        _object({"any": _list(clause)}, {"says": _TEXT}, closed=True),
        _object({"not": clause}, {"says": _TEXT}, closed=True),
    ]
    manual = _object({"manual": _object({"question": _TEXT, "evidence": _TEXT}, closed=True)}, closed=True)
    halves = {**_object({}, {"persistent": clause, "runtime": clause}, closed=True), "minProperties": 1}
    return {
        **_object(
            {
                "schema": {"const": RULE_SCHEMA},
                "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
                "title": {"type": "string", "maxLength": 100},
                "severity": {"enum": list(SEVERITIES)},
                "rationale": _TEXT,
                "check": {"anyOf": [halves, manual, clause]},
                "remediation": _object(
                    {"summary": _TEXT},
                    {"commands": _TEXTS, "disruption": {"enum": ["none", "restart", "reboot", "reinstall"]}},
                    closed=True,
                ),
                "tests": {**_list(case), "minItems": 1},
            },
            {
                "applies_to": _object({}, {"platforms": _TEXTS, "targets": _TEXTS, "when": clause}, closed=True),
                "params": _map(param),
                "mappings": _map(_TEXTS),
                "upstream": _TEXTS,
                "references": _TEXTS,
                "claim_notes": _object({}, {"overclaim": _TEXT, "partial": _TEXT}, closed=True),
            },
            closed=True,
        ),
        "$defs": {
            "clause": {"anyOf": [fact_clause, *joined]},
            "record": _map(True),
            "condition": {
                "anyOf": [
                    {"type": ["string", "number", "boolean", "null", "array"]},
                    _object(
                        {},
                        {
                            **operators,
                            **table,
                            "has": record,
                            "any": _list(condition),
                            "all": _list(condition),
                            "not": condition,
                        },
                        closed=True,
                    ),
                ]
            },
        },
    }


def documents() -> dict[str, dict[str, Any]]:
    """Schema name to document."""
    found = {
        "snapshot": _snapshot(),
        "assessment": _assessment(),
        "result": _result(),
        "rule": _rule(),
        "bundle": bundle(),
        "bundle-verify": bundle_verify(),
        "gate": gate(),
        "gate-baseline": gate_baseline(),
        "gate-policy": gate_policy(),
        "openings": openings(),
        "conflicts": conflicts(),
        "release": release(),
        "sbom-check": sbom_check(),
        "sbom-diff": sbom_diff(),
        "sbom-matrix": sbom_matrix(),
        "sbom-timeline": sbom_timeline(),
        "sbom-truth": sbom_truth(),
        "target": target(),
        "texts": texts(),
        "verify": verification(),
    }
    return {
        name: {"$schema": _DIALECT, "$id": f"https://assay.invalid/schemas/{name}-v1.json", "title": name, **body}
        for name, body in found.items()
    }


def main(arguments: list[str]) -> int:
    """Write or compare; the exit code."""
    here = Path(__file__).parent
    files = {here / f"{name}.json": body for name, body in documents().items()}
    files[here.parents[1] / "rules" / "schema.json"] = documents()["rule"]
    stale = []
    for path, body in files.items():
        text = json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        print(f"schemas differ from the model: {', '.join(stale)}; run make docs", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
