"""CSV, a row a result of a rule, for spreadsheets and GRC tools; `csv-controls` has a row a control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs._findings import Finding, Reading, reading_of
from scanner.outputs._text import written as value_text
from scanner.outputs.base import Output
from scanner.outputs.sbom._cells import written

__all__ = ["COLUMNS", "OUTPUT"]

COLUMNS = (
    *("target", "target_kind", "target_digest", "facts_digest", "rule_id", "instance", "title", "severity", "status"),
    *("half", "status_words", "facet_persistent", "facet_runtime", "expected", "found", "location", "framework"),
    *("control_id", "fit", "waiver_id", "waiver_expires", "waiver_expired", "waiver", "claim_verdict", "parameters"),
    *("evaluated_at", "evidence_sha256", "remediation"),
)


def _render(assessment: Mapping[str, Any]) -> bytes:
    reading = reading_of(assessment)
    return written([COLUMNS, *_rows(reading)])


def _rows(reading: Reading) -> Iterator[list[str]]:
    for one in reading.results:
        frameworks = list(dict.fromkeys(framework for framework, _ in one.controls))
        fits = [f"{name} {reading.frameworks[name].fit}" for name in frameworks if name in reading.frameworks]
        yield [
            reading.target,
            reading.kind,
            reading.target_digest,
            reading.facts_digest,
            one.rule,
            one.instance,
            one.title,
            one.severity,
            one.status,
            one.half,
            one.status_words,
            one.facets.get("persistent", ""),
            one.facets.get("runtime", ""),
            one.expected,
            one.found,
            one.locations,
            "; ".join(frameworks),
            "; ".join(f"{framework} {control}" for framework, control in one.controls),
            "; ".join(fits),
            *_waiver(one),
            one.claim_verdict,
            "; ".join(f"{name}={value_text(value)}" for name, value in one.params.items()),
            reading.time,
            "; ".join(dict.fromkeys(place.sha256 for place in one.places if place.sha256)),
            one.remedy,
        ]


def _waiver(one: Finding) -> tuple[str, str, str, str]:
    if one.waiver is None:
        return ("", "", "", "")
    return (one.waiver["id"], one.waiver["expires"], "yes" if one.waiver["expired"] else "no", one.waiver_words)


OUTPUT = Output("csv", "CSV: a row a result, for spreadsheets.", ".csv", _render)
