"""The report of the whole bundle: made of what lies in the bundle and nothing else, so that it can be made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scanner.model.errors import AssayError
from scanner.model.snapshot import Snapshot

if TYPE_CHECKING:
    from scanner.outputs.pack.model import Pack, Sbom

__all__ = ["PACK_REPORTS", "pack_reports"]

PACK_REPORTS = ("reports/pack.html", "reports/pack.pdf")

_MADE_LATER = ("report", "checksums")
"""Roles of files that are made of the others: the report cannot name them."""

Subjects = Sequence[tuple[Snapshot, Mapping[str, Any]]]


def pack_reports(
    manifest: Mapping[str, Any], files: Mapping[str, bytes], subjects: Subjects, texts: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of both reports. `manifest`: with or without the entries of what is made later; `subjects`: its
    targets; `texts`: the packed official texts by framework. Raises UsageError when the brand was not kept as we do."""
    from scanner.outputs.pack import render_html, render_pdf

    pack = _pack(manifest, files, subjects, texts)
    yield PACK_REPORTS[0], render_html(pack)
    yield PACK_REPORTS[1], render_pdf(pack)


def _pack(
    manifest: Mapping[str, Any], files: Mapping[str, bytes], subjects: Subjects, texts: Mapping[str, Mapping[str, Any]]
) -> Pack:
    from scanner.outputs.pack import model
    from scanner.outputs.pack.brand import restored
    from scanner.supply_chain.comparing.result import DIFF_SCHEMA
    from scanner.supply_chain.signing.result import VERIFY_SCHEMA

    brand, key = restored(files)
    entries = {one["path"]: one for one in manifest["files"] if one["role"] not in _MADE_LATER}
    return model.Pack(
        created_at=manifest["created_at"],
        clock=manifest["clock"],
        tool=manifest["tool"],
        content=manifest["content"],
        subjects=tuple(model.Subject(assessment, taken.run, taken.limits) for taken, assessment in subjects),
        chain=manifest["chain"],
        key=key,
        brand=brand,
        sboms=tuple(_sbom(one, files[one["path"]]) for one in entries.values() if one["role"] == "sbom"),
        diffs=tuple(_documents("sbom-diff", "sbom-diff", DIFF_SCHEMA, entries, files)),
        signatures=tuple(_documents("signatures", "verify", VERIFY_SCHEMA, entries, files)),
        attachments=tuple(
            model.Attachment(
                path=one["path"],
                size=entries[one["path"]]["size"],
                sha256=entries[one["path"]]["sha256"],
                framework=one["framework"],
                control=one["control"],
            )
            for one in manifest["attachments"]
            if one["path"] in entries
        ),
        previous=manifest["previous"],
        redaction=manifest["redaction"],
        texts=texts,
        files=tuple(
            model.File(one["path"], one["size"], one["sha256"], one["role"])
            for one in sorted(entries.values(), key=lambda one: str(one["path"]))
        ),
    )


def _sbom(entry: Mapping[str, Any], data: bytes) -> Sbom:
    """A bill of materials with what a check of it says; one that cannot be read is named with the reason."""
    from scanner.outputs.pack.model import Sbom
    from scanner.supply_chain.checking import check
    from scanner.supply_chain.loading.opening import open_bom

    try:
        found = check(open_bom(data, entry["path"]), data).to_json()
    except AssayError as error:
        return Sbom(entry["path"], entry["size"], entry["sha256"], None, error.message)
    return Sbom(entry["path"], entry["size"], entry["sha256"], {"validity": found.pop("schema"), **found})


def _documents(
    role: str, what: str, schema: str, entries: Mapping[str, Mapping[str, Any]], files: Mapping[str, bytes]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The packed documents of a role that are what Assay writes; the others the report can only name."""
    from scanner.schemas.reading import read_document

    for path, entry in entries.items():
        if entry["role"] == role:
            try:
                yield path, read_document(files[path], what, schema, path, "assay")
            except AssayError:
                continue
