"""What SBOM and signature documents say, held against the `supply_chain` part of a policy.

The documents are results of other verbs, told apart by their schema: `sbom diff`, `sbom check`, `sbom verify`, `verify`
and `release`, each with `--json`. One that is handed in always counts; the policy says which must be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.gate.policy import SupplyChain
from scanner.gate.result import Check
from scanner.model.errors import InputError
from scanner.model.records import dataclass
from scanner.schemas.reading import parse, read_document
from scanner.supply_chain.checking.result import CHECK_SCHEMA
from scanner.supply_chain.comparing.result import DIFF_SCHEMA, LEVELS
from scanner.supply_chain.signing.result import RELEASE_SCHEMA, VERIFY_SCHEMA
from scanner.supply_chain.truth.result import TRUTH_SCHEMA

__all__ = ["Paper", "check_papers", "is_paper", "read_paper"]

_KINDS: Mapping[str, tuple[str, str]] = {
    DIFF_SCHEMA: ("sbom-diff", "assay sbom diff OLD NEW --json"),
    CHECK_SCHEMA: ("sbom-check", "assay sbom check SBOM --json"),
    TRUTH_SCHEMA: ("sbom-truth", "assay sbom verify SBOM TARGET --json"),
    VERIFY_SCHEMA: ("verify", "assay verify IMAGE --key KEY --json"),
    RELEASE_SCHEMA: ("release", "assay release OLD NEW --key KEY --json"),
}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of the supply chain: where it was read, its kind (the name of its schema) and its checked JSON."""

    where: str
    kind: str
    document: Mapping[str, Any]


def is_paper(data: bytes) -> bool:
    """Whether this is a document that the gate knows, by its schema alone."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(raw, dict) and str(raw.get("schema")) in _KINDS


def read_paper(data: bytes, where: str) -> Paper:
    """A document, known by its schema. Raises InputError."""
    raw = parse(data, "supply chain document", where)
    schema = str(raw.get("schema")) if isinstance(raw, dict) else ""
    if schema not in _KINDS:
        raise InputError(
            "not a document that the gate knows",
            where=where,
            hint=f"known: {', '.join(how for _, how in _KINDS.values())}",
        )
    kind, how = _KINDS[schema]
    return Paper(where, kind, read_document(data, kind, schema, where, how))


def check_papers(wanted: SupplyChain, papers: Sequence[Paper], targets: frozenset[str]) -> list[Check]:
    """The checks of all documents, and of what is required and not there. `targets`: digests of the new targets."""
    checks = [check for paper in papers for check in _check(paper, wanted, targets)]
    there = {paper.kind for paper in papers}
    if "release" in there:
        there |= {"verify", "sbom-diff"}
    needed = {
        "sbom-diff": wanted.sbom_diff or bool(wanted.materiality),
        "sbom-check": wanted.sbom_check,
        "sbom-truth": wanted.sbom_truth,
        "verify": wanted.signatures,
    }
    how = dict(_KINDS.values())
    for kind, required in needed.items():
        if required and kind not in there:
            text = f"the policy wants a result of `{how[kind]}`, and none was given (--evidence)"
            checks.append(Check("supply_chain", "incomplete", text))
    return checks


def _check(paper: Paper, wanted: SupplyChain, targets: frozenset[str]) -> Iterator[Check]:
    document = paper.document
    if paper.kind == "sbom-diff":
        yield _diff(paper.where, document, wanted)
    elif paper.kind == "sbom-check":
        yield _checked(paper.where, document)
    elif paper.kind == "sbom-truth":
        yield _truth(paper.where, document, targets)
    elif paper.kind == "verify":
        yield _signed(paper.where, document, targets)
    else:
        state = "ok" if document["ok"] else "failed"
        yield Check("signatures", state, f"{paper.where}: {'; '.join(document['links']) or 'no links'}")
        if document["diff"] is not None:
            yield _diff(paper.where, document["diff"], wanted)


def _diff(where: str, document: Mapping[str, Any], wanted: SupplyChain) -> Check:
    worst = document["worst"]
    allowed = wanted.materiality
    beyond = [one for one in document["changes"] if allowed and _serious(one["materiality"], allowed)]
    if beyond or (allowed and _serious(worst, allowed)):
        shown = "; ".join(
            _change(one) for one in sorted(beyond, key=lambda one: LEVELS.index(one["materiality"]))[:_SHOWN]
        )
        more = f"; and {len(beyond) - _SHOWN} more" if len(beyond) > _SHOWN else ""
        return Check("sbom_diff", "failed", f"{where}: changes beyond {allowed}: {shown}{more}")
    if document["incomplete"]:
        return Check("sbom_diff", "incomplete", f"{where}: {'; '.join(document['incomplete'][:_SHOWN])}")
    level = f"at most {worst}" if worst != "none" else "none of them material"
    return Check("sbom_diff", "ok", f"{where}: {len(document['changes'])} changes, {level}")


def _serious(level: str, allowed: str) -> bool:
    return LEVELS.index(level) < LEVELS.index(allowed)


def _change(one: Mapping[str, Any]) -> str:
    values = " → ".join(filter(None, (one["before"], one["after"])))
    reason = f" ({one['reason']})" if one["reason"] else ""
    return f"{one['materiality']}: {one['name']}: {one['kind'].replace('_', ' ')} {values}{reason}"


def _checked(where: str, document: Mapping[str, Any]) -> Check:
    state = document["validity"]["state"]
    if state == "not_checked":
        return Check(
            "sbom_check", "incomplete", f"{where}: the schema was not checked: {document['validity']['reason']}"
        )
    if state == "invalid":
        return Check("sbom_check", "failed", f"{where}: the SBOM is not valid by its schema")
    missing = [one["id"] for one in document["lists"] if one["state"] == "missing"]
    text = f"{where}: valid by its schema"
    return Check("sbom_check", "ok", text + (f"; minimum elements missing: {', '.join(missing)}" if missing else ""))


def _truth(where: str, document: Mapping[str, Any], targets: frozenset[str]) -> Check:
    about = document["target"]["digest"]
    if about and targets and about not in targets:
        return Check("sbom_truth", "failed", f"{where}: it is about {about}, which is not the new target")
    verdict = document["verdict"]
    if verdict == "untrue":
        shown = "; ".join(_untrue(one) for one in document["differences"][:_SHOWN])
        return Check("sbom_truth", "failed", f"{where}: the SBOM does not describe the image: {shown}")
    if verdict == "unknown":
        unknown = "; ".join(f"{one['what']}: {one['why']}" for one in document["unknown"][:_SHOWN])
        return Check("sbom_truth", "incomplete", f"{where}: not all of it can be known: {unknown}")
    return Check("sbom_truth", "ok", f"{where}: the SBOM describes the image")


def _untrue(one: Mapping[str, Any]) -> str:
    values = " / ".join(
        filter(None, (one["listed"] and f"listed {one['listed']}", one["found"] and f"found {one['found']}"))
    )
    return f"{one['name']}: {one['kind'].replace('_', ' ')}{f' ({values})' if values else ''}"


def _signed(where: str, document: Mapping[str, Any], targets: frozenset[str]) -> Check:
    artifact = document["artifact"]
    name, digests = artifact["name"], {artifact["digest"], *artifact["listed_by"]}
    if targets and digests.isdisjoint(targets):
        return Check("signatures", "failed", f"{where}: {name} is {artifact['digest']}, which is not the new target")
    if document["ok"] and document["state"] == "verified":
        return Check("signatures", "ok", f"{where}: {name} ({artifact['digest']}) is verified")
    state = "incomplete" if document["state"] == "unsupported" else "failed"
    return Check("signatures", state, f"{where}: {name}: {document['reason']}")
