"""What a signed envelope says of an artifact."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from scanner.supply_chain.signing.artifact import Artifact
from scanner.supply_chain.signing.dsse import Envelope
from scanner.supply_chain.signing.intoto import read_statement, subject_digest
from scanner.supply_chain.signing.result import Finding, RefusedError

__all__ = ["judged"]


def judged(found: Finding, envelope: Envelope, subjects: Mapping[str, Artifact]) -> Finding:
    """A finding on a *verified* envelope, completed by its statement; failed when that is not about the artifact.

    `subjects`: the artifact (first), and what covers it, by digest.
    """
    digest = "sha256:" + hashlib.sha256(envelope.payload).hexdigest()
    try:
        statement = read_statement(envelope)
    except RefusedError as error:
        return replace(found, state="failed", reason=error.message, statement=digest)
    found = replace(
        found,
        statement=digest,
        predicate_type=statement.predicate_type,
        predicate=statement.predicate,
        verdict=statement.verdict,
    )
    problem = ""
    for name, artifact in subjects.items():
        try:
            subject_digest(statement, artifact.digests)
        except RefusedError as error:
            problem = problem or error.message
            continue
        if statement.passed:
            return replace(found, subject=name)
        return replace(found, subject=name, state="failed", reason=f"the statement is genuine and says {found.verdict}")
    return replace(found, state="failed", reason=problem, predicate=None)
