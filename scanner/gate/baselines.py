"""A recorded baseline: what a person accepted as the state to compare with, in a file small enough for a repository.

It holds what a comparison needs and no evidence, so it cannot be judged again: --rejudge wants a snapshot or a bundle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scanner.gate.classes import BAD
from scanner.gate.comparing import Waive
from scanner.gate.deciding import Compared
from scanner.gate.sides import Control, Record, Side
from scanner.model.canonical import digest, printable
from scanner.schemas.reading import read_document

__all__ = ["BASELINE_SCHEMA", "read_baseline", "recorded"]

BASELINE_SCHEMA = "assay/gate-baseline/v1"
_MAX_TEXT = 200
"""Characters of `expected` and `found` that are kept: they are shown, not compared."""

_SIDE = (
    *("kind", "target_digest", "assessment", "facts_digest", "content_digest", "tool", "evaluated_at", "collected"),
    "complete",
)
_RECORD = ("instance", "rule", "title", "status", "half", "severity", "rule_digest")


def recorded(
    compared: Compared,
    waivers: Mapping[int, Waive],
    *,
    by: str,
    reason: str,
    at: str,
    previous: Mapping[str, Any] | None,
) -> bytes:
    """The baseline file of these targets, indented so that two of them can be compared line by line.

    `waivers`: by position of the target, the waivers that held when it was accepted; `previous`: the baseline that it
    takes the place of, whose digest it names.
    """
    document = {
        "schema": BASELINE_SCHEMA,
        "accepted": {"by": printable(by), "at": at, "reason": printable(reason), "from": printable(compared.name)},
        "previous": digest(previous) if previous is not None else None,
        "targets": [_side(side, waivers[number]) for number, side in enumerate(compared.sides)],
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _side(side: Side, waive: Waive) -> dict[str, Any]:
    return {
        **{key: getattr(side, key) for key in _SIDE},
        "identity": dict(side.identity),
        "profiles": list(side.profiles),
        "fits": dict(side.fits),
        "reasons": list(side.reasons),
        "unread": dict(side.unread),
        "asked": list(side.asked),
        "results": [_record(record, waive(record)) for record in side.records],
        "controls": [_control(control) for control in side.controls],
    }


def _record(record: Record, waiver: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        **{key: getattr(record, key) for key in _RECORD},
        "params": dict(record.params),
        "expected": record.expected[:_MAX_TEXT],
        "found": record.found[:_MAX_TEXT],
        "waiver": _waiver(waiver) if waiver is not None and record.status in BAD else None,
    }


def _waiver(waiver: Mapping[str, Any]) -> dict[str, Any]:
    return {key: waiver[key] for key in ("id", "expires", "expired")}


def _control(control: Control) -> dict[str, Any]:
    return {
        **{key: getattr(control, key) for key in ("framework", "id", "status", "coverage", "answered")},
        **({"verdict": control.verdict} if control.verdict else {}),
        "results": list(control.results),
    }


def read_baseline(data: bytes, where: str) -> Compared:
    """A baseline file, checked. Raises InputError."""
    document = read_document(data, "gate-baseline", BASELINE_SCHEMA, where, "assay gate accept NEW --baseline FILE")
    sides = tuple(_read_side(raw) for raw in document["targets"])
    return Compared(where, "baseline", sides, accepted=document["accepted"])


def _read_side(raw: Mapping[str, Any]) -> Side:
    serves: dict[str, list[str]] = {}
    for one in raw["controls"]:
        for instance in one["results"]:
            serves.setdefault(instance, []).append(f"{one['framework']}:{one['id']}")
    return Side(
        **{key: raw[key] for key in _SIDE},
        identity=raw["identity"],
        profiles=tuple(raw["profiles"]),
        fits=raw["fits"],
        reasons=tuple(raw["reasons"]),
        unread=raw["unread"],
        asked=tuple(raw["asked"]),
        records=tuple(
            Record(
                **{key: one[key] for key in _RECORD},
                params=one["params"],
                expected=one["expected"],
                found=one["found"],
                waiver=one["waiver"],
                places=(),
                upstream=(),
                facts=(),
                controls=tuple(serves.get(one["instance"], ())),
            )
            for one in raw["results"]
        ),
        controls=tuple(_read_control(one) for one in raw["controls"]),
    )


def _read_control(one: Mapping[str, Any]) -> Control:
    keys = ("framework", "id", "status", "coverage", "answered")
    return Control(
        **{key: one[key] for key in keys}, verdict=one.get("verdict", ""), title="", results=tuple(one["results"])
    )
