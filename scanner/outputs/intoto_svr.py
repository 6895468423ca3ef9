"""in-toto simple verification result v0.2, an unsigned statement: what was shown, and nothing else.

Only passes are properties; one of the persistent half alone says so in its name. Source: in-toto/attestation,
spec/predicates/svr.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.outputs._findings import reading_of
from scanner.outputs._intoto import EXTENSION, VERIFIER, details, policy, statement
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_TYPE = "https://in-toto.io/attestation/svr/v0.2"


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    # What passes of a framework written for another system is no property of this one.
    foreign = {name for name, about in reading.frameworks.items() if about.fit == "foreign"}
    rules = [
        f"ASSAY_RULE_{'PERSISTENT_HALF_' if one.half else ''}{one.instance}"
        for one in reading.results
        if one.status == "pass" and not (one.controls and {framework for framework, _ in one.controls} <= foreign)
    ]
    predicate = {
        "verifier": {"id": VERIFIER, "policies": policy(reading)},
        "timeCreated": reading.time,
        "properties": rules,
        EXTENSION: details(reading),
    }
    return statement(reading, _TYPE, predicate)


OUTPUT = Output("intoto-svr", "in-toto simple verification result statement, unsigned.", ".svr.json", _render)
