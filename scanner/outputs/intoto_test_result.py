"""in-toto test-result v0.1, an unsigned statement: which rules passed, passed with a warning, failed.

Error and unknown stand with the failed ones. A pass of the persistent half alone passed with a warning. Manual and not
applicable are no tests that ran: they stand in the extension field only. Source: in-toto/attestation,
spec/predicates/test-result.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.outputs._findings import Reading, reading_of
from scanner.outputs._intoto import EXTENSION, details, passed, policy, statement
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

_TYPE = "https://in-toto.io/attestation/test-result/v0.1"


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    plain = [one.instance for one in reading.results if one.status == "pass" and not one.half]
    warned = [one.instance for one in reading.results if one.status == "pass" and one.half]
    failed = [one.instance for one in reading.results if one.status in ("fail", "error", "unknown")]
    predicate = {
        "result": _outcome(reading, ran=bool(plain or warned), warned=bool(warned), failed=bool(failed)),
        "configuration": policy(reading),
        "passedTests": plain,
        "warnedTests": warned,
        "failedTests": failed,
        EXTENSION: details(reading),
    }
    return statement(reading, _TYPE, {key: value for key, value in predicate.items() if value})


def _outcome(reading: Reading, *, ran: bool, warned: bool, failed: bool) -> str:
    """PASSED only of a whole: what a person must still answer, or half a proof, is a warning at best."""
    if failed or not ran or not reading.complete:
        return "FAILED"
    return "PASSED" if passed(reading) and not warned else "WARNED"


OUTPUT = Output("intoto-test-result", "in-toto test-result statement, unsigned.", ".intoto.json", _render)
