"""Reading our own JSON documents: strict JSON, then the published schema, with mistakes named by their place."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from scanner import files
from scanner.model.errors import InputError
from scanner.model.result import ASSESSMENT_SCHEMA
from scanner.model.snapshot import SNAPSHOT_SCHEMA, Snapshot
from scanner.model.strict_json import no_constant, no_fraction, unique_keys

__all__ = ["parse", "read_assessment", "read_document", "read_snapshot"]


def parse(data: bytes, what: str, where: str) -> Any:
    """A JSON document of ours: no key twice, whole numbers only. Raises InputError that says what to do."""
    try:
        return json.loads(data, object_pairs_hook=unique_keys, parse_constant=no_constant, parse_float=no_fraction)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"not a {what}: {error}", where=where, hint="the file may be cut off: make it again, or copy it again"
        ) from None


def read_snapshot(data: bytes, where: str) -> Snapshot:
    """A snapshot, its form and digest checked. Raises InputError."""
    return Snapshot.from_json(
        read_document(data, "snapshot", SNAPSHOT_SCHEMA, where, "assay collect -o snapshot.json"), where
    )


def read_assessment(data: bytes, where: str) -> dict[str, Any]:
    """An assessment, its form checked, and that its controls rest on its own results. Raises InputError."""
    found = read_document(data, "assessment", ASSESSMENT_SCHEMA, where, "assay scan -o json=assessment.json")
    known = {one["instance"] for one in found["results"]}
    controls = {(one["framework"], one["id"]) for one in found["controls"]}
    if len(known) != len(found["results"]) or len(controls) != len(found["controls"]):
        raise InputError(
            "a result or a control stands in it twice", where=where, hint="use the assessment as it was written"
        )
    for control in found["controls"]:
        for instance in control["results"]:
            if instance not in known:
                raise InputError(
                    f"the control {control['id']} rests on {instance}, which is not among the results",
                    where=where,
                    hint="use the assessment as it was written",
                )
    return found


def read_document(data: bytes, what: str, schema: str, where: str, how: str) -> dict[str, Any]:
    """One of our documents, checked against the published schema `what`.

    `schema` is what its `schema` says; `how` is the command that makes one. Raises InputError with the place inside.
    """
    found = parse(data, what, where)
    if not isinstance(found, dict) or found.get("schema") != schema:
        raise InputError(f"this is not an Assay {what} (schema {schema})", where=where, hint=f"make one with: {how}")
    try:
        error = next(_validator(what).iter_errors(found), None)
    except ValueError as problem:  # nested beyond what the validator walks
        raise InputError(f"not a {what}: {problem}", where=where, hint=f"make it again with: {how}") from None
    if error is not None:
        inside = "/".join(str(step) for step in error.instance_path) or "the top"
        raise InputError(
            f"not a whole {what}: at {inside}: {str(error.message)[:200]}",
            where=where,
            hint=f"make it again with: {how}",
        )
    return found


@lru_cache(maxsize=8)
def _validator(what: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(json.loads(files.read_bytes(Path(__file__).parent / f"{what}.json")))
