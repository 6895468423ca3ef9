"""The bills of materials attached to an image: those that wanted signers attested, and those that somebody claims."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.model.errors import InputError, TargetError
from scanner.supply_chain.signing.artifact import Artifact, artifact_of
from scanner.supply_chain.signing.documents import MAX_BOM_PARTS, read_object
from scanner.supply_chain.signing.dsse import Envelope, envelope_in
from scanner.supply_chain.signing.intoto import PAYLOAD_TYPE, TYPES, Statement, is_type, read_unverified, subject_digest
from scanner.supply_chain.signing.media_types import BOMS, BUNDLE, ENVELOPE, STATEMENT
from scanner.supply_chain.signing.oci_layouts import Attached, Image, Layout
from scanner.supply_chain.signing.result import RefusedError, Verification

if TYPE_CHECKING:
    from scanner.supply_chain.model import Bom

__all__ = ["CHOICE", "AttestedBom", "attested_boms", "choose", "claimed_boms", "formats_of"]

CHOICE = "the format that both sides have (CycloneDX before SPDX), then the newest, then the one with most components"
"""How one of several is chosen, in words."""


@dataclass(frozen=True, slots=True)
class AttestedBom:
    """An SBOM attached to an image.

    `statement`: digest of what was signed (of the document itself, where nobody signed it); `state`: verified,
    not_verified (there is a signature, and nobody checked it) or unsigned; `signers`: who is proven to have signed;
    `subject`: the digest of the image or index that it is about; `problem`: why the document cannot be read, then
    `bom` is None.
    """

    statement: str
    state: str
    predicate_type: str
    place: str
    subject: str
    bom: Bom | None
    signers: tuple[str, ...] = ()
    problem: str = ""

    def has_digest(self, start: str) -> bool:
        """Whether the digest begins so, with or without its algorithm."""
        return self.statement.startswith(start) or self.statement.partition(":")[2].startswith(start)

    def to_json(self) -> dict[str, str | int]:
        """What a reader needs to choose it."""
        return {
            "statement": self.statement,
            "state": self.state,
            "type": self.predicate_type,
            "place": self.place,
            "created": self.bom.created if self.bom else "",
            "components": len(self.bom.components) if self.bom else 0,
            "problem": self.problem,
        }


def attested_boms(found: Verification) -> list[AttestedBom]:
    """The SBOMs among the attestations that a verdict rests on, each once."""
    groups = defaultdict(list)
    for one in found.attested():
        if is_type(one.predicate_type, TYPES["sbom"]):
            groups[one.statement].append(one)
    made = []
    for statement, findings in groups.items():
        first = findings[0]
        kind, place = first.predicate_type, first.place
        bom, problem = _loaded(_predicate_reader(kind, first.predicate, place))
        signers = tuple(sorted({one.signer.who for one in findings if one.signer is not None}))
        made.append(AttestedBom(statement, "verified", kind, place, first.subject, bom, signers, problem))
    return made


def claimed_boms(layout: Layout, platform: str = "") -> tuple[Image, list[AttestedBom]]:
    """The image, and the SBOMs that lie beside it, each once: *nobody verified them*. Raises UsageError, TargetError.

    A statement must name the image (or an index that lists it) among its subjects; an SBOM without a statement belongs
    to the image only by where it lies.
    """
    images = layout.choose(platform)
    subjects = {image.digest: artifact_of(image.data) for image in images}
    found: dict[str, AttestedBom] = {}
    for one in layout.everything(images):
        for bom in _claimed(layout, one, images[0].digest, subjects):
            found.setdefault(bom.statement, bom)
    return images[0], list(found.values())


def formats_of(boms: Iterable[AttestedBom]) -> frozenset[str]:
    """The formats that there is a readable document of."""
    return frozenset(one.bom.format for one in boms if one.bom is not None)


def choose(boms: Iterable[AttestedBom], shared: frozenset[str] = frozenset(), digest: str = "") -> AttestedBom:
    """The one SBOM to use, by the rule in CHOICE. `shared`: formats that every side has; `digest`: the beginning of a
    statement's digest, when the user chose. Signed ones go before those that nobody signed.

    Raises InputError when none can be read, or none or several are of that digest.
    """
    listed = list(boms)
    if digest:
        listed = [one for one in listed if one.has_digest(digest)]
        if len(listed) != 1:
            raise InputError(f"{len(listed)} attached SBOMs have the digest {digest}")
    readable = [one for one in listed if one.bom is not None]
    if not readable:
        raise InputError(f"no attached SBOM can be read: {listed[0].problem if listed else 'there is none'}")
    newest = sorted(readable, key=lambda one: one.statement)
    newest.sort(key=_size, reverse=True)
    newest.sort(key=_created, reverse=True)
    return min(newest, key=lambda one: (one.state == "unsigned", _format(one) not in shared, _format(one)))


def _format(one: AttestedBom) -> str:
    return one.bom.format if one.bom else ""


def _created(one: AttestedBom) -> str:
    return one.bom.created if one.bom else ""


def _size(one: AttestedBom) -> int:
    return len(one.bom.components) if one.bom else 0


def _predicate_reader(predicate_type: str, predicate: object, place: str) -> Callable[[], Bom]:
    from scanner.supply_chain.loading import from_predicate

    return lambda: from_predicate(predicate_type, predicate, place)


def _loaded(read: Callable[[], Bom]) -> tuple[Bom | None, str]:
    try:
        return read(), ""
    except InputError as error:
        return None, error.message


# ---- what nobody verified -------------------------------------------------------------------------------------------


def _claimed(layout: Layout, one: Attached, image: str, subjects: Mapping[str, Artifact]) -> Iterator[AttestedBom]:
    kind = one.media_type
    try:
        if one.problem:
            return
        if kind == ENVELOPE or kind.startswith(BUNDLE):
            envelope = _envelope(layout.blob(one.digest), bundled=kind != ENVELOPE)
            if envelope is not None and envelope.payload_type == PAYLOAD_TYPE:
                yield from _stated(envelope.payload, "not_verified", one.place, subjects)
        elif kind == STATEMENT:
            yield from _stated(layout.blob(one.digest), "unsigned", one.place, subjects)
        elif any(word in kind for word in BOMS):
            yield _document(layout.blob(one.digest), one, image)
    except (RefusedError, TargetError) as error:
        yield AttestedBom(one.digest, "not_verified", kind, one.place, image, None, problem=error.message)


def _envelope(data: bytes, *, bundled: bool) -> Envelope | None:
    document = read_object(data, "the attestation", parts=MAX_BOM_PARTS)
    found = document.get("dsseEnvelope") if bundled else document
    return envelope_in(found) if isinstance(found, dict) else None


def _stated(payload: bytes, state: str, place: str, subjects: Mapping[str, Artifact]) -> Iterator[AttestedBom]:
    statement = read_unverified(payload)
    if not is_type(statement.predicate_type, TYPES["sbom"]):
        return
    about = next((name for name, artifact in subjects.items() if _is_about(statement, artifact)), "")
    if not about:
        return  # of another image: not for the user of this one
    digest = "sha256:" + hashlib.sha256(payload).hexdigest()
    bom, problem = _loaded(_predicate_reader(statement.predicate_type, statement.predicate, place))
    yield AttestedBom(digest, state, statement.predicate_type, place, about, bom, problem=problem)


def _is_about(statement: Statement, artifact: Artifact) -> bool:
    try:
        subject_digest(statement, artifact.digests)
    except RefusedError:
        return False
    return True


def _document(data: bytes, one: Attached, image: str) -> AttestedBom:
    from scanner.supply_chain.loading import open_bom

    bom, problem = _loaded(lambda: open_bom(data, one.place))
    return AttestedBom(one.digest, "unsigned", one.media_type, one.place, image, bom, problem=problem)
