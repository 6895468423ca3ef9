"""What an argument of the gate is: assessment, snapshot, recorded baseline or bundle; anything else is a target."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from scanner import files
from scanner.bundle import container
from scanner.bundle.manifest import CHECKSUMS, MANIFEST, MANIFEST_SCHEMA, sha256
from scanner.engine.content import Content
from scanner.gate.baselines import BASELINE_SCHEMA, read_baseline
from scanner.gate.deciding import Compared
from scanner.gate.supply import Paper, is_paper, read_paper
from scanner.model.errors import InputError
from scanner.model.records import dataclass
from scanner.model.result import ASSESSMENT_SCHEMA
from scanner.model.snapshot import SNAPSHOT_SCHEMA, Snapshot
from scanner.schemas.reading import read_assessment, read_document, read_snapshot
from scanner.supply_chain.signing.result import RefusedError
from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["Opened", "Subject", "Trusted", "is_bundle", "open_bundle", "open_document"]

_PAPERS = ("sbom-diff", "signatures")


@dataclass(frozen=True, slots=True)
class Subject:
    """One target of an argument: its assessment, its snapshot, or both."""

    assessment: Mapping[str, Any] | None = None
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An argument, read. `baseline`: what a recorded baseline gives, in the place of subjects; `redacted`: values were
    hidden; `manifest`, `previous`: digests of a bundle's manifest and of the one before it in its chain."""

    name: str
    source: str
    subjects: tuple[Subject, ...] = ()
    verified: str = ""
    baseline: Compared | None = None
    redacted: bool = False
    manifest: str = ""
    previous: str = ""
    papers: tuple[Paper, ...] = ()


@dataclass(frozen=True, slots=True)
class Trusted:
    """With what a bundle is verified. `wanted` None: nobody was named, and it is only read; `content`: gives the rules
    that are installed, loaded when they are asked for; `now`: instant of the gate, RFC 3339 in UTC; `accepted`: digests
    of other rules that the user trusts."""

    wanted: Wanted | None
    content: Callable[[], Content]
    now: str
    accepted: tuple[str, ...] = field(default=())


def is_bundle(name: str) -> bool:
    """Whether the path is a bundle: a zip file, or a folder with a manifest and its checksums."""
    path = Path(name)
    if path.is_dir():
        return (path / MANIFEST).is_file() and (path / CHECKSUMS).is_file()
    if name == "-" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"


def open_document(name: str) -> Opened:
    """A JSON document: an assessment, a snapshot or a recorded baseline. Raises InputError."""
    data = files.read_input(name)
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", where=name, hint="the file may be cut off: copy it again") from None
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema == ASSESSMENT_SCHEMA:
        return Opened(name, "assessment", (Subject(assessment=read_assessment(data, name)),))
    if schema == SNAPSHOT_SCHEMA:
        return Opened(name, "snapshot", (Subject(snapshot=read_snapshot(data, name)),))
    if schema == BASELINE_SCHEMA:
        return Opened(name, "baseline", baseline=read_baseline(data, name))
    raise InputError(
        "neither an assessment nor a snapshot nor a recorded baseline",
        where=name,
        hint="make one with: assay scan TARGET -o json=assessment.json, or assay gate accept",
    )


def open_bundle(name: str, trusted: Trusted) -> Opened:
    """A bundle, verified when somebody is named who must have signed. Raises InputError, RefusedError (exit code 4)."""
    try:
        inside = container.read(name)
        verified = _verified(inside, name, trusted)
        manifest = read_document(_part(inside, MANIFEST), "bundle", MANIFEST_SCHEMA, name, "assay bundle create")
        subjects = tuple(_subject(inside, target) for target in manifest["targets"])
    except RefusedError as error:
        raise RefusedError(error.message, where=name, hint=error.hint) from None
    # What nobody vouches for proves nothing of the supply chain.
    trusted_files = manifest["files"] if trusted.wanted is not None else ()
    papers = [one["path"] for one in trusted_files if one["role"] in _PAPERS and is_paper(_part(inside, one["path"]))]
    return Opened(
        name,
        "bundle",
        subjects,
        verified=verified,
        redacted=manifest["redaction"] is not None,
        manifest=sha256(inside[MANIFEST]),
        previous=(manifest["previous"] or {}).get("manifest", ""),
        papers=tuple(read_paper(_part(inside, path), f"{name}:{path}") for path in papers),
    )


def _verified(inside: Mapping[str, bytes], name: str, trusted: Trusted) -> str:
    if trusted.wanted is None:
        return "NOT verified: name who must have signed it (--key)"
    from scanner.bundle.case import Case
    from scanner.bundle.verifying import verify_bundle

    case = Case(inside, trusted.wanted, trusted.content(), trusted.now, accepted=trusted.accepted)
    found = verify_bundle(case)
    for link in found.links:
        if link.state == "failed":
            raise RefusedError(
                f"the bundle does not verify: {link.link}: {link.detail}",
                hint=f"assay bundle verify {name} shows every link",
            )
    return f"verified: signed by {found.links[0].detail}"


def _subject(inside: Mapping[str, bytes], target: Mapping[str, Any]) -> Subject:
    snapshot = read_snapshot(_part(inside, target["snapshot"]), target["snapshot"])
    assessment = read_assessment(_part(inside, target["assessment"]), target["assessment"])
    if snapshot.facts_digest != assessment["facts_digest"]:
        raise RefusedError(f"{target['assessment']} is not about {target['snapshot']}")
    return Subject(assessment, snapshot)


def _part(inside: Mapping[str, bytes], path: str) -> bytes:
    if path not in inside:
        raise RefusedError(f"{path} is missing")
    return inside[path]
