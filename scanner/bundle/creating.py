"""Making a bundle: every file of it, then the manifest over them, then the signature over that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import scanner
from scanner import files
from scanner.bundle.container import check_path
from scanner.bundle.judging import TOKEN, judged_again, sentence
from scanner.bundle.manifest import (
    BESIDE,
    CHECKSUMS,
    INSTRUCTIONS,
    MANIFEST,
    MANIFEST_SCHEMA,
    Entry,
    checksums,
    entry,
    target_json,
)
from scanner.bundle.parts import Attachment, Parts, Subject, safe_name
from scanner.bundle.reports import rendered, texts_path
from scanner.engine.content import Content
from scanner.frameworks.texts import with_texts
from scanner.model.canonical import canonical
from scanner.model.errors import InputError

__all__ = ["bundle_files", "match_snapshots"]

Say = Callable[[str], None]


def bundle_files(parts: Parts, content: Content, say: Say = lambda _: None) -> dict[str, bytes]:
    """The files of a bundle by path, with its manifest and without what is made over that (`parts.companions`).

    Each assessment is judged again first: what cannot be re-performed is not signed. `say` hears what is being done.
    Raises InputError, UsageError.
    """
    for subject in parts.subjects:
        say("judging again")
        _check(subject, content)
    found: dict[str, tuple[bytes, str]] = {}
    for path, data, role in _members(parts, content, say):
        check_path(path)
        if path in found:
            raise InputError(f"two files of the bundle would be called {path}")
        found[path] = (data, role)
    if parts.brand is not None:
        say("writing the pack report")
        found |= _pack_report(parts, content, found)
    entries = [entry(path, *found[path]) for path in sorted(found)]
    sums = checksums(entries)
    entries = sorted([*entries, entry(CHECKSUMS, sums, "checksums")], key=lambda one: one.path)
    written = {path: data for path, (data, _) in found.items()}
    return {**written, CHECKSUMS: sums, MANIFEST: canonical(_manifest(parts, content, entries))}


def _pack_report(
    parts: Parts, content: Content, found: Mapping[str, tuple[bytes, str]]
) -> dict[str, tuple[bytes, str]]:
    """The report of the whole bundle, made of the files that are there, and what it is told besides."""
    from scanner.bundle.pack_report import pack_reports
    from scanner.outputs.pack.brand import kept

    assert parts.brand is not None
    brand = {path: (data, "brand") for path, data in kept(parts.brand, parts.key)}
    there = {**found, **brand}
    manifest = _manifest(parts, content, [entry(path, *there[path]) for path in sorted(there)])
    subjects = [(one.snapshot, one.assessment) for one in parts.subjects]
    made = pack_reports(manifest, {path: data for path, (data, _) in there.items()}, subjects, parts.texts)
    return {**brand, **{path: (data, "report") for path, data in made}}


def match_snapshots(assessments: Mapping[str, Mapping[str, Any]], snapshots: Mapping[str, Any]) -> tuple[Subject, ...]:
    """Each assessment (by file name) with the snapshot that has its facts digest. Raises InputError."""
    by_digest = {one.facts_digest: one for one in snapshots.values()}
    subjects = []
    for name, assessment in assessments.items():
        snapshot = by_digest.get(assessment["facts_digest"])
        if snapshot is None:
            raise InputError(
                f"no snapshot here has its facts ({assessment['facts_digest']})",
                where=name,
                hint="give the snapshot it was made of as well: --snapshot snapshot.json",
            )
        subjects.append(Subject(snapshot, assessment))
    return tuple(subjects)


def _check(subject: Subject, content: Content) -> None:
    given = subject.assessment["content_digest"]
    if given != content.digest:
        raise InputError(
            f"the assessment was made with content {given}, this is {content.digest}",
            hint="judge the snapshot anew (assay evaluate), or give the same --content",
        )
    difference = judged_again(subject.snapshot, content, subject.assessment, subject.taken)
    if difference or subject.assessment["tool"]["version"] != scanner.__version__:
        raise InputError(
            f"this version of Assay makes another assessment of the snapshot: {sentence(difference) or 'its version'}",
            hint="judge the snapshot anew: assay evaluate snapshot.json -o json=assessment.json",
        )


def _members(parts: Parts, content: Content, say: Say) -> Iterator[tuple[str, bytes, str]]:
    """Path, bytes and role of every file but the manifest and its companions."""
    for path in content.paths:
        yield f"content/{path}", files.read_bytes(content.paths[path]), "content"
    for number, subject in enumerate(parts.subjects, 1):
        yield f"targets/{number:02}/snapshot.json", canonical(subject.snapshot.to_json()) + b"\n", "snapshot"
        yield f"targets/{number:02}/assessment.json", canonical(dict(subject.assessment)) + b"\n", "assessment"
    for name, document in parts.texts.items():
        yield texts_path(name), canonical(dict(document)) + b"\n", "texts"
    for path, data in rendered([with_texts(one.assessment, parts.texts) for one in parts.subjects], parts.reports, say):
        yield path, data, "report"
    for role, documents in (("sbom", parts.sboms), ("sbom-diff", parts.diffs), ("signatures", parts.signatures)):
        for number, (name, data) in enumerate(documents, 1):
            yield f"{role}/{number:02}-{safe_name(name)}", data, role
    for number, one in enumerate(parts.attachments, 1):
        yield _attachment_path(number, one), one.data, "attachment"
    page = files.content_root() / "reports/templates/bundle-verify.md"  # its commands are run in tests
    yield INSTRUCTIONS, files.read_bytes(page), "instructions"


def _attachment_path(number: int, one: Attachment) -> str:
    return f"attachments/{number:02}-{safe_name(one.name)}"


def _manifest(parts: Parts, content: Content, entries: list[Entry]) -> dict[str, Any]:
    assert not {one.path for one in entries} & set(BESIDE)
    return {
        "schema": MANIFEST_SCHEMA,
        "tool": {"name": "assay", "version": scanner.__version__},
        "created_at": parts.created_at,
        "clock": parts.clock,
        "companions": sorted(parts.companions),
        "chain": parts.chain,
        "previous": {"manifest": parts.previous.manifest, "created_at": parts.previous.created_at}
        if parts.previous
        else None,
        "redaction": {"level": parts.redaction, "hidden": _hidden(parts)} if parts.redaction else None,
        "content": {"digest": content.digest, "overrides": list(content.overrides)},
        "targets": [
            target_json(number, one.snapshot, one.assessment, one.taken) for number, one in enumerate(parts.subjects, 1)
        ],
        "attachments": [
            {"path": _attachment_path(number, one), "framework": one.framework, "control": one.control}
            for number, one in enumerate(parts.attachments, 1)
        ],
        "files": [one.to_json() for one in entries],
    }


def _hidden(parts: Parts) -> int:
    """How many different values are hidden, in all targets together."""
    written = (
        canonical(document) for one in parts.subjects for document in (one.snapshot.to_json(), dict(one.assessment))
    )
    return len({token for data in written for token in TOKEN.findall(data)})
