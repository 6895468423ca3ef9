"""Whether a bundle is whole: its manifest, the files that it names, the documents among them, the bundle before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import scanner
from scanner import files as own_files
from scanner.bundle.case import Case, Judged
from scanner.bundle.container import check_path
from scanner.bundle.judging import TOKEN
from scanner.bundle.manifest import (
    BESIDE,
    CHECKSUMS,
    FOLDERS,
    INSTRUCTIONS,
    MANIFEST,
    MANIFEST_SCHEMA,
    checksums,
    entry,
    sha256,
    target_json,
)
from scanner.bundle.parts import Previous
from scanner.bundle.verdict import Link
from scanner.collectors.take import identity
from scanner.model.canonical import canonical
from scanner.schemas.reading import read_assessment, read_document, read_snapshot
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["chain_link", "files_link", "previous_of", "read_manifest", "subjects_of"]


def read_manifest(case: Case) -> tuple[Mapping[str, Any], Link]:
    """The manifest, its form checked. Raises InputError, RefusedError."""
    data = case.file(MANIFEST)
    document = read_document(data, "bundle", MANIFEST_SCHEMA, MANIFEST, "assay bundle create")
    if canonical(document) != data:
        raise RefusedError("the manifest is not in canonical form (RFC 8785)")
    _instant(document["created_at"])
    return document, Link("manifest", "ok", f"{len(document['files'])} files, made {document['created_at']}")


def files_link(case: Case, manifest: Mapping[str, Any]) -> Link:
    """Exactly the files of the manifest are there, each as it was signed and where its role belongs."""
    listed = {one["path"]: one for one in manifest["files"]}
    if len(listed) != len(manifest["files"]):
        raise RefusedError("the manifest names a file twice")
    present = set(case.files) - set(BESIDE)
    if set(case.files) & set(BESIDE) != {MANIFEST, *manifest["companions"]}:
        raise RefusedError("a signature or timestamp was added or taken away")
    for word, names in (("missing", listed.keys() - present), ("not in the manifest", present - listed.keys())):
        if names:
            raise RefusedError(f"{len(names)} files are {word}: {', '.join(sorted(names)[:5])}")
    entries = []
    for path, one in listed.items():
        check_path(path)
        found = entry(path, case.files[path], one["role"])
        if found.to_json() != one:
            raise RefusedError(f"{path} is not the file that was signed")
        if not path.startswith(FOLDERS[found.role]):
            raise RefusedError(f"{path} does not lie where files of the role {found.role} lie")
        entries.append(found)
    if case.file(CHECKSUMS) != checksums(entries):
        raise RefusedError(f"{CHECKSUMS} does not say what the manifest says")
    attached = {one["path"] for one in manifest["attachments"]}
    if attached != {one.path for one in entries if one.role == "attachment"}:
        raise RefusedError("the manifest's attachments and its files do not agree")
    page = own_files.read_bytes(own_files.content_root() / "reports/templates/bundle-verify.md")
    if manifest["tool"]["version"] == scanner.__version__ and case.file(INSTRUCTIONS) != page:
        raise RefusedError(f"{INSTRUCTIONS} is not the page of Assay {scanner.__version__}")
    return Link("files", "ok", f"{len(entries)} files are those that were signed")


def subjects_of(case: Case, manifest: Mapping[str, Any]) -> tuple[list[Judged], Link]:
    """The snapshots and assessments, checked against their schemas and against what the manifest says of them."""
    subjects: list[Judged] = []
    for number, target in enumerate(manifest["targets"], 1):
        data, judged = case.file(target["snapshot"]), case.file(target["assessment"])
        snapshot, assessment = read_snapshot(data, target["snapshot"]), read_assessment(judged, target["assessment"])
        if canonical(snapshot.to_json()) + b"\n" != data or canonical(assessment) + b"\n" != judged:
            raise RefusedError(f"target {number}: snapshot or assessment is not as Assay writes it")
        if snapshot.facts_digest != assessment["facts_digest"] or snapshot.target != assessment["target"]:
            raise RefusedError(f"{target['assessment']} is not about {target['snapshot']}")
        if target_json(number, snapshot, assessment, target["taken"]) != target:
            raise RefusedError(f"the manifest says something else of target {number} than its evidence")
        _identified(number, snapshot, hidden=manifest["redaction"] is not None)
        _instant(assessment["evaluated_at"])
        subjects.append((snapshot, assessment))
    paths = [target[key] for target in manifest["targets"] for key in ("snapshot", "assessment")]
    roles = {one["path"] for one in manifest["files"] if one["role"] in ("snapshot", "assessment")}
    if roles != set(paths):
        raise RefusedError("the manifest's targets and its files do not agree")
    tokens = {token for path in paths for token in TOKEN.findall(case.files[path])}
    stated = manifest["redaction"]["hidden"] if manifest["redaction"] else 0
    if len(tokens) != stated:
        raise RefusedError(f"{stated} values are said to be hidden, and {len(tokens)} are")
    count = len(subjects)
    return subjects, Link("schemas", "ok", f"{count} {'target' if count == 1 else 'targets'}, as the schemas want it")


def _identified(number: int, snapshot: Any, *, hidden: bool) -> None:
    """What a target is called comes from its facts. Raises RefusedError."""
    stated, shown = dict(snapshot.target["identity"] or {}), identity(dict(snapshot.facts))
    for key in ("platform", "host_name") if hidden else ("platform",):
        stated.pop(key, None)
        shown.pop(key, None)
    if any(stated[key] != shown[key] for key in stated.keys() & shown.keys()):
        raise RefusedError(f"target {number} is called something else than its evidence says")


def chain_link(case: Case, manifest: Mapping[str, Any]) -> Link:
    """That the bundle follows the one that was given. Raises RefusedError."""
    stated, given = manifest["previous"], case.previous
    if given is None:
        first = "the first of its chain"
        why = first if stated is None else f"the one before is {stated['manifest']} (--previous)"
        return Link("chain", "not_checked", why)
    if stated is None or stated["manifest"] != given.manifest:
        raise RefusedError("it does not follow the bundle given with --previous")
    if given.chain != manifest["chain"] or given.created_at > manifest["created_at"]:
        raise RefusedError("the bundle given with --previous is of another chain, or newer")
    return Link("chain", "ok", f"it follows the bundle of {given.created_at}")


def previous_of(manifest: bytes, where: str) -> Previous:
    """What a chain needs to know of the bundle before: its manifest, whose signature is the caller's business."""
    document = read_document(manifest, "bundle", MANIFEST_SCHEMA, where, "assay bundle create")
    return Previous(sha256(manifest), document["created_at"], document["chain"])


def _instant(text: str) -> None:
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - the Z says UTC; only the form is checked
    except ValueError:
        raise RefusedError(f"{text} is no instant") from None
