"""Verifying a bundle, link by link: who signed it, that it is whole, and that its evidence gives its verdicts.

Whatever the bundle says is believed, and shown, only after its signature holds. Then the files are still the signer's
word: they are held against their schemas, the chain and the packed content, and the judgement is made again here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import scanner
from scanner.bundle.container import check_path
from scanner.bundle.content import compare, content_of
from scanner.bundle.judging import judged_again, sentence
from scanner.bundle.manifest import (
    BESIDE,
    CHECKSUMS,
    ENVELOPE,
    KEYLESS,
    MANIFEST,
    MANIFEST_SCHEMA,
    PREDICATE_TYPE,
    TIMESTAMP,
    Entry,
    checksums,
    sha256,
)
from scanner.bundle.parts import Previous
from scanner.bundle.redaction import Opening
from scanner.bundle.signing import check_envelope, signature_in
from scanner.engine.content import Content
from scanner.model.canonical import canonical
from scanner.model.errors import AssayError
from scanner.model.snapshot import Snapshot
from scanner.schemas.reading import read_assessment, read_document, read_snapshot
from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.bundles import check_bundle
from scanner.supply_chain.signing.result import RefusedError, Signer
from scanner.supply_chain.signing.timestamps import instant_text, verified_time
from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["BUNDLE_VERIFY_SCHEMA", "LINKS", "Link", "Verified", "previous_of", "verify_bundle"]

BUNDLE_VERIFY_SCHEMA = "assay/bundle-verify/v1"
LINKS = (
    *("signature", "timestamp", "manifest", "files", "schemas", "chain"),
    *("content", "judgement", "reports", "openings"),
)
"""In the order in which they are checked."""

_SHOWN = ("tool", "created_at", "clock", "chain", "previous", "redaction", "targets")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Link:
    """One thing that was checked. `state`: ok, failed, or not_checked (with the reason)."""

    link: str
    state: str
    detail: str

    def to_json(self) -> dict[str, str]:
        """The entry of `links`."""
        return {"link": self.link, "state": self.state, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Verified:
    """The verdict. `manifest` is None unless the signature holds: nothing of an unverified bundle is shown."""

    links: tuple[Link, ...]
    manifest: Mapping[str, Any] | None = None
    content: Mapping[str, Any] | None = None
    summaries: tuple[Mapping[str, Any], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no link failed."""
        return all(one.state != "failed" for one in self.links)

    def to_json(self) -> dict[str, Any]:
        """As in `assay/bundle-verify/v1`."""
        manifest = self.manifest if self.ok else None
        return {
            "schema": BUNDLE_VERIFY_SCHEMA,
            "decision": "verified" if self.ok else "failed",
            "links": [one.to_json() for one in self.links],
            "content": dict(self.content) if self.content else None,
            "manifest": None if manifest is None else {key: manifest[key] for key in _SHOWN},
            "assessments": [dict(one) for one in self.summaries] if self.ok else [],
        }


@dataclass(slots=True)
class _Run:
    """One verification on its way: what was handed in, and the links so far."""

    files: Mapping[str, bytes]
    wanted: Wanted
    installed: Content
    previous: Previous | None
    accepted: tuple[str, ...]
    reports: bool
    openings: tuple[Opening, ...]
    say: Say
    links: list[Link] = field(default_factory=list)

    def ok(self, link: str, detail: str) -> None:
        self.links.append(Link(link, "ok", detail))

    def skipped(self, link: str, detail: str) -> None:
        self.links.append(Link(link, "not_checked", detail))


def verify_bundle(
    files: Mapping[str, bytes],
    wanted: Wanted,
    installed: Content,
    *,
    previous: Previous | None = None,
    accepted: tuple[str, ...] = (),
    reports: bool = False,
    openings: tuple[Opening, ...] = (),
    say: Say = lambda _: None,
) -> Verified:
    """Verify the files of a bundle. `installed`: the content of this Assay, to hold the packed one against; `accepted`:
    digests of other content that the user trusts; `previous`: the bundle before it; `reports`: render them anew too;
    `openings`: values that the vendor has laid open."""
    run = _Run(files, wanted, installed, previous, accepted, reports, openings, say)
    manifest: Mapping[str, Any] | None = None
    content: Mapping[str, Any] | None = None
    step = "signature"
    try:
        _signature(run)
        step = "timestamp"
        _timestamp(run)
        step = "manifest"
        manifest = _manifest(run)
        step = "files"
        _files(run, manifest)
        step = "schemas"
        subjects = _schemas(run, manifest)
        step = "chain"
        _chain(run, manifest)
        step = "content"
        packed, content = _content(run, manifest)
        step = "judgement"
        _judgement(run, manifest, subjects, packed)
        step = "reports"
        _reports(run, manifest, subjects)
        step = "openings"
        _openings(run, manifest)
    except AssayError as error:
        run.links.append(Link(step, "failed", error.message))
        return Verified(tuple(run.links), manifest, content)
    failed = any(one.state == "failed" for one in run.links)
    summaries = () if failed else tuple(_summary(assessment) for _, assessment in subjects)
    return Verified(tuple(run.links), manifest, content, summaries)


def previous_of(manifest: bytes, where: str) -> Previous:
    """What a chain needs to know of the bundle before: its manifest, whose signature is the caller's business."""
    document = read_document(manifest, "bundle", MANIFEST_SCHEMA, where, "assay bundle create")
    return Previous(sha256(manifest), document["created_at"], document["chain"])


def _part(run: _Run, name: str) -> bytes:
    if name not in run.files:
        raise RefusedError(f"{name} is missing")
    return run.files[name]


# ---- who signed ------------------------------------------------------------------------------------------------------


def _signature(run: _Run) -> None:
    manifest = _part(run, MANIFEST)
    signers = [*_by_key(run, manifest), *_by_identity(run, manifest)]
    if not signers:
        raise RefusedError("it is not signed in the way that was asked for: by key, or keyless by an identity")
    if len({one.who for one in signers}) < run.wanted.threshold:
        raise RefusedError(f"{run.wanted.threshold} signers are wanted")
    run.ok("signature", ", ".join(one.identity or f"{one.key_file} ({one.key})" for one in signers))


def _by_key(run: _Run, manifest: bytes) -> list[Signer]:
    if ENVELOPE not in run.files or not run.wanted.keys:
        return []
    key = check_envelope(run.files[ENVELOPE], manifest, run.wanted.keys)
    return [Signer(key=key.id, key_file=key.name)]


def _by_identity(run: _Run, manifest: bytes) -> list[Signer]:
    if KEYLESS not in run.files or not run.wanted.identities:
        return []
    subjects = {f"sha256:{sha256(manifest)}": artifact_of(manifest)}
    signers = []
    for found in check_bundle(run.files[KEYLESS], subjects, run.wanted, KEYLESS):
        if not found.ok or found.signer is None or found.predicate_type != PREDICATE_TYPE:
            raise RefusedError(found.reason or "the sigstore bundle signs something else")
        signers.append(found.signer)
    return signers


def _timestamp(run: _Run) -> None:
    token = run.files.get(TIMESTAMP)
    if run.wanted.authority is None:
        run.skipped("timestamp", "there is none" if token is None else "no authority was named (--tsa-cert)")
        return
    if token is None:
        raise RefusedError("there is no timestamp, and one was asked for")
    instant = verified_time([token], signature_in(_part(run, ENVELOPE)), (run.wanted.authority,))
    run.ok("timestamp", f"the signature existed at {instant_text(instant)}")


# ---- what was signed -------------------------------------------------------------------------------------------------


def _manifest(run: _Run) -> Mapping[str, Any]:
    data = _part(run, MANIFEST)
    document = read_document(data, "bundle", MANIFEST_SCHEMA, MANIFEST, "assay bundle create")
    if canonical(document) != data:
        raise RefusedError("the manifest is not in canonical form (RFC 8785)")
    run.ok("manifest", f"{len(document['files'])} files, made {document['created_at']}")
    return document


def _files(run: _Run, manifest: Mapping[str, Any]) -> None:
    entries = [Entry(**one) for one in manifest["files"]]
    named = {one.path: one for one in entries}
    if len(named) != len(entries):
        raise RefusedError("the manifest names a file twice")
    present = set(run.files) - set(BESIDE)
    if set(run.files) & set(BESIDE) != {MANIFEST, *manifest["companions"]}:
        raise RefusedError("a signature or timestamp was added or taken away")
    for word, names in (("missing", named.keys() - present), ("not in the manifest", present - named.keys())):
        if names:
            raise RefusedError(f"{len(names)} files are {word}: {', '.join(sorted(names)[:5])}")
    for one in entries:
        check_path(one.path)
        data = run.files[one.path]
        if len(data) != one.size or sha256(data) != one.sha256:
            raise RefusedError(f"{one.path} is not the file that was signed")
    if _part(run, CHECKSUMS) != checksums(entries):
        raise RefusedError(f"{CHECKSUMS} does not say what the manifest says")
    run.ok("files", f"{len(entries)} files are those that were signed")


def _schemas(run: _Run, manifest: Mapping[str, Any]) -> list[tuple[Snapshot, Mapping[str, Any]]]:
    """The snapshots and assessments, each checked against its schema."""
    subjects: list[tuple[Snapshot, Mapping[str, Any]]] = []
    for target in manifest["targets"]:
        snapshot = read_snapshot(_part(run, target["snapshot"]), target["snapshot"])
        assessment = read_assessment(_part(run, target["assessment"]), target["assessment"])
        if not snapshot.facts_digest == assessment["facts_digest"] == target["facts_digest"]:
            raise RefusedError(f"{target['assessment']} is not about {target['snapshot']}")
        if any(assessment["target"][key] != target[key] for key in ("kind", "identity", "digest")):
            raise RefusedError(f"the manifest names another target than {target['assessment']}")
        subjects.append((snapshot, assessment))
    paths = [target[key] for target in manifest["targets"] for key in ("snapshot", "assessment")]
    roles = {one["path"] for one in manifest["files"] if one["role"] in ("snapshot", "assessment")}
    if roles != set(paths) or len(roles) != len(paths):
        raise RefusedError("the manifest's targets and its files do not agree")
    run.ok("schemas", f"{len(subjects)} snapshots and assessments are as their schemas want them")
    return subjects


def _chain(run: _Run, manifest: Mapping[str, Any]) -> None:
    stated, given = manifest["previous"], run.previous
    if given is None:
        run.skipped(
            "chain",
            "the first of its chain" if stated is None else f"the one before is {stated['manifest']} (--previous)",
        )
        return
    if stated is None or stated["manifest"] != given.manifest:
        raise RefusedError("it does not follow the bundle given with --previous")
    if given.chain != manifest["chain"] or given.created_at > manifest["created_at"]:
        raise RefusedError("the bundle given with --previous is of another chain, or newer")
    run.ok("chain", f"it follows the bundle of {given.created_at}")


# ---- does the evidence give the verdicts -----------------------------------------------------------------------------


def _content(run: _Run, manifest: Mapping[str, Any]) -> tuple[Content, Mapping[str, Any]]:
    prefix = "content/"
    sums = {
        one["path"].removeprefix(prefix): one["sha256"] for one in manifest["files"] if one["path"].startswith(prefix)
    }
    comparison = compare(sums, manifest["content"], run.installed, manifest["tool"]["version"])
    trusted = comparison["digest"] == run.installed.digest or comparison["digest"] in run.accepted
    run.links.append(Link("content", "ok" if trusted else "failed", comparison["sentence"]))
    run.say("reading the packed rules")
    return content_of(run.files, prefix, sums, manifest["content"], run.installed), comparison


def _judgement(
    run: _Run, manifest: Mapping[str, Any], subjects: list[tuple[Snapshot, Mapping[str, Any]]], packed: Content
) -> None:
    taken = [target["taken"] for target in manifest["targets"]]
    if any(taken) and manifest["redaction"] is None:
        raise RefusedError("results were not judged although nothing is said to be hidden")
    for number, (snapshot, assessment) in enumerate(subjects, 1):
        run.say(f"judging target {number} again")
        if assessment["content_digest"] != packed.digest:
            raise RefusedError(f"assessment {number} was made with other content than is packed")
        difference = judged_again(snapshot, packed, assessment, taken[number - 1])
        if difference:
            raise RefusedError(f"assessment {number} is not what the evidence gives: {sentence(difference)}")
    made = {assessment["tool"]["version"] for _, assessment in subjects}
    by = (
        ""
        if made == {scanner.__version__}
        else f" (made by {', '.join(sorted(made))}, judged by {scanner.__version__})"
    )
    hidden = sum(map(len, taken))
    word = f"; {hidden} results rest on hidden values and are the signer's word" if hidden else ""
    run.ok("judgement", f"{len(subjects)} judged again: the same to the byte{by}{word}")


def _reports(run: _Run, manifest: Mapping[str, Any], subjects: list[tuple[Snapshot, Mapping[str, Any]]]) -> None:
    from scanner.bundle.reports import differing

    if not run.reports:
        run.skipped("reports", "not rendered again (--reports)")
        return
    different = differing(run.files, manifest, subjects, run.say)
    if different:
        raise RefusedError(f"{', '.join(different)}: not what the assessment renders")
    run.ok("reports", "rendered again: the same to the byte")


def _openings(run: _Run, manifest: Mapping[str, Any]) -> None:
    if not run.openings:
        hidden = manifest["redaction"]
        run.skipped("openings", f"{hidden['hidden']} values are hidden" if hidden else "nothing is hidden")
        return
    evidence = [run.files[target["snapshot"]] for target in manifest["targets"]]
    proven = []
    for one in run.openings:
        if not one.holds() or not any(one.token.encode() in data for data in evidence):
            raise RefusedError(f"the opening of {one.digest[:80]} does not open a value of this bundle")
        proven.append(f"{one.token[:17]}… is {one.value!r}")
    run.ok("openings", "; ".join(proven))


def _summary(assessment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "target": dict(assessment["target"]["identity"] or {}),
        "evaluated_at": assessment["evaluated_at"],
        "complete": assessment["completeness"]["complete"],
        "counts": dict(assessment["completeness"]["counts"]),
        "frameworks": {
            name: {"fit": one["fit"], "counts": dict(one["counts"])} for name, one in assessment["summary"].items()
        },
    }
