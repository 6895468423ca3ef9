"""From files of publishers to texts by framework, checked against our catalog: which ids are new, gone, or revised."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from scanner.frameworks.texts import TEXTS_SCHEMA
from scanner.frameworks.texts_oscal import read_catalog, read_oscal
from scanner.frameworks.texts_publication import MAX_BYTES, Publication
from scanner.frameworks.texts_xccdf import read_xccdf, unzipped
from scanner.model.control import Framework
from scanner.model.errors import InputError, UsageError
from scanner.model.records import dataclass

__all__ = ["File", "imported"]

_KINDS = "a DISA STIG (manual XCCDF, or the zip that holds it), or an OSCAL catalog or profile in JSON"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a publisher: its path, for messages and for its name, and its bytes."""

    path: str
    data: bytes


def imported(files: Sequence[File], known: Mapping[str, Framework], wanted: str = "") -> dict[str, dict[str, Any]]:
    """Framework to document (schema assay/texts/v1). Profiles belong to the one catalog beside them.

    `wanted` names the framework; without it, the one whose ids the file has. Raises InputError, UsageError.
    """
    stigs: list[tuple[File, str, Publication]] = []
    catalogs: list[tuple[File, Mapping[str, Any]]] = []
    profiles: list[tuple[File, Mapping[str, Any]]] = []
    for file in files:
        start = file.data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
        if len(file.data) > MAX_BYTES:
            raise InputError(f"larger than {MAX_BYTES} bytes", where=file.path)
        if start.startswith(b"PK\x03\x04"):
            member, data = unzipped(file.data, file.path)
            stigs.append((file, member, read_xccdf(data, f"{file.path}: {member}")))
        elif start.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
            stigs.append((file, "", read_xccdf(file.data, file.path)))
        elif start.startswith(b"{"):
            kind, body = read_oscal(file.data, file.path)
            (catalogs if kind == "catalog" else profiles).append((file, body))
        else:
            raise InputError("no file that can be imported", where=file.path, hint=f"what is read: {_KINDS}")
    if profiles and len(catalogs) != 1:
        raise UsageError(
            f"{len(profiles)} profiles and {len(catalogs)} catalogs",
            hint="name one catalog, and its profiles beside it",
        )
    found: dict[str, dict[str, Any]] = {}
    for file, member, publication in stigs:
        _put(found, _document(publication, file, member, known, wanted), file)
    for file, body in catalogs:
        publication, missing = read_catalog(body, [one for _, one in profiles], file.path)
        document = _document(publication, file, "", known, wanted)
        document["check"]["missing"] = missing
        document["profiles"] = [_profile(*one) for one in profiles]
        _put(found, document, file)
    return found


def _put(found: dict[str, dict[str, Any]], document: dict[str, Any], file: File) -> None:
    if document["framework"] in found:
        other = found[document["framework"]]["source"]
        raise UsageError(f"{other} and {PurePath(file.path).name} are both texts of {document['framework']}")
    found[document["framework"]] = document


def _profile(file: File, body: Mapping[str, Any]) -> dict[str, str]:
    meta = body.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    return {**_origin(file), "title": str(meta.get("title", "")), "version": str(meta.get("version", ""))}


def _origin(file: File) -> dict[str, str]:
    return {"source": PurePath(file.path).name, "sha256": hashlib.sha256(file.data).hexdigest()}


def _document(
    publication: Publication, file: File, member: str, known: Mapping[str, Framework], wanted: str
) -> dict[str, Any]:
    framework = known[wanted] if wanted else _framework(publication, known, file.path)
    if publication.kind == "oscal" and publication.edition.partition(".")[0] != framework.version.partition(".")[0]:
        raise InputError(
            f"version {publication.version}, and {framework.short} is version {framework.version}: another edition",
            where=file.path,
            hint=f"import the file of version {framework.version}",
        )
    # A whole catalog has controls that our baseline does not ask for; only who chose a baseline has new ones.
    whole = publication.kind == "oscal" and not publication.chosen
    controls = {name: text for name, text in publication.controls.items() if not whole or name in framework.controls}
    if not controls:
        raise InputError(f"none of its controls is one of {framework.id}", where=file.path)
    return {
        "schema": TEXTS_SCHEMA,
        "framework": framework.id,
        "title": publication.title,
        "benchmark": publication.benchmark,
        "version": publication.version,
        "release": publication.release,
        "description": publication.description,
        **_origin(file),
        "member": member,
        "profiles": [],
        "check": {
            "ours": framework.version,
            "theirs": publication.edition,
            "same": publication.edition == framework.version,
            "new": [name for name in controls if name not in framework.controls],
            "gone": [name for name in framework.controls if name not in controls],
            "revised": [
                name
                for name, text in controls.items()
                if name in framework.controls
                and text.rule_id != framework.controls[name].props.get("rule", text.rule_id)
            ],
            "missing": [],
        },
        "controls": {name: text.to_json() for name, text in controls.items()},
    }


def _framework(publication: Publication, known: Mapping[str, Framework], where: str) -> Framework:
    """The framework that the publication is: by the id it is published under, else by what most of its ids say."""
    named = [
        one for one in known.values() if publication.benchmark and one.benchmark.get("id") == publication.benchmark
    ]
    if len(named) == 1:
        return named[0]
    shared = {one.id: len(publication.controls.keys() & one.controls.keys()) for one in known.values()}
    most = max(shared.values(), default=0)
    best = [known[name] for name, count in shared.items() if count == most]
    if not most or 2 * most < min(len(publication.controls), len(best[0].controls)):
        raise InputError(
            f"{publication.title[:100]!r} has the controls of no framework here",
            where=where,
            hint=f"known: {', '.join(known)}",
        )
    if len(best) > 1:
        raise UsageError(
            f"{where} fits {' and '.join(one.id for one in best)} alike", hint="name the framework: --framework ID"
        )
    return best[0]
