"""The schemas of the gate: its result, a recorded baseline, and the policy file (for editors)."""

from __future__ import annotations

from typing import Any

from scanner.frameworks.answers import VERDICTS
from scanner.gate.baselines import BASELINE_SCHEMA
from scanner.gate.classes import ABSENT, ACTIONS, CLASSES
from scanner.gate.policy import POLICY_SCHEMA
from scanner.gate.result import DECISIONS, EXIT_CODES, GATE_SCHEMA, STATES
from scanner.model.control import COVERAGE, FITS
from scanner.model.result import CONTROL_STATUSES, STATUSES
from scanner.model.rule import SEVERITIES
from scanner.schemas.forms import COUNT, TEXT, TEXTS, list_of, map_of, object_of
from scanner.supply_chain.comparing.result import LEVELS

__all__ = ["gate", "gate_baseline", "gate_policy"]

_FLAG = {"type": "boolean"}
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_DIGEST_OR_NONE = {"type": "string", "pattern": "^([a-z0-9]+:[0-9a-f]+|)$"}
_INSTANT = {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$"}
_INSTANT_OR_NONE = {"type": "string", "pattern": "^(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ|)$"}
_NULL = {"type": "null"}
_NAMES = tuple(name for name in CLASSES if name != "unchanged")


def gate() -> dict[str, Any]:
    """`assay gate --json`."""
    target = object_of(
        {
            **dict.fromkeys(("role", "name", "kind"), TEXT),
            **dict.fromkeys(("target_digest", "assessment", "facts_digest", "content_digest"), _DIGEST_OR_NONE),
            "profiles": TEXTS,
            "evaluated_at": _INSTANT,
            "collected": _INSTANT_OR_NONE,
            "complete": _FLAG,
        }
    )
    compared = object_of(
        {
            "name": TEXT,
            "source": {"enum": ["assessment", "snapshot", "bundle", "target", "baseline"]},
            "verified": TEXT,
            "accepted": map_of(TEXT),
            "targets": list_of(target),
        }
    )
    waiver = object_of({"id": TEXT, "expires": TEXT, "expired": _FLAG})
    status = {"enum": [*CONTROL_STATUSES, ABSENT, "present", "not_collected"]}
    difference = object_of(
        {
            **dict.fromkeys(("role", "name", "rule", "title", "reason"), TEXT),
            **dict.fromkeys(("expected_before", "expected", "found_before", "found"), TEXT),
            "subject": {"enum": ["rule", "evidence", "control"]},
            "severity": {"enum": list(SEVERITIES)},
            "class": {"enum": list(CLASSES)},
            "action": {"enum": list(ACTIONS)},
            "before": status,
            "after": status,
            "places": TEXTS,
            "controls": TEXTS,
            "params_before": {"type": "object"},
            "params": {"type": "object"},
            "waiver": {"anyOf": [_NULL, waiver]},
        }
    )
    counts = object_of({"classes": map_of(COUNT), "actions": map_of(COUNT)})
    check = object_of({"check": TEXT, "state": {"enum": list(STATES)}, "text": TEXT})
    return object_of(
        {
            "schema": {"const": GATE_SCHEMA},
            "decision": {"enum": list(DECISIONS)},
            "exit_code": {"enum": sorted(set(EXIT_CODES.values()))},
            "sentence": TEXT,
            "lines": {**TEXTS, "maxItems": 2},
            "tool": object_of({"name": {"const": "assay"}, "version": TEXT}),
            "evaluated_at": _INSTANT,
            "policy": object_of({"where": TEXT, "digest": _DIGEST_OR_NONE}),
            "rejudged": _FLAG,
            "new": compared,
            "baseline": {"anyOf": [_NULL, compared]},
            "different": TEXTS,
            "notes": TEXTS,
            "counts": counts,
            "unchanged": COUNT,
            "differences": list_of(difference),
            "checks": list_of(check),
        }
    )


def gate_baseline() -> dict[str, Any]:
    """What `assay gate accept` records."""
    record = object_of(
        {
            **dict.fromkeys(("instance", "rule", "title", "half", "expected", "found"), TEXT),
            "status": {"enum": list(STATUSES)},
            "severity": {"enum": list(SEVERITIES)},
            "rule_digest": _DIGEST_OR_NONE,
            "params": {"type": "object"},
            "waiver": {"anyOf": [_NULL, object_of({"id": TEXT, "expires": TEXT, "expired": _FLAG})]},
        }
    )
    control = object_of(
        {
            **dict.fromkeys(("framework", "id"), TEXT),
            "status": {"enum": list(CONTROL_STATUSES)},
            "coverage": {"enum": list(COVERAGE)},
            "answered": {"type": ["boolean", "null"]},
            "results": TEXTS,
        },
        {"verdict": {"enum": list(VERDICTS)}},
    )
    target = object_of(
        {
            **dict.fromkeys(("kind", "tool"), TEXT),
            **dict.fromkeys(("assessment", "facts_digest", "content_digest"), _DIGEST),
            "target_digest": _DIGEST_OR_NONE,
            "evaluated_at": _INSTANT,
            "collected": _INSTANT_OR_NONE,
            "identity": {"type": "object"},
            **dict.fromkeys(("profiles", "reasons", "asked"), TEXTS),
            "fits": map_of({"enum": list(FITS)}),
            "unread": map_of(TEXT),
            "complete": _FLAG,
            "results": list_of(record),
            "controls": list_of(control),
        }
    )
    return object_of(
        {
            "schema": {"const": BASELINE_SCHEMA},
            "accepted": object_of({"by": TEXT, "at": _INSTANT, "reason": TEXT, "from": TEXT}),
            "previous": {"anyOf": [_NULL, _DIGEST]},
            "targets": {**list_of(target), "minItems": 1},
        }
    )


def gate_policy() -> dict[str, Any]:
    """The policy of a gate; the YAML file is checked by its loader, which names lines, and by editors with this."""
    severities = "|".join(SEVERITIES)
    classes = list_of({"type": "string", "pattern": f"^({'|'.join(_NAMES)})(:({severities}))?$"})
    limit = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
    word = {"enum": ["fail", "warn", "note"]}
    limits = object_of(
        {},
        {
            "severity": object_of({}, dict.fromkeys(SEVERITIES, limit), closed=True),
            "status": object_of({}, dict.fromkeys(STATUSES, limit), closed=True),
            "class": object_of({}, dict.fromkeys(_NAMES, limit), closed=True),
            "framework": map_of(object_of({}, dict.fromkeys(CONTROL_STATUSES, limit), closed=True)),
        },
        closed=True,
    )
    waivers = object_of(
        {}, {"max_results": limit, "max_days": limit, "approver": _FLAG, "overbroad": word, "unused": word}, closed=True
    )
    flags = dict.fromkeys(("sbom_diff", "sbom_check", "sbom_truth", "signatures"), _FLAG)
    supply = object_of({}, {"materiality": {"enum": [*LEVELS, None]}, **flags}, closed=True)
    return object_of(
        {"schema": {"const": POLICY_SCHEMA}},
        {
            **dict.fromkeys(("fail_on", "incomplete_on", "warn_on"), classes),
            "limits": limits,
            "profiles": TEXTS,
            "max_age_days": {"anyOf": [_NULL, limit]},
            "complete": _FLAG,
            "waivers": waivers,
            "supply_chain": supply,
        },
        closed=True,
    )
